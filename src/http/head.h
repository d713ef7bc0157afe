/* head: the head of an HTTP/1 request, byte by byte (RFC 9112).
 *
 * A pure parser. The owner keeps the bytes of the head in one piece and calls http_head_feed with all of them each time more
 * have come; the parser goes on where it stopped, so every byte is looked at once, wherever the reads were split. It may
 * stop inside any token. The bytes may move between calls; only offsets are kept.
 *
 *   GET /ws/sesion=&myid=&devid=0&v=4.08&uuid=u&api=js HTTP/1.1 CRLF
 *   |m| |------------------ target ------------------|
 *   Host: a CRLF                                         field[0]
 *   CRLF                                                 h->len bytes so far
 *
 * Strict where leniency lets two programs read one request differently: no bare LF or CR, no folded line, no blank before the
 * colon, no control character, one Host, one Content-Length, no Transfer-Encoding. Lenient in the target, which may hold any
 * byte but blanks and controls, because CppComet's library escapes nothing.
 *
 * Bound: `head_bytes` and `field_limit`; a head past them is FEED_BAD with 431 (414 while in its first line).
 */
#ifndef ENCKE_HTTP_HEAD_H
#define ENCKE_HTTP_HEAD_H

#include "base/slice.h"
#include "base/status.h"

#define HTTP_FIELDS_MAX 128 /* field lines there is room for */

/* Offsets into the head; see http_head_name and http_head_value. */
struct http_field {
    uint32_t name_at;
    uint32_t name_len;
    uint32_t value_at;
    uint32_t value_len;
};

struct http_head {
    /* Valid after FEED_DONE, as long as the bytes stay where they were at that call. */
    struct slice method;
    struct slice path;  /* raw; of the absolute form "http://host/path" the part from the path on */
    struct slice query; /* raw, without the '?'; empty when absent */
    uint64_t     content_length; /* 0 when absent */
    uint32_t     len;            /* bytes of the head, its empty line included */
    uint32_t     field_count;
    uint8_t      minor;          /* 0 or 1: HTTP/1.0 or 1.1 (higher ones count as 1.1) */
    bool         keeps_alive;    /* what version and Connection ask for */
    bool         expects_continue;

    /* Valid after FEED_BAD. */
    uint16_t    status;   /* 400, 414, 417, 431, 501, 505 */
    const char *sentence; /* for a person; constant */

    /* The parser's own. */
    uint8_t     state;
    uint32_t    pos;       /* bytes looked at */
    uint32_t    mark;      /* where the token began */
    uint32_t    method_at;
    uint32_t    method_len;
    uint32_t    target_at;
    uint32_t    target_len;
    uint32_t    head_bytes;
    uint32_t    field_limit;
    const char *base;      /* the bytes at the last call */
    struct http_field field[HTTP_FIELDS_MAX];
};

/* A parser for one head of at most `head_bytes` and `field_limit` field lines (at most HTTP_FIELDS_MAX). */
void http_head_init(struct http_head *h, uint32_t head_bytes, uint32_t field_limit);

/* `so_far` begins with the first byte of the head and may go on behind it (body, next request). After FEED_DONE a call with
 * bytes that have moved makes the slices point to their new place. */
enum feed http_head_feed(struct http_head *h, struct slice so_far);

/* Is there a byte of a head yet? Empty lines before a request are none. */
bool http_head_has_begun(const struct http_head *h);

/* Copies the state without the unused part of the table. */
void http_head_copy(struct http_head *to, const struct http_head *from);

/* The value of the first field of that name (without case), or an empty slice with at == NULL. */
struct slice http_head_get(const struct http_head *h, const char *name);

/* How many fields have that name. */
unsigned http_head_count(const struct http_head *h, const char *name);

/* Is `token` (without case) in the comma-separated lists of all fields of that name? */
bool http_head_lists(const struct http_head *h, const char *name, const char *token);

/* Field i < field_count. */
struct slice http_head_name(const struct http_head *h, uint32_t i);
struct slice http_head_value(const struct http_head *h, uint32_t i);

/* The next element of a comma-separated list, trimmed; empty elements are left out. False: there is none. */
bool http_list_next(struct slice *rest, struct slice *out_element);

#endif
