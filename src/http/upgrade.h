/* upgrade: is this request a valid opening of a WebSocket (RFC 6455 section 4.2.1)?
 *
 * Pure. The rest of RFC 6455 is the ws room's; this much belongs to HTTP, because it decides which answer a request gets.
 */
#ifndef ENCKE_HTTP_UPGRADE_H
#define ENCKE_HTTP_UPGRADE_H

#include "http/head.h"

#define HTTP_ACCEPT_SIZE 29 /* with the NUL */

struct http_upgrade {
    unsigned     status;   /* 101: go on; else what to answer: 400, 405 or 426 */
    const char  *sentence; /* for a person; constant */
    const char  *headers;  /* further lines for the answer; constant, may be "" */
    struct slice key;      /* Sec-WebSocket-Key; valid like the head */
};

/* Does the request want a WebSocket? Asked of every request, so a request that has only half of what an upgrade needs counts
 * as one and gets told what is missing. */
bool http_upgrade_is_wanted(const struct http_head *h);

struct http_upgrade http_upgrade_check(const struct http_head *h);

/* The value of Sec-WebSocket-Accept for a key, NUL-terminated. */
void http_upgrade_accept(struct slice key, char out[HTTP_ACCEPT_SIZE]);

#endif
