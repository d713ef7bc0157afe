/* client.c: see client.h. */
#include "esl/client.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/counter.h"
#include "base/log.h"
#include "esl/packet.h"

#define PAUSE_FIRST_MS 250
#define PAUSE_LAST_MS 5000

#define LINK_STATES(X)                                                                                                 \
    X(AWAY, "no connection")                                                                                           \
    X(DIALLING, "on its way")                                                                                          \
    X(GREETING, "connected; it must ask for the password")                                                             \
    X(LOGGING_IN, "the password was sent")                                                                             \
    X(READY, "nothing to ask")                                                                                         \
    X(ASKING, "the command was sent; `asked` wait for its answer")                                                     \
    X(LEAVING, "closed; freed at the end of the turn")

enum link_state {
#define LINK_STATE(name, sentence) LINK_##name,
    LINK_STATES(LINK_STATE)
#undef LINK_STATE
};

/* A list of questions, oldest first, linked by letter.next. */
struct line {
    struct esl_ask *oldest, *newest;
    unsigned        count;
};

/* The connection to one server; in the shard it belongs to. */
struct link {
    const struct esl_server *server;
    struct stream           *stream; /* NULL while AWAY */
    enum link_state          state;
    struct esl_reader        reader;
    struct line              waiting; /* for the next request */
    struct line              asked;   /* for the answer to this one */
    uint64_t                 next_try_ms;
    uint32_t                 pause_ms;   /* after the last failure; 0: the last request went well */
    bool                     has_served; /* this connection has answered before */
    bool                     is_retry;
    const char              *fault; /* what went wrong with this connection, for the log; NULL: nothing so far */
};

static const struct esl_setup    *setup;
static _Thread_local struct link *links; /* owned, one for each server, though only some belong here */

void esl_setup(const struct esl_setup *given)
{
    setup = given;
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

static void line_add(struct line *l, struct esl_ask *a)
{
    a->letter.next = NULL;
    if (l->newest != NULL)
        l->newest->letter.next = &a->letter;
    else
        l->oldest = a;
    l->newest = a;
    l->count++;
}

static struct esl_ask *line_take(struct line *l)
{
    struct esl_ask *a = l->oldest;
    if (a == NULL)
        return NULL;
    l->oldest = (struct esl_ask *)(void *)a->letter.next;
    if (l->oldest == NULL)
        l->newest = NULL;
    l->count--;
    return a;
}

/* All of `from` before all of `to`. */
static void line_join_first(struct line *to, struct line *from)
{
    if (from->newest == NULL)
        return;
    from->newest->letter.next = to->oldest != NULL ? &to->oldest->letter : NULL;
    to->oldest = from->oldest;
    if (to->newest == NULL)
        to->newest = from->newest;
    to->count += from->count;
    *from = (struct line){ 0 };
}

struct esl_ask *esl_ask_new(uint32_t app, struct slice room, uint64_t servers)
{
    struct esl_ask *a = room.len <= ESL_ROOM_MAX ? calloc(1, sizeof *a) : NULL;
    if (a == NULL)
        return NULL;
    a->app = app;
    a->servers = servers;
    a->room_len = (uint8_t)room.len;
    if (room.len > 0)
        memcpy(a->room, room.at, room.len);
    return a;
}

static void ask_free(struct esl_ask *a)
{
    esl_members_clear(&a->members);
    free(a);
}

static void answered(struct letter *given)
{
    struct esl_ask *a = (struct esl_ask *)(void *)given;
    struct stream  *asker = stream_find(a->asker);
    if (asker != NULL && stream_is_open(asker)) {
        stream_cork(asker);
        a->on_answer(asker, a);
        stream_uncork(asker);
    }
    ask_free(a);
}

static void ask_arrived(struct letter *given);

static void deliver(struct esl_ask *a, unsigned shard, void (*deliver_in)(struct letter *))
{
    a->letter.deliver = deliver_in;
    if (shard == shard_here.index)
        deliver_in(&a->letter);
    else
        shard_post(shard, &a->letter);
}

/* To the next server, or back to the door. */
static void go_on(struct esl_ask *a)
{
    if (a->servers == 0)
        deliver(a, stream_id_shard(a->asker), answered);
    else
        deliver(a, (unsigned)__builtin_ctzll(a->servers) % shard_here.count, ask_arrived);
}

void esl_ask_send(struct esl_ask *given, struct stream *asker,
                  void (*on_answer)(struct stream *asker, const struct esl_ask *answered))
{
    unsigned count = setup != NULL ? setup->count : 0;
    given->asker = stream_id(asker);
    given->on_answer = on_answer;
    given->servers &= count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
    go_on(given);
}

/* Those of the list that were asked for, behind those of other servers. */
static void add_members(struct esl_ask *a, const struct esl_members *all)
{
    struct slice room = slice_of(a->room, a->room_len);
    for (unsigned i = 0; i < all->count && a->members.count < ESL_MEMBERS_MAX; i++) {
        const struct esl_member *m = &all->at[i];
        if (m->app != a->app || (room.len > 0 && !esl_is_in_room(m, room)))
            continue;
        if (!array_room(&a->members.at, &a->members.cap, a->members.count + 1, sizeof *a->members.at))
            return;
        a->members.at[a->members.count++] = *m;
    }
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

static void fail_line(struct line *l)
{
    struct line all = *l;
    *l = (struct line){ 0 };
    for (struct esl_ask *a; (a = line_take(&all)) != NULL;) {
        a->failed_count++;
        go_on(a);
    }
}

/* Nobody is answered from this server for a while. */
static void fail(struct link *k, const char *why)
{
    counter_add(COUNTER_ESL_FAILED, k->asked.count + k->waiting.count);
    if (k->pause_ms == 0)
        log_warn("freeswitch %s: %s; conference_members has nobody from there until it answers", k->server->id, why);
    k->pause_ms = k->pause_ms == 0 ? PAUSE_FIRST_MS : k->pause_ms * 2 < PAUSE_LAST_MS ? k->pause_ms * 2 : PAUSE_LAST_MS;
    k->next_try_ms = shard_here.now_ms + k->pause_ms;
    fail_line(&k->asked);
    fail_line(&k->waiting);
}

static void drop(struct link *k, const char *fault)
{
    if (k->state == LINK_LEAVING)
        return;
    k->fault = fault;
    k->state = LINK_LEAVING;
    stream_close(k->stream);
}

/* --- the talk ----------------------------------------------------------------------------------------------------- */

static void request(struct link *k)
{
    if (k->waiting.count == 0) {
        k->state = LINK_READY;
        stream_wait_no_more(k->stream);
        return;
    }
    k->state = LINK_ASKING;
    line_join_first(&k->asked, &k->waiting);
    counter_add(COUNTER_ESL_REQUESTS, 1);
    if (k->has_served) /* the time of the first one runs from dialling */
        stream_wait(k->stream, ESL_TIMEOUT_MS);
    stream_write(k->stream, SLICE("api conference xml_list\n\n"));
}

static void log_in(struct link *k)
{
    struct buf line = { 0 };
    buf_text(&line, "auth ");
    buf_text(&line, k->server->password);
    buf_text(&line, "\n\n");
    k->state = LINK_LOGGING_IN;
    if (buf_ok(&line))
        stream_write(k->stream, buf_slice(&line));
    else
        drop(k, "there was no memory to log in");
    if (line.at != NULL)
        explicit_bzero(line.at, line.len);
    buf_clear(&line);
}

static void went_well(struct link *k)
{
    if (k->pause_ms > 0)
        log_info("freeswitch %s: answers again", k->server->id);
    k->pause_ms = 0;
    k->has_served = true;
    k->is_retry = false;
}

static void on_response(struct link *k, struct slice body)
{
    static struct log_limit limit = { .every_ms = 60000 };
    struct esl_members      all;
    struct line             asked = k->asked;
    enum status             status = esl_members_read(body, &all);
    k->asked = (struct line){ 0 };
    went_well(k);
    if (status != OK) {
        counter_add(COUNTER_ESL_FAILED, asked.count);
        log_limited(&limit, LOG_WARN, "freeswitch %s: the answer to `conference xml_list` is %s", k->server->id,
                    status == E_MALFORMED ? "no well-formed XML; nobody is taken from it"
                                          : "too large for the memory there is");
    }
    for (struct esl_ask *a; (a = line_take(&asked)) != NULL;) {
        a->failed_count += status != OK;
        add_members(a, &all);
        go_on(a);
    }
    esl_members_clear(&all);
    if (k->state == LINK_ASKING)
        request(k);
}

static void on_packet(struct link *k, const struct esl_packet *p)
{
    switch (p->kind) {
    case ESL_AUTH_REQUEST:
        if (k->state == LINK_GREETING)
            log_in(k);
        break;
    case ESL_REPLY:
        if (k->state == LINK_LOGGING_IN && p->is_ok)
            request(k);
        else if (k->state == LINK_LOGGING_IN)
            drop(k, "it refuses the password (Pwd= of sip.freeswitch)");
        break;
    case ESL_RESPONSE:
        if (k->state == LINK_ASKING)
            on_response(k, p->body);
        break;
    case ESL_GOODBYE:
        drop(k, k->state == LINK_GREETING ? "it does not let this machine in (apply-inbound-acl of its event socket)"
                                          : "it has ended the connection");
        break;
    case ESL_OTHER:
        break;
    }
}

/* --- the stream --------------------------------------------------------------------------------------------------- */

static void link_on_open(struct stream *s)
{
    struct link *k = s->owner;
    k->state = LINK_GREETING;
}

static size_t link_on_bytes(struct stream *s, char *at, size_t len)
{
    struct link      *k = s->owner;
    struct slice      in = slice_of(at, len);
    struct esl_packet p;
    enum feed         fed = FEED_DONE;
    while (in.len > 0 && fed == FEED_DONE && k->state != LINK_LEAVING) {
        fed = esl_packet_feed(&k->reader, &in, &p);
        if (fed == FEED_DONE)
            on_packet(k, &p);
    }
    if (fed == FEED_BAD)
        drop(k, "it does not speak the event socket's protocol, or says too much (Port= of sip.freeswitch)");
    return len;
}

static void link_on_quiet(struct stream *s)
{
    struct link *k = s->owner;
    drop(k, k->state == LINK_DIALLING ? "it cannot be reached" : "it does not answer in time");
}

static void begin(struct link *k);

/* An idle connection may have broken long ago: that is no failure of the server, unless a new one breaks as well. */
static void link_on_gone(struct stream *s)
{
    struct link *k = s->owner;
    const char  *why = k->fault != NULL            ? k->fault
                       : k->state == LINK_DIALLING ? "it refuses the connection"
                                                   : "it has ended the connection";
    bool         is_stale = k->state == LINK_ASKING && k->fault == NULL && k->has_served && !k->is_retry;
    bool         was_idle = k->asked.count == 0 && k->has_served && k->state != LINK_ASKING;
    k->stream = NULL;
    k->state = LINK_AWAY;
    k->fault = NULL;
    k->has_served = false;
    esl_reader_clear(&k->reader);
    if (is_stale || was_idle) {
        k->is_retry = true;
        line_join_first(&k->waiting, &k->asked);
        if (k->waiting.count > 0)
            begin(k);
    } else {
        k->is_retry = false;
        fail(k, why);
    }
}

static const struct stream_ops link_ops = {
    .name = "esl",
    .on_open = link_on_open,
    .on_bytes = link_on_bytes,
    .on_quiet = link_on_quiet,
    .on_gone = link_on_gone,
    .is_never_deaf = true, /* somebody's statement waits for it */
};

static void begin(struct link *k)
{
    struct error e;
    k->stream = dial(&k->server->address, setup->port, &link_ops, k, &e);
    if (k->stream == NULL) {
        fail(k, e.text);
        return;
    }
    k->state = LINK_DIALLING;
    stream_wait(k->stream, ESL_TIMEOUT_MS);
}

/* In the shard the server belongs to. */
static void ask_arrived(struct letter *given)
{
    struct esl_ask *a = (struct esl_ask *)(void *)given;
    unsigned        number = (unsigned)__builtin_ctzll(a->servers);
    struct link    *k = &links[number];
    a->servers &= a->servers - 1;
    if (k->waiting.count >= ESL_WAITING_MAX || (k->state == LINK_AWAY && shard_here.now_ms < k->next_try_ms)) {
        counter_add(COUNTER_ESL_FAILED, 1);
        a->failed_count++;
        go_on(a);
        return;
    }
    line_add(&k->waiting, a);
    if (k->state == LINK_AWAY)
        begin(k);
    else if (k->state == LINK_READY)
        request(k);
}

/* --- the room's part ---------------------------------------------------------------------------------------------- */

static enum status part_on_start(void)
{
    unsigned count = setup != NULL ? setup->count : 0;
    links = calloc(count + 1u, sizeof *links);
    if (links == NULL)
        return E_NO_MEMORY;
    for (unsigned i = 0; i < count; i++) {
        links[i].server = &setup->servers[i];
        esl_reader_init(&links[i].reader, ESL_BODY_MAX);
    }
    return OK;
}

static void part_on_stop(void)
{
    unsigned count = setup != NULL ? setup->count : 0;
    for (unsigned i = 0; links != NULL && i < count; i++) {
        for (struct esl_ask *a; (a = line_take(&links[i].waiting)) != NULL || (a = line_take(&links[i].asked)) != NULL;)
            ask_free(a);
        esl_reader_clear(&links[i].reader);
    }
    free(links);
    links = NULL;
}

const struct shard_part esl_part = { .name = "esl", .on_start = part_on_start, .on_stop = part_on_stop };
