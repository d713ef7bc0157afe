#include "base/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#define HEAP_EVERY_MS 5000                  /* the allocator adds up its free lists for it, under its locks */
#define FALL_MIN      (UINT64_C(4) << 20) /* less is not worth the trouble */

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

bool memory_has_fallen(uint64_t peak, uint64_t before, uint64_t now)
{
    bool is_settled = now + now / 16 >= before;
    return is_settled && now <= peak && peak - now >= FALL_MIN && peak - now >= peak / 4;
}

static void look_at_heap(void)
{
    static _Thread_local uint64_t peak, before; /* its caller is one thread */
    struct mallinfo2             m = mallinfo2();
    uint64_t                     used = m.uordblks + m.hblkhd;
    counter_set(COUNTER_HEAP_USED, used);
    counter_set(COUNTER_HEAP_FREE, m.fordblks);
    peak = used > peak ? used : peak;
    if (memory_has_fallen(peak, before, used)) {
        malloc_trim(0);
        counter_add(COUNTER_HEAP_TRIMS, 1);
        peak = used;
    }
    before = used;
}

void memory_look(uint64_t now_ms)
{
    static _Thread_local uint64_t heap_ms;
    if (heap_ms == 0 || now_ms - heap_ms >= HEAP_EVERY_MS) {
        heap_ms = now_ms;
        look_at_heap();
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
