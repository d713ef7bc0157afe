/* tls_tickets: the keys that session tickets are sealed with, so that who comes back needs no whole handshake (RFC 5077, RFC 8446 4.6.1).
 *
 *   [ now ] [ before ]     main makes a new `now` each rotation; `before` still opens what it has sealed, and he gets a new ticket
 *
 * A ticket holds for two hours, or for one rotation when that is shorter. Keys are of the process: one ticket holds on both ports, for
 * each certificate, in each shard, after certificates were read again, and in the process that takes over. They are random, kept in
 * memory only, and overwritten: whoever learns them can open no session that is older than two rotations.
 *
 * Thread: main, but for OpenSSL's question for a key, which comes in shards: each has a copy, made anew at its first handshake after a
 * rotation.
 */
#ifndef ENCKE_IO_TLS_TICKETS_H
#define ENCKE_IO_TLS_TICKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define TLS_TICKETS_BYTES 176u /* of tls_tickets_write */

/* A first key; 0: there are no tickets. Before the first context is made. */
void tls_tickets_begin(uint64_t rotation_ms, uint64_t now_ms);

/* Rotates when it is time. True: it was. */
bool tls_tickets_turn(uint64_t now_ms);

/* For the process that takes over, and from the one before. Secrets: wipe `out` after use. False: it cannot be that; the keys stay. */
void tls_tickets_write(char out[TLS_TICKETS_BYTES], uint64_t now_ms);
bool tls_tickets_read(struct slice given, uint64_t now_ms);

#endif
