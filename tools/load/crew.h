/* crew: threads that hold the connections, with a descriptor table each (unshare), so that their number and not the limit of one table
 * bounds them. What wakes them is made before the tables split.
 *
 *   waiting -> connecting -> asked -> greeted -> complete -> lost | cut -> waiting ...
 *                  101 ---------^         ^-- what the preset or --await asks for
 *
 * Who is refused at first is lost, and counted. Who was cut comes back, and when he is refused, rests a while (as long as the answer
 * says in Retry-After, else twice as long each time) and tries again. A refusal with Retry-After is counted as put off, any other as
 * an error. Whom the server closes is lost; with --come-back he is let go, and comes back as one who was cut.
 *
 * Thread: crew_* from main; each thread hands its counts over at the end of a turn, when it is asked to; it waits for nobody.
 */
#ifndef ENCKE_LOAD_CREW_H
#define ENCKE_LOAD_CREW_H

#include "load/label.h"
#include "load/results.h"

struct crew;

/* What publishers say, read by everybody: how many numbers of each stream were given. */
struct streams {
    uint32_t         run; /* of their labels */
    uint32_t         count;
    _Atomic uint32_t *given; /* owned by engine.c */
};

/* What happened in all threads since the last crew_take. */
struct crew_counts {
    uint64_t            made, lost, let_go, put_off, errors[LOAD_ERROR_COUNT], delivered, received_bytes;
    struct track_faults faults; /* since the beginning: a gap may turn out to be disorder later */
    struct histogram    connect_us, latency_us;
    uint32_t            online, connecting, waiting; /* now; waiting: for their time to connect, again or for the first time */
    uint32_t            cuts;   /* the fewest that a thread has carried out */
    uint64_t            last_made_ns; /* when the last connection became complete; monotonic */
    uint64_t            behind; /* now, after crew_listen_out: what was published and has not been heard yet */
    char                first_error[256];
};

/* What is given is borrowed until crew_free. The error names the target that is not known, or what there is too little of. */
enum status crew_new(const struct plan *plan, const struct streams *streams, struct crew **out, struct error *out_error)
    __attribute__((warn_unused_result));

/* Begins to connect, at the pace of the plan. */
void crew_start(struct crew *c);
void crew_take(struct crew *c, struct crew_counts *out);

/* Cuts `share` (0 to 1) of the complete connections, at once, and lets them come back as fast as they can. */
void crew_cut(struct crew *c, double share);

/* Nothing more is published: from the second crew_take on, `behind` tells how much is still on its way. */
void crew_listen_out(struct crew *c);

/* The last word of every listener: what was published and not heard is missing. Ends the threads. */
void crew_end(struct crew *c, struct crew_counts *out);
void crew_free(struct crew *c);

#endif
