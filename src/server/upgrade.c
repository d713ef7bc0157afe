/* upgrade.c: the new process; see upgrade.h. */
#include "server/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "hub/bridge.h"
#include "io/phase.h"
#include "io/tls_tickets.h"
#include "server/program.h"
#include "server/storage.h"
#include "server/upgrade_wire.h"

#define SAY_MS  10000
#define LOOK_MS 1000

void upgrade_note_start(int argc, char **argv)
{
    program_note_start(argc, argv);
}

bool upgrade_is_successor(void)
{
    return program_given.is_given;
}

const int *upgrade_foreign(unsigned *out_count)
{
    *out_count = program_given.pair_fd >= 0;
    return &program_given.pair_fd;
}

/* --- sockets ----------------------------------------------------------------------------------------------------------- */

static int taken[PROGRAM_DOORS]; /* lent to the ports, one after the other */

static bool is_for(const struct given_door *d, const struct port *p, bool *out_given)
{
    size_t len = strlen(p->name);
    *out_given = strncmp(d->name, p->name, len) == 0 && strcmp(d->name + len, PROGRAM_GIVEN) == 0;
    return *out_given || strcmp(d->name, p->name) == 0;
}

void upgrade_take_ports(struct port *ports, unsigned count)
{
    unsigned used = 0;
    for (unsigned i = 0; i < count; i++) {
        struct port *p = &ports[i];
        p->inherited = &taken[used];
        for (unsigned k = 0; k < program_given.door_count; k++) {
            struct given_door *d = &program_given.doors[k];
            bool is_given = false;
            if (d->fd < 0 || !is_for(d, p, &is_given) || !(is_given ? port_listens(p) : port_fits(p, d->fd)))
                continue;
            p->is_given = p->is_given || is_given;
            taken[used++] = d->fd;
            p->inherited_count++;
            d->fd = -1;
        }
    }
    for (unsigned k = 0; k < program_given.door_count; k++) /* of an address that is not listened to any more */
        if (program_given.doors[k].fd >= 0)
            close(program_given.doors[k].fd);
    program_given.door_count = 0;
}

/* --- what the old process hands over ----------------------------------------------------------------------------------- */

/* A row at the front; turned around at the end. */
static bool keep_row(struct upgrade_legacy *out, const struct record *r)
{
    if (r->subkind >= STORE_KIND_COUNT)
        return true;
    struct store_row *row =
        store_row_new((enum store_kind)r->subkind, r->app, r->user_id, r->name, r->event, r->payload, r->extra);
    if (row == NULL)
        return false;
    row->flags = r->flags;
    row->epoch = r->epoch;
    row->offset = r->offset;
    row->time_ms = r->time_ms;
    row->number = r->number;
    row->next = out->rows;
    out->rows = row;
    return true;
}

static void turn_around(struct upgrade_legacy *l)
{
    struct store_row *rows = l->rows;
    l->rows = NULL;
    while (rows != NULL) {
        struct store_row *row = rows;
        rows = row->next;
        row->next = l->rows;
        l->rows = row;
    }
}

static bool keep(struct upgrade_legacy *out, struct record *r, bool is_same_store)
{
    if (r->kind == RECORD_STORED)
        return keep_row(out, r);
    if (r->kind == RECORD_CHANNEL && !is_same_store)
        r->time_ms = r->offset; /* what was said before is not in this one */
    record_write(&out->records, r);
    return buf_ok(&out->records);
}

static enum status version_error(struct error *e, uint64_t theirs)
{
    return error_set(e, E_CONFIG,
                     "upgrade: the running server hands over in another way (%llu, this one knows %d): stop it and start this one",
                     (unsigned long long)theirs, RECORD_VERSION);
}

/* Whoever dies in the middle of it leaves what the store has, as after any crash. Never two servers: it must be dead. */
static enum status go_alone(struct upgrade_legacy *out, struct error *e)
{
    uint64_t until_ms = clock_mono_ms() + LOOK_MS; /* its descriptors are closed a moment before */
    while (program_has_parent() && clock_mono_ms() < until_ms)
        usleep(1000);
    if (program_has_parent())
        return error_set(e, E_IO, "upgrade: what the running server says cannot be understood");
    log_warn("upgrade: the process before has died; starting as after a crash, on its sockets");
    buf_clear(&out->records);
    store_rows_free(out->rows);
    *out = (struct upgrade_legacy){ 0 };
    close(program_given.pair_fd);
    program_given.pair_fd = -1;
    return OK;
}

static enum status receive(const char *identity, struct upgrade_legacy *out, struct error *e)
{
    struct buf    bytes = { 0 };
    struct record r;
    bool          is_same_store = false, is_whole = true;
    enum status   s = OK;
    for (;;) {
        enum wire_result heard = wire_hear(program_given.pair_fd, &bytes, &r, LOOK_MS);
        if (heard == WIRE_NOTHING_YET)
            continue; /* it has deadlines of its own, and kills this process then */
        if (heard == WIRE_GONE) {
            s = go_alone(out, e);
            break;
        }
        if (r.kind == RECORD_HELLO && r.number != RECORD_VERSION) {
            s = version_error(e, r.number);
            break;
        }
        if (r.kind == RECORD_TICKETS) {
            (void)tls_tickets_read(r.payload, clock_mono_ms()); /* without them a handshake is only dearer */
            explicit_bzero(bytes.at, bytes.len);
        } else if (r.kind == RECORD_HELLO)
            is_same_store = slice_is(r.name, identity);
        else if (r.kind == RECORD_END)
            break;
        else
            is_whole = keep(out, &r, is_same_store) && is_whole;
    }
    buf_clear(&bytes);
    turn_around(out);
    return s == OK && !is_whole ? error_plain(e, E_NO_MEMORY) : s;
}

enum status upgrade_receive(const struct config *c, struct upgrade_legacy *out, struct error *out_error)
{
    char identity[STORAGE_IDENTITY];
    *out = (struct upgrade_legacy){ 0 };
    if (program_given.pair_fd < 0)
        return OK;
    storage_identity(c, identity);
    const struct record hello = {
        .kind = RECORD_HELLO, .number = RECORD_VERSION, .name = slice_str(identity), .event = SLICE(ENCKE_VERSION)
    };
    if (!wire_say(program_given.pair_fd, &hello, SAY_MS))
        return go_alone(out, out_error);
    return receive(identity, out, out_error);
}

/* --- serving ----------------------------------------------------------------------------------------------------------- */

void upgrade_serve(unsigned bridge_port)
{
    if (!program_given.is_given)
        return;
    int fd = program_given.pair_fd;
    program_given.pair_fd = -1;
    if (fd >= 0) {
        (void)wire_say(fd, &(struct record){ .kind = RECORD_SERVING }, SAY_MS); /* if it has died, the bridge ends where it begins */
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        bridge_begin();
        (void)shards_adopt(fd, bridge_port, &bridge_ops, NULL);
    }
    shards_open();
}
