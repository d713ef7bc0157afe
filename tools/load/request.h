/* request: what a connection says, with the placeholders filled in. Pure.
 *
 *   {n} number of the connection, from 0    {id} the same from 1    {room} number of its room    {channel} its channel
 *   {uuid} 32 random characters    {message} what is published (where something is)
 */
#ifndef ENCKE_LOAD_REQUEST_H
#define ENCKE_LOAD_REQUEST_H

#include "base/buf.h"
#include "load/plan.h"

struct request_place {
    uint32_t    number, room;
    const char  *uuid;
    struct slice message;
};

/* The channel of a room: the plan's name, with the number behind it where there are several. */
void request_channel(const struct plan *p, uint32_t room, char out[80]);

void request_fill(struct buf *out, const struct plan *p, const struct request_place *place, struct slice text);

/* The whole upgrade request. */
void request_head(struct buf *out, const struct plan *p, const struct target_address *to, const struct request_place *place);

/* "Host: ..." with the port where it is not the usual one, and brackets around an IPv6 address. */
void request_host(struct buf *out, const struct target_address *to);

/* A masked text frame of a client (the mask is four zeros: nobody on the way needs protection from these texts). */
void request_frame(struct buf *out, unsigned opcode, struct slice payload);

#endif
