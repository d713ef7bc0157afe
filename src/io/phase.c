/* phase.c: see phase.h. */
#include "io/phase.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/internal.h"

enum phase { PHASE_RUN, PHASE_SHUT, PHASE_QUIET, PHASE_HASTEN, PHASE_FROZEN, PHASE_GUEST };

#define LOOK_EVERY_US 500
#define HASTEN_PARTS  2 /* the last of so many parts of the patience */

static sem_t stopped; /* counts the shards that have frozen, or have done what they were told while frozen */

/* --- a shard ----------------------------------------------------------------------------------------------------------- */

bool phase_is_settled(const struct shard *shard)
{
    for (unsigned i = 0; i < shard->setup->part_count; i++)
        if (shard->setup->parts[i]->is_settled != NULL && !shard->setup->parts[i]->is_settled())
            return false;
    return true;
}

static void hand_over(const struct shard *shard, struct buf *out)
{
    for (unsigned i = 0; i < shard->setup->part_count; i++)
        if (shard->setup->parts[i]->on_hand_over != NULL)
            shard->setup->parts[i]->on_hand_over(out);
}

static void freeze(struct shard *shard)
{
    shard->is_settled = phase_is_settled(shard);
    for (;;) {
        sem_post(&stopped);
        while (sem_wait(&shard->go) < 0)
            ;
        if (atomic_load(&shards.phase) != PHASE_FROZEN)
            return;
        hand_over(shard, shards.dump);
    }
}

static void enter(struct shard *shard, enum phase next)
{
    listeners_shut(shard, next != PHASE_RUN);
    bool was_deaf = shard->is_deaf;
    shard->is_deaf = next == PHASE_QUIET || next == PHASE_HASTEN || next == PHASE_FROZEN;
    for (unsigned i = 0; next == PHASE_HASTEN && i < shard->setup->part_count; i++)
        if (shard->setup->parts[i]->on_hasten != NULL)
            shard->setup->parts[i]->on_hasten();
    if (next == PHASE_GUEST) {
        listeners_close(shard);
        shard_here.is_guest = true;
        streams_leave_but_guests(shard);
    }
    if (was_deaf && !shard->is_deaf)
        streams_read_again(shard);
    shard->phase = (uint8_t)next;
    atomic_store(&shard->is_quiet, false);
    atomic_store(&shard->phase_seen, (uint8_t)next);
}

void phase_turn(struct shard *shard)
{
    enum phase next;
    while ((next = atomic_load_explicit(&shards.phase, memory_order_acquire)) != shard->phase) {
        enter(shard, next);
        if (next == PHASE_FROZEN)
            freeze(shard);
    }
}

void phase_report(struct shard *shard, bool letters_left)
{
    if (shard->is_deaf)
        atomic_store(&shard->is_quiet, !letters_left && phase_is_settled(shard));
}

/* --- main -------------------------------------------------------------------------------------------------------------- */

void phase_init(bool starts_shut)
{
    static bool is_made;
    if (is_made)
        sem_destroy(&stopped);
    is_made = true;
    sem_init(&stopped, 0, 0);
    atomic_store(&shards.phase, starts_shut ? PHASE_SHUT : PHASE_RUN);
}

static void await_all(void)
{
    for (unsigned i = 0; i < shards.count; i++)
        while (sem_wait(&stopped) < 0)
            ;
}

static bool have_all(enum phase phase)
{
    for (unsigned i = 0; i < shards.count; i++)
        if (atomic_load(&shards.shards[i].phase_seen) != phase)
            return false;
    return true;
}

static bool are_all_quiet(void)
{
    for (unsigned i = 0; i < shards.count; i++)
        if (!atomic_load(&shards.shards[i].is_quiet))
            return false;
    return true;
}

static void look_again(void)
{
    const struct timespec moment = { .tv_nsec = LOOK_EVERY_US * 1000L };
    (void)nanosleep(&moment, NULL);
}

/* The turn of a shard has an end, so this needs none. */
static void turn_to(enum phase phase)
{
    bool were_frozen = atomic_load(&shards.phase) == PHASE_FROZEN;
    atomic_store(&shards.phase, phase);
    shards_wake();
    for (unsigned i = 0; were_frozen && i < shards.count; i++)
        sem_post(&shards.shards[i].go);
    if (phase == PHASE_FROZEN)
        await_all();
    while (!have_all(phase))
        look_again();
}

/* Nobody runs: what was posted and not taken is on its way, and what a part waits for is known to it. */
static bool is_all_settled(void)
{
    uint64_t posted = atomic_load(&shards.posted), taken = 0;
    bool     are_settled = true;
    for (unsigned i = 0; i < shards.count; i++) {
        posted += shards.shards[i].posted;
        taken += shards.shards[i].taken;
        are_settled &= shards.shards[i].is_settled;
    }
    return are_settled && posted == taken;
}

/* Quiet, and then frozen to see whether it is so. */
static bool settle_until(enum phase phase, uint64_t until_ms)
{
    turn_to(phase);
    for (;;) {
        while (!are_all_quiet() && clock_mono_ms() < until_ms)
            look_again();
        turn_to(PHASE_FROZEN);
        if (is_all_settled())
            return true;
        turn_to(PHASE_QUIET);
        if (clock_mono_ms() >= until_ms)
            return false;
    }
}

bool shards_freeze(uint32_t newcomers_ms, uint32_t patience_ms)
{
    uint64_t until_ms = clock_mono_ms() + newcomers_ms;
    turn_to(PHASE_SHUT);
    while (counter_sum(COUNTER_HANDSHAKES) > 0 && clock_mono_ms() < until_ms)
        look_again();
    uint64_t from_ms = clock_mono_ms();
    if (settle_until(PHASE_QUIET, from_ms + patience_ms / HASTEN_PARTS) || settle_until(PHASE_HASTEN, from_ms + patience_ms))
        return true;
    shards_open();
    return false;
}

void shards_write(unsigned shard, struct buf *out)
{
    shards.dump = out;
    sem_post(&shards.shards[shard].go);
    while (sem_wait(&stopped) < 0)
        ;
    shards.dump = NULL;
}

void shards_open(void)
{
    turn_to(PHASE_RUN);
}

void shards_become_guests(void)
{
    doors_close();
    turn_to(PHASE_GUEST);
}

/* --- a descriptor for shard 0 ------------------------------------------------------------------------------------------ */

struct adoption {
    struct letter            letter;
    const struct stream_ops *ops;
    void                    *owner;
    uint8_t                  port;
};

union control {
    struct cmsghdr head;
    char           bytes[CMSG_SPACE(sizeof(int))];
};

static int take_from_hotline(void)
{
    char          byte;
    union control control;
    struct iovec  iov = { &byte, 1 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    int           fd = -1;
    if (recvmsg(shards.hotline[1], &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
        return -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (c != NULL && c->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

static void adopt(struct letter *given)
{
    struct adoption *a = (struct adoption *)(void *)given;
    int              fd = take_from_hotline();
    if (fd < 0 || stream_taken_over(shard_own, fd, a->port, a->ops, a->owner) == NULL) {
        if (fd >= 0)
            close(fd);
        log_error("no room for the connection to the other process");
        a->ops->on_gone(NULL);
    }
    free(a);
}

static bool send_on_hotline(int fd)
{
    union control control = { 0 };
    struct iovec  iov = { (char[]){ 'd' }, 1 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    *CMSG_FIRSTHDR(&m) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd) };
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof fd);
    return sendmsg(shards.hotline[0], &m, MSG_NOSIGNAL) == 1;
}

bool shards_adopt(int given_fd, unsigned port, const struct stream_ops *ops, void *owner)
{
    struct adoption *a = malloc(sizeof *a);
    bool             is_sent = a != NULL && send_on_hotline(given_fd);
    close(given_fd);
    if (!is_sent) {
        free(a);
        return false;
    }
    *a = (struct adoption){ .letter = { .deliver = adopt }, .ops = ops, .owner = owner, .port = (uint8_t)port };
    shard_post(0, &a->letter);
    return true;
}
