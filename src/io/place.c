/* place.c: see place.h. */
#include "io/place.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define UNIX "unix:"

static struct sockaddr_in *as_v4(struct place *p)
{
    return (struct sockaddr_in *)(void *)&p->address;
}

static struct sockaddr_in6 *as_v6(struct place *p)
{
    return (struct sockaddr_in6 *)(void *)&p->address;
}

static bool read_path(struct slice path, struct place *out)
{
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)&out->address;
    if (path.len < 2 || path.at[0] != '/' || path.len >= sizeof un->sun_path)
        return false;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.at, path.len);
    out->len = sizeof *un;
    return true;
}

static bool read_place(struct slice text, uint16_t port, struct place *out)
{
    char copy[INET6_ADDRSTRLEN];
    memset(out, 0, sizeof *out);
    if (slice_starts(text, UNIX))
        return read_path(slice_skip(text, sizeof UNIX - 1), out);
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, &as_v4(out)->sin_addr) == 1) {
        out->address.ss_family = AF_INET;
        out->len = sizeof(struct sockaddr_in);
    } else if (inet_pton(AF_INET6, copy, &as_v6(out)->sin6_addr) == 1) {
        out->address.ss_family = AF_INET6;
        out->len = sizeof(struct sockaddr_in6);
    }
    place_set_port(out, port);
    return out->len > 0;
}

unsigned places_read(struct slice list, uint16_t port, struct place out[PLACES_MAX])
{
    unsigned count = 0;
    bool     has_v4 = false;
    if (list.len > 0 && list.at[list.len - 1] == ',')
        return 0; /* something was forgotten */
    while (list.len > 0) {
        struct slice item = slice_trim(slice_cut(&list, ','));
        if (count == PLACES_MAX || !read_place(item, port, &out[count]))
            return 0;
        has_v4 = has_v4 || out[count].address.ss_family == AF_INET;
        count++;
    }
    for (unsigned i = 0; i < count; i++)
        out[i].is_v6_only = has_v4;
    return count;
}

bool place_is_unix(const struct place *p)
{
    return p->address.ss_family == AF_UNIX;
}

const char *place_path(const struct place *p)
{
    return place_is_unix(p) ? ((const struct sockaddr_un *)(const void *)&p->address)->sun_path : "";
}

uint16_t place_port(const struct place *p)
{
    return p->address.ss_family == AF_INET    ? ntohs(((const struct sockaddr_in *)(const void *)&p->address)->sin_port)
           : p->address.ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)(const void *)&p->address)->sin6_port)
                                              : 0;
}

void place_set_port(struct place *p, uint16_t port)
{
    if (p->address.ss_family == AF_INET)
        as_v4(p)->sin_port = htons(port);
    else if (p->address.ss_family == AF_INET6)
        as_v6(p)->sin6_port = htons(port);
}

void place_text(const struct place *p, char out[PLACE_TEXT_MAX])
{
    char ip[INET6_ADDRSTRLEN] = "?";
    if (place_is_unix(p)) {
        snprintf(out, PLACE_TEXT_MAX, UNIX "%.108s", place_path(p));
        return;
    }
    bool is_v6 = p->address.ss_family == AF_INET6;
    if (is_v6)
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)&p->address)->sin6_addr, ip, sizeof ip);
    else
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)&p->address)->sin_addr, ip, sizeof ip);
    snprintf(out, PLACE_TEXT_MAX, is_v6 ? "[%s]:%u" : "%s:%u", ip, place_port(p));
}

bool place_of_socket(int fd, struct place *out)
{
    memset(out, 0, sizeof *out);
    out->len = sizeof out->address;
    return getsockname(fd, (struct sockaddr *)&out->address, &out->len) == 0 &&
           (out->address.ss_family == AF_INET || out->address.ss_family == AF_INET6 || place_is_unix(out));
}

bool place_fits(const struct place *wanted, const struct place *there)
{
    const struct sockaddr_in  *a4 = (const void *)&wanted->address, *b4 = (const void *)&there->address;
    const struct sockaddr_in6 *a6 = (const void *)&wanted->address, *b6 = (const void *)&there->address;
    if (wanted->address.ss_family != there->address.ss_family)
        return false;
    if (place_is_unix(wanted))
        return strcmp(place_path(wanted), place_path(there)) == 0;
    if (place_port(wanted) != 0 && place_port(wanted) != place_port(there))
        return false;
    return wanted->address.ss_family == AF_INET ? a4->sin_addr.s_addr == b4->sin_addr.s_addr
                                                : memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}
