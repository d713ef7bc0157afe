#include "base/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HEAP_EVERY_MS 5000                /* the allocator adds up its free lists for it, under its locks */
#define WORTH_MIN     (UINT64_C(1) << 18) /* and a sixteenth of what is in use: less is not worth the trouble */
#define SWING         (UINT64_C(1) << 16) /* less is no change */
#define TRIM_EVERY_MS 30000
#define PAGES_FROM    (64 * 1024) /* a block of so many bytes gets pages of its own */

/* What glibc keeps for each thread (tcache): so many blocks of each of these sizes, wherever in the heap they lie. */
#define CACHED_SIZES 64
#define CACHED_EACH  7
#define CACHED_FIRST 24
#define CACHED_STEP  16

static _Atomic unsigned asked; /* so many times were threads asked to give back what is kept for them */

struct block {
    struct block *next;
};

static void *blocks_free(void *first)
{
    for (struct block *b = first, *next; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    return NULL;
}

/* As many as are kept for a thread, so they are the ones that were kept, or fill the holes in front of them. */
static struct block *blocks_new(void)
{
    struct block *first = NULL, *b;
    for (unsigned i = 0; i < CACHED_SIZES * CACHED_EACH; i++, first = b) {
        if ((b = malloc(CACHED_FIRST + i / CACHED_EACH * CACHED_STEP)) == NULL)
            break;
        b->next = first;
    }
    return first;
}

/* Freed here they would be kept again; what another thread kept goes to the heap when that thread ends. */
static void give_back_cached(void)
{
    pthread_t      other;
    pthread_attr_t attr;
    struct block  *first = blocks_new();
    if (pthread_attr_init(&attr) == 0) {
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        bool is_made = pthread_create(&other, &attr, blocks_free, first) == 0;
        pthread_attr_destroy(&attr);
        if (is_made)
            return;
    }
    blocks_free(first);
}

void memory_setup(void)
{
    mallopt(M_MMAP_THRESHOLD, PAGES_FROM);
}

void memory_ask_threads(void)
{
    atomic_fetch_add_explicit(&asked, 1, memory_order_relaxed);
}

void memory_thread_turn(void)
{
    static _Thread_local unsigned seen;
    unsigned                      now = atomic_load_explicit(&asked, memory_order_relaxed);
    if (seen == now)
        return;
    seen = now;
    give_back_cached();
}

/* The second and the third number of statm, in pages; 0 when the kernel does not say. */
static void look_at_pages(void)
{
    char               text[128];
    unsigned long long size, resident = 0, files = 0;
    int                fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t            len = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[len > 0 ? len : 0] = '\0';
    if (sscanf(text, "%llu %llu %llu", &size, &resident, &files) != 3)
        return;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    counter_set(COUNTER_RSS, resident * page);
    counter_set(COUNTER_RSS_FILES, files * page);
}

bool memory_is_worth_a_trim(struct memory_swing *s, uint64_t free_bytes, uint64_t used_bytes)
{
    uint64_t swing = SWING + s->before / 16;
    bool     is_settled = free_bytes <= s->before + swing && s->before <= free_bytes + swing;
    s->has_changed |= !is_settled;
    s->before = free_bytes;
    if (!is_settled || !s->has_changed || free_bytes < WORTH_MIN + used_bytes / 16)
        return false;
    s->has_changed = false;
    return true;
}

/* Threads first: what is kept for them is in use for the allocator. By the next look they have had their turn. */
static void look_at_heap(uint64_t now_ms)
{
    static _Thread_local struct memory_swing swing; /* its caller is one thread */
    static _Thread_local uint64_t            trim_ms;
    static _Thread_local bool                is_trim_next;
    struct mallinfo2                         m = mallinfo2();
    uint64_t                                 used = m.uordblks + m.hblkhd;
    counter_set(COUNTER_HEAP_USED, used);
    counter_set(COUNTER_HEAP_FREE, m.fordblks);
    if (is_trim_next) {
        malloc_trim(0); /* what is free amid the rest stays in m.fordblks, but has no pages */
        counter_add(COUNTER_HEAP_TRIMS, 1);
        trim_ms = now_ms;
        is_trim_next = false;
    } else if (trim_ms == 0 || now_ms - trim_ms >= TRIM_EVERY_MS) {
        if ((is_trim_next = memory_is_worth_a_trim(&swing, m.fordblks, used)))
            memory_ask_threads();
    }
}

void memory_look(uint64_t now_ms)
{
    static _Thread_local uint64_t heap_ms;
    if (heap_ms == 0 || now_ms - heap_ms >= HEAP_EVERY_MS) {
        heap_ms = now_ms;
        look_at_heap(now_ms);
    }
    look_at_pages();
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

struct memory_sums memory_sums(void)
{
    struct memory_sums s = { .rss = counter_sum(COUNTER_RSS), .files = counter_sum(COUNTER_RSS_FILES) };
    for (enum counter c = COUNTER_SLAB_STREAMS; c <= COUNTER_SLAB_AUDIENCES_USED; c += 2) { /* in pairs: held, used */
        s.slabs += counter_sum(c);
        s.slabs_used += counter_sum(c + 1);
    }
    for (enum counter c = COUNTER_MEMORY_SEATS; c <= COUNTER_MEMORY_TLS; c++)
        s.structures += counter_sum(c);
    uint64_t left = less(s.rss, s.files + s.slabs + s.structures);
    s.rest = less(counter_sum(COUNTER_HEAP_USED), s.structures);
    s.rest = s.rest < left ? s.rest : left; /* large tables that nobody has written to yet are no memory */
    s.other = left - s.rest;
    return s;
}
