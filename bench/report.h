/* report: the table on standard output, and the same figures as JSON. */
#ifndef ENCKE_BENCH_REPORT_H
#define ENCKE_BENCH_REPORT_H

#include <stdbool.h>

#include "bench/series.h"

enum target_kind { NO_TARGET, AT_MOST, AT_LEAST, RATIO_AT_MOST, RATIO_AT_LEAST };

struct row {
    const char          *id; /* for JSON: "burst.64.10000.websocket" */
    const char          *what;
    const char          *unit;
    const struct series *ours;
    const struct series *raw;         /* NULL: nothing to compare with */
    const char          *target_name; /* "P4"; NULL: none */
    enum target_kind     target_kind;
    double               target;
    double               field; /* the best of the field in the table of GOALS, same unit; 0: no figure */
    double               cppcomet;
};

struct report;

struct report *report_new(const char *json_path); /* NULL: no JSON */
void           report_note(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void           report_section(struct report *r, const char *title);
void           report_row(struct report *r, const struct row *row);

/* What must not happen: the benchmark ends with 1. */
void report_fault(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Closes it; true: there was no fault. */
bool report_end(struct report *given_r);

#endif
