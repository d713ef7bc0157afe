/* door.c: the sockets that listen, as main makes them before the tables split. See listener.h.
 *
 *   TCP, ours           a socket for each shard on one port (SO_REUSEPORT): the kernel spreads the connections
 *   unix, or given      one socket, of which each shard has a copy: listener.c spreads the connections
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "io/internal.h"

#define SOCKET_MODE 0660 /* unless the port says another */

static enum status place_error(const struct port *p, const struct place *at, struct error *e)
{
    char        where[PLACE_TEXT_MAX];
    const char *advice = errno == EADDRINUSE                          ? "another program listens there; stop it or choose another port"
                         : errno == EACCES && place_is_unix(at)       ? "the server's user must be able to write to its directory"
                         : errno == EACCES                            ? "ports below 1024 need root or CAP_NET_BIND_SERVICE"
                         : errno == ENOENT && place_is_unix(at)       ? "make its directory"
                         : errno == EEXIST                            ? "what is there is no socket; remove it or choose another path"
                         : errno == EADDRNOTAVAIL                     ? "this machine has no such address"
                                                                      : "see the reason";
    int         reason = errno;
    place_text(at, where);
    return error_set(e, E_CONFIG, "%s port: cannot listen on %s: %s (%s)", p->name, where, strerror(reason), advice);
}

/* -1; errno stays. */
static int closed(int fd)
{
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

/* With `shared` other sockets of this user may bind the same port. -1 on failure, errno tells. */
static int bound_tcp(const struct place *at, bool shared)
{
    int fd = socket(at->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int v6_only = at->is_v6_only; /* said in any case: the machine's default (net.ipv6.bindv6only) may be the other */
    if (at->address.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    if ((shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0) ||
        bind(fd, (const struct sockaddr *)&at->address, at->len) < 0)
        return closed(fd);
    return fd;
}

/* The file of a process that died is removed; one where somebody listens, or that is no socket, is not. */
static bool make_way(const struct place *at)
{
    struct stat st;
    if (lstat(place_path(at), &st) != 0)
        return errno == ENOENT;
    if (!S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool is_stale = connect(fd, (const struct sockaddr *)&at->address, at->len) < 0 && errno == ECONNREFUSED;
    close(fd);
    errno = EADDRINUSE;
    return is_stale && (unlink(place_path(at)) == 0 || errno == ENOENT);
}

/* The mode is on the socket before it has a name, so that it is never open to more than it is meant for. */
static int bound_unix(const struct port *p, const struct place *at)
{
    mode_t mode = p->socket_mode != 0 ? p->socket_mode : SOCKET_MODE;
    int    fd = make_way(at) ? socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return -1;
    if (fchmod(fd, mode) < 0 || bind(fd, (const struct sockaddr *)&at->address, at->len) < 0 || chmod(place_path(at), mode) < 0)
        return closed(fd);
    return fd;
}

/* Root makes it as the user it will become: it belongs to him, in a directory that he can write to, and he can remove it. */
static int bound_unix_as_user(const struct port *p, const struct place *at)
{
    if (p->socket_uid == 0 || geteuid() != 0)
        return bound_unix(p, at);
    if (setegid(p->socket_gid) < 0 || seteuid(p->socket_uid) < 0)
        return -1;
    int fd = bound_unix(p, at), reason = errno;
    if (seteuid(0) < 0 || setegid(0) < 0)
        abort(); /* half somebody else: nothing that follows would be right */
    errno = reason;
    return fd;
}

/* --- ports ------------------------------------------------------------------------------------------------------------- */

static bool listens(const struct port *p, unsigned place)
{
    for (unsigned k = 0; k < p->inherited_count; k++) {
        struct place there;
        if (place_of_socket(p->inherited[k], &there) && place_fits(&p->places[place], &there))
            return true;
    }
    return false;
}

/* The port of the first address that had one given to it is that of all. */
static void note_port(struct port *p, int fd)
{
    struct place there;
    if (p->port != 0 || !place_of_socket(fd, &there) || place_port(&there) == 0)
        return;
    p->port = place_port(&there);
    for (unsigned i = 0; i < p->place_count; i++)
        place_set_port(&p->places[i], p->port);
}

static enum status place_reserve(struct port *p, unsigned i, struct error *e)
{
    const struct place *at = &p->places[i];
    if (place_is_unix(at)) {
        p->held[i] = bound_unix_as_user(p, at);
        return p->held[i] >= 0 ? OK : place_error(p, at, e);
    }
    int probe = bound_tcp(at, false); /* fails when anybody listens there, shared or not */
    if (probe < 0 || listen(probe, 1) < 0) {
        enum status s = place_error(p, at, e);
        if (probe >= 0)
            close(probe);
        return s;
    }
    note_port(p, probe);
    close(probe);
    p->held[i] = bound_tcp(at, true);
    return p->held[i] >= 0 ? OK : place_error(p, at, e);
}

/* They are where they are, whatever the settings say. */
static void take_given(struct port *p)
{
    p->port = 0;
    for (unsigned k = 0; k < p->inherited_count && p->place_count < PLACES_MAX; k++)
        if (place_of_socket(p->inherited[k], &p->places[p->place_count])) {
            if (p->port == 0)
                p->port = place_port(&p->places[p->place_count]);
            p->held[p->place_count++] = -1;
        }
}

enum status port_reserve(struct port *p, struct error *out_error)
{
    p->place_count = 0;
    if (!port_listens(p))
        return OK;
    if (p->is_given) {
        take_given(p);
        return OK;
    }
    p->place_count = places_read(slice_str(p->ip), p->port, p->places);
    if (p->place_count == 0)
        return error_set(out_error, E_CONFIG, "%s.ip: '%s' is no list of numeric IP addresses and unix:/paths", p->name, p->ip);
    for (unsigned i = 0; i < p->place_count; i++)
        p->held[i] = -1;
    for (unsigned k = 0; k < p->inherited_count; k++)
        note_port(p, p->inherited[k]);
    for (unsigned i = 0; i < p->place_count; i++) {
        enum status s = listens(p, i) ? OK : place_reserve(p, i, out_error);
        if (s != OK)
            return s;
    }
    return OK;
}

bool port_fits(const struct port *p, int fd)
{
    struct place there, wanted[PLACES_MAX];
    unsigned     count = port_listens(p) && place_of_socket(fd, &there) ? places_read(slice_str(p->ip), p->port, wanted) : 0;
    for (unsigned i = 0; i < count; i++)
        if (place_fits(&wanted[i], &there))
            return true;
    return false;
}

void port_release(struct port *p)
{
    for (unsigned i = 0; i < p->place_count; i++) {
        if (p->held[i] >= 0)
            close(p->held[i]);
        p->held[i] = -1;
    }
}

void port_unlink(const struct port *p)
{
    for (unsigned i = 0; !p->is_given && i < p->place_count; i++)
        if (place_is_unix(&p->places[i]) && unlink(place_path(&p->places[i])) < 0 && errno != ENOENT)
            log_info("%s cannot be removed: %s; the next start will", place_path(&p->places[i]), strerror(errno));
}

/* --- doors ------------------------------------------------------------------------------------------------------------- */

static bool is_shared(const struct port *p, unsigned place)
{
    return p->is_given || place_is_unix(&p->places[place]);
}

static bool door_add(unsigned port, unsigned shard, int fd, bool has_copies, bool is_copy)
{
    if (fd < 0)
        return false;
    shards.doors[shards.door_count++] =
        (struct door){ .fd = fd, .port = (uint8_t)port, .shard = (uint8_t)shard, .is_shared = has_copies, .is_copy = is_copy };
    return true;
}

/* One socket, and a copy of it for each other shard. What comes second at one place is a copy that another process made. */
static bool doors_shared(unsigned port, const struct port *p, unsigned place, unsigned shard_count)
{
    int one = -1;
    for (unsigned k = 0; k < p->inherited_count; k++) {
        struct place there;
        if (!place_of_socket(p->inherited[k], &there) || !place_fits(&p->places[place], &there))
            continue;
        if (one < 0)
            one = p->inherited[k];
        else
            close(p->inherited[k]);
    }
    if (one < 0)
        one = fcntl(p->held[place], F_DUPFD_CLOEXEC, 3);
    if (!door_add(port, 0, one, true, false))
        return false;
    for (unsigned k = 1; k < shard_count; k++)
        if (!door_add(port, k, fcntl(one, F_DUPFD_CLOEXEC, 3), true, true))
            return false;
    return true;
}

/* The sockets of the process before have clients in their backlogs: all of them are kept, also when there are fewer shards now. */
static bool doors_own(unsigned port, const struct port *p, unsigned place, unsigned shard_count)
{
    unsigned count = 0;
    for (unsigned k = 0; k < p->inherited_count; k++) {
        struct place there;
        if (!place_of_socket(p->inherited[k], &there) || !place_fits(&p->places[place], &there))
            continue;
        (void)door_add(port, count % shard_count, p->inherited[k], false, false);
        count++;
    }
    for (; count < shard_count; count++)
        if (!door_add(port, count, bound_tcp(&p->places[place], true), false, false))
            return false;
    return true;
}

enum status doors_open(const struct shards_setup *setup, struct error *out_error)
{
    unsigned most = 0;
    bug_if(setup->shard_count == 0);
    for (unsigned i = 0; i < setup->port_count; i++)
        most += setup->ports[i].inherited_count + setup->ports[i].place_count * setup->shard_count;
    shards.doors = calloc(most + 1u, sizeof *shards.doors);
    shards.door_count = 0;
    if (shards.doors == NULL)
        return error_plain(out_error, E_NO_MEMORY);
    for (unsigned i = 0; i < setup->port_count; i++) {
        const struct port *p = &setup->ports[i];
        for (unsigned k = 0; k < p->place_count; k++)
            if (!(is_shared(p, k) ? doors_shared : doors_own)(i, p, k, setup->shard_count))
                return place_error(p, &p->places[k], out_error);
    }
    return OK;
}

void doors_close(void)
{
    for (unsigned i = 0; SPLITS_TABLES && i < shards.door_count; i++)
        close(shards.doors[i].fd);
    shards.door_count = 0;
}

unsigned shards_doors(unsigned port, int *out_fds, unsigned most)
{
    unsigned count = 0;
    for (unsigned i = 0; i < shards.door_count && count < most; i++)
        if (shards.doors[i].port == port && !shards.doors[i].is_copy)
            out_fds[count++] = shards.doors[i].fd;
    return count;
}
