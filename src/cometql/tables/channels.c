/* channels: every channel of the app that exists, that is has subscribers, a setting or history. By name, by the beginning of the
 * name, or all of them. */
#include <stdio.h>

#include "cometql/internal.h"

enum { NAME, SUBSCRIBERS, MESSAGES, OFFSET, EPOCH, HISTORY, HISTORY_LENGTH, COLUMNS };

static bool fetch(struct cometql *q, struct slice key)
{
    struct listing *l = channel_name_is_valid(key, 1) ? listed_new(q, LISTING_CHANNELS) : NULL;
    if (l == NULL)
        return q->walk == WALK_NONE; /* it has failed: nothing comes next */
    listing_one_channel(l, key);
    listed_ask(q, l);
    return true;
}

/* What the name begins with goes to the shards; where_is_met looks at the rest. */
static struct listing *begin(struct cometql *q)
{
    struct listing         *l = listed_new(q, LISTING_CHANNELS);
    const struct condition *c = listed_condition(q, NAME);
    if (l == NULL || c == NULL || c->compare != COMPARE_LIKE)
        return l;
    struct slice pattern = statement_value(&q->st, c->first)->text;
    while (l->prefix_len < pattern.len && l->prefix_len < sizeof l->prefix &&
           memchr("%_\\", pattern.at[l->prefix_len], 3) == NULL) {
        l->prefix[l->prefix_len] = pattern.at[l->prefix_len];
        l->prefix_len++;
    }
    return l;
}

static bool fetch_more(struct cometql *q)
{
    return listed_more(q, begin);
}

static void rows(struct cometql *q, const struct listing *l)
{
    for (unsigned i = 0; i < l->count; i++) {
        const struct listing_channel *c = &l->channels[i];
        char subscribers[24], messages[24], offset[24], epoch[24], history[16], length[16];
        snprintf(subscribers, sizeof subscribers, "%llu", (unsigned long long)c->subscribers);
        snprintf(messages, sizeof messages, "%llu", (unsigned long long)c->messages);
        snprintf(offset, sizeof offset, "%llu", (unsigned long long)c->offset);
        snprintf(epoch, sizeof epoch, "%016llx", (unsigned long long)c->epoch);
        snprintf(history, sizeof history, "%u", c->history);
        snprintf(length, sizeof length, "%u", c->history_length);
        struct slice cells[COLUMNS] = {
            [NAME] = c->name,
            [SUBSCRIBERS] = slice_str(subscribers),
            [MESSAGES] = slice_str(messages),
            [OFFSET] = slice_str(offset),
            [EPOCH] = slice_str(epoch),
            [HISTORY] = slice_str(history),
            [HISTORY_LENGTH] = slice_str(length),
        };
        cometql_row(q, cells);
    }
}

const struct table table_channels = {
    .name = "channels",
    .comment = "channels that exist",
    .columns = { [NAME] = { "name", "varchar(64)" },
                 [SUBSCRIBERS] = { "subscribers", "bigint(20)" },
                 [MESSAGES] = { "messages", "bigint(20)" },
                 [OFFSET] = { "offset", "bigint(20)" },
                 [EPOCH] = { "epoch", "char(16)" },
                 [HISTORY] = { "history", "int(11)" },
                 [HISTORY_LENGTH] = { "history_length", "int(11)" } },
    .column_count = COLUMNS,
    .key = NAME,
    .id = NAME,
    .is_listed = true,
    .is_read_only = true,
    .is_searched = true,
    .fetch = fetch,
    .fetch_more = fetch_more,
    .listed_rows = rows,
};
