#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/counter.h"

enum { SMALLEST_CAP = 64 };

/* Doubles, so that n appends copy O(n) bytes; never past the limit, so that a bounded buf does not take twice its bound. */
static size_t next_cap(const struct buf *b, size_t needed)
{
    size_t cap = b->cap > SIZE_MAX / 2 ? needed : b->cap * 2;
    if (cap < SMALLEST_CAP)
        cap = SMALLEST_CAP;
    if (cap < needed)
        cap = needed;
    if (b->limit > 0 && cap > b->limit)
        cap = b->limit > needed ? b->limit : needed;
    return cap;
}

static bool grow(struct buf *b, size_t needed)
{
    size_t cap = next_cap(b, needed);
    char  *at = realloc(b->at, cap);
    if (at == NULL)
        return false;
    counter_held(COUNTER_MEMORY_BUFFERS, cap - b->cap);
    b->at = at;
    b->cap = cap;
    return true;
}

char *buf_reserve(struct buf *b, size_t len)
{
    if (b->failed)
        return NULL;
    bool fits = len <= SIZE_MAX - b->len && (b->limit == 0 || b->len + len <= b->limit);
    /* Something is always allocated, so that NULL means failure also for len 0. */
    if (fits && (b->at == NULL || len > b->cap - b->len))
        fits = grow(b, b->len + len);
    if (!fits) {
        b->failed = true;
        return NULL;
    }
    return b->at + b->len;
}

void buf_append(struct buf *b, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    char *to = buf_reserve(b, len);
    if (to == NULL)
        return;
    memcpy(to, bytes, len);
    b->len += len;
}

void buf_slice_append(struct buf *b, struct slice s)
{
    buf_append(b, s.at, s.len);
}

void buf_text(struct buf *b, const char *text)
{
    buf_append(b, text, strlen(text));
}

void buf_byte(struct buf *b, unsigned char byte)
{
    buf_append(b, &byte, 1);
}

void buf_u64(struct buf *b, uint64_t value)
{
    char  digits[20];
    char *first = digits + sizeof digits;
    do {
        *--first = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buf_append(b, first, (size_t)(digits + sizeof digits - first));
}

void buf_i64(struct buf *b, int64_t value)
{
    uint64_t size = (uint64_t)value;
    if (value < 0) {
        buf_byte(b, '-');
        size = 0 - size; /* defined for INT64_MIN too */
    }
    buf_u64(b, size);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    char    near[256];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(near, sizeof near, format, arguments);
    va_end(arguments);
    if (len < 0) {
        b->failed = true;
        return;
    }
    if ((size_t)len < sizeof near) {
        buf_append(b, near, (size_t)len);
        return;
    }
    /* vsnprintf ends with a NUL that the buf does not count: made in memory of its own, so that the limit stays exact. */
    char *far = malloc((size_t)len + 1);
    if (far == NULL) {
        b->failed = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf(far, (size_t)len + 1, format, arguments);
    va_end(arguments);
    buf_append(b, far, (size_t)len);
    free(far);
}

void buf_drop_front(struct buf *b, size_t len)
{
    if (len >= b->len) {
        b->len = 0;
        return;
    }
    if (len == 0)
        return;
    memmove(b->at, b->at + len, b->len - len);
    b->len -= len;
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

void buf_recycle(struct buf *b, size_t keep)
{
    if (b->cap > keep)
        buf_clear(b);
    buf_reset(b);
}

void buf_clear(struct buf *b)
{
    counter_freed(COUNTER_MEMORY_BUFFERS, b->cap);
    free(b->at);
    *b = (struct buf){ .limit = b->limit };
}

char *buf_take(struct buf *b, size_t *out_len)
{
    char *at = b->at;
    *out_len = b->len;
    counter_freed(COUNTER_MEMORY_BUFFERS, b->cap); /* it is no buffer any more */
    *b = (struct buf){ .limit = b->limit };
    return at;
}
