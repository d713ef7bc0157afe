/* limits: what a machine must have for a plan, and what to raise when it has not. Pure.
 *
 *   connections x (this side + the server's, when it is here too)  ->  memory, open files, epoll watches
 *   connections / (source addresses x targets)                     ->  ports
 *   connections / threads                                          ->  descriptors of a table
 */
#ifndef ENCKE_LOAD_LIMITS_H
#define ENCKE_LOAD_LIMITS_H

#include "base/buf.h"
#include "load/plan.h"

/* Bytes of the kernel for one end of a connection that says nothing (socket, file, inode, dentry, epoll entry: Linux 6), and of
 * encke-load for its end. The server's own are those of Encke: another may want many times as much. */
#define LIMITS_KERNEL_BYTES 4200u
#define LIMITS_OUR_BYTES    100u
#define LIMITS_TLS_BYTES    16000u
#define LIMITS_SERVER_BYTES 700u

struct limits {
    uint64_t memory_free; /* bytes */
    uint32_t ports;       /* of one source address to one target */
    uint32_t descriptors; /* of one table, after raising what may be raised */
    uint64_t files;       /* that may be opened in all */
    uint64_t watches;     /* of epoll, of one user */
    uint64_t tracked;     /* connections the firewall can follow; 0: it follows none */
};

/* One sentence for each thing that does not suffice, with blanks between them; nothing when all does. */
void limits_check(const struct plan *plan, const struct limits *have, struct buf *out);

#endif
