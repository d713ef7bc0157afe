/* results: what encke-load saw, second by second and in all; the only thing that the screen, the texts, the JSON and the page know.
 *
 *   engine.c fills it -> results_text | results_json | results_html;  results_read brings a JSON back for `compare`
 *
 * Thread: main; the engine's threads hand in their counts through engine.h.
 */
#ifndef ENCKE_LOAD_RESULTS_H
#define ENCKE_LOAD_RESULTS_H

#include <stdio.h>

#include "load/histogram.h"
#include "load/plan.h"

#define RESULTS_CORES_MAX 256

/* Why a connection could not be made or ended. */
#define LOAD_ERRORS(X)                                                   \
    X(REFUSED,   "refused",   "the connection was refused")              \
    X(TIMEOUT,   "timeout",   "no answer within the time allowed")       \
    X(RESET,     "reset",     "the server reset the connection")         \
    X(CLOSED,    "closed",    "the server ended the connection")         \
    X(STATUS,    "status",    "the answer was not 101")                  \
    X(PROTOCOL,  "protocol",  "what came was no WebSocket")              \
    X(ADDRESS,   "address",   "no free port of the source addresses")    \
    X(DESCRIPTOR, "descriptor", "no descriptor left in this process")   \
    X(OTHER,     "other",     "something else; the first is told")
enum load_error {
#define X(name, key, sentence) LOAD_##name,
    LOAD_ERRORS(X)
#undef X
    LOAD_ERROR_COUNT
};

struct sample {
    double   at_s;       /* since the start */
    uint32_t online;     /* connections complete and open */
    uint32_t connecting;
    uint32_t made, lost; /* in this second */
    uint32_t errors[LOAD_ERROR_COUNT]; /* in this second */
    uint64_t published, delivered;     /* in this second */
    uint64_t received_bytes;
    struct { uint32_t p50, p99, p999, max; } latency_us; /* of the deliveries of this second; zeros when there were none */
    uint64_t server_rss, own_rss;      /* bytes; 0 = unknown */
    double   server_cpu;               /* cores used in this second; < 0 = unknown */
    uint8_t  core_percent[RESULTS_CORES_MAX]; /* of each core of this machine */
};

struct results {
    char            title[256];  /* plan_sentence */
    char            command[1024];
    char            machine[256]; /* kernel, cores, memory */
    char            started[32]; /* 2026-11-23T08:00:00Z */
    unsigned        core_count;
    struct sample  *samples; /* owned */
    uint32_t        sample_count, sample_cap;
    struct histogram connect_us, latency_us, publish_us; /* to complete a connection; publication to delivery; to its answer */
    uint64_t        wanted, made, lost, errors[LOAD_ERROR_COUNT];
    uint64_t        let_go;  /* closed by the server, and expected to come back (--come-back) */
    uint64_t        put_off; /* told to come back later, with Retry-After, when they came back from a cut */
    uint64_t        away;    /* of those who were cut in a storm, or let go: not back when it was over */
    uint64_t        published, refused, expected, delivered;
    uint64_t        missing, doubled, disordered; /* what must not be */
    uint32_t        peak_online;
    uint64_t        peak_server_rss, idle_server_rss; /* after the ramp, before the workload */
    double          idle_server_cpu; /* cores, on average while all were silent (--settle); 0 = unknown */
    double          storm_back_s;    /* from the cut of all connections until all were back; 0 = there was no storm, or they were not */
    char            first_error[256];
    bool            was_interrupted;
};

/* One more sample, zeroed; NULL when there is no memory (older ones stay). */
struct sample *results_sample(struct results *r);
void results_clear(struct results *r);

/* Did everything come that was to come, once and in order? */
bool results_are_clean(const struct results *r);

void        results_text(const struct results *r, FILE *out);
enum status results_json(const struct results *r, const char *path, struct error *out_error) __attribute__((warn_unused_result));
enum status results_html(const struct results *r, const char *path, struct error *out_error) __attribute__((warn_unused_result));
enum status results_read(struct results *out, const char *path, struct error *out_error) __attribute__((warn_unused_result));

/* encke-load compare a.json b.json: the figures side by side. */
void results_compare(const struct results *a, const struct results *b, FILE *out);

#endif
