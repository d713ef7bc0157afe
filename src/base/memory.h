/* memory: where the megabytes are.
 *
 * What a structure takes is counted where it is taken and given back (counters.def: slab_*_bytes, memory_*_bytes), by each
 * shard for itself. What only the kernel and the allocator know is looked up by main, once a second or less. Together they
 * make up the resident memory:
 *
 *   rss = files + slabs + structures + rest of the heap + other
 *
 *   rest    given out by the allocator and counted nowhere: letters, its own headers, libraries other than those counted
 *   other   stacks, relocated data of libraries, and what the allocator keeps free (at most heap_free_bytes)
 *
 * The figures are of slightly different moments, and a slab counts a page that nobody has touched yet: what would be below 0 is 0.
 */
#ifndef ENCKE_BASE_MEMORY_H
#define ENCKE_BASE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"

struct memory_sums {
    uint64_t rss;
    uint64_t files;
    uint64_t slabs;      /* held */
    uint64_t slabs_used; /* of it */
    uint64_t structures; /* all memory_*_bytes */
    uint64_t rest;
    uint64_t other;
};

/* Before any thread starts: blocks of 64 KB and more get pages of their own, so that a table which grows and goes leaves no hole. */
void memory_setup(void);

/* Looks up rss_bytes and rss_files_bytes and, every 5 s, heap_used_bytes and heap_free_bytes. When what the allocator keeps
 * free has changed, changes no more and is worth it, threads are asked, and at the next look the allocator is told to give back
 * free pages amid what is in use: a shard that allocates meanwhile waits for its part of that, a few ms at most, once for each
 * peak and at most every 30 s. Thread: main's, about once a second. */
void memory_look(uint64_t now_ms);

/* Asks each thread that takes turns to give back the small blocks that the allocator keeps for it alone: a few hundred, each of
 * which may hold a page of a peak that is over. Thread: any. */
void memory_ask_threads(void);

/* After a turn of a thread: does so, when asked since its last. One load when not; it waits for nobody. */
void memory_thread_turn(void);

/* Of all shards, from any thread. */
struct memory_sums memory_sums(void);

/* What the allocator had free at the last look; and whether it has gone up or down since it last gave back. All zero at first. */
struct memory_swing {
    uint64_t before;
    bool     has_changed;
};

/* A look. True: it is time to give back. */
bool memory_is_worth_a_trim(struct memory_swing *s, uint64_t free_bytes, uint64_t used_bytes);

#endif
