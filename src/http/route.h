/* route: which request goes where.
 *
 * wiring.c hands the http room one constant table of these; the first that matches serves the request.
 */
#ifndef ENCKE_HTTP_ROUTE_H
#define ENCKE_HTTP_ROUTE_H

#include "http/head.h"
#include "io/stream.h"

struct http_request {
    const struct http_head *head;  /* borrowed during the call */
    struct slice            path;  /* raw, as sent, without the query */
    struct slice            query; /* raw, without the '?'; empty when absent */
    struct slice            body;  /* whole (bounded by ws.max_body) */
};

struct http_route {
    const char *method;    /* "GET" serves HEAD too; NULL: any */
    const char *path;      /* exact, or a prefix when is_prefix */
    bool        is_prefix;
    uint8_t     kind; /* enum stream_kind: on which port it is; STREAM_WS unless named */

    /* A request: answer with http_answer (http/conn.h), now or later from this shard. NULL: only upgrades. */
    void (*on_request)(struct stream *s, const struct http_request *r);

    /* A WebSocket upgrade whose head is valid (RFC 6455 section 4.2.1). Either takes the stream over (stream_become, after
     * http_upgrade) or answers with http_answer. NULL: the route is for plain requests. */
    void (*on_upgrade)(struct stream *s, const struct http_request *r);
};

#endif
