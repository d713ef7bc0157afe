/* talk.c: what is said on a connection of the crew: the request, the first messages, the frames of the server. See crew_internal.h. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "load/crew_internal.h"

/* What a connection says is small and its socket empty, so it goes at once. */
static bool say(struct crew_member *m, struct conn *c)
{
    if (!buf_ok(&m->out)) {
        conn_fail(m, c, LOAD_OTHER, ENOMEM);
        return false;
    }
    ssize_t n = c->tls != NULL ? tls_line_send(c->tls, m->out.at, m->out.len) : send(c->fd, m->out.at, m->out.len, MSG_NOSIGNAL);
    if (n == (ssize_t)m->out.len)
        return true;
    int reason = n < 0 ? errno : EMSGSIZE; /* more than an empty socket takes: --send is too long */
    conn_fail(m, c, conn_error_of(reason), reason);
    return false;
}

static void make_uuid(struct crew_member *m, char out[33])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (unsigned i = 0; i < 32; i++)
        out[i] = letters[crew_random(m) & 63];
    out[32] = '\0';
}

void talk_begin(struct crew_member *m, struct conn *c)
{
    char                 uuid[33];
    const struct plan   *p = m->crew->plan;
    uint32_t             number = conn_number(m, c);
    struct request_place place = { .number = number, .room = conn_room(m, c), .uuid = uuid };
    make_uuid(m, uuid);
    buf_reset(&m->out);
    request_head(&m->out, p, &p->targets[number % p->target_count], &place);
    if (say(m, c))
        c->state = CONN_ASKED;
}

static void say_texts(struct crew_member *m, struct conn *c, const struct request_place *place)
{
    const struct plan *p = m->crew->plan;
    buf_reset(&m->out);
    for (unsigned i = 0; i < p->send_count; i++) {
        struct buf text = { 0 };
        request_fill(&text, p, place, slice_str(p->sends[i]));
        request_frame(&m->out, 1, buf_slice(&text));
        m->out.failed |= text.failed;
        buf_clear(&text);
    }
    if (p->is_classic) {
        char        channel[80], command[200];
        bool        listens = p->workload != WORKLOAD_PRIVATE && p->workload != WORKLOAD_PUBLISH;
        request_channel(p, place->room, channel);
        if (listens) {
            snprintf(command, sizeof command, "subscription\n%s", channel);
            request_frame(&m->out, 1, slice_str(command));
        }
        request_frame(&m->out, 1, SLICE("pipe_count\nweb_load_ready\nready\n")); /* its answer comes when the list is in force */
    }
    if (m->out.len > 0)
        (void)say(m, c);
}

/* From here on nothing may be missing: what is published now finds the subscription in force. */
static void complete(struct crew_member *m, struct conn *c)
{
    const struct plan    *p = m->crew->plan;
    const struct streams *s = m->crew->streams;
    uint32_t              stream = conn_stream(m, c);
    c->state = CONN_COMPLETE;
    track_settle(&c->track, stream < s->count ? atomic_load(&s->given[stream]) : 0);
    m->connecting--;
    m->online++;
    m->counts->made++;
    m->counts->last_made_ns = m->now_ns;
    histogram_add(&m->counts->connect_us, m->now_ns > c->asked_ns ? (m->now_ns - c->asked_ns) / 1000 : 0);
    c->is_slow = p->workload == WORKLOAD_SLOW && conn_number(m, c) % 1000 < p->slow_percent * 10;
}

static void greet(struct crew_member *m, struct conn *c)
{
    const struct plan   *p = m->crew->plan;
    struct request_place place = { .number = conn_number(m, c), .room = conn_room(m, c), .uuid = "" };
    c->state = CONN_GREETED;
    track_begin(&c->track, TRACK_ANY);
    say_texts(m, c, &place);
    if (c->state == CONN_GREETED && !p->is_classic && p->await_text == NULL)
        complete(m, c);
}

static bool holds(struct slice text, const char *wanted)
{
    return memmem(text.at, text.len, wanted, strlen(wanted)) != NULL;
}

static void hear_label(struct crew_member *m, struct conn *c, const struct label *l)
{
    if (l->run != m->crew->streams->run || l->stream != conn_stream(m, c))
        return;
    track_hear(&c->track, l->number, &m->counts->faults);
    m->counts->delivered++;
    histogram_add(&m->counts->latency_us, m->now_ns > l->sent_ns ? (m->now_ns - l->sent_ns) / 1000 : 0);
}

/* A server may put several messages into one frame. */
static void hear(struct crew_member *m, struct conn *c, struct slice look)
{
    const struct plan *p = m->crew->plan;
    struct slice       rest = look;
    struct label       l;
    while (label_take(&rest, &l))
        hear_label(m, c, &l);
    if (c->state == CONN_GREETED && ((p->is_classic && holds(look, "\"marker\":\"ready\"")) ||
                                     (p->await_text != NULL && holds(look, p->await_text))))
        complete(m, c);
}

static void on_frame(void *context, const struct incoming_frame *f)
{
    struct crew_member *m = context;
    struct conn        *c = m->current;
    if (c->fd < 0)
        return; /* a frame before this one ended it */
    if (f->kind == INCOMING_DATA) {
        hear(m, c, f->look);
        return;
    }
    if (f->kind == INCOMING_PONG)
        return;
    buf_reset(&m->out);
    request_frame(&m->out, f->kind == INCOMING_PING ? 10 : 8, f->look);
    if (say(m, c) && f->kind == INCOMING_CLOSE)
        conn_fail(m, c, LOAD_CLOSED, 0);
}

/* The head of the answer ends with an empty line; what is behind it are frames. */
static struct slice pass_head(struct crew_member *m, struct conn *c, struct slice bytes)
{
    static const char begin[] = "HTTP/1.1 101", end[] = "\r\n\r\n";
    size_t            at = 0;
    while (at < bytes.len && c->head_end < 4) {
        char byte = bytes.at[at++];
        if (c->head_at < sizeof begin - 1 && byte != begin[c->head_at++]) {
            conn_refuse(m, c, bytes);
            return slice_of(NULL, 0);
        }
        c->head_end = byte == end[c->head_end] ? c->head_end + 1u : byte == '\r' ? 1 : 0;
    }
    if (c->head_end == 4)
        greet(m, c);
    return slice_skip(bytes, at);
}

/* At the end of a connection all must be read: behind a last message no further event comes. What TLS has decrypted tells of no event
 * either. */
void talk_read(struct crew_member *m, struct conn *c, bool is_end)
{
    while (c->fd >= 0) {
        ssize_t n = c->tls != NULL ? tls_line_recv(c->tls, m->scratch, CREW_READ) : recv(c->fd, m->scratch, CREW_READ, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            conn_fail(m, c, n == 0 ? LOAD_CLOSED : conn_error_of(errno), n == 0 ? 0 : errno);
            return;
        }
        m->now_ns = clock_mono_ns();
        m->counts->received_bytes += (uint64_t)n;
        struct slice bytes = slice_of(m->scratch, (size_t)n);
        if (c->state == CONN_ASKED)
            bytes = pass_head(m, c, bytes);
        m->current = c;
        if (bytes.len > 0 && c->fd >= 0 && !incoming_feed(&c->in, bytes, on_frame, m) && c->fd >= 0)
            conn_fail(m, c, LOAD_PROTOCOL, 0);
        if ((c->is_slow && c->state == CONN_COMPLETE) || ((size_t)n < CREW_READ && !is_end && c->tls == NULL))
            return;
    }
}
