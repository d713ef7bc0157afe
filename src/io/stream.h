/* stream: one connected socket of one shard.
 *
 * 64 bytes in a slab. What its bytes mean is the business of `ops` and `owner`, which change together (stream_become): an
 * upgrade is a change of table.
 *
 *            accept                                101                       EOF, error, timer, stream_close
 *   listener -------> [ ops = http, owner = http_conn ] ---> [ ops = ws, owner = classic ] ---> closed ---> on_gone, freed
 *
 * Reading. The shard reads into its one scratch buffer and calls on_bytes. There is no read buffer: what an owner cannot use
 * yet it keeps itself.
 *
 * Writing. Bytes written to a stream while it handles its own event (on_bytes, or between stream_cork and stream_uncork) are
 * gathered and leave with one send at the end of it. Other writes go straight to the socket. What the socket does not take
 * waits in `out` (io/outq.h), up to the bound of its port; past it the stream is closed: a slow consumer never delays others
 * and never fills the memory.
 *
 * Closing. stream_close marks; nothing more is read or sent; on_gone is called once, at the end of the turn, and nowhere else,
 * so no owner vanishes under a caller. stream_finish closes when the queue has left, or after 10 s.
 *
 * TLS. A stream with `tls` set speaks it on the wire and plain bytes to its owner, who sees no difference: nothing comes before
 * the handshake is done, and what is written before that waits (io/tls.h).
 *
 * Identity across threads is stream_id: shard, generation, index. Never a pointer, never a descriptor.
 *
 * Thread: its shard's.
 */
#ifndef ENCKE_IO_STREAM_H
#define ENCKE_IO_STREAM_H

#include "base/address.h"
#include "base/slab.h"
#include "base/status.h"
#include "io/outq.h"
#include "io/wheel.h"

enum stream_kind { STREAM_WS, STREAM_SQL, STREAM_DIRECTORY, STREAM_ESL, STREAM_BRIDGE, STREAM_KIND_COUNT };

struct stream;
struct tls;
struct tls_context;

struct stream_ops {
    const char *name;

    /* A fresh connection was accepted: set the owner with stream_become or close it. Only for tables named by a port. Of a
     * dialled one (io/dial.h): it is connected, and its owner is there already. */
    void (*on_open)(struct stream *s);

    /* Bytes came in; they may be changed in place and are valid during the call. Returns how many were taken: all of them,
     * unless stream_become was called: the rest is then offered to the new table. Not called while paused or closing. */
    size_t (*on_bytes)(struct stream *s, char *at, size_t len);

    void (*on_drain)(struct stream *s); /* the queue has emptied; may be NULL */
    void (*on_quiet)(struct stream *s); /* the timer armed with stream_wait is due; may be NULL */

    /* The server is to stop, and is expected back in `back_ms`: say goodbye and finish as soon as what was begun is done. May be
     * NULL: the connection is finished at once. Of connections that count towards max_connections only. */
    void (*on_leave)(struct stream *s, uint32_t back_ms);

    void (*on_gone)(struct stream *s);  /* free the owner; the stream is still readable, not writable */

    /* When another process takes over (io/phase.h). */
    bool is_never_deaf;  /* it is read although clients are not: others wait for what it says */
    bool stays_as_guest; /* it is let go at the pace of shards_drain, not at once */
};

enum stream_flags {
    STREAM_CLOSED = 1 << 0,    /* in the graves list */
    STREAM_FINISHING = 1 << 1, /* closes when `out` is empty */
    STREAM_PAUSED = 1 << 2,    /* not read */
    STREAM_READY = 1 << 3,     /* in the shard's ready list: has something to read without a new event */
    STREAM_HUNG_UP = 1 << 4,   /* the peer has closed its side: read until the end */
    STREAM_WANTS_OUT = 1 << 5, /* EPOLLOUT is armed */
    STREAM_ENDED = 1 << 6,     /* the end of what the peer sends has been read: closes when `out` is empty */
    STREAM_TOLD = 1 << 7,      /* a proxy has said who the peer is */
    STREAM_DIALLING = 1 << 8,  /* not connected yet (io/dial.h) */
    STREAM_LEAVING = 1 << 9,   /* on_leave was called */
    STREAM_NEW = 1 << 10,       /* its handshake is not done (io/admission.h) */
    STREAM_ACCOUNTED = 1 << 11, /* it counts for an address (io/admission.h) */
    STREAM_LIMITED = 1 << 12,  /* its address is not exempt: what it does is metered (io/meter.h) */
};

struct stream {
    struct slab_head         head;
    const struct stream_ops *ops;
    void                    *owner;
    struct outq             *out; /* owned; NULL unless blocked */
    struct tls              *tls; /* NULL: plain */
    struct wheel_node        timer;
    int                      fd;
    uint16_t                 flags; /* enum stream_flags */
    uint8_t                  port;  /* index into the shard's ports */
    uint8_t                  kind : 4; /* enum stream_kind */
    uint8_t                  tag : 4;  /* the hub's: 1 + the dialect of the session here; 0: there is none */
    union {
        uint32_t opened_s; /* while open: when it was accepted, unix s */
        uint32_t grave;    /* once closed: next in the graves list */
    };
};

_Static_assert(sizeof(struct stream) == 64, "an idle connection costs one cache line here");

/* Gives it another meaning. */
void stream_become(struct stream *s, const struct stream_ops *ops, void *owner);

/* Shared bytes to the peer; keeps references as it needs them. False: the stream is closed (now or already). */
bool stream_send(struct stream *s, struct parcel *p);

/* Own bytes, copied where they must wait. */
bool stream_write(struct stream *s, struct slice bytes);

/* Gather what is written to `s` until stream_uncork, which sends it. Nesting on one stream is counted; while another stream
 * is corked the call changes nothing. */
void stream_cork(struct stream *s);
void stream_uncork(struct stream *s);

/* Drops the connection, now. */
void stream_close(struct stream *s);

/* Reads no more; when everything written has left, ends its direction and closes with the peer (after 2 s at most). */
void stream_finish(struct stream *s);

/* Says goodbye as its table does (on_leave), once; the server is expected back in back_ms. */
void stream_leave(struct stream *s, uint32_t back_ms);

void stream_pause(struct stream *s);
void stream_resume(struct stream *s);

/* From here on the bytes are TLS, the server's side; `early` are those of them that were read already. For protocols that
 * ask for it after a plain word (MySQL). Nothing may wait in `out`. False: the stream is closed. */
bool stream_start_tls(struct stream *s, struct tls_context *context, struct slice early);

/* One timer for each stream: calls on_quiet after `ms`. Arming again moves it. */
void stream_wait(struct stream *s, uint64_t ms);
void stream_wait_no_more(struct stream *s);

static inline bool stream_is_open(const struct stream *s)
{
    return (s->flags & (STREAM_CLOSED | STREAM_FINISHING)) == 0;
}

static inline bool stream_is_secure(const struct stream *s)
{
    return s->tls != NULL;
}

static inline bool stream_is_blocked(const struct stream *s)
{
    return s->out != NULL;
}

#define STREAM_INDEX_BITS 24 /* streams of one shard; the generation has 32 bits of the id, the shard 8 */
#define STREAM_INDEX_MASK ((1u << STREAM_INDEX_BITS) - 1)

uint64_t stream_id(const struct stream *s);

/* The living stream of this shard with that id, or NULL. */
struct stream *stream_find(uint64_t id);

static inline unsigned stream_id_shard(uint64_t id)
{
    return (unsigned)(id >> 56);
}

/* The open stream at a slab index that the caller knows to live (a seat in an audience). */
struct stream *stream_at(uint32_t index);

/* For walks over many: the stream at this index will be asked for soon. */
void stream_prefetch(uint32_t index);

/* The first living stream of this shard whose index is at least `from`, or NULL. */
struct stream *stream_next(uint32_t from);

/* Whose connection it is: the address that a proxy told (stream_tell_peer), otherwise that of the socket's peer. As text,
 * "127.0.0.1", it takes at most ADDRESS_TEXT_MAX bytes. False, or an empty text: it is gone. */
bool stream_peer_address(const struct stream *s, struct address *out);
void stream_peer(const struct stream *s, char *out, size_t size);

/* From now on it is the connection of `peer`. False: no memory, nothing has changed. */
bool stream_tell_peer(struct stream *s, const struct address *peer);

/* The proxies that the stream's port trusts, when its peer is one of them, so that what it says of its client may be believed;
 * otherwise NULL. */
const struct address_set *stream_trusts(const struct stream *s);

#endif
