/* privileges: root to open ports, an ordinary user for everything else.
 *
 *   root ── files of TLS, state directory, sockets ── privileges_drop ── store, shards, strangers ...
 *                                                     └ no way back: checked; no program started from here gets more either
 *
 * Who: main.user; unless set, `encke` where there is such a user. Whoever is not root stays who he is.
 *
 * Thread: main, before any other thread is made.
 */
#ifndef ENCKE_SERVER_PRIVILEGES_H
#define ENCKE_SERVER_PRIVILEGES_H

#include <sys/types.h>

#include "base/status.h"
#include "server/config.h"

struct privileges {
    bool  must_drop;
    uid_t uid;
    gid_t gid;
    char  name[65];
};

/* Whom to become. E_CONFIG: main.user names nobody, or somebody whom this process cannot become. */
enum status privileges_find(const struct config *c, struct privileges *out, struct error *out_error)
    __attribute__((warn_unused_result));

/* Gives the state directory, and what root has made in it, to the user, and becomes the user. Does nothing unless must_drop. An error
 * leaves the process half way: it must end. */
enum status privileges_drop(const struct privileges *p, const struct config *c, struct error *out_error)
    __attribute__((warn_unused_result));

#endif
