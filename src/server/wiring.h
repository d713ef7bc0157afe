/* wiring: who is connected with whom. The file to read first.
 *
 * No logic: this listener speaks this, that route goes there, this dialect has these tables. supervise.c starts what is named
 * here.
 */
#ifndef ENCKE_SERVER_WIRING_H
#define ENCKE_SERVER_WIRING_H

#include "http/route.h"
#include "hub/dialect.h"
#include "io/listener.h"
#include "io/shard.h"

enum { PORT_WS, PORT_COMETQL, PORT_DIRECTORY, PORT_ESL, PORT_BRIDGE, PORT_COUNT };

/* With what does not come from the configuration. */
extern const struct port wiring_ports[PORT_COUNT];

extern const struct http_route wiring_routes[];
extern const size_t            wiring_route_count;

extern const struct dialect *const wiring_dialects[];
extern const unsigned              wiring_dialect_count;

extern const struct shard_part *const wiring_parts[];
extern const unsigned                 wiring_part_count;

#endif
