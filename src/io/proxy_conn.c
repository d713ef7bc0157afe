/* proxy_conn: the first table of a connection to a port that expects a PROXY header (io/proxy.h).
 *
 *   accept -> [ proxy_conn ] -- header --> stream_tell_peer -> the port's first_ops, as if it had just been accepted;
 *                                                              TLS begins here, where the port speaks it
 *
 * A connection that does not begin so is closed; so is one whose header takes longer than the port's proxy_timeout_ms,
 * and one that comes from no trusted proxy where proxies are named. */
#include "io/proxy.h"

#include <stdlib.h>

#include "base/log.h"
#include "io/internal.h"

static void refuse(struct stream *s, const char *why)
{
    static struct log_limit limit = { .every_ms = 10000 };
    char                    peer[ADDRESS_TEXT_MAX];
    stream_peer(s, peer, sizeof peer);
    log_limited(&limit, LOG_WARN, "%s: closed a connection of %s: %s (setting proxy_protocol)", stream_port(s)->name,
                peer, why);
    stream_close(s);
}

static void on_open(struct stream *s)
{
    struct proxy_header *h = malloc(sizeof *h);
    stream_become(s, &proxy_conn_ops, h);
    if (h == NULL) {
        stream_close(s);
        return;
    }
    proxy_init(h);
    if (stream_port(s)->proxies->count > 0 && stream_trusts(s) == NULL)
        refuse(s, "it is not in ws.trusted_proxies");
    else
        stream_wait(s, stream_port(s)->proxy_timeout_ms);
}

/* The header is there: now it is a connection like any other. Returns how many of the bytes behind it were taken. */
static size_t begin(struct stream *s, struct proxy_header *h, struct slice rest)
{
    const struct stream_ops *first = stream_port(s)->first_ops;
    bool                     is_told = !h->has_source || stream_tell_peer(s, &h->source);
    free(h);
    s->owner = NULL;
    stream_wait_no_more(s);
    if (!is_told) {
        stream_close(s);
        return 0;
    }
    enum refusal        why;
    struct tls_context *tls = stream_port(s)->tls;
    if (!stream_admit(s, &why)) {
        if (stream_port(s)->refusals != NULL && tls == NULL)
            stream_write(s, stream_port(s)->refusals[why]);
        stream_finish(s);
        return rest.len;
    }
    stream_become(s, first, NULL);
    if (tls != NULL && !stream_start_tls(s, tls, rest))
        return 0;
    first->on_open(s);
    return tls != NULL ? rest.len : 0;
}

static size_t on_bytes(struct stream *s, char *at, size_t len)
{
    struct proxy_header *h = s->owner;
    struct slice         in = slice_of(at, len);
    switch (proxy_feed(h, &in)) {
    case FEED_MORE:
        return len;
    case FEED_BAD:
        refuse(s, h->sentence);
        return len;
    case FEED_DONE:
        return len - in.len + begin(s, h, in);
    }
    return len;
}

static void on_gone(struct stream *s)
{
    free(s->owner);
    s->owner = NULL;
}

const struct stream_ops proxy_conn_ops = {
    .name = "proxy", .on_open = on_open, .on_bytes = on_bytes, .on_quiet = stream_close, .on_gone = on_gone
};
