/* screen: what happens, while it happens.
 *
 * On a terminal a block that is drawn again in its place each second; elsewhere a line every ten seconds. Thread: main.
 */
#ifndef ENCKE_LOAD_SCREEN_H
#define ENCKE_LOAD_SCREEN_H

#include "base/buf.h"
#include "load/results.h"

struct screen {
    const struct plan *plan; /* borrowed */
    FILE              *out;  /* borrowed */
    bool               is_terminal;
    unsigned           rows;  /* of the terminal; 0: unknown */
    unsigned           lines; /* of the block that stands there now */
    unsigned           drawn; /* calls so far */
};

void screen_begin(struct screen *s, const struct plan *plan, FILE *out);
void screen_draw(struct screen *s, const struct results *so_far);

/* The texts, pure. */
void screen_block(struct buf *out, const struct plan *plan, const struct results *so_far, unsigned rows);
void screen_line(struct buf *out, const struct plan *plan, const struct results *so_far);

#endif
