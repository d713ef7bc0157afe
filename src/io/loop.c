/* loop.c: one turn of a shard; the prose is in loop.h. */
#include "io/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/internal.h"

#define LONGEST_WAIT_MS  1000
#define STOPPING_WAIT_MS  10
#define STOPPING_QUIET_MS 30

static void clock_tick(void)
{
    shard_here.now_ms = clock_mono_ms();
    shard_here.wall_ms = clock_wall_ms();
}

/* True: letters are left. */
static bool inbox_drain(struct shard *shard)
{
    struct letter *l;
    for (int i = 0; i < LOOP_LETTERS; i++) {
        if ((l = inbox_take(&shard->inbox)) == NULL)
            return false;
        counter_freed(COUNTER_INBOX_LETTERS, 1);
        shard->taken++;
        l->deliver(l);
    }
    return true;
}

/* How many ms the parts can wait for their next turn. */
static uint32_t parts_turn(const struct shard *shard)
{
    uint32_t wait_ms = SHARD_ANY_TIME;
    for (unsigned i = 0; i < shard->setup->part_count; i++) {
        if (shard->setup->parts[i]->on_turn == NULL)
            continue;
        uint32_t ms = shard->setup->parts[i]->on_turn();
        wait_ms = ms < wait_ms ? ms : wait_ms;
    }
    return wait_ms;
}

static int wait_for_events(struct shard *shard, uint32_t most_ms, struct epoll_event *events)
{
    int  wait_ms = 0;
    bool sleeps = most_ms > 0 && shard->ready_count == 0 && shard->newcomers.door_count == 0 && inbox_sleep(&shard->inbox);
    if (sleeps)
        wait_ms = (int)wheel_wait_ms(&shard->wheel, shard_here.now_ms, most_ms);
    int n = epoll_wait(shard->epoll_fd, events, LOOP_EVENTS, wait_ms);
    if (sleeps)
        inbox_awake(&shard->inbox);
    return n;
}

static void handle(struct shard *shard, const struct epoll_event *e)
{
    uint64_t mark = e->data.u64;
    if (mark & WAKE_MARK) {
        uint64_t count;
        (void)!read(shard->wake_fd, &count, sizeof count);
        counter_add(COUNTER_WAKEUPS, 1);
    } else if (mark & LISTENER_MARK) {
        if (!shard->listeners_closed && !shard->is_shut)
            listener_accept(shard, &shard->listeners[mark & 0xffff]);
    } else {
        stream_on_events(shard, mark, e->events);
    }
}

/* Draining: the listeners go at once, the clients at their pace. True: some are still to go. */
static bool drain_turn(struct shard *shard)
{
    uint32_t per_s = atomic_load_explicit(&shards.drain_per_s, memory_order_acquire);
    if (per_s == 0)
        return false;
    if (shard->drain_from_ms == 0) {
        listeners_close(shard);
        shard->drain_from_ms = shard_here.now_ms;
    }
    uint64_t back_at = atomic_load_explicit(&shards.back_at_ms, memory_order_relaxed);
    uint64_t back_ms = back_at > shard_here.now_ms ? back_at - shard_here.now_ms : 0;
    uint64_t due = (shard_here.now_ms - shard->drain_from_ms) * per_s / 1000 / shards.count + 1;
    if (due > shard->drained)
        streams_leave(shard, due - shard->drained, (uint32_t)back_ms);
    return true;
}

/* Stopping: the listeners go at once, the connections when everything that was accepted is delivered and has left, or when the
 * grace is over. "Everything" is known only of this shard, so it stays quiet for a moment in which others may still post. */
static bool is_stopped(struct shard *shard, bool is_busy)
{
    int grace_ms = atomic_load_explicit(&shards.stop_grace_ms, memory_order_acquire);
    if (grace_ms < 0)
        return false;
    if (shard->stop_by_ms == 0) {
        listeners_close(shard);
        shard->stop_by_ms = shard_here.now_ms + (uint64_t)grace_ms + 1;
        shard->quiet_since_ms = shard_here.now_ms;
    }
    if (is_busy || shard->blocked > 0)
        shard->quiet_since_ms = shard_here.now_ms;
    return shard_here.now_ms >= shard->stop_by_ms || shard_here.now_ms - shard->quiet_since_ms >= STOPPING_QUIET_MS;
}

void loop_run(struct shard *shard)
{
    struct epoll_event events[LOOP_EVENTS];
    bool               is_busy;
    do {
        phase_turn(shard);
        clock_tick();
        bool     letters_left = inbox_drain(shard);
        bool     is_draining = drain_turn(shard);
        uint32_t most_ms = parts_turn(shard);
        is_busy = letters_left || most_ms == 0 || (shard->stop_by_ms > 0 && !phase_is_settled(shard));
        if (most_ms > LONGEST_WAIT_MS)
            most_ms = shard->stop_by_ms > 0 || is_draining || shard->is_deaf ? STOPPING_WAIT_MS : LONGEST_WAIT_MS;
        wheel_turn(&shard->wheel, shard_here.now_ms, stream_on_due, LOOP_TIMERS);
        listeners_resume(shard);
        bool must_hurry = letters_left || shard->graves != SLAB_NONE;
        int  n = wait_for_events(shard, must_hurry ? 0 : most_ms, events);
        clock_tick();
        for (int i = 0; i < n; i++)
            handle(shard, &events[i]);
        stream_read_ready(shard);
        newcomers_turn(shard);
        graves_run(shard, LOOP_GRAVES);
        shard_rest(shard);
        phase_report(shard, letters_left);
        counter_add(COUNTER_TURNS, 1);
        counter_add(COUNTER_EVENTS, n > 0 ? (uint64_t)n : 0);
    } while (!is_stopped(shard, is_busy));
}
