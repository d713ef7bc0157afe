/* wire: one connection that waits, of a publisher or of whoever asks for the server's figures; secured where the target says so.
 * Thread: one at a time.
 */
#ifndef ENCKE_LOAD_WIRE_H
#define ENCKE_LOAD_WIRE_H

#include <sys/types.h>

#include "base/slice.h"
#include "base/status.h"
#include "load/plan.h"

struct tls_client;

struct wire {
    int              fd;  /* -1: closed */
    struct tls_line *tls; /* owned; NULL: plain */
};

/* Nothing waits longer than patience_s. `tls` is needed for a target with is_tls only. */
enum status wire_open(struct wire *w, const struct target_address *to, struct tls_client *tls, unsigned patience_s, struct error *out_error)
    __attribute__((warn_unused_result));

bool    wire_send(struct wire *w, struct slice bytes);          /* false: it broke; errno says why */
ssize_t wire_recv(struct wire *w, void *to, size_t size);       /* 0: the other side has closed; -1: errno */
void    wire_close(struct wire *w);

#endif
