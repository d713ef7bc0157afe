/* upgrade_old.c: the process that another one takes over from; see upgrade.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "hub/bridge.h"
#include "io/phase.h"
#include "io/shard.h"
#include "io/tls_tickets.h"
#include "server/notify.h"
#include "server/program.h"
#include "server/storage.h"
#include "server/upgrade.h"
#include "server/upgrade_wire.h"

#define SAY_MS       10000
#define LOOK_MS      50
#define NEWCOMERS_MS 1000 /* for those who are coming in when nobody is accepted any more */
#define REAP_MS      1000

/* Everything about the one upgrade that is under way, or was. */
static struct {
    const struct upgrade_job *job;
    pid_t                     child; /* 0: none, or it has been waited for */
    int                       child_status;
    int                       fd; /* our end of the pair; -1 */
    struct given_door         doors[PROGRAM_DOORS]; /* copies: they live while the new process may still fail */
    unsigned                  door_count;
    bool                      is_store_closed;
    bool                      is_wanted_to_stop;
} up = { .fd = -1 };

/* --- the child --------------------------------------------------------------------------------------------------------- */

static bool has_ended(void)
{
    if (up.child > 0 && waitpid(up.child, &up.child_status, WNOHANG) == up.child)
        up.child = 0;
    return up.child == 0;
}

/* It is gone when this returns: nobody may think of two processes as the server. */
static void kill_child(void)
{
    if (up.child > 0 && !has_ended()) {
        kill(up.child, SIGKILL);
        while (waitpid(up.child, &up.child_status, 0) < 0 && errno == EINTR)
            ;
    }
    up.child = 0;
}

static void close_doors(void)
{
    for (unsigned i = 0; i < up.door_count; i++)
        close(up.doors[i].fd);
    up.door_count = 0;
}

static bool copy_doors(const struct upgrade_job *job)
{
    up.door_count = 0;
    for (unsigned i = 0; i < job->port_count; i++) {
        int      fds[PROGRAM_DOORS];
        unsigned count = shards_doors(i, fds, PROGRAM_DOORS - up.door_count);
        for (unsigned k = 0; k < count; k++) {
            struct given_door *d = &up.doors[up.door_count];
            *d = (struct given_door){ .fd = fcntl(fds[k], F_DUPFD_CLOEXEC, 3) };
            if (d->fd < 0)
                return false;
            snprintf(d->name, sizeof d->name, "%s%s", job->ports[i].name, job->ports[i].is_given ? PROGRAM_GIVEN : "");
            up.door_count++;
        }
    }
    return true;
}

static bool start_child(const struct upgrade_job *job)
{
    int pair[2] = { -1, -1 };
    if (!copy_doors(job) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        log_error("upgrade: no descriptors left for it: %s", strerror(errno));
        return false;
    }
    up.fd = pair[0];
    up.child = program_start(pair[1], up.doors, up.door_count);
    close(pair[1]);
    if (up.child < 0) {
        up.child = 0;
        log_error("upgrade: no new process can be started: %s", strerror(errno));
        return false;
    }
    log_info("upgrade: process %ld is starting", (long)up.child);
    return true;
}

/* --- waiting ----------------------------------------------------------------------------------------------------------- */

/* False: somebody wants the server to end. */
static bool mind_signals(void)
{
    const struct timespec none = { 0 };
    sigset_t              watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGINT);
    sigaddset(&watched, SIGTERM);
    sigaddset(&watched, SIGUSR2);
    for (int signal; (signal = sigtimedwait(&watched, NULL, &none)) > 0;) {
        if (signal == SIGUSR2)
            log_warn("upgrade: one is under way already");
        else
            up.is_wanted_to_stop = true;
    }
    return !up.is_wanted_to_stop;
}

static const char *end_of_child(void)
{
    return has_ended() && WIFEXITED(up.child_status) && WEXITSTATUS(up.child_status) == 127
               ? "the program could not be started"
               : "the new process has ended";
}

/* A record of this kind from the new process. False: there is none; the reason was said. */
static bool await_word(enum record_kind kind, struct buf *bytes, struct record *out, uint64_t patience_ms)
{
    uint64_t until_ms = clock_mono_ms() + patience_ms;
    for (;;) {
        enum wire_result heard = wire_hear(up.fd, bytes, out, LOOK_MS);
        if (heard == WIRE_RECORD && out->kind == kind)
            return true;
        if (heard != WIRE_NOTHING_YET) {
            log_error("upgrade: %s; this one goes on as before", end_of_child());
            return false;
        }
        if (!mind_signals()) {
            log_info("upgrade: given up, the server is to end");
            return false;
        }
        if (clock_mono_ms() >= until_ms) {
            log_error("upgrade: the new process was not ready within main.upgrade_timeout; this one goes on as before");
            return false;
        }
    }
}

static bool await_hello(void)
{
    struct buf    bytes = { 0 };
    struct record r;
    bool          is_there = await_word(RECORD_HELLO, &bytes, &r, up.job->config->main.upgrade_timeout_ms);
    if (is_there && r.number != RECORD_VERSION) {
        log_error("upgrade: version %.*s takes over in another way: stop this one and start that one", SLICE_ARG(r.event));
        is_there = false;
    }
    buf_clear(&bytes);
    return is_there;
}

/* --- handing over ------------------------------------------------------------------------------------------------------ */

static bool say_hello(void)
{
    char identity[STORAGE_IDENTITY];
    storage_identity(up.job->config, identity);
    return wire_say(up.fd,
                    &(struct record){ .kind = RECORD_HELLO,
                                      .number = RECORD_VERSION,
                                      .name = slice_str(identity),
                                      .event = SLICE(ENCKE_VERSION) },
                    SAY_MS);
}

static bool hand_over_tickets(void)
{
    char         keys[TLS_TICKETS_BYTES];
    struct slice payload = slice_of(keys, sizeof keys);
    tls_tickets_write(keys, clock_mono_ms());
    bool is_sent = up.job->config->tls.ticket_rotation_ms == 0 ||
                   wire_say(up.fd, &(struct record){ .kind = RECORD_TICKETS, .payload = payload }, SAY_MS);
    explicit_bzero(keys, sizeof keys);
    return is_sent;
}

static bool hand_over_hub(void)
{
    bool is_sent = true;
    for (unsigned i = 0; is_sent && i < up.job->shard_count; i++) {
        struct buf b = { 0 };
        shards_write(i, &b);
        is_sent = buf_ok(&b) && wire_send(up.fd, buf_slice(&b), SAY_MS);
        buf_clear(&b);
    }
    return is_sent;
}

/* What a store in memory has; the others are closed, and opened by the new process. */
static bool hand_over_store(void)
{
    struct store_row *rows = NULL;
    struct error      e;
    bool              is_sent = store_dump(&rows, &e) == OK;
    for (const struct store_row *row = rows; is_sent && row != NULL; row = row->next)
        is_sent = wire_say(up.fd,
                           &(struct record){ .kind = RECORD_STORED,
                                             .subkind = (uint8_t)row->kind,
                                             .flags = (uint8_t)row->flags,
                                             .app = row->app,
                                             .user_id = row->user_id,
                                             .epoch = row->epoch,
                                             .offset = row->offset,
                                             .time_ms = row->time_ms,
                                             .number = row->number,
                                             .name = row->name,
                                             .event = row->event,
                                             .payload = row->payload,
                                             .extra = row->text2 },
                           SAY_MS);
    bool is_kept = rows == NULL && storage_is_kept(up.job->config);
    store_rows_free(rows);
    if (is_sent && is_kept) {
        storage_close();
        up.is_store_closed = true;
    }
    return is_sent;
}

/* Frozen. False: the new process has not taken over, and never will. */
static bool hand_over(void)
{
    struct buf    bytes = { 0 };
    struct record r;
    if (!say_hello() || !hand_over_tickets() || !hand_over_hub() || !hand_over_store() ||
        !wire_say(up.fd, &(struct record){ .kind = RECORD_END }, SAY_MS)) {
        log_error("upgrade: %s; this one goes on as before", end_of_child());
        return false;
    }
    bool is_taken = await_word(RECORD_SERVING, &bytes, &r, up.job->config->main.upgrade_timeout_ms);
    if (!is_taken) {
        kill_child();
        is_taken = wire_hear(up.fd, &bytes, &r, 0) == WIRE_RECORD && r.kind == RECORD_SERVING; /* its last word: it may have served */
    }
    buf_clear(&bytes);
    return is_taken;
}

/* --- the whole --------------------------------------------------------------------------------------------------------- */

/* As if nothing had been asked. */
static enum upgrade_result give_up(bool is_frozen)
{
    struct error e;
    kill_child();
    if (up.fd >= 0)
        close(up.fd);
    up.fd = -1;
    close_doors();
    if (up.is_store_closed && storage_reopen(up.job->config, &e) != OK) {
        log_error("upgrade: %s; nothing can be stored any more, restart", e.text);
        up.is_wanted_to_stop = true;
    }
    up.is_store_closed = false;
    if (is_frozen)
        shards_open();
    notify_ready();
    return up.is_wanted_to_stop ? UPGRADE_STOP : UPGRADE_FAILED;
}

enum upgrade_result upgrade_run(const struct upgrade_job *job)
{
    if (getpid() == 1) {
        log_error("upgrade: this is process 1, whose end is the end of its container: replace the container instead");
        return UPGRADE_FAILED;
    }
    if (bridge_is_up()) {
        log_error("upgrade: the process before this one still lets its connections go; ask again when it has ended");
        return UPGRADE_FAILED;
    }
    up.job = job;
    up.is_wanted_to_stop = false;
    notify_reloading();
    if (!start_child(job) || !await_hello())
        return give_up(false);
    uint64_t from_ms = clock_mono_ms();
    if (!shards_freeze(NEWCOMERS_MS, (uint32_t)job->config->main.upgrade_settle_ms)) {
        log_error("upgrade: what is under way did not come to an end within main.upgrade_settle; this one goes on as before");
        return give_up(false);
    }
    if (!hand_over())
        return give_up(true);
    log_info("upgrade: process %ld has taken over; %llu ms nobody was served", (long)up.child,
             (unsigned long long)(clock_mono_ms() - from_ms));
    (void)fcntl(up.fd, F_SETFL, O_NONBLOCK);
    int fd = up.fd;
    up.fd = -1;
    bridge_begin();
    if (!shards_adopt(fd, job->bridge_port, &bridge_ops, NULL)) /* before anything is said on it */
        log_error("upgrade: no room for the connection to the new process");
    shards_become_guests();
    return UPGRADE_DONE;
}

static bool is_dead(void)
{
    return has_ended() && !(WIFEXITED(up.child_status) && WEXITSTATUS(up.child_status) == 0);
}

/* It ends, and not in order. One that only cannot be spoken to lives on. */
static bool was_killed(void)
{
    uint64_t until_ms = clock_mono_ms() + REAP_MS;
    while (!has_ended() && clock_mono_ms() < until_ms) {
        const struct timespec moment = { .tv_nsec = 1000000 };
        (void)nanosleep(&moment, NULL);
    }
    return is_dead();
}

void upgrade_end(bool has_bridge_broken)
{
    /* A bridge that is whole says little when all have left within moments: the child is looked at in any case. */
    if (!up.is_wanted_to_stop && (has_bridge_broken ? was_killed() : is_dead())) {
        log_error("upgrade: the new process has been killed; starting it again in this place");
        program_become(up.doors, up.door_count);
    }
    close_doors();
}
