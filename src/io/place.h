/* place: where to listen, as a person writes it.
 *
 *   "127.0.0.1, ::1, unix:/run/encke/ws.sock"      numeric addresses, which share one port, and paths of unix sockets
 *
 * :: is every address, IPv4 as well, unless the list names an IPv4 address; then it is every IPv6 address.
 *
 * Thread: any; values.
 */
#ifndef ENCKE_IO_PLACE_H
#define ENCKE_IO_PLACE_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/slice.h"

#define PLACES_MAX     8
#define PLACE_TEXT_MAX 128

struct place {
    struct sockaddr_storage address;
    socklen_t               len;
    bool                    is_v6_only;
};

/* Fills `out` and returns how many there are. 0: an item is neither an address nor a path that fits, there are none or too many. */
unsigned places_read(struct slice list, uint16_t port, struct place out[PLACES_MAX]);

bool        place_is_unix(const struct place *p);
const char *place_path(const struct place *p); /* "" unless it is unix */

/* "127.0.0.1:8087", "[::1]:8087", "unix:/run/encke/ws.sock" */
void place_text(const struct place *p, char out[PLACE_TEXT_MAX]);

/* Where this socket listens. False: nowhere that is known. */
bool place_of_socket(int fd, struct place *out);

/* The same address, and the same port unless that of `wanted` is 0. */
bool place_fits(const struct place *wanted, const struct place *there);

uint16_t place_port(const struct place *p); /* 0: unix, or any */
void     place_set_port(struct place *p, uint16_t port);

#endif
