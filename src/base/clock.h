/* clock: what time it is.
 *
 * Monotonic milliseconds for everything that waits; wall seconds and milliseconds for what people see. A shard reads both
 * once a turn (io/shard.h) and its rooms use those.
 */
#ifndef ENCKE_BASE_CLOCK_H
#define ENCKE_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_ms(void);
uint64_t clock_mono_ns(void);
uint64_t clock_wall_ms(void); /* since 1970 */

#endif
