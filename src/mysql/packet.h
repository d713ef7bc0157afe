/* packet: the framing of the MySQL client/server protocol.
 *
 *   [ length, 3 bytes, little-endian | sequence, 1 byte | body, `length` bytes ]
 *
 * Reading is resumable and stops at any byte. A body that lies whole in the bytes fed is handed out in place, without a
 * copy; one that is split is gathered in `partial`, which grows with what really came, not with what the length
 * promises.
 *
 * Writing appends to a buf: packet_begin, the body, packet_end. A body of 16 MiB - 1 bytes or more leaves as several
 * packets, as the protocol wants. On the way in such bodies are over every bound and refused.
 */
#ifndef ENCKE_MYSQL_PACKET_H
#define ENCKE_MYSQL_PACKET_H

#include "base/buf.h"
#include "base/status.h"

#define MYSQL_HEAD_BYTES 4u
#define MYSQL_BODY_MAX 0xFFFFFFu

struct mysql_packet {
    struct slice body;
    uint8_t      sequence;
    bool         is_partial; /* the body lies in the reader's `partial`, not in what was fed */
};

struct mysql_reader {
    uint32_t      max_body; /* bytes; longer ones are refused before they are read */
    uint8_t       head_len; /* bytes of `head` that are there; 4: the body is being read */
    unsigned char head[MYSQL_HEAD_BYTES];
    struct buf    partial; /* owned; empty between packets */
};

void mysql_reader_init(struct mysql_reader *r, uint32_t max_body);
void mysql_reader_bound(struct mysql_reader *r, uint32_t max_body); /* from the next packet on */
void mysql_reader_clear(struct mysql_reader *r);

/* Takes bytes off the front of `in`.
 * FEED_DONE: *out is one whole packet; its body is valid until the next call (or as long as the bytes fed, see
 * is_partial). FEED_MORE: everything was taken. FEED_BAD:  E_PACKET_TOO_LARGE or E_NO_MEMORY in *out_why; out->sequence
 * is set; the reader is of no more use. */
enum feed mysql_packet_feed(struct mysql_reader *r, struct slice *in, struct mysql_packet *out, enum status *out_why);

/* Takes the body of a split packet away from the reader: the caller owns the buffer. */
struct buf mysql_reader_take(struct mysql_reader *r);

/* Begins a packet at the end of `out`; returns where, for mysql_packet_end. */
size_t mysql_packet_begin(struct buf *out);

/* Writes length and sequence number, and counts *sequence on. */
void mysql_packet_end(struct buf *out, size_t begin, uint8_t *sequence);

/* Length-encoded integer and text. */
void mysql_put_number(struct buf *out, uint64_t number);
void mysql_put_text(struct buf *out, struct slice text);

#endif
