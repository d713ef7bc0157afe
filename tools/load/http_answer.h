/* http_answer: the answer to an HTTP/1.1 request, read as a client reads it. Pure, resumable at any byte.
 *
 *   head, and behind it: nothing (204, 304) | Content-Length bytes | chunks | all until the server closes
 *
 * Of a line more than HTTP_ANSWER_LINE bytes are not looked at; a head of more than 64 KB is bad. Answers 1xx are passed over.
 */
#ifndef ENCKE_LOAD_HTTP_ANSWER_H
#define ENCKE_LOAD_HTTP_ANSWER_H

#include "base/buf.h"
#include "base/status.h"

#define HTTP_ANSWER_LINE 200

struct http_answer {
    unsigned    status;      /* 0: not known yet */
    bool        keeps_alive; /* another request may follow on this connection */
    struct buf *body;        /* borrowed; NULL: it is passed over. Its limit bounds what is kept */

    unsigned    state;
    bool        is_chunked, has_length;
    uint64_t    left;       /* bytes of the body, or of the chunk */
    uint32_t    head_bytes; /* so far */
    uint16_t    line_len;
    char        line[HTTP_ANSWER_LINE];
};

void http_answer_begin(struct http_answer *a, struct buf *body);

/* Advances *in behind what belongs to the answer. FEED_BAD: this is no HTTP answer. */
enum feed http_answer_feed(struct http_answer *a, struct slice *in);

/* The server has closed the connection: FEED_DONE when that is how this answer ends, else FEED_BAD. */
enum feed http_answer_end(struct http_answer *a);

#endif
