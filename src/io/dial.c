/* dial.c: see dial.h. */
#include "io/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/internal.h"

_Static_assert(sizeof(struct sockaddr_storage) <= sizeof((struct dial_address *)0)->bytes, "any address fits");

enum status dial_resolve(const char *host, uint16_t port, struct dial_address *out, struct error *out_error)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo      *found = NULL;
    char                  service[8];
    snprintf(service, sizeof service, "%u", port);
    *out = (struct dial_address){ 0 };
    int reason = getaddrinfo(host, service, &hints, &found);
    if (reason != 0)
        return error_set(out_error, E_CONFIG, "cannot resolve '%s': %s", host, gai_strerror(reason));
    enum status status = found->ai_addrlen <= sizeof out->bytes ? OK : error_plain(out_error, E_CONFIG);
    if (status == OK) {
        memcpy(out->bytes, found->ai_addr, found->ai_addrlen);
        out->len = (uint32_t)found->ai_addrlen;
    }
    freeaddrinfo(found);
    return status;
}

/* A socket on its way to the address; -1 on failure, errno tells. */
static int connecting_socket(const struct dial_address *to)
{
    const struct sockaddr *address = (const struct sockaddr *)(const void *)to->bytes;
    int                    on = 1;
    int                    fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, address, (socklen_t)to->len) == 0 || errno == EINPROGRESS || errno == EINTR)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

struct stream *dial(const struct dial_address *to, unsigned port, const struct stream_ops *ops, void *owner,
                    struct error *out_error)
{
    if (shard_own->listeners_closed || to->len == 0) {
        error_set(out_error, E_IO, to->len == 0 ? "its address is not known" : "the server stops");
        return NULL;
    }
    int fd = connecting_socket(to);
    if (fd < 0) {
        error_set(out_error, E_IO, "%s", strerror(errno));
        return NULL;
    }
    struct stream *s = stream_dialled(shard_own, fd, (uint8_t)port, ops, owner);
    if (s == NULL) {
        close(fd);
        error_set(out_error, E_NO_MEMORY, "the shard has no room for another connection");
    }
    return s;
}
