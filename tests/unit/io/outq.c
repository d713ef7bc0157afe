#include "io/outq.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/counter.h"
#include "unit/test.h"

static struct parcel *parcel_of(const char *text)
{
    struct parcel *p = parcel_new(strlen(text));
    memcpy(parcel_bytes(p), text, strlen(text));
    return p;
}

TEST(parcels_leave_in_order_and_give_their_references_back)
{
    UNUSED_STATE;
    int  pair[2];
    char got[32];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct outq   *q = outq_new(100);
    struct parcel *a = parcel_of("alpha"), *b = parcel_of("beta");
    assert_int_equal(outq_push(q, a, 2), OK);
    assert_int_equal(outq_push(q, b, 0), OK);
    assert_int_equal(outq_push(q, a, 0), OK);
    assert_int_equal(a->refs, 3);
    assert_int_equal(q->waiting_bytes, 3 + 4 + 5);
    assert_int_equal(outq_flush(q, pair[0], NULL), OUTQ_EMPTY);
    assert_int_equal(q->waiting_bytes, 0);
    assert_int_equal(a->refs, 1);
    assert_int_equal(recv(pair[1], got, sizeof got, 0), 12);
    assert_memory_equal(got, "phabetaalpha", 12);
    outq_free(q);
    parcel_unref(a);
    parcel_unref(b);
    close(pair[0]);
    close(pair[1]);
}

TEST(past_the_bound_a_push_changes_nothing)
{
    UNUSED_STATE;
    struct outq   *q = outq_new(10);
    struct parcel *six = parcel_of("sixsix"), *four = parcel_of("four");
    assert_int_equal(outq_push(q, six, 0), OK);
    assert_int_equal(outq_push(q, six, 0), E_FULL);
    assert_int_equal(six->refs, 2);
    assert_int_equal(q->waiting_bytes, 6);
    assert_int_equal(outq_push(q, four, 0), OK);
    assert_int_equal(outq_push_copy(q, SLICE("x")), E_FULL);
    outq_free(q);
    assert_int_equal(six->refs, 1);
    parcel_unref(six);
    parcel_unref(four);
}

TEST(one_parcel_larger_than_the_bound_may_wait_alone)
{
    UNUSED_STATE;
    struct outq   *q = outq_new(3);
    struct parcel *p = parcel_of("longer");
    assert_int_equal(outq_push(q, p, 0), OK);
    assert_int_equal(outq_push(q, p, 0), E_FULL);
    outq_free(q);
    parcel_unref(p);
}

TEST(a_blocked_socket_keeps_its_place_in_the_parcel)
{
    UNUSED_STATE;
    enum { LEN = 1 << 20 };
    int           pair[2];
    static char   got[65536];
    size_t        total = 0;
    uint64_t      before = counter_sum(COUNTER_QUEUED_BYTES);
    struct outq  *q = outq_new(1 << 24);
    struct parcel *p = parcel_new(LEN);
    for (size_t i = 0; i < LEN; i++)
        parcel_bytes(p)[i] = (char)(i * 31 % 251);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(outq_push(q, p, 0), OK);
    assert_int_equal(outq_push(q, p, 0), OK);
    while (total < 2 * LEN) {
        enum outq_flush f = outq_flush(q, pair[0], NULL);
        assert_true(f == OUTQ_BLOCKED || (f == OUTQ_EMPTY && q->oldest == NULL));
        ssize_t n = recv(pair[1], got, sizeof got, 0);
        assert_true(n > 0);
        for (ssize_t i = 0; i < n; i++, total++)
            assert_int_equal(got[i], (char)(total % LEN * 31 % 251));
    }
    assert_int_equal(counter_sum(COUNTER_QUEUED_BYTES), before);
    close(pair[1]);
    assert_int_equal(outq_push(q, p, 0), OK);
    assert_int_equal(outq_flush(q, pair[0], NULL), OUTQ_BROKEN);
    outq_free(q);
    parcel_unref(p);
    close(pair[0]);
}

static void release(void *owner)
{
    ++*(int *)owner;
}

TEST(a_parcel_around_foreign_bytes_says_when_it_is_done)
{
    UNUSED_STATE;
    int            released = 0;
    struct parcel *p = parcel_around(SLICE("abc"), release, &released);
    parcel_ref(p);
    parcel_unref(p);
    assert_int_equal(released, 0);
    parcel_unref(p);
    assert_int_equal(released, 1);
    parcel_unref(NULL);
}

static struct parcel *droppable(const char *text)
{
    struct parcel *p = parcel_of(text);
    p->may_drop = 1;
    return p;
}

/* Sends all of it and compares. */
static void leaves(struct outq *q, const char *wanted)
{
    int  pair[2];
    char got[64];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(outq_flush(q, pair[0], NULL), OUTQ_EMPTY);
    assert_int_equal(recv(pair[1], got, sizeof got, 0), (ssize_t)strlen(wanted));
    assert_memory_equal(got, wanted, strlen(wanted));
    close(pair[0]);
    close(pair[1]);
}

TEST(what_may_be_dropped_makes_room_the_oldest_first)
{
    UNUSED_STATE;
    uint64_t       dropped = counter_sum(COUNTER_DROPPED);
    struct outq   *q = outq_new(10);
    struct parcel *keep = parcel_of("kk"), *a = droppable("aaa"), *b = droppable("bbb"), *c = droppable("ccc");
    assert_int_equal(outq_push(q, keep, 0), OK);
    assert_int_equal(outq_push(q, a, 0), OK);
    assert_int_equal(outq_push(q, b, 0), OK);
    assert_int_equal(outq_push(q, c, 0), OK); /* 11 bytes: a goes */
    assert_int_equal(a->refs, 1);
    assert_int_equal(q->waiting_bytes, 8);
    assert_int_equal(outq_push(q, keep, 0), OK);
    assert_int_equal(outq_push(q, keep, 0), OK); /* b goes */
    assert_int_equal(outq_push(q, keep, 0), OK); /* fits */
    assert_int_equal(outq_push(q, keep, 0), OK); /* c goes */
    assert_int_equal(c->refs, 1);
    assert_int_equal(outq_push(q, keep, 0), E_FULL);
    assert_int_equal(outq_push(q, a, 0), OK); /* dropped itself */
    assert_int_equal(a->refs, 1);
    assert_int_equal(counter_sum(COUNTER_DROPPED), dropped + 4);
    assert_int_equal(counter_sum(COUNTER_QUEUED_BYTES), 10);
    leaves(q, "kkkkkkkkkk");
    assert_int_equal(counter_sum(COUNTER_QUEUED_BYTES), 0);
    outq_free(q);
    parcel_unref(keep);
    parcel_unref(a);
    parcel_unref(b);
    parcel_unref(c);
}

TEST(what_has_begun_to_leave_goes_on)
{
    UNUSED_STATE;
    struct outq   *q = outq_new(8);
    struct parcel *a = droppable("aaaa"), *b = droppable("bbbb"), *c = droppable("cccc");
    assert_int_equal(outq_push(q, a, 1), OK);
    assert_int_equal(outq_push(q, b, 0), OK);
    assert_int_equal(outq_push(q, c, 0), OK); /* b goes, it is the last in the queue */
    assert_int_equal(outq_push(q, a, 0), OK);
    leaves(q, "aaaaaaa");
    outq_free(q);
    parcel_unref(a);
    parcel_unref(b);
    parcel_unref(c);
}

TESTS(RUN(parcels_leave_in_order_and_give_their_references_back), RUN(past_the_bound_a_push_changes_nothing),
      RUN(one_parcel_larger_than_the_bound_may_wait_alone), RUN(a_blocked_socket_keeps_its_place_in_the_parcel),
      RUN(a_parcel_around_foreign_bytes_says_when_it_is_done),
      RUN(what_may_be_dropped_makes_room_the_oldest_first), RUN(what_has_begun_to_leave_goes_on))
