/* metrics: memory and processor time of a server on another machine, as it tells them itself over HTTP.
 *
 *   GET URL once a second -> /api/status of Encke        {"memory_bytes":6066176,"cpu_s":12.5,...}
 *                         or the text for Prometheus      process_resident_memory_bytes 6066176
 *                                                         process_cpu_seconds_total 12.5
 *
 * A thread of its own asks, so nobody waits for a server that is busy; while it does not answer its figures are unknown.
 * Thread: main.
 */
#ifndef ENCKE_LOAD_METRICS_H
#define ENCKE_LOAD_METRICS_H

#include "base/slice.h"
#include "base/status.h"
#include "load/plan.h"

struct metrics_figures {
    uint64_t rss;   /* bytes; 0: not told */
    double   cpu_s; /* since the process began; < 0: not told */
};

/* Pure. False: neither figure is there. */
bool metrics_read(struct slice text, struct metrics_figures *out);

struct metrics;
struct tls_client;

/* Asks once, so that what is wrong is known before a run. What is given is borrowed until metrics_free. */
enum status metrics_new(const struct target_address *from, struct tls_client *tls, struct metrics **out, struct error *out_error)
    __attribute__((warn_unused_result));

/* The last figures: bytes (0: unknown), and the cores that were used between the last two answers (< 0: unknown). */
void metrics_look(struct metrics *m, uint64_t *out_rss, double *out_cores);
void metrics_free(struct metrics *m);

#endif
