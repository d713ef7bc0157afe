/* letters: a tiny protocol of single letters, served by one real shard, for the tests of streams. */
#ifndef ENCKE_TESTS_UNIT_IO_LETTERS_H
#define ENCKE_TESTS_UNIT_IO_LETTERS_H

#include <poll.h>

#include "unit/peer.h"

/*   e        echo the rest of this read
 *   q        finish after "bye"
 *   x        close at once
 *   f        flood: 16 MiB of it, in pieces, without waiting
 *   F        the same, then finish
 *   g        as much, each piece when the one before it has left
 *   p        pause, and resume by the timer
 *   b        become the upper-case table; the rest of the read is its own
 *   s        the rest, and all that follows, is TLS (letters_tls) */
static const struct stream_ops letters, capitals;
static struct tls_context     *letters_tls;
static atomic_uint             letters_pauses; /* so many p were taken */

static size_t on_capitals(struct stream *s, char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        at[i] = at[i] >= 'a' && at[i] <= 'z' ? (char)(at[i] - 32) : at[i];
    stream_write(s, slice_of(at, len));
    return len;
}

static void flood(struct stream *s)
{
    struct parcel *p = parcel_new(65536);
    memset(parcel_bytes(p), '.', 65536);
    for (int i = 0; i < 256; i++)
        stream_send(s, p);
    parcel_unref(p);
}

static int pieces_left; /* the shard's */

static void send_pieces(struct stream *s)
{
    struct parcel *p = parcel_new(65536);
    memset(parcel_bytes(p), '.', 65536);
    for (; pieces_left > 0 && !stream_is_blocked(s); pieces_left--)
        stream_send(s, p);
    parcel_unref(p);
}

static size_t on_letters(struct stream *s, char *at, size_t len)
{
    switch (at[0]) {
    case 'e':
        stream_write(s, slice_of(at + 1, 1));
        stream_write(s, slice_of(at + 2, len - 2));
        break;
    case 'q':
        stream_write(s, SLICE("bye"));
        stream_finish(s);
        break;
    case 'g':
        pieces_left = 256;
        send_pieces(s);
        break;
    case 'x':
        stream_close(s);
        break;
    case 'f':
        flood(s);
        break;
    case 'F':
        flood(s);
        stream_finish(s);
        break;
    case 'p':
        stream_pause(s);
        stream_wait(s, 1);
        atomic_fetch_add(&letters_pauses, 1);
        break;
    case 'b':
        stream_become(s, &capitals, NULL);
        return 1;
    case 's':
        stream_start_tls(s, letters_tls, slice_of(at + 1, len - 1));
        break;
    default:
        break;
    }
    return len;
}

static void on_open(struct stream *s)
{
    stream_become(s, &letters, NULL);
}

static void on_quiet(struct stream *s)
{
    stream_write(s, SLICE("quiet"));
    stream_resume(s);
}

static void on_gone(struct stream *s)
{
    assert_null(s->owner);
}

static const struct stream_ops letters = {
    .name = "letters", .on_open = on_open, .on_bytes = on_letters, .on_drain = send_pieces,
    .on_quiet = on_quiet, .on_gone = on_gone
};
static const struct stream_ops capitals = { .name = "capitals", .on_bytes = on_capitals, .on_gone = on_gone };

static inline void await_online(uint64_t count)
{
    struct pollfd nothing = { .fd = -1 };
    for (int i = 0; i < PEER_DEADLINE_S * 1000 && counter_sum(COUNTER_WS_ONLINE) != count; i++)
        poll(&nothing, 1, 1);
    assert_int_equal(counter_sum(COUNTER_WS_ONLINE), count);
}

static inline void await_event(uint64_t before)
{
    struct pollfd nothing = { .fd = -1 };
    for (int i = 0; i < PEER_DEADLINE_S * 1000 && counter_sum(COUNTER_WS_EVENTS) == before; i++)
        poll(&nothing, 1, 1);
}

static inline void await_pause(unsigned before)
{
    struct pollfd nothing = { .fd = -1 };
    for (int i = 0; i < PEER_DEADLINE_S * 1000 && atomic_load(&letters_pauses) == before; i++)
        poll(&nothing, 1, 1);
}

#endif
