/* buf: bytes that grow.
 *
 * One owner. Appending never fails at the call: after an allocation failure (or when `limit` would be passed) the buffer is
 * marked `failed`, keeps what it had and ignores what follows, so that an encoder of twenty appends checks once, at the
 * end, with buf_ok().
 *
 *   struct buf b = { 0 };            a zeroed buf is an empty one without a limit
 *   buf_text(&b, "{\"id\":");
 *   buf_u64(&b, id);
 *   if (!buf_ok(&b)) ...
 *   buf_clear(&b);                   frees; the buf may be used again
 */
#ifndef ENCKE_BASE_BUF_H
#define ENCKE_BASE_BUF_H

#include "base/slice.h"

struct buf {
    char  *at;     /* owned; NULL while empty */
    size_t len;
    size_t cap;
    size_t limit;  /* most bytes it may hold; 0 = no bound but memory */
    bool   failed;
};

static inline bool buf_ok(const struct buf *b)
{
    return !b->failed;
}

static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){ b->at, b->len };
}

void buf_append(struct buf *b, const void *bytes, size_t len);
void buf_slice_append(struct buf *b, struct slice s);
void buf_text(struct buf *b, const char *text);
void buf_byte(struct buf *b, unsigned char byte);
void buf_u64(struct buf *b, uint64_t value); /* decimal */
void buf_i64(struct buf *b, int64_t value);  /* decimal */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for `len` more bytes at b->at + b->len, or NULL (and `failed`). The caller fills them and adds to b->len. */
char *buf_reserve(struct buf *b, size_t len);

/* Drops the first `len` bytes (at most all). */
void buf_drop_front(struct buf *b, size_t len);

/* Empties it and keeps the memory. Also forgets `failed`. */
void buf_reset(struct buf *b);

/* The same for a scratch buffer that lives long: memory past `keep` bytes is given back. */
void buf_recycle(struct buf *b, size_t keep);

/* Frees the memory; `limit` stays. */
void buf_clear(struct buf *b);

/* Gives the memory away: returns b->at (to be freed by the caller with free) and leaves an empty buffer. */
char *buf_take(struct buf *b, size_t *out_len);

#endif
