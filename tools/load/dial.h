/* dial: a connection that waits, to whichever address of a host answers first in the order of the resolver. */
#ifndef ENCKE_LOAD_DIAL_H
#define ENCKE_LOAD_DIAL_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/status.h"

/* The descriptor, to be closed by the caller; -1: the error names the host. Neither connecting nor what is sent and received on it waits
 * longer than patience_s. out_address (NULL: not wanted): the one that answered. */
int dial(const char *host, uint16_t port, unsigned patience_s, struct sockaddr_storage *out_address, socklen_t *out_len,
         struct error *out_error);

/* The address to use for many connections: the only one there is, without asking it; of several the one that answers, else the first. */
enum status dial_find(const char *host, uint16_t port, unsigned patience_s, struct sockaddr_storage *out_address, socklen_t *out_len,
                      struct error *out_error) __attribute__((warn_unused_result));

#endif
