/* report.c: see report.h. */
#include "bench/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_out.h"
#include "bench/target.h"

struct report {
    const char *json_path;
    struct buf  rows, notes, faults; /* elements of JSON arrays */
    unsigned    missed, met;
};

struct report *report_new(const char *json_path)
{
    struct report *r = calloc(1, sizeof *r);
    if (r == NULL)
        die("no memory");
    r->json_path = json_path;
    return r;
}

static void add_text(struct buf *list, const char *text)
{
    buf_text(list, list->len > 0 ? ",\n    " : "\n    ");
    json_out_string(list, slice_str(text));
}

void report_note(struct report *r, const char *format, ...)
{
    char    text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("  %s\n", text);
    fflush(stdout);
    add_text(&r->notes, text);
}

void report_fault(struct report *r, const char *format, ...)
{
    char    text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("  FAULT: %s\n", text);
    fflush(stdout);
    add_text(&r->faults, text);
}

void report_section(struct report *r, const char *title)
{
    (void)r;
    printf("\n%s\n  %-38s %12s %-27s %12s %6s  %s\n", title, "", "encke", "(least .. most)", "raw", "ratio", "target");
    fflush(stdout);
}

/* 1,234,567; three digits of a small number. */
static const char *show(double value, char out[32])
{
    if (value < 1000) {
        snprintf(out, 32, value < 100 ? "%.2f" : "%.0f", value);
        return out;
    }
    char digits[32];
    int  len = snprintf(digits, sizeof digits, "%.0f", value), at = 0;
    for (int i = 0; i < len && at < 30; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

static bool is_met(const struct row *row, double ratio)
{
    double ours = series_median(row->ours);
    switch (row->target_kind) {
    case AT_MOST:
        return ours <= row->target;
    case AT_LEAST:
        return ours >= row->target;
    case RATIO_AT_MOST:
        return ratio <= row->target;
    case RATIO_AT_LEAST:
        return ratio >= row->target;
    case NO_TARGET:
        break;
    }
    return true;
}

static void print_row(const struct row *row, double ratio, bool met)
{
    static const char *const signs[] = { "", "<=", ">=", "<=", ">=" };
    char                     a[32], b[32], c[32], range[80];
    bool                     is_ratio = row->target_kind == RATIO_AT_MOST || row->target_kind == RATIO_AT_LEAST;
    snprintf(range, sizeof range, "(%s .. %s)", show(series_min(row->ours), a), show(series_max(row->ours), b));
    printf("  %-38s %12s %-27s", row->what, show(series_median(row->ours), a), range);
    if (row->raw != NULL)
        printf(" %12s %6.2f", show(series_median(row->raw), b), ratio);
    else
        printf(" %12s %6s", "", "");
    if (row->target_kind != NO_TARGET)
        printf("  %s %s%s %s: %s", row->target_name, is_ratio ? "ratio " : "", signs[row->target_kind],
               show(row->target, c), met ? "met" : "missed");
    if (row->field > 0)
        printf("  field %s (x %.2f), CppComet %s (x %.1f)", show(row->field, a), series_median(row->ours) / row->field,
               show(row->cppcomet, c), series_median(row->ours) / row->cppcomet);
    putchar('\n');
    fflush(stdout);
}

static void put_series(struct buf *b, const char *name, const struct series *s)
{
    buf_printf(b, ", \"%s\": {\"median\": %.3f, \"least\": %.3f, \"most\": %.3f, \"runs\": %u}", name, series_median(s),
               series_min(s), series_max(s), s->count);
}

void report_row(struct report *r, const struct row *row)
{
    static const char *const kinds[] = { "none", "at most", "at least", "ratio at most", "ratio at least" };
    double                   ratio = row->raw != NULL ? series_ratio(row->ours, row->raw) : 0;
    bool                     met = is_met(row, ratio);
    print_row(row, ratio, met);
    if (row->target_kind != NO_TARGET)
        *(met ? &r->met : &r->missed) += 1;
    struct buf *b = &r->rows;
    buf_text(b, b->len > 0 ? ",\n    {\"id\": " : "\n    {\"id\": ");
    json_out_string(b, slice_str(row->id));
    buf_text(b, ", \"what\": ");
    json_out_string(b, slice_str(row->what));
    buf_text(b, ", \"unit\": ");
    json_out_string(b, slice_str(row->unit));
    put_series(b, "encke", row->ours);
    if (row->raw != NULL) {
        put_series(b, "raw", row->raw);
        buf_printf(b, ", \"ratio\": %.4f", ratio);
    }
    if (row->target_kind != NO_TARGET)
        buf_printf(b, ", \"target\": {\"name\": \"%s\", \"kind\": \"%s\", \"value\": %g, \"met\": %s}",
                   row->target_name, kinds[row->target_kind], row->target, met ? "true" : "false");
    buf_byte(b, '}');
}

static void write_json(const struct report *r)
{
    FILE *f = fopen(r->json_path, "we");
    if (f == NULL)
        die("cannot write %s", r->json_path);
    fprintf(f, "{\n  \"notes\": [%.*s\n  ],\n  \"rows\": [%.*s\n  ],\n  \"faults\": [%.*s]\n}\n",
            SLICE_ARG(buf_slice(&r->notes)), SLICE_ARG(buf_slice(&r->rows)), SLICE_ARG(buf_slice(&r->faults)));
    if (fclose(f) != 0)
        die("cannot write %s", r->json_path);
}

bool report_end(struct report *given_r)
{
    bool is_clean = given_r->faults.len == 0;
    printf("\n%u targets met, %u missed; %s\n", given_r->met, given_r->missed,
           is_clean ? "no message lost, doubled or out of order" : "WITH FAULTS (see above)");
    if (given_r->json_path != NULL)
        write_json(given_r);
    buf_clear(&given_r->rows);
    buf_clear(&given_r->notes);
    buf_clear(&given_r->faults);
    free(given_r);
    return is_clean;
}
