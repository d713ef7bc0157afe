/* admission: who may come in, and how fast.
 *
 *   accept -> connections in all -> pressed by newcomers? -> rate in all -> the address: rate, connections -> adopted
 *               REFUSE_FULL          REFUSE_BUSY              REFUSE_RATE    REFUSE_ADDRESS_RATE, REFUSE_ADDRESS
 *
 * Whoever is refused is told so in one constant text (struct port, `refusals`) before a byte of his was looked at: no TLS, no
 * object, no timer.
 *
 * Addresses. Each address has an account of 8 bytes in one table of the process: how many connections it has, and when the next
 * may come (the generic cell rate algorithm: one number instead of a bucket). An IPv6 address stands for its /64, which one
 * customer has. The account is found by a seeded hash and changed by compare-and-swap, so the figures are exact for each account
 * whichever shards its connections are in; two addresses may have the same account by chance, one in ACCOUNTS for a given
 * pair (docs/decisions/028). Addresses of `exempt` have none.
 *
 *   word of an account   | connections 24 | next at 40, in 4 us |
 *
 * A connection that came from a trusted proxy has no account until the proxy says whose it is (stream_tell_peer, stream_admit).
 * Which account a connection counts in stands beside the stream, 4 bytes, in a table whose pages are there only once they are
 * used.
 *
 * Newcomers. From accept until its handshake is done (stream_settle: upgraded, answered or logged in) a connection is a
 * newcomer. What newcomers send is looked at after everything else in a turn, for at most `turn_us`, so that those who are in
 * notice little of a storm; while one of them has waited longer than `patience_ms` for that, further ones are refused. A
 * shard has at most `handshakes` of them: past it the one that has been silent longest gives way, as if its time were over, so
 * that ten thousand who never say a word keep nobody out.
 *
 * Thread: any shard's, its own streams.
 */
#ifndef ENCKE_IO_ADMISSION_H
#define ENCKE_IO_ADMISSION_H

#include "base/address.h"
#include "base/status.h"

struct stream;

/* Why a connection is not taken. */
enum refusal {
    REFUSE_FULL,         /* the port has max_connections */
    REFUSE_BUSY,         /* newcomers wait too long already */
    REFUSE_RATE,         /* too many in this second, in all */
    REFUSE_ADDRESS,      /* the address has as many as it may */
    REFUSE_ADDRESS_RATE, /* they come too fast from the address */
    REFUSAL_COUNT
};

/* 0 is no bound, everywhere. */
struct admission {
    uint32_t                  rate;                /* connections a second, all addresses and guarded ports */
    uint32_t                  address_connections; /* of one address, on all guarded ports */
    uint32_t                  address_rate;        /* new ones of one address, a second; ADMISSION_BURST_S seconds' worth at once */
    uint32_t                  handshakes;          /* newcomers of one shard */
    uint32_t                  patience_ms;         /* how long the first newcomer may have waited while more are taken */
    uint32_t                  turn_us;             /* for newcomers, in one turn */
    const struct address_set *exempt;              /* borrowed; NULL: nobody. Not from `handshakes` and what bounds all */
};

#define ADMISSION_BURST_S 10

/* What it means for a person and for each protocol. */
enum status refusal_status(enum refusal why);

/* Counts a refusal, and logs it with the setting to change. */
void refusal_note(enum refusal why, const char *port, const struct address *from);

/* The connection counts for its peer's address from now on, and for no other: called when a proxy has told whose it is. False: it
 * may not come in, for `*out_why`; that has been counted and logged. */
bool stream_admit(struct stream *s, enum refusal *out_why);

/* Its handshake is done. May be called again. */
void stream_settle(struct stream *s);

#endif
