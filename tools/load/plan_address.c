/* plan_address.c: where to and where from. See plan_internal.h. */
#include "load/plan_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"

static bool copy(struct slice from, char *to, size_t size)
{
    if (from.len == 0 || from.len >= size)
        return false;
    memcpy(to, from.at, from.len);
    to[from.len] = '\0';
    return true;
}

static bool is_host(struct slice host)
{
    for (size_t i = 0; i < host.len; i++) {
        unsigned char c = (unsigned char)host.at[i];
        bool          is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!is_letter && !(c >= '0' && c <= '9') && c != '.' && c != '-' && c != '_')
            return false;
    }
    return host.len > 0;
}

bool plan_host_port(struct slice text, char *host, size_t host_size, uint16_t *port)
{
    struct slice   name = text, rest = { 0 };
    struct address ignored;
    uint64_t       number;
    if (text.len > 0 && text.at[0] == '[') {
        size_t end = slice_find(text, ']');
        if (end == SIZE_MAX)
            return false;
        name = slice_of(text.at + 1, end - 1);
        rest = slice_skip(text, end + 1);
        if (!address_parse(name, &ignored) || (rest.len > 0 && rest.at[0] != ':'))
            return false;
    } else {
        size_t colon = slice_find(text, ':');
        if (colon != SIZE_MAX) {
            name = slice_first(text, colon);
            rest = slice_skip(text, colon);
        }
        if (!is_host(name))
            return false;
    }
    if (rest.len > 0) {
        if (!slice_u64(slice_skip(rest, 1), 65535, &number) || number == 0)
            return false;
        *port = (uint16_t)number;
    }
    return copy(name, host, host_size);
}

enum status plan_check_path(struct plan_reading *r, const char *path)
{
    if (path[0] != '/')
        return error_set(r->error, E_INVALID, "the path \"%.60s\" must begin with a slash", path);
    for (const char *c = path; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '#')
            return error_set(r->error, E_INVALID, "a path has no blanks, control characters or #: write them as %%20 or %%23");
    if (strlen(path) >= sizeof r->plan->targets[0].path)
        return error_set(r->error, E_TOO_LONG, "a path has at most %zu characters", sizeof r->plan->targets[0].path - 1);
    return OK;
}

/* What is behind the scheme. */
static enum status take_place(struct plan_reading *r, const char *url, struct slice rest, struct target_address *t)
{
    size_t slash = 0;
    t->port = t->is_tls ? 443 : 80;
    while (slash < rest.len && rest.at[slash] != '/' && rest.at[slash] != '?')
        slash++;
    struct slice path = slice_skip(rest, slash), place = slice_first(rest, slash);
    if (slice_find(place, '@') != SIZE_MAX)
        return error_set(r->error, E_INVALID, "an address has no user and password: send them in a header, \"Authorization: ...\"");
    if (!plan_host_port(place, t->host, sizeof t->host, &t->port))
        return error_set(r->error, E_INVALID, "\"%.80s\": host and port are wrong; like example.com:8087 or [::1]:8087", url);
    if (path.len == 0)
        return OK;
    enum status s = plan_check_path(r, path.at); /* the rest of url: it ends with a NUL */
    if (s == OK)
        memcpy(t->path, path.at, path.len + 1);
    return s;
}

enum status plan_take_target(struct plan_reading *r, const char *url)
{
    struct plan *p = r->plan;
    struct slice rest = slice_str(url);
    if (p->target_count == PLAN_TARGETS_MAX)
        return error_set(r->error, E_TOO_LONG, "at most %d targets", PLAN_TARGETS_MAX);
    struct target_address *t = &p->targets[p->target_count];
    t->is_tls = slice_starts(rest, "wss://");
    if (!t->is_tls && !slice_starts(rest, "ws://"))
        return error_set(r->error, E_INVALID, "\"%.80s\" is no target: write ws://host:port or wss://host:port", url);
    enum status s = take_place(r, url, slice_skip(rest, t->is_tls ? 6 : 5), t);
    p->target_count += s == OK;
    return s;
}

enum status plan_take_http(struct plan_reading *r, const char *option, const char *url, struct target_address *out)
{
    struct slice rest = slice_str(url);
    out->is_tls = slice_starts(rest, "https://");
    if (!out->is_tls && !slice_starts(rest, "http://"))
        return error_set(r->error, E_INVALID, "--%s %.80s: http://host:port/path or https://... is expected", option, url);
    return take_place(r, url, slice_skip(rest, out->is_tls ? 8 : 7), out);
}

static bool add_source(struct plan *p, const struct address *a)
{
    if (p->source_count == PLAN_SOURCES_MAX)
        return false;
    address_text(a, p->sources[p->source_count++]);
    return true;
}

static void step(struct address *a)
{
    for (unsigned i = sizeof a->bytes; i-- > 0 && ++a->bytes[i] == 0;)
        ;
}

/* One address, or first-last. */
static enum status take_range(struct plan_reading *r, struct slice text)
{
    struct slice   last_text = text, first_text = slice_cut(&last_text, '-');
    struct address first, last;
    if (!address_parse(first_text, &first))
        return error_set(r->error, E_INVALID, "--source %.*s: a numeric address like 192.0.2.7, or 192.0.2.7-192.0.2.20",
                         SLICE_ARG(slice_first(text, 60)));
    last = first;
    if (first_text.len < text.len && !address_parse(last_text, &last))
        return error_set(r->error, E_INVALID, "--source %.*s: a range is written first-last, both in full",
                         SLICE_ARG(slice_first(text, 90)));
    if (memcmp(first.bytes, last.bytes, sizeof first.bytes) > 0)
        return error_set(r->error, E_INVALID, "--source %.*s: the range runs backwards", SLICE_ARG(slice_first(text, 90)));
    for (bool is_more = true; is_more; step(&first)) {
        is_more = !address_equal(&first, &last);
        if (!add_source(r->plan, &first))
            return error_set(r->error, E_TOO_LONG, "--source: at most %d addresses", PLAN_SOURCES_MAX);
    }
    return OK;
}

enum status plan_take_sources(struct plan_reading *r, const char *list)
{
    struct slice rest = slice_str(list);
    enum status  s = OK;
    if (rest.len == 0)
        return error_set(r->error, E_INVALID, "--source needs an address, a range or a list of them with commas");
    while (s == OK && rest.len > 0)
        s = take_range(r, slice_trim(slice_cut(&rest, ',')));
    return s;
}
