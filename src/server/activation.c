/* activation.c: see activation.h. */
#include "server/activation.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define FIRST_FD 3

static int given[PLACES_MAX * 4]; /* lent to the ports */

static bool is_listening(int fd)
{
    int       on = 0, type = 0;
    socklen_t on_len = sizeof on, type_len = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &on_len) == 0 && on != 0 &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 && type == SOCK_STREAM;
}

static bool is_named(const struct port *p, struct slice name)
{
    return slice_is(name, p->name) || (slice_is(name, "directory") && strcmp(p->name, "freeswitch") == 0);
}

/* How many, when they are for this process. */
static unsigned count_given(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    uint64_t    whose, many;
    if (pid == NULL || count == NULL || !slice_u64(slice_str(pid), INT32_MAX, &whose) || whose != (uint64_t)getpid() ||
        !slice_u64(slice_str(count), 1024, &many))
        return 0;
    return (unsigned)many;
}

/* The i-th of the names, which colons separate. */
static struct slice name_of(unsigned i, unsigned count)
{
    const char  *names = getenv("LISTEN_FDNAMES");
    struct slice rest = slice_str(names != NULL ? names : ""), name = slice_cut(&rest, ':');
    for (; i > 0; i--)
        name = slice_cut(&rest, ':');
    bool is_unnamed = name.len == 0 || slice_is(name, "unknown");
    return is_unnamed && count == 1 ? SLICE("ws") : name;
}

static enum status take(struct port *p, int *at, int fd, struct error *e)
{
    if (!is_listening(fd))
        return error_set(e, E_CONFIG, "the socket that was given for %s does not listen for streams (ListenStream=, Accept=no)", p->name);
    if (p->inherited_count == PLACES_MAX)
        return error_set(e, E_CONFIG, "more than %d sockets were given for %s", PLACES_MAX, p->name);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); /* shards take turns: what one is woken for another may have taken */
    if (p->inherited_count == 0)
        p->inherited = at;
    at[0] = fd;
    p->inherited_count++;
    p->is_given = true;
    return OK;
}

/* Each port's stand together in `given`. */
static enum status take_for(struct port *p, unsigned count, unsigned *used, struct error *e)
{
    for (unsigned i = 0; i < count; i++) {
        if (!port_listens(p) || !is_named(p, name_of(i, count)))
            continue;
        if (*used == sizeof given / sizeof *given)
            return error_set(e, E_CONFIG, "more than %zu sockets were given", sizeof given / sizeof *given);
        enum status s = take(p, &given[(*used)++], FIRST_FD + (int)i, e);
        if (s != OK)
            return s;
    }
    return OK;
}

static enum status mind_strangers(const struct port *ports, unsigned port_count, unsigned count, struct error *e)
{
    for (unsigned i = 0; i < count; i++) {
        bool is_known = false;
        for (unsigned k = 0; k < port_count; k++)
            is_known = is_known || (port_listens(&ports[k]) && is_named(&ports[k], name_of(i, count)));
        if (!is_known)
            return error_set(e, E_CONFIG,
                             "a socket was given under the name \"%.*s\", which no listener has: write FileDescriptorName=ws, cometql or "
                             "directory (when telephony is on) into the unit of the socket",
                             SLICE_ARG(slice_first(name_of(i, count), 60)));
    }
    return OK;
}

enum status activation_take_ports(struct port *ports, unsigned count, struct error *out_error)
{
    unsigned    many = count_given(), used = 0;
    enum status s = mind_strangers(ports, count, many, out_error);
    for (unsigned i = 0; s == OK && i < count; i++)
        s = take_for(&ports[i], many, &used, out_error);
    unsetenv("LISTEN_PID"); /* not for those whom we start */
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return s;
}
