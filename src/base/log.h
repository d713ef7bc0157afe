/* log: lines on standard error for the person who runs the server.
 *
 *   2026-11-23 02:45:00.123 warn  ws: 95 % of the descriptors of shard 3 are in use; raise LimitNOFILE
 *
 * A line is written with one write(), so lines of several threads do not mix. No secret is ever logged. Texts from clients
 * are logged through log_text, which escapes what a terminal would obey.
 *
 * Thread: any. log_setup once, before other threads start.
 */
#ifndef ENCKE_BASE_LOG_H
#define ENCKE_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above `level` are dropped. Starts at LOG_INFO. */
void log_setup(enum log_level level);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Lines written so far, by all threads. Who draws on the same terminal learns from it that his drawing has moved. */
uint64_t log_line_count(void);

/* A place that may have much to say: at most one line each `every_ms`; the next line says how many were left out.
 *
 *   static struct log_limit limit = { .every_ms = 10000 };
 *   log_limited(&limit, LOG_WARN, "...");
 */
struct log_limit {
    uint32_t          every_ms;
    _Atomic uint64_t  next_ms;
    _Atomic uint32_t  left_out;
};

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* `text` made safe to print, cut at `size` - 1 bytes, in `out`; returns `out`. */
const char *log_text(char *out, size_t size, struct slice text);

#endif
