/* results_html.c: the page with the graphs; one file that needs nothing else. See results.h and html_chart.h. */
#include <math.h>
#include <stdlib.h>

#include "load/html_chart.h"
#include "load/results.h"
#include "load/results_internal.h"
#include "load/write.h"

/* Colours that the colour-blind tell apart (Okabe and Ito), lighter ones on dark. */
static const char style[] =
    ":root{--ink:#1b1f24;--dim:#5a6470;--paper:#fff;--card:#f6f7f9;--grid:#dfe3e8;--c0:#0065a3;--c1:#c04c00;--c2:#007a58;--c3:#9b4a86;"
    "--good:#00633f;--bad:#b00020;color-scheme:light dark}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--dim:#a0a9b4;--paper:#14171b;--card:#1d2127;--grid:#343a42;--c0:#5fb4ee;"
    "--c1:#ff9b52;--c2:#3fcf9f;--c3:#e59bd0;--good:#4fd6a0;--bad:#ff7d8c}}"
    "*{box-sizing:border-box}body{margin:0 auto;padding:28px 24px 48px;max-width:1180px;background:var(--paper);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}"
    "h1{font-size:24px;line-height:1.25;margin:0 0 6px}h2{font-size:17px;margin:34px 0 12px}p{margin:4px 0}"
    "code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}"
    ".dim,.note{color:var(--dim)}.note{font-size:13px;margin:0 0 4px}.verdict{font-weight:600;margin:14px 0 0;padding:10px 14px;"
    "border-left:4px solid;background:var(--card)}.good{color:var(--good);border-color:var(--good)}.bad{color:var(--bad);border-color:var(--bad)}"
    "dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(170px,1fr));gap:10px;margin:18px 0 0}"
    "dl div{background:var(--card);border-radius:6px;padding:9px 13px}dt{color:var(--dim);font-size:13px}"
    "dd{margin:0;font-size:20px;font-weight:600;font-variant-numeric:tabular-nums}"
    "main{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr));gap:22px}"
    "figure{margin:0;min-width:0}figcaption{font-weight:600}svg{width:100%;height:auto;display:block}"
    ".legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;margin:0;padding:0;font-size:13px}"
    ".legend li::before{content:'';display:inline-block;width:14px;height:3px;margin-right:6px;vertical-align:middle;background:currentColor}"
    ".legend .c0{color:var(--c0)}.legend .c1{color:var(--c1)}.legend .c2{color:var(--c2)}.legend .c3{color:var(--c3)}"
    "svg text{font-size:12px;fill:var(--dim);font-variant-numeric:tabular-nums}.x{text-anchor:middle}.y,.x.end,.end{text-anchor:end}"
    ".grid{stroke:var(--grid)}.base,.tick{stroke:var(--dim)}.line{fill:none;stroke-width:1.6;stroke-linejoin:round}"
    ".line.c0{stroke:var(--c0)}.line.c1{stroke:var(--c1)}.line.c2{stroke:var(--c2)}.line.c3{stroke:var(--c3)}"
    ".bar,.cell{fill:var(--c0)}line.mark{stroke:var(--c1);stroke-dasharray:3 3}text.mark{fill:var(--ink)}.word{fill:transparent}"
    ".word:hover{fill:var(--dim);opacity:.14}table{border-collapse:collapse;display:block;overflow-x:auto;font-variant-numeric:tabular-nums}"
    "th,td{padding:3px 16px 3px 0;text-align:right;font-weight:400}th:first-child,td:first-child{text-align:left}"
    "thead th{color:var(--dim);border-bottom:1px solid var(--grid)}footer{margin-top:40px;color:var(--dim);font-size:13px}"
    "@media print{body{padding:0;max-width:none;font-size:11pt}figure,dl div,table{break-inside:avoid}main{grid-template-columns:1fr 1fr}"
    ".verdict,dl div{print-color-adjust:exact;-webkit-print-color-adjust:exact}}";

/* --- words ------------------------------------------------------------------------------------------------------------- */

static void head(struct buf *b, const struct results *r)
{
    char verdict[RESULTS_VERDICT_MAX], took[WRITE_NUMBER_MAX];
    results_verdict(r, verdict);
    buf_text(b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                "<title>encke-load: ");
    html_text(b, r->title);
    buf_text(b, "</title><style>");
    buf_text(b, style);
    buf_text(b, "</style></head>\n<body><header><h1>");
    html_text(b, r->title);
    buf_text(b, "</h1><p><code>");
    html_text(b, r->command);
    buf_text(b, "</code></p><p class=\"dim\">");
    html_text(b, r->started);
    buf_text(b, ", on ");
    html_text(b, r->machine);
    buf_printf(b, "; took %s%s</p>", write_seconds(r->sample_count > 0 ? r->samples[r->sample_count - 1].at_s : 0, took),
               r->was_interrupted ? "; ended early" : "");
    buf_printf(b, "<p class=\"verdict %s\">", results_are_clean(r) ? "good" : "bad");
    html_text(b, verdict);
    buf_text(b, "</p></header>\n");
}

static void card(struct buf *b, const char *what, const char *figure)
{
    buf_printf(b, "<div><dt>%s</dt><dd>", what);
    html_text(b, figure);
    buf_text(b, "</dd></div>");
}

static void cards(struct buf *b, const struct results *r)
{
    char     n[WRITE_NUMBER_MAX];
    double   seconds;
    uint32_t best;
    results_ramp(r, &seconds, &best);
    buf_text(b, "<dl>");
    card(b, "connections at once", write_number(r->peak_online, n));
    card(b, "made in the best second", write_number(best, n));
    card(b, "all there after", write_seconds(seconds, n));
    if (r->connect_us.count > 0)
        card(b, "to connect, p99", write_us(histogram_percentile(&r->connect_us, 99), n));
    if (r->storm_back_s > 0)
        card(b, "all back after the cut", write_seconds(r->storm_back_s, n));
    if (r->delivered > 0)
        card(b, "messages delivered", write_number(r->delivered, n));
    if (r->latency_us.count > 0) {
        card(b, "to deliver, p50", write_us(histogram_percentile(&r->latency_us, 50), n));
        card(b, "to deliver, p99", write_us(histogram_percentile(&r->latency_us, 99), n));
    }
    if (r->peak_server_rss > 0)
        card(b, "server memory, most", write_bytes(r->peak_server_rss, n));
    if (r->idle_server_rss > 0 && r->peak_online > 0)
        card(b, "for each connection", write_bytes(r->idle_server_rss / r->peak_online, n));
    if (r->idle_server_cpu > 0) {
        snprintf(n, sizeof n, "%.3f cores", r->idle_server_cpu);
        card(b, "server while all were silent", n);
    }
    buf_text(b, "</dl>\n");
}

static void time_row(struct buf *b, const char *what, const struct histogram *h)
{
    static const double shown[] = { 50, 90, 99, 99.9, 100 };
    char                n[WRITE_NUMBER_MAX];
    if (h->count == 0)
        return;
    buf_printf(b, "<tr><td>%s</td><td>%s</td>", what, write_number(h->count, n));
    buf_printf(b, "<td>%s</td>", write_us((uint64_t)results_mean(h), n));
    for (unsigned i = 0; i < sizeof shown / sizeof shown[0]; i++)
        buf_printf(b, "<td>%s</td>", write_us(histogram_percentile(h, shown[i]), n));
    buf_text(b, "</tr>");
}

static void count_row(struct buf *b, const char *what, uint64_t count)
{
    char n[WRITE_NUMBER_MAX];
    buf_printf(b, "<tr><td>%s</td><td>%s</td></tr>", what, write_number(count, n));
}

static void tables(struct buf *b, const struct results *r)
{
    if (r->connect_us.count + r->latency_us.count + r->publish_us.count > 0) {
        buf_text(b, "<h2>Times</h2><table id=\"times\"><thead><tr><th></th><th>count</th><th>mean</th><th>p50</th><th>p90</th><th>p99</th>"
                    "<th>p99.9</th><th>max</th></tr></thead><tbody>");
        time_row(b, "to connect", &r->connect_us);
        time_row(b, "publication to delivery", &r->latency_us);
        time_row(b, "publication to its answer", &r->publish_us);
        buf_text(b, "</tbody></table>\n");
    }
    buf_text(b, "<h2>Counts</h2><table id=\"counts\"><tbody>");
    count_row(b, "connections wanted", r->wanted);
    count_row(b, "connections made", r->made);
    count_row(b, "connections lost", r->lost);
    if (r->away > 0)
        count_row(b, "connections that did not come back", r->away);
    if (r->let_go > 0)
        count_row(b, "let go by the server, to come back", r->let_go);
    if (r->put_off > 0)
        count_row(b, "told to come back later, with Retry-After", r->put_off);
    for (unsigned i = 0; i < LOAD_ERROR_COUNT; i++)
        if (r->errors[i] > 0)
            count_row(b, load_error_rows[i].sentence, r->errors[i]);
    count_row(b, "published", r->published);
    count_row(b, "refused", r->refused);
    count_row(b, "expected", r->expected);
    count_row(b, "delivered", r->delivered);
    count_row(b, "missing", r->missing);
    count_row(b, "doubled", r->doubled);
    count_row(b, "out of order", r->disordered);
    buf_text(b, "</tbody></table>\n");
    if (r->first_error[0] != '\0') {
        buf_text(b, "<p>The first error: ");
        html_text(b, r->first_error);
        buf_text(b, "</p>\n");
    }
}

/* --- figures over time ------------------------------------------------------------------------------------------------- */

/* One array for each line of the graphs. */
enum column {
    AT, ONLINE, CONNECTING, MADE, LOST, FAILED, PUBLISHED, DELIVERED, RECEIVED, P50, P99, P999, MAX, SERVER_RSS, OWN_RSS, SERVER_CPU, COLUMNS,
};

static double per_second(uint64_t count, double took_s)
{
    return took_s > 0 ? (double)count / took_s : (double)count;
}

static double known(double value)
{
    return value > 0 ? value : NAN;
}

static void fill(const struct results *r, double *columns[COLUMNS])
{
    for (uint32_t i = 0; i < r->sample_count; i++) {
        const struct sample *s = &r->samples[i];
        double               took = s->at_s - (i > 0 ? r->samples[i - 1].at_s : 0);
        uint64_t             failed = 0;
        for (unsigned e = 0; e < LOAD_ERROR_COUNT; e++)
            failed += s->errors[e];
        const double row[COLUMNS] = {
            [AT] = s->at_s,
            [ONLINE] = s->online,
            [CONNECTING] = s->connecting,
            [MADE] = per_second(s->made, took),
            [LOST] = per_second(s->lost, took),
            [FAILED] = per_second(failed, took),
            [PUBLISHED] = per_second(s->published, took),
            [DELIVERED] = per_second(s->delivered, took),
            [RECEIVED] = per_second(s->received_bytes, took),
            [P50] = known(s->latency_us.p50),
            [P99] = known(s->latency_us.p99),
            [P999] = known(s->latency_us.p999),
            [MAX] = known(s->latency_us.max),
            [SERVER_RSS] = known((double)s->server_rss),
            [OWN_RSS] = known((double)s->own_rss),
            [SERVER_CPU] = s->server_cpu >= 0 ? s->server_cpu : NAN,
        };
        for (unsigned c = 0; c < COLUMNS; c++)
            columns[c][i] = row[c];
    }
}

static void graphs_over_time(struct buf *b, const struct results *r, double *const columns[COLUMNS])
{
    static const struct {
        const char     *id, *title;
        enum chart_unit unit;
        bool            is_log;
        unsigned        count;
        struct {
            const char *name;
            enum column column;
        } lines[CHART_LINES];
    } graphs[] = {
        { "online", "Simultaneous connections", CHART_COUNT, false, 2, { { "online", ONLINE }, { "under way", CONNECTING } } },
        { "rate", "Connections per second", CHART_COUNT, false, 3, { { "made", MADE }, { "lost", LOST }, { "failed", FAILED } } },
        { "published", "Publications per second", CHART_COUNT, false, 1, { { "published", PUBLISHED } } },
        { "delivered", "Deliveries per second", CHART_COUNT, false, 1, { { "delivered", DELIVERED } } },
        { "latency", "From publication to delivery", CHART_US, true, 4, { { "p50", P50 }, { "p99", P99 }, { "p99.9", P999 }, { "max", MAX } } },
        { "received", "Bytes received per second", CHART_BYTES, false, 1, { { "received", RECEIVED } } },
        { "memory", "Memory", CHART_BYTES, false, 2, { { "server", SERVER_RSS }, { "encke-load", OWN_RSS } } },
        { "cpu", "CPU of the server, cores", CHART_CORES, false, 1, { { "server", SERVER_CPU } } },
    };
    for (unsigned i = 0; i < sizeof graphs / sizeof graphs[0]; i++) {
        struct chart c = { .id = graphs[i].id, .title = graphs[i].title, .note = "", .unit = graphs[i].unit, .is_log = graphs[i].is_log,
                           .at_s = columns[AT], .count = r->sample_count, .line_count = graphs[i].count };
        for (unsigned k = 0; k < graphs[i].count; k++) {
            c.lines[k].name = graphs[i].lines[k].name;
            c.lines[k].values = columns[graphs[i].lines[k].column];
        }
        if (chart_lines(b, &c))
            buf_byte(b, '\n');
    }
}

static void graph_of_cores(struct buf *b, const struct results *r, const double *at_s)
{
    unsigned cores = r->core_count < RESULTS_CORES_MAX ? r->core_count : RESULTS_CORES_MAX;
    uint8_t *percent = malloc((size_t)r->sample_count * cores + 1);
    if (percent == NULL)
        return; /* one graph less */
    for (uint32_t i = 0; i < r->sample_count; i++)
        memcpy(percent + (size_t)i * cores, r->samples[i].core_percent, cores);
    chart_strip(b, "cores", "CPU of each core", at_s, percent, r->sample_count, cores);
    free(percent);
}

static void graphs(struct buf *b, const struct results *r)
{
    double *columns[COLUMNS], *all = calloc((size_t)r->sample_count + 1, COLUMNS * sizeof *all);
    if (all == NULL) {
        b->failed = true;
        return;
    }
    for (unsigned c = 0; c < COLUMNS; c++)
        columns[c] = all + (size_t)c * r->sample_count;
    fill(r, columns);
    buf_text(b, "<main>\n");
    graphs_over_time(b, r, columns);
    chart_bars(b, "latency-histogram", "From publication to delivery, all of them", &r->latency_us);
    chart_bars(b, "connect-histogram", "To make a connection, all of them", &r->connect_us);
    graph_of_cores(b, r, columns[AT]);
    buf_text(b, "</main>\n");
    free(all);
}

void results_html_text(const struct results *r, struct buf *b)
{
    head(b, r);
    cards(b, r);
    buf_text(b, "<h2>Over time</h2>");
    graphs(b, r);
    tables(b, r);
    buf_printf(b, "<footer>Made by encke-load %s. Point at a graph for its figures.</footer></body></html>\n", ENCKE_VERSION);
}

enum status results_html(const struct results *r, const char *path, struct error *out_error)
{
    struct buf b = { 0 };
    results_html_text(r, &b);
    enum status s = buf_ok(&b) ? results_write(&b, path, out_error) : error_plain(out_error, E_NO_MEMORY);
    buf_clear(&b);
    return s;
}
