/* talk: a tiny protocol over the hub for its tests: real shards, real sockets, lines of text.
 *
 *   S name          subscribe             -> "+"  or "-FULL"
 *   U name          unsubscribe           -> "+"
 *   P name text     publish               -> "R <reached> <offset>"; subscribers hear "> name text", never the sender
 *   Q name text     the same, leaves the channel as soon as the report is there and counts it -> "R 1 1", "N 0"
 *   C name          count                 -> "N <count>"
 *   L name length   set history length    -> "+"
 *   H name count    history               -> "h text" ..., "h."
 *   M name          members               -> "m uuid" ..., "m."
 *   D id            drop one message      -> "D 1" when it was there
 *   I name          ids of the history    -> "i uuid" ..., "i."
 *   N id key        log in                -> "l <id>" or "l no"; personal messages are heard as "= text", from the queue "~ text"
 *   V id key sec    the same with a token that holds until then
 *   K id key        set the hash          -> "+"       k id   drop it -> "+"
 *   W id text       tell the user         -> "w <connections reached>" or "w -<status>"
 *   G id            his queue             -> "g text" ..., "g."          g id   drop it -> "+"
 *   B id            last seen             -> "b <number>", "b -1" when nobody knows
 *   R id token      revoke a valid token  -> "+"       r id token   allow it again -> "+"
 *   X               forget setting, drop  -> "+"
 * Whose connection the hub ends hears "end <why>". Names that begin with "room" announce: "! join uuid" and "! leave uuid".
 */
#ifndef ENCKE_TESTS_UNIT_HUB_TALK_H
#define ENCKE_TESTS_UNIT_HUB_TALK_H

#include "unit/hub/talk_users.h"

/* --- the server -------------------------------------------------------------------------------------------------------- */

static void talk_published(struct stream *s, const struct publish_report *r)
{
    talk_say(s, "R %llu %llu\n", (unsigned long long)r->reached, (unsigned long long)r->offset);
}

static void talk_answered(struct stream *s, const struct ask *a)
{
    char id[MESSAGE_ID_SIZE];
    switch (a->kind) {
    case ASK_COUNT:
        talk_say(s, "N %llu\n", (unsigned long long)a->number);
        break;
    case ASK_HISTORY:
        for (size_t i = 0; i < a->message_count; i++) {
            message_id(a->messages[i], id);
            if (a->note.at[0] == 'I')
                talk_say(s, "i %s\n", id);
            else
                talk_say(s, "h %.*s\n", SLICE_ARG(a->messages[i]->draft->payload));
        }
        talk_say(s, "%s.\n", a->note.at[0] == 'I' ? "i" : "h");
        break;
    case ASK_MEMBERS:
        for (const struct ask_member *m = a->members; m != NULL; m = m->next)
            talk_say(s, "m %.*s\n", SLICE_ARG(m->uuid));
        talk_say(s, "m.\n");
        break;
    case ASK_MESSAGE_DROP:
        talk_say(s, "D %d\n", a->found);
        break;
    default:
        talk_say(s, "+\n");
    }
}

static void talk_ask(struct stream *s, enum ask_kind kind, struct slice name, struct slice note, uint64_t number)
{
    struct ask *a = ask_new(kind, 0, name, note);
    assert_non_null(a);
    a->number = number;
    if (kind == ASK_MESSAGE_DROP)
        assert_true(message_id_parse(note, &a->epoch, &a->offset));
    ask_send(a, s, talk_answered);
}

static void unsubscribe(struct session *s, struct slice name)
{
    for (unsigned i = s->sub_count; i-- > 0;)
        if (slice_equal(subscription_name(&session_subs(s)[i]), name))
            unsubscribe_at(s, i);
}

static void talk_published_and_left(struct stream *s, const struct publish_report *r)
{
    struct slice name = r->message->draft->channel;
    talk_published(s, r);
    unsubscribe(&((struct talker *)s->owner)->session, name);
    talk_ask(s, ASK_COUNT, name, SLICE(""), 0);
}

static void talk_line(struct stream *s, struct slice line)
{
    struct talker *t = s->owner;
    char           verb = line.at[0];
    struct slice   rest = slice_skip(line, 2), name = slice_cut(&rest, ' ');
    uint64_t       number = 0;
    (void)slice_u64(rest, UINT64_MAX - 1, &number);
    switch (verb) {
    case 'S':
        talk_say(s, "%s\n", subscribe(&t->session, name) == OK ? "+" : "-FULL");
        break;
    case 'U':
        unsubscribe(&t->session, name);
        talk_say(s, "+\n");
        break;
    case 'P':
    case 'Q': {
        struct draft *d = draft_new(0, name, SLICE("e"), rest);
        assert_non_null(d);
        d->sender = stream_id(s);
        assert_int_equal(publish(d, s, 0, verb == 'P' ? talk_published : talk_published_and_left), OK);
        break;
    }
    case 'C':
        talk_ask(s, ASK_COUNT, name, SLICE(""), 0);
        break;
    case 'L':
        talk_ask(s, ASK_SETTING_PUT, name, SLICE(""), number);
        break;
    case 'X':
        talk_ask(s, ASK_SETTING_DROP, name, SLICE(""), 0);
        break;
    case 'H':
        talk_ask(s, ASK_HISTORY, name, SLICE("H"), number);
        break;
    case 'I':
        talk_ask(s, ASK_HISTORY, name, SLICE("I"), 1000);
        break;
    case 'M':
        talk_ask(s, ASK_MEMBERS, name, SLICE(""), 0);
        break;
    case 'D':
        talk_ask(s, ASK_MESSAGE_DROP, SLICE(""), name, 0);
        break;
    default:
        talk_user_line(s, verb, name, rest);
    }
}

static size_t talk_bytes(struct stream *s, char *at, size_t len)
{
    struct talker *t = s->owner;
    for (size_t i = 0; i < len; i++)
        if (at[i] != '\n')
            buf_byte(&t->line, (unsigned char)at[i]);
        else if (stream_is_open(s)) {
            talk_line(s, buf_slice(&t->line));
            buf_reset(&t->line);
        }
    return len;
}

static void talk_open(struct stream *s);
static void talk_gone(struct stream *s)
{
    struct talker *t = s->owner;
    session_close(&t->session);
    buf_clear(&t->line);
    slab_give(&talkers, t);
}

static const struct stream_ops talk_ops = {
    .name = "talk", .on_open = talk_open, .on_bytes = talk_bytes, .on_gone = talk_gone
};

static void talk_open(struct stream *s)
{
    struct talker *t = slab_take(&talkers);
    char           uuid[32];
    assert_non_null(t);
    stream_become(s, &talk_ops, t);
    int n = snprintf(uuid, sizeof uuid, "u%u-%u", shard_here.index, s->head.index);
    session_open(&t->session, s, &talk_dialect, 0, slice_of(uuid, (size_t)n), NULL);
}

static enum status talk_start(void)
{
    slab_init(&talkers, sizeof(struct talker), 100000);
    return OK;
}

static void talk_stop(void)
{
    slab_clear(&talkers);
}

static const struct shard_part        talk_part = { .name = "talk", .on_start = talk_start, .on_stop = talk_stop };
static const struct dialect *const    talk_dialects[] = { &talk_dialect };
static const struct shard_part *const talk_parts[] = { &hub_part, &talk_part };

static const struct stream_ops *talk_first_ops = &talk_ops;

static struct port         talk_port;
static struct shards_setup talk_shards;

static struct user_rules talk_rules = { .has_online_events = true,
                                        .has_offline_events = true,
                                        .saves_last_seen = true,
                                        .queue_length = 100,
                                        .queue_age_ms = 3600000,
                                        .queue_bytes = 1 << 20,
                                        .message_bytes = 1 << 20,
                                        .cache_count = 100 };
static bool              talk_has_store;

static void talk_up(unsigned shard_count, uint64_t history_bytes, uint64_t backlog_bytes)
{
    struct error        e = { 0 };
    const unsigned char seed[16] = { 1 };
    map_seed_set(seed);
    static bool is_counting;
    if (!is_counting)
        counter_setup(8); /* once in a process; no test has more shards */
    is_counting = true;
    struct hub_setup hub = { .dialects = talk_dialects,
                             .dialect_count = 1,
                             .shard_count = shard_count,
                             .max_subscriptions = 4,
                             .history_bytes = history_bytes,
                             .backlog_bytes = backlog_bytes,
                             .has_store = talk_has_store,
                             .stores_history = talk_has_store,
                             .users = talk_rules };
    assert_int_equal(hub_setup(&hub), OK);
    talk_port = (struct port){ .name = "talk", .ip = "127.0.0.1", .backlog = 512, .first_ops = talk_first_ops,
                               .queue_limit_bytes = 16 << 20, .online = COUNTER_WS_ONLINE, .added = COUNTER_WS_ADDED,
                               .ended = COUNTER_WS_ENDED, .events = COUNTER_WS_EVENTS };
    assert_int_equal(port_reserve(&talk_port, &e), OK);
    talk_shards = (struct shards_setup){ .shard_count = shard_count, .ports = &talk_port, .port_count = 1,
                                         .parts = talk_parts, .part_count = 2, .nofile = 10000 };
    assert_int_equal(shards_start(&talk_shards, &e), OK);
    port_release(&talk_port);
}

static void talk_down(void)
{
    shards_stop(1000);
    shards_join();
    hub_clear();
}

#endif
