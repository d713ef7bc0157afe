/* parcel.c: see parcel.h. */
#include "io/parcel.h"

#include <stdlib.h>

#include "base/counter.h"

struct parcel *parcel_new(size_t len)
{
    if (len > UINT32_MAX)
        return NULL;
    struct parcel *p = malloc(sizeof *p + len);
    if (p == NULL)
        return NULL;
    *p = (struct parcel){ .refs = 1, .len = (uint32_t)len, .at = (char *)(p + 1) };
    counter_held(COUNTER_MEMORY_OUTPUT, sizeof *p + len);
    return p;
}

char *parcel_bytes(struct parcel *p)
{
    return (char *)(p + 1);
}

struct parcel *parcel_around(struct slice bytes, void (*release)(void *owner), void *owner)
{
    if (bytes.len > UINT32_MAX)
        return NULL;
    struct parcel *p = malloc(sizeof *p);
    if (p == NULL)
        return NULL;
    *p = (struct parcel){
        .refs = 1, .len = (uint32_t)bytes.len, .at = bytes.at, .release = release, .owner = owner
    };
    counter_held(COUNTER_MEMORY_OUTPUT, sizeof *p);
    return p;
}

void parcel_unref(struct parcel *p)
{
    if (p == NULL || --p->refs > 0)
        return;
    counter_freed(COUNTER_MEMORY_OUTPUT, sizeof *p + (p->release == NULL ? p->len : 0));
    if (p->release != NULL)
        p->release(p->owner);
    free(p);
}
