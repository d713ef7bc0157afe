/* stream_tls.c: reading from a stream that speaks TLS; see stream.h and tls.h. */
#include "base/log.h"
#include "io/internal.h"
#include "io/meter.h"
#include "io/tls.h"

/* What the peer sent is no TLS, or none that we accept. It has been told in an alert, which must get there. */
static void on_tls_failed(struct stream *s)
{
    static struct log_limit limit = { .every_ms = 10000 };
    char                    peer[ADDRESS_TEXT_MAX];
    counter_add(COUNTER_TLS_FAILED, 1);
    stream_peer(s, peer, sizeof peer);
    log_limited(&limit, LOG_INFO, "%s: no TLS with %s: %s", stream_port(s)->name, peer, tls_reason(s->tls));
    tls_answer_http(s->tls, stream_port(s)->tls_hint);
    if (stream_mind_unsent(s))
        stream_finish(s);
    else
        stream_close(s);
}

/* The handshake may have produced output, and its end sets free what was written before it. */
static void after_tls_read(struct stream *s, bool was_shaken)
{
    bool is_new = !was_shaken && tls_is_shaken(s->tls);
    if (is_new)
        counter_add(COUNTER_TLS_HANDSHAKES, 1);
    if (!stream_mind_unsent(s))
        stream_close(s);
    else if (is_new)
        stream_on_writable(s); /* the edge for it has gone by */
}

void stream_read_tls(struct shard *shard, struct stream *s)
{
    size_t        len;
    bool          was_shaken = tls_is_shaken(s->tls);
    enum tls_read result = tls_read(s->tls, shard->scratch, LOOP_READ, &len);
    counter_add(stream_port(s)->events, 1);
    after_tls_read(s, was_shaken);
    unsigned asides = tls_asides(s->tls);
    if (asides > 0 && !meter_take(s, METER_MESSAGES, asides)) {
        stream_close(s);
        return;
    }
    if (result == TLS_MORE || (result == TLS_DRAINED && s->flags & STREAM_HUNG_UP))
        stream_mark_ready(shard, s);
    if (len > 0)
        stream_offer(s, shard->scratch, len);
    else if (result == TLS_ENDED)
        stream_on_end(s);
    else if (result == TLS_FAILED)
        on_tls_failed(s);
    else if (result == TLS_LOST)
        stream_close(s);
}

bool stream_start_tls(struct stream *s, struct tls_context *context, struct slice early)
{
    if (s->flags & STREAM_CLOSED)
        return false;
    if (shard_own->cork.stream == s)
        stream_cork_flush(s);
    bug_if(s->tls != NULL);
    if (s->out == NULL && (s->flags & STREAM_CLOSED) == 0)
        s->tls = tls_new(context, s->fd, early);
    if (s->tls == NULL)
        stream_close(s);
    else
        stream_mark_ready(shard_own, s); /* for the early bytes there is no event */
    return s->tls != NULL;
}
