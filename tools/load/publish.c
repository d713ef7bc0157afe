/* publish.c: see publish.h. */
#include "load/publish.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "load/incoming.h"
#include "load/request.h"
#include "load/sql_client.h"

#define USERS_AT_ONCE 500
#define PATIENCE_S    30

struct publisher {
    struct publishers *all;
    pthread_t          thread;
    bool               has_thread;
    unsigned           index;
    struct sql_client  sql;
    int                ws_fd;
    struct incoming    ws_in;
    bool               is_reported; /* the answer to what was published has come */
    struct buf         text, statement;
    pthread_mutex_t    lock;
    struct publish_counts counts;
};

struct publishers {
    const struct plan    *plan;
    const struct streams *streams;
    unsigned              count;
    struct publisher     *at; /* owned */
    _Atomic uint64_t      start_ns;
    atomic_bool           is_over;
};

static void fail(struct publisher *p, const char *why)
{
    pthread_mutex_lock(&p->lock);
    p->counts.has_failed = true;
    p->counts.refused++;
    if (p->counts.first_error[0] == '\0')
        snprintf(p->counts.first_error, sizeof p->counts.first_error, "publisher %u: %.200s", p->index, why);
    pthread_mutex_unlock(&p->lock);
}

/* --- over CometQL ------------------------------------------------------------------------------------------------------ */

static bool publish_sql(struct publisher *p, uint32_t stream)
{
    const struct plan *plan = p->all->plan;
    char               channel[80];
    struct error       e;
    buf_reset(&p->statement);
    if (plan->workload == WORKLOAD_PRIVATE) {
        buf_printf(&p->statement, "INSERT INTO users_messages (id, event, message) VALUES (%u, 'load', '", stream + 1);
    } else {
        request_channel(plan, stream, channel);
        buf_printf(&p->statement, "INSERT INTO pipes_messages (name, event, message) VALUES ('%s', 'load', '", channel);
    }
    buf_slice_append(&p->statement, buf_slice(&p->text));
    buf_text(&p->statement, "')");
    errno = 0;
    if (sql_client_send(&p->sql, buf_slice(&p->statement)) != OK) {
        fail(p, "the CometQL connection broke");
        return false;
    }
    if (sql_client_wait(&p->sql, &e) != OK) {
        fail(p, e.text);
        return false;
    }
    return true;
}

/* The connections log in as users 1 ... n, with the key load<id>. */
static enum status let_users_in(struct publisher *p, struct error *e)
{
    const struct plan *plan = p->all->plan;
    for (uint32_t first = 1; first <= plan->connections; first += USERS_AT_ONCE) {
        buf_reset(&p->statement);
        buf_text(&p->statement, "INSERT INTO users_auth (id, hash) VALUES ");
        for (uint32_t id = first; id < first + USERS_AT_ONCE && id <= plan->connections; id++)
            buf_printf(&p->statement, "%s(%u,'load%u')", id > first ? "," : "", id, id);
        if (sql_client_send(&p->sql, buf_slice(&p->statement)) != OK)
            return error_set(e, E_IO, "the CometQL connection broke while users were let in");
        enum status s = sql_client_wait(&p->sql, e);
        if (s != OK)
            return s;
    }
    return OK;
}

/* --- over WebSocket ---------------------------------------------------------------------------------------------------- */

static bool send_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes = slice_skip(bytes, (size_t)n);
    }
    return true;
}

static void on_frame(void *context, const struct incoming_frame *f)
{
    struct publisher *p = context;
    if (f->kind == INCOMING_PING) {
        buf_reset(&p->statement);
        request_frame(&p->statement, 10, f->look);
        (void)send_all(p->ws_fd, buf_slice(&p->statement));
    } else if (f->kind == INCOMING_DATA && memmem(f->look.at, f->look.len, LABEL_MARK, sizeof(LABEL_MARK) - 1) != NULL) {
        p->is_reported = true; /* the report repeats the message */
    }
}

static bool wait_report(struct publisher *p)
{
    char bytes[16384];
    while (!p->is_reported) {
        ssize_t n = recv(p->ws_fd, bytes, sizeof bytes, 0);
        if (n <= 0 || !incoming_feed(&p->ws_in, slice_of(bytes, (size_t)n), on_frame, p))
            return false;
    }
    return true;
}

static bool publish_ws(struct publisher *p, uint32_t stream)
{
    char       channel[80];
    struct buf command = { 0 };
    request_channel(p->all->plan, stream, channel);
    buf_printf(&command, "web_pipe2\n%s\nload\n*\n", channel);
    buf_slice_append(&command, buf_slice(&p->text));
    buf_reset(&p->statement);
    request_frame(&p->statement, 1, buf_slice(&command));
    buf_clear(&command);
    p->is_reported = false;
    bool is_done = send_all(p->ws_fd, buf_slice(&p->statement)) && wait_report(p);
    if (!is_done)
        fail(p, "the WebSocket of the publisher broke, or its message was refused");
    return is_done;
}

static enum status open_ws(struct publisher *p, struct error *e)
{
    const struct target_address *to = &p->all->plan->targets[0];
    struct addrinfo             *found = NULL, hints = { .ai_socktype = SOCK_STREAM };
    struct timeval               patience = { .tv_sec = PATIENCE_S };
    char                         port[8], answer[4096];
    snprintf(port, sizeof port, "%u", to->port);
    if (getaddrinfo(to->host, port, &hints, &found) != 0)
        return error_set(e, E_INVALID, "there is no host %.100s", to->host);
    p->ws_fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_there = p->ws_fd >= 0 && connect(p->ws_fd, found->ai_addr, found->ai_addrlen) == 0;
    freeaddrinfo(found);
    if (!is_there)
        return error_set(e, E_IO, "%.100s:%u: %s", to->host, to->port, strerror(errno));
    setsockopt(p->ws_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    struct request_place place = { .uuid = "publisher-of-encke-load" };
    buf_reset(&p->statement);
    request_head(&p->statement, p->all->plan, to, &place);
    size_t len = 0;
    if (!send_all(p->ws_fd, buf_slice(&p->statement)))
        return error_set(e, E_IO, "%.100s:%u: %s", to->host, to->port, strerror(errno));
    while (len < sizeof answer - 1) { /* byte by byte: what is behind the head are frames */
        ssize_t n = recv(p->ws_fd, answer + len, 1, 0);
        if (n <= 0)
            break;
        len++;
        if (len >= 4 && memcmp(answer + len - 4, "\r\n\r\n", 4) == 0 && memcmp(answer, "HTTP/1.1 101", 12) == 0)
            return OK;
    }
    return error_set(e, E_INVALID, "%.100s:%u does not answer a publisher with 101", to->host, to->port);
}

/* --- the threads ------------------------------------------------------------------------------------------------------- */

static void sleep_until(uint64_t at_ns)
{
    struct timespec at = { .tv_sec = (time_t)(at_ns / 1000000000u), .tv_nsec = (long)(at_ns % 1000000000u) };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

static bool publish_one(struct publisher *p, uint32_t stream)
{
    struct streams *streams = (struct streams *)(uintptr_t)p->all->streams;
    struct label    l = { .stream = stream, .number = atomic_load(&streams->given[stream]), .sent_ns = clock_mono_ns() };
    buf_reset(&p->text);
    label_write(&p->text, &l, p->all->plan->message_bytes);
    /* Given before it is sent: whoever hears it must find it given. */
    atomic_store(&streams->given[stream], l.number + 1);
    bool is_done = p->all->plan->publish_way == PUBLISH_SQL ? publish_sql(p, stream) : publish_ws(p, stream);
    if (!is_done)
        return false;
    pthread_mutex_lock(&p->lock);
    p->counts.published++;
    histogram_add(&p->counts.answer_us, (clock_mono_ns() - l.sent_ns) / 1000);
    pthread_mutex_unlock(&p->lock);
    return true;
}

static void *publisher_run(void *argument)
{
    struct publisher        *p = argument;
    const struct publishers *all = p->all;
    double                   gap_ns = all->plan->rate > 0 ? 1e9 * all->count / all->plan->rate : 0;
    uint32_t                 stream = p->index % (all->streams->count > 0 ? all->streams->count : 1);
    while (atomic_load(&all->start_ns) == 0 && !atomic_load(&all->is_over))
        sleep_until(clock_mono_ns() + 1000000);
    uint64_t start_ns = atomic_load(&all->start_ns);
    for (uint64_t n = 0; !atomic_load(&all->is_over); n++) {
        if (gap_ns > 0)
            sleep_until(start_ns + (uint64_t)(gap_ns * ((double)n + (double)p->index / all->count)));
        if (atomic_load(&all->is_over) || !publish_one(p, stream))
            break;
        stream += all->count;
        if (stream >= all->streams->count)
            stream = p->index;
    }
    return NULL;
}

enum status publishers_new(const struct plan *plan, const struct streams *streams, struct publishers **out, struct error *out_error)
{
    struct publishers *all = calloc(1, sizeof *all);
    unsigned           wanted = plan->publishers > 0 ? plan->publishers : 1;
    if (all == NULL)
        return error_plain(out_error, E_NO_MEMORY);
    all->plan = plan;
    all->streams = streams;
    all->count = plan->workload != WORKLOAD_PUBLISH && wanted > streams->count ? streams->count : wanted; /* a stream has one publisher */
    all->at = calloc(all->count, sizeof *all->at);
    enum status s = all->at != NULL ? OK : error_plain(out_error, E_NO_MEMORY);
    for (unsigned i = 0; s == OK && i < all->count; i++) {
        struct publisher *p = &all->at[i];
        *p = (struct publisher){ .all = all, .index = i, .ws_fd = -1, .sql.fd = -1 };
        pthread_mutex_init(&p->lock, NULL);
        if (plan->publish_way == PUBLISH_SQL)
            s = sql_client_open(&p->sql, plan->sql_host, plan->sql_port, plan->sql_user, plan->sql_password, out_error);
        else if (plan->publish_way == PUBLISH_WEBSOCKET)
            s = open_ws(p, out_error);
        else
            s = error_set(out_error, E_NOT_IMPLEMENTED, "--publish http: the server has no HTTP address to publish at yet; use sql or websocket");
    }
    if (s == OK && plan->workload == WORKLOAD_PRIVATE)
        s = let_users_in(&all->at[0], out_error);
    for (unsigned i = 0; s == OK && i < all->count; i++) {
        all->at[i].has_thread = pthread_create(&all->at[i].thread, NULL, publisher_run, &all->at[i]) == 0;
        if (!all->at[i].has_thread)
            s = error_set(out_error, E_NO_MEMORY, "cannot start a thread that publishes");
    }
    if (s == OK) {
        *out = all;
    } else {
        publishers_stop(all);
        publishers_free(all);
    }
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
    for (unsigned i = 0; p->at != NULL && i < p->count; i++)
        if (p->at[i].has_thread) {
            pthread_join(p->at[i].thread, NULL);
            p->at[i].has_thread = false;
        }
}

void publishers_free(struct publishers *p)
{
    for (unsigned i = 0; p->at != NULL && i < p->count; i++) {
        sql_client_close(&p->at[i].sql);
        if (p->at[i].ws_fd >= 0)
            close(p->at[i].ws_fd);
        incoming_clear(&p->at[i].ws_in);
        buf_clear(&p->at[i].text);
        buf_clear(&p->at[i].statement);
    }
    free(p->at);
    free(p);
}
