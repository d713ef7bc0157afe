/* packet: what FreeSWITCH says on its event socket, from bytes.
 *
 * A packet is a head of lines "Name: value" up to an empty line, and a body when the head has a Content-Length:
 *
 *   Content-Type: api/response \n Content-Length: 1234 \n \n <conferences>...
 *   |---------------------- head ----------------------|  |---- body ----|
 *
 * A pure codec: it can stop at any byte, and knows no socket. Bounds: ESL_HEAD_MAX, and the body limit given.
 */
#ifndef ENCKE_ESL_PACKET_H
#define ENCKE_ESL_PACKET_H

#include "base/buf.h"
#include "base/status.h"

#define ESL_HEAD_MAX 8192

enum esl_kind {
    ESL_OTHER,        /* anything that was not asked for; its body is skipped over like any other */
    ESL_AUTH_REQUEST, /* log in */
    ESL_REPLY,        /* to a command: `is_ok` */
    ESL_RESPONSE,     /* to `api ...`: `body` */
    ESL_GOODBYE,      /* it closes the connection, or does not want it (acl) */
};

/* Both slices are valid until the reader is fed again. */
struct esl_packet {
    enum esl_kind kind;
    bool          is_ok; /* Reply-Text begins with +OK */
    struct slice  reply; /* Reply-Text */
    struct slice  body;
};

struct esl_reader {
    struct buf bytes; /* owned: the head, then the body */
    size_t     body_limit;
    size_t     head_len; /* with the empty line; 0 while it is not complete */
    size_t     body_len;
    bool       is_done; /* the packet in `bytes` was given out */
};

void esl_reader_init(struct esl_reader *r, size_t body_limit);
void esl_reader_clear(struct esl_reader *r); /* frees; may be fed again, from the start */

/* Takes bytes off `in`. FEED_BAD: this is no event socket, or too long, or there is no memory; the reader is of no use
 * then. */
enum feed esl_packet_feed(struct esl_reader *r, struct slice *in, struct esl_packet *out);

#endif
