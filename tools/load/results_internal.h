/* results_internal: what the files of results_*.c share. Pure. */
#ifndef ENCKE_LOAD_RESULTS_INTERNAL_H
#define ENCKE_LOAD_RESULTS_INTERNAL_H

#include "base/buf.h"
#include "load/results.h"

#define RESULTS_SAMPLES_MAX 1048576u /* twelve days of seconds */
#define RESULTS_VERDICT_MAX 256

struct load_error_row {
    const char *key, *sentence;
};
extern const struct load_error_row load_error_rows[LOAD_ERROR_COUNT];

uint64_t results_errors(const struct results *r); /* of all causes */
void     results_verdict(const struct results *r, char out[RESULTS_VERDICT_MAX]);
double   results_mean(const struct histogram *h); /* microseconds; 0 when empty */

/* Seconds until the most connections were online, and how many were made in the best second. */
void results_ramp(const struct results *r, double *out_seconds, uint32_t *out_best);

/* The texts that the files hold. */
void results_json_text(const struct results *r, struct buf *out);
void results_html_text(const struct results *r, struct buf *out);

/* What results_json_text wrote. */
enum status results_parse(struct results *out, struct slice text, struct error *out_error) __attribute__((warn_unused_result));

/* Writes the whole text to the file, or to the standard output when it is "-". */
enum status results_write(const struct buf *text, const char *path, struct error *out_error) __attribute__((warn_unused_result));

#endif
