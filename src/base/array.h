/* array: growing room for elements, with the arithmetic checked once, here.
 *
 *   if (!array_room(&a->at, &a->cap, a->count + 1, sizeof *a->at)) return E_NO_MEMORY;
 *   a->at[a->count++] = element;
 */
#ifndef ENCKE_BASE_ARRAY_H
#define ENCKE_BASE_ARRAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* Makes room for `need` elements in an array of `*cap` at `at` (a pointer to the array pointer). False: no memory, and nothing
 * has changed. Grows by half, at least to 4. */
static inline bool array_room(void *at, uint32_t *cap, uint32_t need, size_t element)
{
    void **array = at;
    if (need <= *cap)
        return true;
    uint64_t want = (uint64_t)*cap + *cap / 2;
    want = want < need ? need : want;
    want = want < 4 ? 4 : want;
    if (want > UINT32_MAX || want > SIZE_MAX / element)
        return false;
    void *grown = realloc(*array, want * element);
    if (grown == NULL)
        return false;
    *array = grown;
    *cap = (uint32_t)want;
    return true;
}

#endif
