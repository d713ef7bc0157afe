/* engine: carries out a plan with threads that have a descriptor table each (as the server's shards do), and fills the results.
 *
 *   main:     engine_run ---- once a second: gather the threads' counts -> a sample -> on_second -----> results complete
 *   threads:  connect at the ramp's pace | read, check, count | cut and come back
 *
 * Checks: every message carries its publisher and number; each connection expects them from the first it hears, in order, each once;
 * at the latest from the first that is published after the connection is complete. At the end the engine waits until nobody has anything
 * to come, or nothing has come for a while; then what is still to come is missing. Not known, and not counted, is what was on its way to
 * a connection that ended before: it counts as lost.
 */
#ifndef ENCKE_LOAD_ENGINE_H
#define ENCKE_LOAD_ENGINE_H

#include "load/results.h"

/* on_second is called in the calling thread after each sample; false: end now, in order. Blocks. The error says what could not be done at
 * all (no address, no descriptors, no SQL login); what went wrong on single connections is in the results. */
enum status engine_run(const struct plan *plan, struct results *out, bool (*on_second)(const struct results *so_far, void *context),
                       void *context, struct error *out_error) __attribute__((warn_unused_result));

/* What the machine allows: a sentence about what must be raised to carry out the plan, or "" (limits, ports of the sources, memory). */
const char *engine_limits(const struct plan *plan, char *out, size_t size);

#endif
