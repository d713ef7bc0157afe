/* address: an IP address, and sets of them.
 *
 * Every address has 16 bytes; an IPv4 address is the IPv6 address ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), so that there is one
 * form to compare and one to show: "192.0.2.7" is told and shown in the same way, however it came.
 *
 *   set  [ 10.0.0.0/8 -> ::ffff:10.0.0.0/104 | 2001:db8::/32 | ... ]      a few ranges, looked at one after the other
 *
 * Thread: any; values. A set is changed before the shards start, and read only afterwards.
 */
#ifndef ENCKE_BASE_ADDRESS_H
#define ENCKE_BASE_ADDRESS_H

#include "base/slice.h"
#include "base/status.h"

#define ADDRESS_TEXT_MAX 46 /* the longest text and its NUL */

struct address {
    uint8_t bytes[16]; /* network order */
};

struct address_range {
    struct address first;
    uint8_t        bits; /* that an address must share with `first`: 0 to 128 */
};

struct address_set {
    struct address_range *at; /* owned */
    uint32_t              count, cap;
};

/* The address with these 4 bytes, in network order. */
struct address address_of_ipv4(const void *bytes);

/* Who comes through a unix socket has no address: all bytes are zero, which no connection over IP can have. Its text is "unix". */
static inline bool address_is_unix(const struct address *a)
{
    static const struct address unix_peer;
    return memcmp(a, &unix_peer, sizeof *a) == 0;
}

bool address_is_ipv4(const struct address *a);
bool address_equal(const struct address *a, const struct address *b);

/* "192.0.2.7", "2001:db8::7", and nothing before or behind it: no port, no brackets, no zone. False: it is none, or "::",
 * which nobody has (RFC 4291 section 2.5.2), and which would make a stranger one who comes through a unix socket. */
bool address_parse(struct slice text, struct address *out);

/* The usual text, RFC 5952; IPv4 without its prefix. */
void address_text(const struct address *a, char out[ADDRESS_TEXT_MAX]);

/* Adds an address, a range "10.0.0.0/8", the word loopback (127.0.0.0/8 and ::1) or the word unix (unix sockets). Bits behind
 * the prefix do not count.
 * E_INVALID: the text is none of these. */
enum status address_set_add(struct address_set *set, struct slice text) __attribute__((warn_unused_result));
bool        address_set_has(const struct address_set *set, const struct address *a);
void        address_set_clear(struct address_set *set);

#endif
