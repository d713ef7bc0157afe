/* A shard stands aside, and comes back or stays a guest; spoken to over real sockets. */
#include "io/phase.h"

#include <poll.h>
#include <stdatomic.h>

#include "unit/io/letters.h"

static atomic_int is_busy; /* the part has something under way */
static atomic_int hastened;

static bool part_is_settled(void)
{
    return !atomic_load(&is_busy);
}

static void part_on_hasten(void)
{
    atomic_fetch_add(&hastened, 1);
    if (atomic_load(&is_busy) == 1) /* 2: nothing helps */
        atomic_store(&is_busy, 0);
}

static void part_on_hand_over(struct buf *out)
{
    buf_text(out, "what it knows");
}

static const struct shard_part part = {
    .name = "test", .is_settled = part_is_settled, .on_hasten = part_on_hasten, .on_hand_over = part_on_hand_over
};

/* A fence would be an answer: this is the absence of one. */
static bool is_silent(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, 50) == 0;
}

TEST(what_is_said_while_it_is_frozen_is_heard_when_it_opens)
{
    UNUSED_STATE;
    struct peer p = peer_start(&letters, &part, 1 << 20);
    int         fd = peer_connect(&p);
    peer_send(fd, SLICE("ebefore"));
    peer_expect(fd, "before");
    assert_true(shards_freeze(100, 1000));
    int late = peer_connect(&p); /* in the backlog */
    peer_send(fd, SLICE("eafter"));
    peer_send(late, SLICE("elate"));
    assert_true(is_silent(fd) && is_silent(late));
    shards_open();
    peer_expect(fd, "after");
    peer_expect(late, "late");
    close(fd);
    close(late);
    await_online(0);
    peer_stop(&p);
}

TEST(a_frozen_shard_hands_over_what_its_parts_know)
{
    UNUSED_STATE;
    struct peer p = peer_start(&letters, &part, 1 << 20);
    struct buf  b = { 0 };
    assert_true(shards_freeze(0, 1000));
    shards_write(0, &b);
    shards_write(0, &b);
    assert_slice(buf_slice(&b), "what it knowswhat it knows");
    buf_clear(&b);
    shards_open();
    peer_stop(&p);
}

TEST(what_takes_too_long_is_hastened)
{
    UNUSED_STATE;
    struct peer p = peer_start(&letters, &part, 1 << 20);
    atomic_store(&is_busy, 1);
    atomic_store(&hastened, 0);
    assert_true(shards_freeze(0, 100));
    assert_int_equal(atomic_load(&hastened), 1);
    shards_open();
    peer_stop(&p);
}

TEST(what_never_ends_keeps_it_as_it_was)
{
    UNUSED_STATE;
    struct peer p = peer_start(&letters, &part, 1 << 20);
    int         fd = peer_connect(&p);
    atomic_store(&is_busy, 2);
    assert_false(shards_freeze(0, 100));
    peer_send(fd, SLICE("eas ever"));
    peer_expect(fd, "as ever");
    atomic_store(&is_busy, 0);
    close(fd);
    await_online(0);
    peer_stop(&p);
}

TEST(a_guest_lets_go_of_its_port_and_of_those_who_may_not_stay)
{
    UNUSED_STATE;
    struct peer p = peer_start(&letters, &part, 1 << 20);
    int         fd = peer_connect(&p), doors[4];
    peer_send(fd, SLICE("ehere"));
    peer_expect(fd, "here");
    assert_int_equal(shards_doors(0, doors, 4), 1);
    assert_true(shards_freeze(0, 1000));
    shards_become_guests();
    assert_true(peer_is_ended(fd));
    assert_int_equal(shards_doors(0, doors, 4), 0);
    struct port again = *p.port;
    struct error e;
    assert_int_equal(port_reserve(&again, &e), OK); /* nobody listens there any more */
    port_release(&again);
    close(fd);
    await_online(0);
    peer_stop(&p);
}

TEST(a_listening_socket_is_taken_over_with_its_backlog)
{
    UNUSED_STATE;
    struct peer  first = peer_start(&letters, &part, 1 << 20);
    int          door, fd, kept;
    struct error e;
    assert_true(shards_freeze(0, 1000));
    assert_int_equal(shards_doors(0, &door, 1), 1);
    kept = dup(door);
    fd = peer_connect(&first);
    peer_send(fd, SLICE("ewaits"));
    assert_true(port_fits(first.port, kept));
    uint16_t number = first.port->port;
    shards_become_guests();
    peer_stop(&first);

    struct peer second = peer_prepare(&letters, &part, 1 << 20);
    second.port->port = number;
    second.port->inherited = &kept;
    second.port->inherited_count = 1;
    second.setup->starts_shut = true;
    if (port_reserve(second.port, &e) != OK || shards_start(second.setup, &e) != OK)
        fail_msg("%s", e.text);
    assert_int_equal(second.port->port, number);
    assert_true(is_silent(fd));
    shards_open();
    peer_expect(fd, "waits");
    shutdown(fd, SHUT_RDWR); /* the shard's table has a copy of it, from before it split */
    close(fd);
    await_online(0);
    peer_stop(&second);
}

TESTS(RUN(what_is_said_while_it_is_frozen_is_heard_when_it_opens), RUN(a_frozen_shard_hands_over_what_its_parts_know),
      RUN(what_takes_too_long_is_hastened), RUN(what_never_ends_keeps_it_as_it_was),
      RUN(a_guest_lets_go_of_its_port_and_of_those_who_may_not_stay), RUN(a_listening_socket_is_taken_over_with_its_backlog))
