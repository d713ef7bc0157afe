/* label: what a published message says about itself, so that whoever hears it can check it. Pure.
 *
 *   encke-load:AAAAAAAA:SSSSSSSS:NNNNNNNN:TTTTTTTTTTTTTTTT:xxxxxxxx...
 *              run      stream   number   sent (monotonic ns)   up to the size wanted
 *
 * A stream is a channel, or a user; its numbers are 0, 1, 2 ... The run is a random number, so that what a history keeps of an
 * earlier run, or what another encke-load says on the same channel, is not taken for ours. The text survives JSON and SQL as it is.
 */
#ifndef ENCKE_LOAD_LABEL_H
#define ENCKE_LOAD_LABEL_H

#include <stdbool.h>

#include "base/buf.h"

#define LABEL_MARK  "encke-load:"
#define LABEL_BYTES (sizeof(LABEL_MARK) - 1 + 3 * (8 + 1) + 16 + 1)

struct label {
    uint32_t run, stream, number;
    uint64_t sent_ns;
};

/* At least LABEL_BYTES are appended, `bytes` when that is more. */
void label_write(struct buf *out, const struct label *l, uint32_t bytes);

/* Takes the first label, and what stands before it, off the text. False: there is none. */
bool label_take(struct slice *text, struct label *out);

/* What one listener of one stream has heard. Zeroed, then track_begin.
 *
 *   heard: ... 4 5 . 7     next = 8      gaps, from bit 0 on, for 7 6 5 4 ...: 0 1 0 0 ...
 */
struct track {
    uint32_t next; /* the number that must come */
    uint32_t gaps; /* bit i: the number next - 1 - i was counted as missing, and has not come since */
    bool     has_heard;
};

struct track_faults {
    uint64_t missing, doubled, disordered;
};

#define TRACK_ANY UINT32_MAX

/* From the number `from` on everything must come; earlier ones may, and then everything from there on. TRACK_ANY: not known yet,
 * but from the first that comes. */
void track_begin(struct track *t, uint32_t from);

/* Now it is known, if nothing came yet. */
void track_settle(struct track *t, uint32_t from);

/* One message was heard. A gap counts as missing until what is behind it comes: then it was disorder. One that comes more than 32
 * numbers late counts as disorder and stays missing: a fault never hides another. */
void track_hear(struct track *t, uint32_t number, struct track_faults *faults);

/* How many of `published` numbers are still to come. */
uint32_t track_behind(const struct track *t, uint32_t published);

#endif
