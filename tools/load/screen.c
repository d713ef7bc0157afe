/* screen.c: see screen.h. */
#include "load/screen.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "load/results_internal.h"
#include "load/write.h"

#define EVERY_WITHOUT_TERMINAL 10
#define BAR_CELLS              40
#define CORES_PER_LINE         16

/* Seconds until the end: what is left of the ramp, then of the hold. */
static double seconds_left(const struct plan *p, const struct results *r, double *out_part)
{
    const struct sample *now = &r->samples[r->sample_count - 1];
    double               left = p->settle_s + (double)p->hold_s;
    double               full_s = -1; /* when the last connection was made */
    for (uint32_t i = 0; i < r->sample_count && full_s < 0; i++)
        if (r->samples[i].online >= p->connections)
            full_s = r->samples[i].at_s;
    if (full_s >= 0)
        left += full_s - now->at_s;
    else if (p->ramp_per_s > 0)
        left += (double)(p->connections - (now->online < p->connections ? now->online : p->connections)) / p->ramp_per_s;
    double all = now->at_s + left;
    *out_part = left <= 0 ? 1 : all > 0 ? now->at_s / all : 0;
    return left > 0 ? left : 0;
}

static void bar(struct buf *b, double part)
{
    unsigned full = part <= 0 ? 0 : part >= 1 ? BAR_CELLS : (unsigned)(part * BAR_CELLS);
    buf_byte(b, '[');
    for (unsigned i = 0; i < BAR_CELLS; i++)
        buf_byte(b, i < full ? '#' : '.');
    buf_byte(b, ']');
}

static void say_errors(struct buf *b, const struct results *r)
{
    char n[WRITE_NUMBER_MAX];
    buf_text(b, "errors       ");
    if (results_errors(r) == 0)
        buf_text(b, "none");
    for (unsigned i = 0, said = 0; i < LOAD_ERROR_COUNT; i++)
        if (r->errors[i] > 0)
            buf_printf(b, "%s%s %s", said++ > 0 ? ", " : "", load_error_rows[i].key, write_number(r->errors[i], n));
    if (r->missing + r->doubled + r->disordered > 0) {
        buf_printf(b, "\nFAILED       missing %s", write_number(r->missing, n));
        buf_printf(b, ", doubled %s", write_number(r->doubled, n));
        buf_printf(b, ", out of order %s", write_number(r->disordered, n));
    }
    buf_byte(b, '\n');
}

static void say_times(struct buf *b, const struct sample *s)
{
    char n[WRITE_NUMBER_MAX];
    buf_printf(b, "latency      p50 %s", write_us(s->latency_us.p50, n));
    buf_printf(b, "   p99 %s", write_us(s->latency_us.p99, n));
    buf_printf(b, "   p99.9 %s", write_us(s->latency_us.p999, n));
    buf_printf(b, "   max %s\n", write_us(s->latency_us.max, n));
}

static void say_machine(struct buf *b, const struct results *r, const struct sample *s, unsigned lines_most)
{
    char n[WRITE_NUMBER_MAX];
    if (s->server_rss > 0)
        buf_printf(b, "server       %s", write_bytes(s->server_rss, n));
    if (s->server_rss > 0 && s->server_cpu >= 0)
        buf_printf(b, ", %.1f cores", s->server_cpu);
    buf_printf(b, "%s%s here\n", s->server_rss > 0 ? "; " : "memory       ", write_bytes(s->own_rss, n));
    unsigned cores = r->core_count < RESULTS_CORES_MAX ? r->core_count : RESULTS_CORES_MAX;
    if (cores > lines_most * CORES_PER_LINE)
        cores = lines_most * CORES_PER_LINE;
    for (unsigned i = 0; i < cores; i++)
        buf_printf(b, "%s%4u%%%s", i == 0 ? "cores  " : i % CORES_PER_LINE == 0 ? "       " : "", s->core_percent[i],
                   i + 1 == cores || i % CORES_PER_LINE == CORES_PER_LINE - 1 ? "\n" : "");
}

static void say_connections(struct buf *b, const struct plan *plan, const struct sample *s)
{
    char n[WRITE_NUMBER_MAX];
    buf_printf(b, "online       %s", write_number(s->online, n));
    buf_printf(b, " of %s", write_number(plan->connections, n));
    buf_printf(b, "   made %s/s", write_number(s->made, n));
    buf_printf(b, "   under way %s", write_number(s->connecting, n));
    buf_printf(b, "   lost %s/s\n", write_number(s->lost, n));
    buf_printf(b, "messages     published %s/s", write_number(s->published, n));
    buf_printf(b, "   delivered %s/s", write_number(s->delivered, n));
    buf_printf(b, "   %s/s\n", write_bytes(s->received_bytes, n));
}

void screen_block(struct buf *b, const struct plan *plan, const struct results *r, unsigned rows)
{
    char   n[WRITE_NUMBER_MAX];
    double part;
    if (r->sample_count == 0)
        return;
    const struct sample *s = &r->samples[r->sample_count - 1];
    double               left = seconds_left(plan, r, &part);
    buf_printf(b, "encke-load   %s\n", r->title);
    bar(b, part);
    buf_printf(b, " %s", write_seconds(s->at_s, n));
    buf_printf(b, ", %s left\n", write_seconds(left, n));
    say_connections(b, plan, s);
    say_errors(b, r);
    say_times(b, s);
    say_machine(b, r, s, rows > 12 ? rows - 10 : rows > 0 ? 1 : 16);
}

void screen_line(struct buf *b, const struct plan *plan, const struct results *r)
{
    char n[WRITE_NUMBER_MAX];
    if (r->sample_count == 0)
        return;
    const struct sample *s = &r->samples[r->sample_count - 1];
    buf_printf(b, "%s: online %u of %u", write_seconds(s->at_s, n), s->online, plan->connections);
    buf_printf(b, ", made %u/s, errors %llu", s->made, (unsigned long long)results_errors(r));
    if (r->delivered > 0) {
        buf_printf(b, ", delivered %s/s", write_number(s->delivered, n));
        buf_printf(b, ", p99 %s", write_us(s->latency_us.p99, n));
    }
    if (r->missing + r->doubled + r->disordered > 0)
        buf_printf(b, ", FAILED: missing %llu, doubled %llu, out of order %llu", (unsigned long long)r->missing,
                   (unsigned long long)r->doubled, (unsigned long long)r->disordered);
    if (s->server_rss > 0)
        buf_printf(b, ", server %s", write_bytes(s->server_rss, n));
    buf_byte(b, '\n');
}

void screen_begin(struct screen *s, const struct plan *plan, FILE *out)
{
    const char *term = getenv("TERM");
    *s = (struct screen){ .plan = plan, .out = out };
    s->is_terminal = isatty(fileno(out)) == 1 && term != NULL && strcmp(term, "dumb") != 0;
}

/* Each line is wiped before it is written, and lines are not wrapped: one of the block is one of the terminal. */
static void put_block(struct screen *s, struct slice text, struct buf *to)
{
    if (s->lines > 0)
        buf_printf(to, "\r\x1b[%uA", s->lines);
    buf_text(to, "\x1b[?7l");
    s->lines = 0;
    while (text.len > 0) {
        struct slice one = slice_cut(&text, '\n');
        buf_printf(to, "\x1b[2K%.*s\n", SLICE_ARG(one));
        s->lines++;
    }
    buf_text(to, "\x1b[J\x1b[?7h");
}

void screen_draw(struct screen *s, const struct results *so_far)
{
    struct winsize size;
    struct buf     text = { 0 }, whole = { 0 };
    bool           is_due = s->is_terminal || s->drawn % EVERY_WITHOUT_TERMINAL == 0;
    s->drawn++;
    if (s->plan->is_quiet || !is_due)
        return;
    if (s->is_terminal) {
        if (ioctl(fileno(s->out), TIOCGWINSZ, &size) == 0)
            s->rows = size.ws_row;
        screen_block(&text, s->plan, so_far, s->rows);
        if (buf_ok(&text))
            put_block(s, buf_slice(&text), &whole);
    } else {
        screen_line(&whole, s->plan, so_far);
    }
    if (buf_ok(&whole) && whole.len > 0) {
        fwrite(whole.at, 1, whole.len, s->out);
        fflush(s->out);
    }
    buf_clear(&text);
    buf_clear(&whole);
}
