/* arena: the memory of one query, given back all at once.
 *
 * Bounded: past `limit` bytes, or when the system has no more, arena_take answers NULL from then on and `status` says
 * which of the two it was. A zeroed arena with a limit is an empty one.
 */
#ifndef ENCKE_COMETQL_QUERY_ARENA_H
#define ENCKE_COMETQL_QUERY_ARENA_H

#include "base/slice.h"
#include "base/status.h"

struct arena_piece;

struct arena {
    struct arena_piece *newest; /* owned; a list of pieces, each larger than the one before */
    size_t              taken, limit;
    enum status         status; /* OK, E_NO_MEMORY or E_MANY_ROWS */
};

/* Zeroed, aligned for any type; NULL: see above. */
void *arena_take(struct arena *a, size_t count, size_t size);

/* A copy of the text; at == NULL when there is no room. The empty text has an address, for NULL is something else. */
struct slice arena_text(struct arena *a, struct slice text);

void arena_clear(struct arena *a);

#endif
