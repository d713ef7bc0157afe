/* conn: HTTP/1.1 on a stream (RFC 9112), until it is answered, closed or upgraded.
 *
 * Reads heads with http/head.h, finds the route, keeps connections alive, and serves pipelined requests one after the other:
 * the next is looked at when the one before has its answer. A head must be complete within head_timeout_ms, an idle
 * connection is closed after idle_timeout_ms.
 *
 * Every fault gets a 4xx or 5xx with Content-Length and a sentence; then the connection is closed.
 */
#ifndef ENCKE_HTTP_CONN_H
#define ENCKE_HTTP_CONN_H

#include "http/route.h"

struct http_limits {
    uint32_t head_bytes;      /* largest head; 431 past it (414 when its first line alone is larger) */
    uint32_t header_count;    /* most header lines, at most HTTP_FIELDS_MAX; 431 past it */
    uint32_t body_bytes;      /* largest body; 413 past it */
    uint32_t head_timeout_ms; /* to complete a head, from accept or from its first byte; 408 past it */
    uint32_t idle_timeout_ms; /* between requests; for a body to come; between two pieces of an answer to leave */
};

/* Both borrowed for ever; called once before the shards start. */
void http_setup(const struct http_route *routes, size_t count, const struct http_limits *limits);

/* The first table of a connection to the ws port. */
extern const struct stream_ops http_conn_ops;

/* http keeps a slab of connections in each shard. */
extern const struct shard_part http_part;

struct http_response {
    unsigned            status;         /* 200 */
    struct slice        content_type;   /* empty: none */
    struct slice        headers;        /* further lines, each ended by CRLF; may be empty */
    struct slice        body;           /* copied, unless is_static */
    bool                is_static;      /* the body lives as long as the process */
    bool                must_close;

    /* Instead of `body`: the first file_bytes bytes of a file, read in pieces as they leave. */
    bool                has_file;
    int                 given_fd;       /* closed by the callee in any case */
    uint64_t            file_bytes;
};

/* Answers the request that the stream is serving (exactly one answer each). HEAD gets the headers only; Content-Length, Date
 * and Connection are added. A 304 or 204 has no body. */
void http_answer(struct stream *s, const struct http_response *response);

/* An error with its sentence, as a small page of text. Always closes. */
void http_refuse(struct stream *s, unsigned status, const char *sentence);

/* The same for an error of errors.def; Retry-After where waiting helps (429, 503). */
void http_refuse_later(struct stream *s, enum status why);

/* Only inside on_upgrade. Answers 101 and gives the connection's own memory back: the caller calls stream_become right
 * after it (or stream_close). `protocol` is the subprotocol chosen, `extensions` are those agreed; either may be empty. The request
 * that on_upgrade was given must not be used after this call. */
void http_upgrade(struct stream *s, struct slice protocol, struct slice extensions);

#endif
