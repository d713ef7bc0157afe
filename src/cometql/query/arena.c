/* arena: see arena.h. */
#include "cometql/query/arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define PIECE_BYTES_MIN 4096u
#define PIECE_BYTES_MAX (256u * 1024)

struct arena_piece {
    struct arena_piece *older;
    size_t              used, size;
    alignas(max_align_t) char bytes[];
};

static struct arena_piece *piece_new(struct arena *a, size_t at_least)
{
    size_t size = a->newest != NULL ? 2 * a->newest->size : PIECE_BYTES_MIN;
    if (size > PIECE_BYTES_MAX)
        size = PIECE_BYTES_MAX;
    if (size < at_least)
        size = at_least;
    struct arena_piece *piece = malloc(sizeof *piece + size);
    if (piece == NULL)
        return NULL;
    piece->older = a->newest;
    piece->used = 0;
    piece->size = size;
    a->newest = piece;
    return piece;
}

void *arena_take(struct arena *a, size_t count, size_t size)
{
    size_t align = alignof(max_align_t);
    if (a->status != OK)
        return NULL;
    if (count > a->limit || count * size > a->limit - a->taken) { /* size is that of a type: the product fits */
        a->status = E_MANY_ROWS;
        return NULL;
    }
    size_t              bytes = (count * size + align - 1) / align * align;
    struct arena_piece *piece = a->newest;
    if (piece == NULL || bytes > piece->size - piece->used)
        piece = piece_new(a, bytes);
    if (piece == NULL) {
        a->status = E_NO_MEMORY;
        return NULL;
    }
    void *at = piece->bytes + piece->used;
    piece->used += bytes;
    a->taken += bytes < a->limit - a->taken ? bytes : a->limit - a->taken;
    memset(at, 0, bytes);
    return at;
}

struct slice arena_text(struct arena *a, struct slice text)
{
    if (text.len == 0)
        return SLICE("");
    char *at = arena_take(a, text.len, 1);
    if (at == NULL)
        return (struct slice){ NULL, 0 };
    memcpy(at, text.at, text.len);
    return slice_of(at, text.len);
}

void arena_clear(struct arena *a)
{
    while (a->newest != NULL) {
        struct arena_piece *piece = a->newest;
        a->newest = piece->older;
        free(piece);
    }
    *a = (struct arena){ .limit = a->limit };
}
