/* frame: one frame of RFC 6455 section 5, as bytes. Pure; owns nothing.
 *
 *    byte 0            byte 1            then                      then
 *   +-+-+-+-+-------+ +-+-------------+ +----------------------+ +----------+ +---------
 *   |F|0|0|0| opcode| |M| 7-bit length| | 0, 2 or 8 bytes more | | 4 of mask| | payload
 *   +-+-+-+-+-------+ +-+-------------+ +----------------------+ +----------+ +---------
 *
 * Reading is the server's side: every frame must be masked. A head is at most 14 bytes, so the parser keeps no state: give it
 * the bytes again when there are more. It refuses as soon as a byte rules a valid frame out.
 */
#ifndef ENCKE_WS_FRAME_H
#define ENCKE_WS_FRAME_H

#include "base/buf.h"
#include "base/status.h"

#define WS_HEAD_MAX    14  /* of a client's frame */
#define WS_MADE_MAX    10  /* head of a server's frame */
#define WS_CONTROL_MAX 125 /* payload of a control frame */

enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
};

static inline bool ws_opcode_is_control(unsigned opcode)
{
    return opcode >= WS_CLOSE;
}

struct ws_frame {
    uint8_t       opcode;   /* enum ws_opcode */
    bool          is_final;
    bool          is_packed; /* RSV1: begins a compressed message (RFC 7692) */
    uint8_t       head_len; /* bytes */
    unsigned char mask[4];
    uint64_t      len;      /* bytes of payload */
};

/* What comes before a frame decides what it may be. */
enum ws_frame_context {
    WS_IN_MESSAGE = 1 << 0,  /* a fragmented message has begun: a data frame must continue it */
    WS_HAS_DEFLATE = 1 << 1, /* compression was agreed: the first frame of a message may have RSV1 */
};

/* Parses the head of a client's frame; `context`: enum ws_frame_context. FEED_BAD: out_reason, when not NULL, gets a constant
 * sentence; the close code is 1002. */
enum feed ws_frame_feed(struct slice in, unsigned context, struct ws_frame *out, const char **out_reason);

/* (Un)masks in place. `from`: how many bytes of the payload came before `at`. */
void ws_mask(char *at, size_t len, const unsigned char mask[4], uint64_t from);

/* The head of a whole, unmasked server frame with `len` bytes of payload. Returns its length. */
size_t ws_frame_make_head(unsigned char out[WS_MADE_MAX], enum ws_opcode opcode, uint64_t len);

/* How long the head of a whole server frame is. */
size_t ws_frame_head_len(struct slice frame);

/* Appends a whole, unmasked server frame. */
void ws_frame_make(struct buf *out, enum ws_opcode opcode, struct slice payload);

/* Appends a client's frame: masked, final or not. For clients and tests. */
void ws_frame_make_masked(struct buf *out, enum ws_opcode opcode, bool is_final, struct slice payload,
                          const unsigned char mask[4]);

/* May a Close frame carry this code (RFC 6455 section 7.4 and the registry of IANA)? */
bool ws_close_code_is_valid(unsigned code);

#endif
