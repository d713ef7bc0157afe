/* dial: connections that a shard opens itself.
 *
 *   main:  dial_resolve("pbx.example", 8021, &address)    names are asked for once, before the shards start
 *   shard: dial(&address, PORT_ESL, &ops, owner) ---> SYN ... ---> ops->on_open     connected: write now
 *                                                       \-------> ops->on_gone     refused, unreachable, closed
 *
 * A dialled stream is like an accepted one from on_open on. Until then nothing may be written to it. There is no limit
 * of time but the owner's: arm stream_wait after dialling, and close it in on_quiet.
 *
 * Each dialled stream belongs to one of the setup's ports, one that is marked `is_dialled` (io/listener.h): it says how
 * much output may wait, and where it is counted.
 *
 * Thread: the shard's; dial_resolve in main.
 */
#ifndef ENCKE_IO_DIAL_H
#define ENCKE_IO_DIAL_H

#include "base/status.h"
#include "io/stream.h"

/* A socket address, of either family. */
struct dial_address {
    _Alignas(8) unsigned char bytes[128];
    uint32_t len; /* 0: none */
};

/* A numeric address or a name. Blocks while the resolver works. The error says what it said. */
enum status dial_resolve(const char *host, uint16_t port, struct dial_address *out, struct error *out_error)
    __attribute__((warn_unused_result));

/* Begins to connect. NULL and `out_error` (may be NULL): it cannot even be tried, and no function of `ops` was or will
 * be called; so too while the shard stops. `port` is the index in the setup's ports. */
struct stream *dial(const struct dial_address *to, unsigned port, const struct stream_ops *ops, void *owner,
                    struct error *out_error);

#endif
