/* proxy: the header of the PROXY protocol, version 1 and 2, as a proxy sends it before the first byte of its client.
 *
 *   v1   PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 CRLF               one line, at most 107 bytes
 *        PROXY UNKNOWN ... CRLF                                         whoever: the peer's own address counts
 *
 *   v2   | signature 12 | version, command | family | length 2 | source | destination | ports | TLVs |
 *                                                              |<------------ length ------------->|
 *
 * A pure parser. It takes bytes off the front of `in`, stops exactly behind the header, and can stop at any byte. The first wrong
 * byte ends it. Strict: one blank between words, decimal ports without leading zeros, versions and commands that exist.
 * TLVs are passed over. What names no TCP address (UNKNOWN, LOCAL, UNSPEC, UNIX, datagrams) leaves has_source false.
 *
 * Bound: PROXY_V1_MAX bytes of a line, PROXY_V2_MAX bytes behind the first 16 of a version 2 header; more is FEED_BAD.
 * Spec: the PROXY protocol, versions 1 and 2, sections 2.1 and 2.2.
 */
#ifndef ENCKE_IO_PROXY_H
#define ENCKE_IO_PROXY_H

#include "base/address.h"

#define PROXY_V1_MAX 107
#define PROXY_V2_MAX 4096

struct proxy_header {
    /* Valid after FEED_DONE. */
    bool           has_source; /* false: the peer speaks for itself */
    struct address source;     /* of the proxy's client */
    uint16_t       source_port;

    /* Valid after FEED_BAD. */
    const char *sentence; /* for a person; constant */

    /* The parser's own. */
    uint8_t  state;
    uint8_t  held;    /* bytes in `bytes` */
    uint16_t left;    /* bytes of a version 2 header that are still to come */
    char     bytes[PROXY_V1_MAX];
};

void proxy_init(struct proxy_header *h);

/* Takes what belongs to the header off `in`. Not to be called after FEED_DONE or FEED_BAD. */
enum feed proxy_feed(struct proxy_header *h, struct slice *in);

#endif
