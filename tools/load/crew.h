/* crew: threads that hold the connections, with a descriptor table each (unshare), so that their number and not the limit of one table
 * bounds them. What wakes them is made before the tables split.
 *
 *   connecting -> asked -> greeted -> complete -> lost | cut -> connecting ...
 *        101 ------^          ^-- what the preset or --await asks for
 *
 * Thread: crew_* from main; the counts of each thread are taken under its own lock, once a second.
 */
#ifndef ENCKE_LOAD_CREW_H
#define ENCKE_LOAD_CREW_H

#include "load/label.h"
#include "load/results.h"

struct crew;

/* What publishers say, read by everybody: how many numbers of each stream were given. */
struct streams {
    uint32_t         count;
    _Atomic uint32_t *given; /* owned by engine.c */
};

/* What happened in all threads since the last crew_take. */
struct crew_counts {
    uint64_t            made, lost, errors[LOAD_ERROR_COUNT], delivered, received_bytes;
    struct track_faults faults;
    struct histogram    connect_us, latency_us;
    uint32_t            online, connecting; /* now */
    char                first_error[256];
};

/* The plan and the streams are borrowed until crew_free. NULL: no memory, no threads. */
struct crew *crew_new(const struct plan *plan, const struct streams *streams);

/* Begins to connect, at the pace of the plan. */
void crew_start(struct crew *c);
void crew_take(struct crew *c, struct crew_counts *out);

/* Cuts `share` (0 to 1) of the complete connections, at once, and lets them come back as fast as they can. */
void crew_cut(struct crew *c, double share);

/* The last word of every listener: what was published and not heard is missing. Ends the threads. */
void crew_end(struct crew *c, struct crew_counts *out);
void crew_free(struct crew *c);

#endif
