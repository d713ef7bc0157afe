/* reply: the head of an HTTP/1.1 response, as bytes (RFC 9112 section 4).
 *
 *   HTTP/1.1 200 OK CRLF  Date  Connection  Content-Type  Content-Length  further lines  CRLF
 *
 * Pure: the time is given.
 */
#ifndef ENCKE_HTTP_REPLY_H
#define ENCKE_HTTP_REPLY_H

#include "base/buf.h"
#include "base/status.h"

struct http_reply {
    unsigned     status;
    bool         keeps_alive;
    struct slice date;         /* of http_date; empty: no Date */
    struct slice content_type; /* empty: none */
    struct slice headers;      /* further lines, each ended by CRLF */
    uint64_t     content_length; /* left out where the status allows no body: 1xx, 204, 304 */
};

/* Appends the head, its empty line included. */
void http_reply(struct buf *out, const struct http_reply *r);

/* When a client that was refused for want of room may come again; seconds. */
#define HTTP_RETRY_AFTER "Retry-After: 5\r\n"

/* Appends a whole response that says why: the status and the sentence of errors.def, and Retry-After where waiting helps (429,
 * 503). It has no Date and ends the connection. */
void http_reply_refusal(struct buf *out, enum status why);

/* May a response of that status have a body? */
bool http_status_has_body(unsigned status);

/* "Not Found"; "Unknown" for a status that is not in use here. */
const char *http_reason(unsigned status);

/* "Sun, 06 Nov 1994 08:49:37 GMT" in `out`, which has room for HTTP_DATE_SIZE bytes with the NUL. */
#define HTTP_DATE_SIZE 30
void http_date(uint64_t wall_s, char out[HTTP_DATE_SIZE]);

/* Does an If-None-Match list name this entity tag (weak comparison), or is it "*"? */
bool http_etag_matches(struct slice if_none_match, struct slice etag);

#endif
