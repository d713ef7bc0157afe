/* target: the processes that are measured, and what they use. */
#ifndef ENCKE_BENCH_TARGET_H
#define ENCKE_BENCH_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TARGET_OPTIONS 16

struct target {
    pid_t    pid;
    uint16_t ws_port;
    uint16_t sql_port; /* 0: none */
};

/* Starts the server in a state directory of its own, or in the one of target_pause, and waits until it is ready. `options` ends
 * with NULL. */
struct target target_start(const char *program, const char *const *options);

/* Ends it and waits; says so when it did not end well. */
void target_stop(struct target *t);

/* Ends it, but keeps what it has stored for the next target_start; target_forget() removes that. */
void target_pause(struct target *t);
void target_forget(void);

/* A child that is killed when the benchmark ends, however that happens. */
void target_guard(pid_t pid);
void target_unguard(pid_t pid);

/* What a process has used or holds, its threads together. 0 when it is gone. */
double   target_cpu_us(pid_t pid);
uint64_t target_rss_bytes(pid_t pid);
uint64_t target_pss_bytes(pid_t pid);
unsigned target_threads(pid_t pid);

/* Waits until it has nothing left to do: less than 1 % of a core over a tenth of a second. False: still busy after 10
 * s. */
bool target_settle(pid_t pid);

/* Prints and ends with 1. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
