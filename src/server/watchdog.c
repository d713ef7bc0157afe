/* watchdog.c: see watchdog.h. $WATCHDOG_PID is not looked at: after an upgrade it is another process that is watched. */
#include "server/watchdog.h"

#include <stdlib.h>

#include "io/shard.h"
#include "server/notify.h"

static struct letter letters[SHARDS_MAX]; /* one for each shard; ours again when it is delivered */
static atomic_uint   missing;             /* how many are on their way */

static void answer(struct letter *given)
{
    (void)given;
    atomic_fetch_sub(&missing, 1);
}

void watchdog_tick(unsigned shard_count)
{
    if (getenv("WATCHDOG_USEC") == NULL || atomic_load(&missing) > 0)
        return;
    notify_alive(); /* of the round before; the first is given to them */
    atomic_store(&missing, shard_count);
    for (unsigned i = 0; i < shard_count; i++) {
        letters[i] = (struct letter){ .deliver = answer };
        shard_post(i, &letters[i]);
    }
}
