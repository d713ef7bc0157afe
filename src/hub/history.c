/* history: what a channel remembers, at its home.
 *
 * A list of references to sealed messages, oldest first, trimmed to the channel's limit at each message. All entries of a shard
 * are also in one list by age: when they take more memory than the shard's share of main.history_bytes, the oldest of all go
 * first, whichever channel they are in. That is always the oldest of its channel, too.
 */
#include <stdlib.h>

#include "base/counter.h"
#include "base/log.h"
#include "hub/internal.h"

static size_t entry_bytes(const struct history_entry *e)
{
    return sizeof *e + message_size(e->message);
}

static void forget(struct history_entry *e)
{
    size_t bytes = entry_bytes(e);
    hub_own.history_bytes -= bytes;
    counter_sub(COUNTER_HISTORY_BYTES, bytes);
    counter_sub(COUNTER_HISTORY_MESSAGES, 1);
    list_unlink(&e->age);
    message_unref(e->message);
    free(e);
}

static void forget_oldest(struct channel *c)
{
    struct history_entry *e = c->oldest;
    c->oldest = e->next;
    if (c->oldest == NULL)
        c->newest = NULL;
    c->history_count--;
    forget(e);
}

/* `held` is in the hands of a caller; any other channel may go with its last message. */
static void keep_within_memory(const struct channel *held)
{
    static struct log_limit limit = { .every_ms = 60000 };
    uint64_t                share = hub_shared.setup.history_bytes / hub_shared.setup.shard_count;
    while (hub_own.history_bytes > share && !list_is_empty(&hub_own.ages)) {
        log_limited(&limit, LOG_WARN, "history: main.history_bytes is used up; the oldest messages are forgotten");
        struct channel *c = list_object(hub_own.ages.next, struct history_entry, age)->channel;
        forget_oldest(c);
        if (c != held)
            channel_let_go(c);
    }
}

void history_add(struct channel *c, const struct message *m)
{
    struct history_entry *e = malloc(sizeof *e);
    if (e == NULL) {
        static struct log_limit limit = { .every_ms = 10000 };
        log_limited(&limit, LOG_ERROR, "history: no memory, a message was not recorded");
        return;
    }
    *e = (struct history_entry){ .channel = c, .message = message_ref(m) };
    list_init(&e->age);
    list_add_last(&hub_own.ages, &e->age);
    *(c->newest != NULL ? &c->newest->next : &c->oldest) = e;
    c->newest = e;
    c->history_count++;
    hub_own.history_bytes += entry_bytes(e);
    counter_add(COUNTER_HISTORY_BYTES, entry_bytes(e));
    counter_add(COUNTER_HISTORY_MESSAGES, 1);
    while (c->history_count > c->history_limit)
        forget_oldest(c);
    keep_within_memory(c);
}

void history_drop(struct channel *c)
{
    while (c->oldest != NULL)
        forget_oldest(c);
}

bool history_drop_one(struct channel *c, uint64_t offset)
{
    struct history_entry *before = NULL;
    for (struct history_entry *e = c->oldest; e != NULL; before = e, e = e->next) {
        if (e->message->offset != offset)
            continue;
        *(before != NULL ? &before->next : &c->oldest) = e->next;
        if (c->newest == e)
            c->newest = before;
        c->history_count--;
        forget(e);
        return true;
    }
    return false;
}
