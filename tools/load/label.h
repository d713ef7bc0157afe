/* label: what a published message says about itself, so that whoever hears it can check it. Pure.
 *
 *   encke-load:RRRRRRRR:NNNNNNNN:TTTTTTTTTTTTTTTT:xxxxxxxx...
 *              stream   number   sent (monotonic ns)   up to the size wanted
 *
 * A stream is a channel, or a user; its numbers are 0, 1, 2 ... The text survives JSON and SQL as it is.
 */
#ifndef ENCKE_LOAD_LABEL_H
#define ENCKE_LOAD_LABEL_H

#include <stdbool.h>

#include "base/buf.h"

#define LABEL_MARK  "encke-load:"
#define LABEL_BYTES (sizeof(LABEL_MARK) - 1 + 8 + 1 + 8 + 1 + 16 + 1)

struct label {
    uint32_t stream, number;
    uint64_t sent_ns;
};

/* At least LABEL_BYTES are appended, `bytes` when that is more. */
void label_write(struct buf *out, const struct label *l, uint32_t bytes);

/* The first label in the text. False: there is none. */
bool label_find(struct slice text, struct label *out);

/* What one listener of one stream has heard. Zeroed, then track_begin. */
struct track {
    uint32_t next; /* the number that must come */
    bool     has_heard;
};

struct track_faults {
    uint64_t missing, doubled, disordered;
};

/* From the number `from` on everything must come; earlier ones may. */
void track_begin(struct track *t, uint32_t from);

/* One message was heard. A gap counts as missing until what is behind it comes: then it was disorder. */
void track_hear(struct track *t, uint32_t number, struct track_faults *faults);

/* Nothing more will come, and `published` numbers were given. */
void track_end(const struct track *t, uint32_t published, struct track_faults *faults);

#endif
