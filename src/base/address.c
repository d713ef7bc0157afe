/* address.c: see address.h. */
#include "base/address.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/array.h"

#define IPV4_BITS 96 /* in front of an IPv4 address */

static const uint8_t ipv4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

struct address address_of_ipv4(const void *bytes)
{
    struct address a;
    memcpy(a.bytes, ipv4_prefix, sizeof ipv4_prefix);
    memcpy(a.bytes + sizeof ipv4_prefix, bytes, 4);
    return a;
}

bool address_is_ipv4(const struct address *a)
{
    return memcmp(a->bytes, ipv4_prefix, sizeof ipv4_prefix) == 0;
}

bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool read_any(struct slice text, struct address *out)
{
    char    copy[ADDRESS_TEXT_MAX];
    uint8_t four[4], sixteen[16];
    if (text.len == 0 || text.len >= sizeof copy || slice_find(text, '\0') != SIZE_MAX)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, four) == 1) {
        *out = address_of_ipv4(four);
        return true;
    }
    if (inet_pton(AF_INET6, copy, sixteen) != 1)
        return false;
    memcpy(out->bytes, sixteen, sizeof out->bytes);
    return true;
}

bool address_parse(struct slice text, struct address *out)
{
    struct address a;
    if (!read_any(text, &a) || address_is_unix(&a))
        return false;
    *out = a;
    return true;
}

void address_text(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
    out[0] = '\0';
    if (address_is_unix(a))
        memcpy(out, "unix", sizeof "unix");
    else if (address_is_ipv4(a))
        inet_ntop(AF_INET, a->bytes + sizeof ipv4_prefix, out, ADDRESS_TEXT_MAX);
    else
        inet_ntop(AF_INET6, a->bytes, out, ADDRESS_TEXT_MAX);
}

/* --- sets -------------------------------------------------------------------------------------------------------------- */

static bool range_parse(struct slice text, struct address_range *out)
{
    bool         has_bits = slice_find(text, '/') != SIZE_MAX;
    struct slice bits_text = text, address = slice_cut(&bits_text, '/');
    uint64_t     bits;
    if (!read_any(address, &out->first))
        return false;
    bool is_short = slice_find(address, ':') == SIZE_MAX; /* the prefix is that of an IPv4 address */
    if (!has_bits)
        bits = is_short ? 32 : 128;
    else if (!slice_u64(bits_text, is_short ? 32 : 128, &bits))
        return false;
    out->bits = (uint8_t)(is_short ? bits + IPV4_BITS : bits);
    return true;
}

static enum status set_add_range(struct address_set *set, struct slice text)
{
    struct address_range range;
    if (!range_parse(text, &range))
        return E_INVALID;
    if (!array_room(&set->at, &set->cap, set->count + 1, sizeof *set->at))
        return E_NO_MEMORY;
    set->at[set->count++] = range;
    return OK;
}

enum status address_set_add(struct address_set *set, struct slice text)
{
    if (slice_is_nocase(text, "unix"))
        return set_add_range(set, SLICE("::"));
    if (!slice_is_nocase(text, "loopback"))
        return set_add_range(set, text);
    enum status status = set_add_range(set, SLICE("127.0.0.0/8"));
    return status == OK ? set_add_range(set, SLICE("::1")) : status;
}

static bool range_has(const struct address_range *r, const struct address *a)
{
    unsigned whole = r->bits / 8u, rest = r->bits % 8u;
    if (memcmp(r->first.bytes, a->bytes, whole) != 0)
        return false;
    return rest == 0 || ((r->first.bytes[whole] ^ a->bytes[whole]) & (0xff00u >> rest) & 0xffu) == 0;
}

bool address_set_has(const struct address_set *set, const struct address *a)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (range_has(&set->at[i], a))
            return true;
    return false;
}

void address_set_clear(struct address_set *set)
{
    free(set->at);
    *set = (struct address_set){ 0 };
}
