/* metrics.c: see metrics.h. */
#include "load/metrics.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "load/http_answer.h"
#include "load/request.h"
#include "load/wire.h"

#define PATIENCE_S  3
#define TEXT_MOST   ((size_t)4 << 20)
#define EVERY_NS    1000000000u
#define READ_BYTES  16384

struct metrics {
    const struct target_address *from;
    struct tls_client           *tls;
    struct wire                  wire;
    struct buf                   out, body;
    pthread_t                    thread;
    bool                         has_thread;
    pthread_mutex_t              lock; /* of what follows */
    pthread_cond_t               wakes;
    bool                         is_over;
    uint64_t                     at_ns; /* when the last answer came; 0: none yet */
    struct metrics_figures       last;
    double                       cores;
};

/* --- what is told ------------------------------------------------------------------------------------------------------ */

/* The value of a sample without labels, or with any: NAME{...} VALUE */
static bool sample_of(struct slice line, const char *name, double *out)
{
    char number[64];
    if (!slice_starts(line, name))
        return false;
    line = slice_skip(line, strlen(name));
    if (line.len > 0 && line.at[0] == '{') {
        size_t end = slice_find(line, '}');
        if (end == SIZE_MAX)
            return false;
        line = slice_skip(line, end + 1);
    }
    if (line.len == 0 || (line.at[0] != ' ' && line.at[0] != '\t'))
        return false;
    line = slice_trim(line);
    line = slice_cut(&line, ' '); /* behind it may stand a time */
    if (line.len == 0 || line.len >= sizeof number)
        return false;
    memcpy(number, line.at, line.len);
    number[line.len] = '\0';
    char *end;
    *out = strtod(number, &end);
    return *end == '\0' && isfinite(*out) && *out >= 0 && *out < 1e18;
}

static void read_prometheus(struct slice text, struct metrics_figures *out)
{
    double value;
    while (text.len > 0) {
        struct slice line = slice_trim(slice_cut(&text, '\n'));
        if (sample_of(line, "process_resident_memory_bytes", &value))
            out->rss = (uint64_t)value;
        else if (sample_of(line, "process_cpu_seconds_total", &value))
            out->cpu_s = value;
    }
}

static void read_status(struct slice text, struct metrics_figures *out)
{
    struct json *doc;
    int64_t      bytes;
    double       cpu_s;
    if (json_parse(text, &(struct json_limits){ .bytes = TEXT_MOST, .depth = 16 }, &doc, NULL) != OK)
        return;
    if (json_int(json_get(doc, "memory_bytes"), &bytes) && bytes > 0)
        out->rss = (uint64_t)bytes;
    if (json_number(json_get(doc, "cpu_s"), &cpu_s) && cpu_s >= 0)
        out->cpu_s = cpu_s;
    json_free(doc);
}

bool metrics_read(struct slice text, struct metrics_figures *out)
{
    *out = (struct metrics_figures){ .cpu_s = -1 };
    text = slice_trim(text);
    if (text.len > 0 && text.at[0] == '{')
        read_status(text, out);
    else
        read_prometheus(text, out);
    return out->rss > 0 || out->cpu_s >= 0;
}

/* --- asking ------------------------------------------------------------------------------------------------------------ */

static enum status receive(struct metrics *m, struct http_answer *a, struct error *e)
{
    char      bytes[READ_BYTES];
    enum feed fed = FEED_MORE;
    buf_recycle(&m->body, READ_BYTES);
    http_answer_begin(a, &m->body);
    while (fed == FEED_MORE) {
        errno = 0;
        ssize_t      n = wire_recv(&m->wire, bytes, sizeof bytes);
        struct slice in = slice_of(bytes, n > 0 ? (size_t)n : 0);
        if (n < 0)
            return error_set(e, E_IO, "--metrics: %s", strerror(errno));
        fed = n == 0 ? http_answer_end(a) : http_answer_feed(a, &in);
    }
    if (fed == FEED_BAD)
        return error_set(e, E_INVALID, "--metrics: what answers there does not speak HTTP, or ended too early");
    if (a->status != 200)
        return error_set(e, E_INVALID, "--metrics: %.100s was answered %u", m->from->path, a->status);
    return OK;
}

/* On a connection that stays, where the server lets it. */
static enum status ask(struct metrics *m, struct metrics_figures *out, struct error *e)
{
    struct http_answer a = { 0 };
    enum status        s = m->wire.fd >= 0 ? OK : wire_open(&m->wire, m->from, m->tls, PATIENCE_S, e);
    if (s != OK)
        return s;
    if (wire_send(&m->wire, buf_slice(&m->out)))
        s = receive(m, &a, e);
    else
        s = error_set(e, E_IO, "--metrics: %s", strerror(errno));
    if (s != OK || !a.keeps_alive)
        wire_close(&m->wire);
    if (s == OK && (!buf_ok(&m->body) || !metrics_read(buf_slice(&m->body), out)))
        s = error_set(e, E_INVALID, "--metrics: no figures there: /api/status of Encke is expected, or a text with "
                                    "process_resident_memory_bytes and process_cpu_seconds_total");
    return s;
}

static void note(struct metrics *m, const struct metrics_figures *now)
{
    uint64_t at_ns = clock_mono_ns();
    m->cores = -1;
    if (m->at_ns != 0 && m->last.cpu_s >= 0 && now->cpu_s >= m->last.cpu_s && at_ns > m->at_ns)
        m->cores = (now->cpu_s - m->last.cpu_s) / ((double)(at_ns - m->at_ns) / 1e9);
    m->last = *now;
    m->at_ns = at_ns;
}

static void *metrics_run(void *argument)
{
    struct metrics *m = argument;
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    pthread_mutex_lock(&m->lock);
    while (!m->is_over) {
        at.tv_sec++;
        if (pthread_cond_timedwait(&m->wakes, &m->lock, &at) != ETIMEDOUT)
            continue; /* the end, or nothing */
        pthread_mutex_unlock(&m->lock);
        struct metrics_figures now;
        struct error           e;
        enum status            s = ask(m, &now, &e);
        pthread_mutex_lock(&m->lock);
        if (s == OK)
            note(m, &now);
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

enum status metrics_new(const struct target_address *from, struct tls_client *tls, struct metrics **out, struct error *out_error)
{
    struct metrics        *m = calloc(1, sizeof *m);
    struct metrics_figures now;
    pthread_condattr_t     monotonic;
    if (m == NULL)
        return error_plain(out_error, E_NO_MEMORY);
    *m = (struct metrics){ .from = from, .tls = tls, .wire.fd = -1, .cores = -1, .body.limit = TEXT_MOST };
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&m->wakes, &monotonic);
    pthread_condattr_destroy(&monotonic);
    buf_printf(&m->out, "GET %s HTTP/1.1\r\n", from->path[0] != '\0' ? from->path : "/api/status");
    request_host(&m->out, from);
    buf_text(&m->out, "Accept: */*\r\n\r\n");
    enum status s = buf_ok(&m->out) ? ask(m, &now, out_error) : error_plain(out_error, E_NO_MEMORY);
    if (s == OK) {
        note(m, &now);
        m->has_thread = pthread_create(&m->thread, NULL, metrics_run, m) == 0;
        s = m->has_thread ? OK : error_set(out_error, E_NO_MEMORY, "--metrics: its thread cannot be started");
    }
    if (s == OK)
        *out = m;
    else
        metrics_free(m);
    return s;
}

void metrics_look(struct metrics *m, uint64_t *out_rss, double *out_cores)
{
    pthread_mutex_lock(&m->lock);
    bool is_fresh = clock_mono_ns() - m->at_ns < 3 * (uint64_t)EVERY_NS;
    *out_rss = is_fresh ? m->last.rss : 0;
    *out_cores = is_fresh ? m->cores : -1;
    pthread_mutex_unlock(&m->lock);
}

void metrics_free(struct metrics *m)
{
    if (m == NULL)
        return;
    pthread_mutex_lock(&m->lock);
    m->is_over = true;
    pthread_cond_signal(&m->wakes);
    pthread_mutex_unlock(&m->lock);
    if (m->has_thread)
        pthread_join(m->thread, NULL);
    wire_close(&m->wire);
    buf_clear(&m->out);
    buf_clear(&m->body);
    pthread_cond_destroy(&m->wakes);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
