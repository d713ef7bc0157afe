/* refusals: what is said to connections that may not come in (io/admission.h), in the words of their port.
 *
 * Thread: main, before the shards start; the texts are constant afterwards. */
#ifndef ENCKE_SERVER_REFUSALS_H
#define ENCKE_SERVER_REFUSALS_H

#include "base/buf.h"
#include "io/admission.h"

struct refusals {
    struct slice texts[REFUSAL_COUNT];
    struct buf   bytes; /* owned: what the slices show */
};

/* 429 or 503 with Retry-After and a sentence. E_NO_MEMORY: nothing is to be freed. */
enum status refusals_http(struct refusals *out) __attribute__((warn_unused_result));

/* An ERR packet instead of the greeting. */
enum status refusals_mysql(struct refusals *out) __attribute__((warn_unused_result));

void refusals_clear(struct refusals *r);

#endif
