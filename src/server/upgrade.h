/* upgrade: another process, of this program or a newer one, takes over without anybody being refused (docs/internals/upgrade.md).
 *
 *   old  SIGUSR2: spawn ──────────────── wait ── freeze, close the store ── STATE ... END ── wait ── guests, bridge ── drain ── exit
 *   new                 configuration ── HELLO ────────────────────────── receive ── store, shards ── SERVING ── bridge, open
 *
 * Whatever goes wrong before SERVING: the new process ends, and the old one goes on as if nothing had been asked. Whatever goes
 * wrong after it: the new one is the server. Should it be killed while the old one is still there, that one starts the program once
 * more in its own place, with the sockets, as after a crash.
 *
 * Thread: main.
 */
#ifndef ENCKE_SERVER_UPGRADE_H
#define ENCKE_SERVER_UPGRADE_H

#include "base/buf.h"
#include "io/listener.h"
#include "server/config.h"

/* First of all in main: remembers the command line, and what a process before has given. */
void upgrade_note_start(int argc, char **argv);

/* --- the new process */

/* Was it started by one that it is to follow? */
bool upgrade_is_successor(void);

/* Of what was given to this process: to be closed in every shard (shards_setup.foreign). */
const int *upgrade_foreign(unsigned *out_count);

/* Lets the ports take over the sockets that fit them. */
void upgrade_take_ports(struct port *ports, unsigned count);

/* Before the store is opened: everything else is ready. Receives what the old process hands over: hub records, and rows for the store.
 * Nothing, when there is no old process, or it has died meanwhile. */
struct store_row;
struct upgrade_legacy {
    struct buf        records; /* owned */
    struct store_row *rows;    /* owned */
};
enum status upgrade_receive(const struct config *c, struct upgrade_legacy *out, struct error *out_error)
    __attribute__((warn_unused_result));

/* The shards have started, shut. Tells the old process that it has nothing to say any more, and opens. */
void upgrade_serve(unsigned bridge_port);

/* --- the old process */

enum upgrade_result {
    UPGRADE_FAILED, /* everything is as before; the reason was logged */
    UPGRADE_STOP,   /* the same, and somebody wants the server to end */
    UPGRADE_DONE,   /* the shards have guests only, and the bridge stands */
};

struct upgrade_job {
    const struct config *config;
    const struct port   *ports;
    unsigned             port_count, shard_count, bridge_port;
};

/* SIGUSR2. */
enum upgrade_result upgrade_run(const struct upgrade_job *job);

/* The shards have ended; did the bridge end before them? Returns, unless the new process has been killed: then this one becomes the
 * program once more. */
void upgrade_end(bool has_bridge_broken);

#endif
