/* shard.c: see shard.h. */
#include "io/shard.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/aead.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/internal.h"

#define TABLE_RESERVED 64 /* descriptors of a table that are not connections: standard streams, eventfds, files */

_Thread_local struct shard_here shard_here;
_Thread_local struct shard     *shard_own;
struct shards                   shards = { .stop_grace_ms = -1 };

static sem_t started; /* counts the shards that have started or failed */

void shard_post(unsigned to, struct letter *given)
{
    struct shard *s = &shards.shards[to];
    counter_held(COUNTER_INBOX_LETTERS, 1);
    if (shard_own != NULL)
        shard_own->posted++;
    else
        atomic_fetch_add_explicit(&shards.posted, 1, memory_order_relaxed);
    if (inbox_post(&s->inbox, given)) {
        uint64_t one = 1;
        (void)!write(s->wake_fd, &one, sizeof one);
    }
}

/* Of pages of their own, so that these can be given back: shard_rest. */
static bool buffers_make(struct shard *shard)
{
    void *pages = mmap(NULL, LOOP_READ + CORK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return false;
    shard->scratch = pages;
    shard->cork.bytes = shard->scratch + LOOP_READ;
    return true;
}

void shard_rest(struct shard *shard)
{
    memory_thread_turn();
    if (shard->streams.live > 0) {
        shard->is_warm = true;
    } else if (shard->is_warm) {
        shard->is_warm = false;
        (void)madvise(shard->scratch, LOOP_READ + CORK_BYTES, MADV_DONTNEED);
    }
}

static enum status own_memory(struct shard *shard, struct error *e)
{
    shard->listeners = calloc(shards.door_count + 1u, sizeof *shard->listeners);
    if (!buffers_make(shard) || shard->listeners == NULL)
        return error_plain(e, E_NO_MEMORY);
    shard->graves = SLAB_NONE;
    uint32_t reserved = TABLE_RESERVED + shards.count;
    shard->table_limit = shard->setup->nofile > 2 * reserved ? shard->setup->nofile - reserved : reserved;
    if (shard->table_limit > STREAM_INDEX_MASK)
        shard->table_limit = STREAM_INDEX_MASK;
    if (newcomers_open(shard) != OK)
        return error_plain(e, E_NO_MEMORY);
    slab_init(&shard->streams, sizeof(struct stream), shard->table_limit);
    slab_count(&shard->streams, COUNTER_SLAB_STREAMS, COUNTER_SLAB_STREAMS_USED);
    counter_held(COUNTER_MEMORY_SHARDS, sizeof *shard + LOOP_READ + CORK_BYTES + shards.door_count * sizeof *shard->listeners);
    wheel_init(&shard->wheel, &shard->streams, offsetof(struct stream, timer), shard_here.now_ms);
    return OK;
}

/* What main made for itself or for other shards would live on here after they let go of it. */
static void close_foreign(const struct shard *shard)
{
    for (unsigned i = 0; i < shard->setup->port_count; i++)
        for (unsigned k = 0; k < shard->setup->ports[i].place_count; k++)
            if (shard->setup->ports[i].held[k] >= 0)
                close(shard->setup->ports[i].held[k]);
    for (unsigned i = 0; i < shards.door_count; i++)
        if (shards.doors[i].shard != shard->index)
            close(shards.doors[i].fd);
    close(shards.hotline[0]);
    if (shard->index != 0)
        close(shards.hotline[1]);
    for (unsigned i = 0; i < shard->setup->foreign_count; i++)
        close(shard->setup->foreign[i]);
}

/* A table of its own, and in it an epoll set with the wake-up descriptor that main has made for this shard. */
static enum status own_table(struct shard *shard, struct error *e)
{
    if (SPLITS_TABLES && unshare(CLONE_FILES) < 0)
        return error_set(e, E_IO, "shard %u: unshare(CLONE_FILES): %s", shard->index, strerror(errno));
    shard->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wake = { .events = EPOLLIN | EPOLLET, .data.u64 = WAKE_MARK };
    if (shard->epoll_fd < 0 || epoll_ctl(shard->epoll_fd, EPOLL_CTL_ADD, shard->wake_fd, &wake) < 0)
        return error_set(e, E_IO, "shard %u: epoll: %s", shard->index, strerror(errno));
    if (SPLITS_TABLES)
        close_foreign(shard);
    return OK;
}

static enum status start_own(struct shard *shard, struct error *e)
{
    shard_own = shard;
    shard_here = (struct shard_here){
        .index = shard->index, .count = shards.count, .now_ms = clock_mono_ms(), .wall_ms = clock_wall_ms()
    };
    counter_join(shard->index);
    enum status s = own_table(shard, e);
    if (s == OK)
        s = own_memory(shard, e);
    for (unsigned i = 0; s == OK && i < shard->setup->part_count; i++)
        if (shard->setup->parts[i]->on_start != NULL && (s = shard->setup->parts[i]->on_start()) != OK)
            error_set(e, s, "shard %u: %s could not start: %s", shard->index, shard->setup->parts[i]->name,
                      status_row(s)->sentence);
    return s == OK ? listeners_open(shard, e) : s;
}

/* The letters nobody will deliver any more are delivered now: each room frees its own. */
static void drop_letters(struct shard *shard)
{
    for (struct letter *l; (l = inbox_take(&shard->inbox)) != NULL;) {
        counter_freed(COUNTER_INBOX_LETTERS, 1);
        l->deliver(l);
    }
}

static pthread_barrier_t ended; /* no shard frees what letters of another may still reach */

/* A letter may cause others. The longest chain is a question that visits every shard, with a hop before and after it. */
static unsigned last_rounds(void)
{
    return shards.count + 4;
}

static void stop_own(struct shard *shard)
{
    listeners_close(shard);
    streams_close_all(shard);
    graves_run(shard, UINT_MAX);
    for (unsigned i = 0; i < last_rounds(); i++) {
        pthread_barrier_wait(&ended);
        drop_letters(shard);
    }
    for (unsigned i = shard->setup->part_count; i-- > 0;)
        if (shard->setup->parts[i]->on_stop != NULL)
            shard->setup->parts[i]->on_stop();
    slab_clear(&shard->streams);
    map_clear(&shard->told);
    close(shard->epoll_fd);
    if (shard->scratch != NULL)
        munmap(shard->scratch, LOOP_READ + CORK_BYTES);
    free(shard->listeners);
    free(shard->ready);
    newcomers_close(shard);
    aead_clear();
    free(shard->meters.at);
}

static void *shard_thread(void *argument)
{
    struct shard *shard = argument;
    char          name[16];
    snprintf(name, sizeof name, "shard %u", shard->index);
    pthread_setname_np(pthread_self(), name);
    enum status s = start_own(shard, &shard->start_error);
    shard->start_error.code = s;
    sem_post(&started);
    if (s == OK)
        loop_run(shard);
    else
        while (atomic_load(&shards.stop_grace_ms) < 0) /* until main has heard of it */
            usleep(1000);
    if (s == OK)
        stop_own(shard);
    else
        for (unsigned i = 0; i < last_rounds(); i++)
            pthread_barrier_wait(&ended);
    return NULL;
}

/* All wake-up descriptors before the first table splits: one made later would be another socket's number elsewhere. */
static enum status make_wakeups(const struct shards_setup *setup, struct error *e)
{
    for (unsigned i = 0; i < setup->shard_count; i++) {
        struct shard *s = &shards.shards[i];
        s->setup = setup;
        s->index = i;
        s->epoll_fd = -1;
        inbox_init(&s->inbox);
        sem_init(&s->go, 0, 0);
        s->phase = atomic_load(&shards.phase);
        s->is_shut = setup->starts_shut;
        s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (s->wake_fd < 0)
            return error_set(e, E_IO, "eventfd: %s", strerror(errno));
    }
    return OK;
}

static enum status create_threads(struct error *e)
{
    for (unsigned i = 0; i < shards.count; i++) {
        int reason = pthread_create(&shards.shards[i].thread, NULL, shard_thread, &shards.shards[i]);
        if (reason != 0)
            return error_set(e, E_NO_MEMORY, "cannot start the thread of shard %u: %s", i, strerror(reason));
    }
    return OK;
}

/* Waits until each has started or failed; the first failure. */
static enum status await_threads(struct error *e)
{
    for (unsigned i = 0; i < shards.count; i++)
        while (sem_wait(&started) < 0 && errno == EINTR)
            ;
    for (unsigned i = 0; i < shards.count; i++)
        if (shards.shards[i].start_error.code != OK) {
            *e = shards.shards[i].start_error;
            return e->code;
        }
    return OK;
}

enum status shards_open_doors(const struct shards_setup *setup, struct error *out_error)
{
    return shards.doors == NULL ? doors_open(setup, out_error) : OK;
}

enum status shards_start(const struct shards_setup *setup, struct error *out_error)
{
    shards.count = setup->shard_count;
    shards.drain_per_s = 0;
    shards.next_at = 0;
    shards.stop_grace_ms = -1;
    shards.posted = 0;
    phase_init(setup->starts_shut);
    shards.shards = aligned_alloc(64, (setup->shard_count * sizeof(struct shard) + 63) / 64 * 64);
    shards.connections = calloc(setup->port_count + 1, sizeof *shards.connections);
    if (shards.shards == NULL || shards.connections == NULL || !accounts_open(&setup->admission))
        return error_plain(out_error, E_NO_MEMORY);
    memset(shards.shards, 0, setup->shard_count * sizeof(struct shard));
    sem_init(&started, 0, 0);
    pthread_barrier_init(&ended, NULL, setup->shard_count);
    enum status s = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, shards.hotline) == 0
                        ? make_wakeups(setup, out_error)
                        : error_set(out_error, E_IO, "socketpair: %s", strerror(errno));
    if (s == OK)
        s = shards_open_doors(setup, out_error);
    if (s == OK)
        s = create_threads(out_error);
    if (s != OK)
        return s; /* half a set cannot be stopped in order: the caller ends the process */
    s = await_threads(out_error);
    if (s != OK) {
        shards_stop(0);
        shards_join();
    }
    return s;
}

void shards_wake(void)
{
    for (unsigned i = 0; i < shards.count; i++) {
        uint64_t one = 1;
        (void)!write(shards.shards[i].wake_fd, &one, sizeof one);
    }
}

void shards_drain(uint32_t per_s, uint32_t back_ms)
{
    atomic_store(&shards.back_at_ms, clock_mono_ms() + back_ms);
    atomic_store(&shards.drain_per_s, per_s > 0 ? per_s : 1);
    doors_close();
    shards_wake();
}

uint64_t shards_connections(void)
{
    int64_t count = 0;
    for (unsigned i = 0; i < shards.shards[0].setup->port_count; i++)
        if (shards.shards[0].setup->ports[i].is_counted)
            count += atomic_load_explicit(&shards.connections[i], memory_order_relaxed);
    return count > 0 ? (uint64_t)count : 0;
}

void shards_stop(uint32_t grace_ms)
{
    atomic_store(&shards.stop_grace_ms, (int)(grace_ms < 3600000 ? grace_ms : 3600000));
    doors_close();
    shards_wake();
}

void shards_join(void)
{
    for (unsigned i = 0; i < shards.count; i++)
        pthread_join(shards.shards[i].thread, NULL);
    for (unsigned i = 0; i < shards.count; i++) {
        close(shards.shards[i].wake_fd);
        sem_destroy(&shards.shards[i].go);
    }
    close(shards.hotline[0]);
    close(shards.hotline[1]);
    free(shards.doors);
    shards.doors = NULL;
    free(shards.shards);
    free((void *)shards.connections);
    accounts_close();
    shards.shards = NULL;
    shards.connections = NULL;
    shards.count = 0;
    pthread_barrier_destroy(&ended);
    sem_destroy(&started);
}
