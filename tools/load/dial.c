/* dial.c: see dial.h. */
#include "load/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static enum status resolve(const char *host, uint16_t port, struct addrinfo **out, struct error *e)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    char            text[8];
    snprintf(text, sizeof text, "%u", port);
    int bad = getaddrinfo(host, text, &hints, out);
    return bad == 0 ? OK : error_set(e, E_INVALID, "there is no host %.100s: %s", host, gai_strerror(bad));
}

static int try_one(const struct addrinfo *to, unsigned patience_s)
{
    struct timeval patience = { .tv_sec = patience_s };
    int            on = 1, fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* of connect() as well */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return fd;
    int reason = errno == EINPROGRESS ? ETIMEDOUT : errno;
    close(fd);
    errno = reason;
    return -1;
}

static void take_address(const struct addrinfo *from, struct sockaddr_storage *out_address, socklen_t *out_len)
{
    if (out_address == NULL || from->ai_addrlen > sizeof *out_address)
        return;
    memcpy(out_address, from->ai_addr, from->ai_addrlen);
    *out_len = from->ai_addrlen;
}

int dial(const char *host, uint16_t port, unsigned patience_s, struct sockaddr_storage *out_address, socklen_t *out_len,
         struct error *out_error)
{
    struct addrinfo *found = NULL;
    int              fd = -1;
    if (resolve(host, port, &found, out_error) != OK)
        return -1;
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
        fd = try_one(a, patience_s);
        if (fd >= 0)
            take_address(a, out_address, out_len);
    }
    if (fd < 0)
        error_set(out_error, E_IO, "%.100s:%u: %s", host, port, strerror(errno));
    freeaddrinfo(found);
    return fd;
}

enum status dial_find(const char *host, uint16_t port, unsigned patience_s, struct sockaddr_storage *out_address, socklen_t *out_len,
                      struct error *out_error)
{
    struct addrinfo *found = NULL;
    enum status      s = resolve(host, port, &found, out_error);
    if (s != OK)
        return s;
    take_address(found, out_address, out_len);
    if (found->ai_next != NULL) {
        int fd = dial(host, port, patience_s, out_address, out_len, NULL);
        if (fd >= 0)
            close(fd);
    }
    freeaddrinfo(found);
    return OK;
}
