/* internal: what the files of http share about one connection. Included nowhere else.
 *
 *   conn.c    reading: bytes -> whole requests -> route -> on_request / on_upgrade; timers
 *   answer.c  writing: head and body, in pieces when the socket is slow; 101
 *   route.c   which route
 */
#ifndef ENCKE_HTTP_INTERNAL_H
#define ENCKE_HTTP_INTERNAL_H

#include "base/buf.h"
#include "base/slab.h"
#include "http/conn.h"
#include "http/upgrade.h"

/*   WAITING -> READING -> ANSWERING -> SENDING -> WAITING ...      FINISHED from anywhere
 *                   (a whole request goes from WAITING to ANSWERING within one call) */
#define HTTP_STATES(X)                                                             \
    X(WAITING, "between requests; nothing in hand")                                \
    X(READING, "a part of a request is in hand")                                   \
    X(ANSWERING, "a route has the request; nothing is read until it has answered") \
    X(SENDING, "the answer leaves; nothing is read until it has left")             \
    X(FINISHED, "the last answer is written; the stream closes when it has left")

enum http_state {
#define HTTP_STATE_ENUM(name, sentence) HTTP_##name,
    HTTP_STATES(HTTP_STATE_ENUM)
#undef HTTP_STATE_ENUM
};

/* Bytes that cannot be used yet: an incomplete request, or pipelined ones behind one that is being answered. */
struct http_pending {
    struct buf       bytes;
    struct http_head head; /* of the first request in `bytes`, while READING */
    uint32_t         kept; /* as which it counts (io/kept.h) */
};

/* The rest of a body that is leaving in pieces. */
struct http_sending {
    const char *at;      /* borrowed for ever (static), or into `owned` */
    uint64_t    left;    /* bytes */
    char       *owned;   /* freed at the end; may be NULL */
    int         file_fd; /* owned; -1: the bytes are at `at` */
    uint64_t    file_at; /* offset of the next piece */
};

struct http_conn {
    struct slab_head     head;
    struct stream       *stream;
    struct http_pending *pending; /* owned; NULL: nothing in hand */
    struct http_sending *sending; /* owned; NULL: nothing is left to send */
    uint8_t              state;   /* enum http_state */
    bool                 is_head_request;
    bool                 keeps_alive;
    bool                 is_serving; /* serve() is on the stack and goes on after the answer */
    bool                 is_timed;   /* the timer of the request that is being read runs */
    bool                 in_body;    /* the head is complete, the body is not */
    bool                 has_served; /* at least one answer was given */
};

_Static_assert(sizeof(struct http_conn) <= 64, "made for every connection, given back at the upgrade");

/* The request that is on the stack: what http_upgrade needs to know of it. */
struct http_serving {
    struct http_serving *outer; /* an answer may start another connection's next request */
    struct stream       *stream;
    struct slice         key;      /* of a valid upgrade; else empty */
    bool                 upgraded; /* the http_conn is gone */
    struct http_pending *pending;  /* taken from it then; freed by serve's caller */
};

/* Per shard. */
struct http_shard {
    struct slab          conns;
    struct http_serving *serving; /* innermost; NULL: none */
    struct buf           out;     /* scratch for heads */
    struct http_head     scratch; /* for requests that come whole in one read */
    uint64_t             date_s;  /* of `date` */
    char                 date[32];
};

extern _Thread_local struct http_shard http_here;
extern const struct http_limits       *http_limits_set;

/* conn.c */
void http_enter(struct http_conn *c, enum http_state next);
void http_pending_free(struct http_pending *p);
void http_conn_continue(struct http_conn *c); /* the answer has left: the next request, from what is in hand or the socket */

/* answer.c */
void http_sending_free(struct http_sending *b);
void http_send_on(struct http_conn *c); /* the queue has emptied */
void http_refuse_with(struct stream *s, unsigned status, const char *sentence, struct slice headers);

/* route.c */
struct http_match {
    const struct http_route *route; /* NULL: none */
    bool                     is_path_known; /* another method would do */
};
void              http_routes_set(const struct http_route *routes, size_t count);
struct http_match http_route_find(unsigned kind, struct slice method, struct slice path);

/* "GET, HEAD, POST": the methods of all routes of that path. */
void http_route_methods(unsigned kind, struct slice path, struct buf *out);

#endif
