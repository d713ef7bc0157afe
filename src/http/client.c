/* client.c: see client.h. */
#include "http/client.h"

#include "base/log.h"
#include "io/stream.h"

static bool real_ip(const struct http_head *h, struct address *out)
{
    return http_head_count(h, "x-real-ip") == 1 && address_parse(slice_trim(http_head_get(h, "x-real-ip")), out);
}

/* Takes the last element off `list`. */
static struct slice take_last(struct slice *list)
{
    size_t at = list->len;
    while (at > 0 && list->at[at - 1] != ',')
        at--;
    struct slice last = slice_skip(*list, at);
    list->len = at > 0 ? at - 1 : 0;
    return slice_trim(last);
}

/* Goes through one field from its end. True: the answer is known, *is_good says whether it is the address in *out. */
static bool search(struct slice list, const struct address_set *trusted, struct address *out, bool *is_good)
{
    while (list.len > 0) {
        struct slice   element = take_last(&list);
        struct address a;
        if (element.len == 0)
            continue; /* RFC 9110 section 5.6.1.2 */
        *is_good = address_parse(element, &a);
        if (!*is_good)
            return true;
        *out = a;
        if (!address_set_has(trusted, &a))
            return true;
    }
    return false;
}

static bool forwarded_for(const struct http_head *h, const struct address_set *trusted, struct address *out)
{
    struct address found = { { 0 } };
    bool           is_good = false;
    for (uint32_t i = h->field_count; i-- > 0;)
        if (slice_is_nocase(http_head_name(h, i), "x-forwarded-for") &&
            search(http_head_value(h, i), trusted, &found, &is_good))
            break;
    if (is_good)
        *out = found;
    return is_good;
}

bool http_client_address(const struct http_head *h, const struct address_set *trusted, struct address *out)
{
    return real_ip(h, out) || forwarded_for(h, trusted, out);
}

/* A proxy on the machine that nobody has named: the worst of its clients looks like the machine itself, which has no limits. */
static void warn_of_unnamed(const struct stream *s, const struct http_head *h)
{
    static struct log_limit limit = { .every_ms = 600000 };
    char                    peer[ADDRESS_TEXT_MAX];
    if (s->flags & STREAM_LIMITED || (http_head_get(h, "x-forwarded-for").at == NULL && http_head_get(h, "x-real-ip").at == NULL))
        return;
    stream_peer(s, peer, sizeof peer);
    log_limited(&limit, LOG_WARN, "ws: %s passes clients on and is not in ws.trusted_proxies: they all have its address, and no "
                "limits, as limits.exempt has it; name it there", peer);
}

bool http_client_tell(struct stream *s, const struct http_head *h)
{
    const struct address_set *trusted = stream_trusts(s);
    struct address            client;
    if (trusted == NULL)
        warn_of_unnamed(s, h);
    return trusted != NULL && http_client_address(h, trusted, &client) &&
           stream_tell_peer(s, &client); /* without memory the proxy's own address is shown */
}
