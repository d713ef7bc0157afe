/* publish.c: see publish.h. */
#include "load/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "load/publish_internal.h"

#define REFUSALS_MOST  20
#define REFUSED_REST_NS 50000000u /* before what was refused is said again */
#define NAP_NS         20000000u  /* how long the end of the run may have to wait for a thread that waits */

static void note(struct publisher *p, enum said said, const struct error *e)
{
    pthread_mutex_lock(&p->lock);
    p->counts.refused++;
    p->counts.has_failed |= said == SAID_NOTHING || p->refusals >= REFUSALS_MOST;
    if (p->counts.first_error[0] == '\0')
        snprintf(p->counts.first_error, sizeof p->counts.first_error, "publisher %u: %.200s", p->index, e->text);
    pthread_mutex_unlock(&p->lock);
}

/* False: the end came first. */
static bool wait_until(const struct publishers *all, uint64_t at_ns)
{
    for (uint64_t now = clock_mono_ns(); now < at_ns && !atomic_load(&all->is_over); now = clock_mono_ns()) {
        uint64_t        until = at_ns - now > NAP_NS ? now + NAP_NS : at_ns;
        struct timespec at = { .tv_sec = (time_t)(until / 1000000000u), .tv_nsec = (long)(until % 1000000000u) };
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
    return !atomic_load(&all->is_over);
}

/* False: there is no point in going on. Of one stream only one publisher speaks, unless nobody listens to it. */
static bool publish_one(struct publisher *p, uint32_t stream)
{
    const struct streams *streams = p->all->streams;
    struct error          e = { 0 };
    struct label          l = { .run = streams->run, .stream = stream };
    l.number = atomic_fetch_add(&streams->given[stream], 1); /* given before it is sent: whoever hears it must find it given */
    l.sent_ns = clock_mono_ns();
    buf_reset(&p->text);
    label_write(&p->text, &l, p->all->plan->message_bytes);
    enum said said = p->all->way->say(p, stream, &e);
    if (said != SAID_YES) {
        atomic_fetch_sub(&streams->given[stream], 1); /* it is not expected; and if it was heard, nobody minds at the end */
        p->refusals++;
        note(p, said, &e);
        return said == SAID_NO && p->refusals < REFUSALS_MOST && wait_until(p->all, clock_mono_ns() + REFUSED_REST_NS);
    }
    p->refusals = 0;
    pthread_mutex_lock(&p->lock);
    p->counts.published++;
    histogram_add(&p->counts.answer_us, (clock_mono_ns() - l.sent_ns) / 1000);
    pthread_mutex_unlock(&p->lock);
    return true;
}

static void publish_all(struct publisher *p)
{
    const struct publishers *all = p->all;
    const uint32_t           streams = all->streams->count;
    double                   gap_ns = all->plan->rate > 0 ? 1e9 * all->count / all->plan->rate : 0;
    uint32_t                 stream = p->index % streams;
    while (atomic_load(&all->start_ns) == 0)
        if (!wait_until(all, clock_mono_ns() + 1000000))
            return;
    uint64_t start_ns = atomic_load(&all->start_ns);
    for (uint64_t n = 0; wait_until(all, start_ns + (uint64_t)(gap_ns * ((double)n + (double)p->index / all->count))); n++) {
        if (!publish_one(p, stream))
            return;
        stream = stream + all->count < streams ? stream + all->count : p->index % streams;
    }
}

static void *publisher_run(void *argument)
{
    struct publisher *p = argument;
    publish_all(p);
    atomic_fetch_sub(&p->all->running, 1);
    return NULL;
}

static enum status begin_threads(struct publishers *all, struct error *e)
{
    for (unsigned i = 0; i < all->count; i++) {
        struct publisher *p = &all->at[i];
        atomic_fetch_add(&all->running, 1);
        p->has_thread = pthread_create(&p->thread, NULL, publisher_run, p) == 0;
        if (!p->has_thread) {
            atomic_fetch_sub(&all->running, 1);
            return error_set(e, E_NO_MEMORY, "publisher %u of %u: its thread cannot be started", i + 1, all->count);
        }
    }
    return OK;
}

enum status publishers_new(const struct plan *plan, const struct streams *streams, struct tls_client *tls, struct publishers **out,
                           struct error *out_error)
{
    struct publishers *all = calloc(1, sizeof *all);
    unsigned           wanted = plan->publishers > 0 ? plan->publishers : 1;
    if (all == NULL)
        return error_plain(out_error, E_NO_MEMORY);
    all->plan = plan;
    all->streams = streams;
    all->tls = tls;
    all->way = &publish_ways[plan->publish_way];
    all->count = plan->workload != WORKLOAD_PUBLISH && wanted > streams->count ? streams->count : wanted; /* a stream has one publisher */
    all->at = calloc(all->count, sizeof *all->at);
    enum status s = all->at != NULL ? OK : error_plain(out_error, E_NO_MEMORY);
    for (unsigned i = 0; all->at != NULL && i < all->count; i++) {
        all->at[i] = (struct publisher){ .all = all, .index = i, .wire.fd = -1, .sql.fd = -1 };
        pthread_mutex_init(&all->at[i].lock, NULL);
    }
    for (unsigned i = 0; s == OK && i < all->count; i++)
        s = all->way->open(&all->at[i], out_error);
    if (s == OK && plan->workload == WORKLOAD_PRIVATE)
        s = publish_let_users_in(&all->at[0], out_error);
    if (s == OK)
        s = begin_threads(all, out_error);
    if (s == OK)
        *out = all;
    else
        publishers_free(all);
    return s;
}

void publishers_start(struct publishers *p)
{
    atomic_store(&p->start_ns, clock_mono_ns());
}

void publishers_take(struct publishers *p, struct publish_counts *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < p->count; i++) {
        struct publisher *one = &p->at[i];
        pthread_mutex_lock(&one->lock);
        out->published += one->counts.published;
        out->refused += one->counts.refused;
        out->has_failed |= one->counts.has_failed;
        histogram_merge(&out->answer_us, &one->counts.answer_us);
        if (out->first_error[0] == '\0')
            memcpy(out->first_error, one->counts.first_error, sizeof out->first_error);
        memset(&one->counts, 0, sizeof one->counts);
        pthread_mutex_unlock(&one->lock);
    }
}

void publishers_stop(struct publishers *p)
{
    atomic_store(&p->is_over, true);
}

bool publishers_are_done(const struct publishers *p)
{
    return atomic_load(&p->running) == 0;
}

void publishers_free(struct publishers *p)
{
    if (p == NULL)
        return;
    publishers_stop(p);
    for (unsigned i = 0; p->at != NULL && i < p->count; i++) {
        struct publisher *one = &p->at[i];
        if (one->has_thread)
            pthread_join(one->thread, NULL);
        sql_client_close(&one->sql);
        wire_close(&one->wire);
        incoming_clear(&one->ws_in);
        buf_clear(&one->text);
        buf_clear(&one->out);
        buf_clear(&one->body);
        pthread_mutex_destroy(&one->lock);
    }
    free(p->at);
    free(p);
}
