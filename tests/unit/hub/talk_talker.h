/* talk_talker: one who talks (talk.h), and what the hub knows of his dialect. */
#ifndef ENCKE_TESTS_UNIT_HUB_TALK_TALKER_H
#define ENCKE_TESTS_UNIT_HUB_TALK_TALKER_H

#include <stdio.h>

#include "base/list.h"
#include "base/map.h"
#include "hub/ask.h"
#include "hub/channel.h"
#include "hub/hub.h"
#include "hub/publish.h"
#include "hub/session.h"
#include "io/outq.h"
#include "unit/test.h"

struct talker {
    struct slab_head head;
    struct session   session;
    struct buf       line;
};

static _Thread_local struct slab talkers;

static void talk_say(struct stream *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void talk_say(struct stream *s, const char *format, ...)
{
    char    text[4096];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    stream_write(s, slice_of(text, (size_t)n));
}

static void talk_encode(struct buf *out, const struct message *m)
{
    const struct draft *d = m->draft;
    if (d->kind == MESSAGE_TEXT || d->kind == MESSAGE_STATUS)
        buf_printf(out, "> %.*s %.*s\n", SLICE_ARG(d->channel), SLICE_ARG(d->payload));
    else if (d->kind == MESSAGE_PERSONAL)
        buf_printf(out, "= %.*s\n", SLICE_ARG(d->payload));
    else
        buf_printf(out, "! %s %.*s\n", d->kind == MESSAGE_JOIN ? "join" : "leave", SLICE_ARG(d->uuid));
}

static bool talk_announces(struct slice channel)
{
    return slice_starts(channel, "room");
}

static struct session *talk_session_of(struct stream *s)
{
    return &((struct talker *)s->owner)->session;
}

/* "block" leaves the socket as if it had not taken all of it, "free" finds that it has: what a slow client does, but when it is
 * wanted. */
static void talk_tell_queued(struct stream *s, struct slice payload)
{
    if (slice_is(payload, "free") && s->out != NULL) {
        outq_free(s->out);
        s->out = NULL;
    }
    talk_say(s, "~ %.*s\n", SLICE_ARG(payload));
    if (slice_is(payload, "block") && s->out == NULL)
        s->out = outq_new(1 << 20);
}

static bool talk_tell(struct stream *s, const struct message *m, bool is_from_queue)
{
    if (is_from_queue)
        talk_tell_queued(s, m->draft->payload);
    else
        stream_write(s, m->bytes[0]);
    return stream_is_open(s);
}

static void talk_end(struct stream *s, enum leave_reason why)
{
    talk_say(s, "end %d\n", why);
    stream_finish(s);
}

static const struct dialect talk_dialect = { .name = "talk",
                                             .encode = talk_encode,
                                             .announces = talk_announces,
                                             .session_of = talk_session_of,
                                             .tell = talk_tell,
                                             .end = talk_end };

#endif
