/* upgrade_wire.c: see upgrade_wire.h. */
#include "server/upgrade_wire.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"

#define RECORD_MS 10000

static bool wait_for(int fd, short events, uint64_t until_ms)
{
    for (;;) {
        uint64_t      now_ms = clock_mono_ms();
        struct pollfd p = { .fd = fd, .events = events };
        int           n = poll(&p, 1, until_ms > now_ms ? (int)(until_ms - now_ms) : 0);
        if (n >= 0 || errno != EINTR)
            return n > 0;
    }
}

bool wire_send(int fd, struct slice bytes, uint32_t patience_ms)
{
    uint64_t until_ms = clock_mono_ms() + patience_ms;
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            bytes = slice_skip(bytes, (size_t)n);
            until_ms = clock_mono_ms() + patience_ms; /* it moves */
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return false;
        } else if (!wait_for(fd, POLLOUT, until_ms)) {
            return false;
        }
    }
    return true;
}

bool wire_say(int fd, const struct record *r, uint32_t patience_ms)
{
    struct buf b = { 0 };
    record_write(&b, r);
    bool is_sent = buf_ok(&b) && wire_send(fd, buf_slice(&b), patience_ms);
    if (b.len > 0)
        explicit_bzero(b.at, b.len); /* keys of tickets, secrets of telephones */
    buf_clear(&b);
    return is_sent;
}

/* Exactly `len` bytes more. */
static bool read_exactly(int fd, struct buf *bytes, size_t len, uint64_t until_ms)
{
    while (len > 0) {
        char   *at = buf_reserve(bytes, len);
        ssize_t n = at != NULL ? recv(fd, at, len, MSG_DONTWAIT) : -1;
        if (at == NULL || n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (n > 0) {
            bytes->len += (size_t)n;
            len -= (size_t)n;
        } else if (!wait_for(fd, POLLIN, until_ms)) {
            return false;
        }
    }
    return true;
}

enum wire_result wire_hear(int fd, struct buf *bytes, struct record *out, uint32_t wait_ms)
{
    uint32_t first = 0;
    if (!wait_for(fd, POLLIN, clock_mono_ms() + wait_ms))
        return WIRE_NOTHING_YET;
    uint64_t until_ms = clock_mono_ms() + RECORD_MS;
    buf_reset(bytes);
    if (!read_exactly(fd, bytes, sizeof first, until_ms))
        return WIRE_GONE;
    uint32_t length = record_length(bytes->at);
    if (length == 0 || !read_exactly(fd, bytes, length - sizeof first, until_ms))
        return WIRE_GONE;
    struct slice in = buf_slice(bytes);
    return record_feed(&in, out) == FEED_DONE ? WIRE_RECORD : WIRE_GONE;
}
