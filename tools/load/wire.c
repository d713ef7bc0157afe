/* wire.c: see wire.h. */
#include "load/wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load/dial.h"
#include "load/tls_client.h"

static enum status secure(struct wire *w, const struct target_address *to, struct tls_client *tls, struct error *e)
{
    w->tls = tls != NULL ? tls_line_new(tls, w->fd, to->host) : NULL;
    if (w->tls == NULL)
        return error_plain(e, E_NO_MEMORY);
    if (tls_line_greet(w->tls) == TLS_LINE_READY)
        return OK;
    return error_set(e, E_IO, "%.100s:%u: %.100s", to->host, to->port, tls_line_error(w->tls));
}

enum status wire_open(struct wire *w, const struct target_address *to, struct tls_client *tls, unsigned patience_s, struct error *out_error)
{
    *w = (struct wire){ .fd = dial(to->host, to->port, patience_s, NULL, NULL, out_error) };
    enum status s = w->fd >= 0 ? OK : E_IO;
    if (s == OK && to->is_tls)
        s = secure(w, to, tls, out_error);
    if (s != OK)
        wire_close(w);
    return s;
}

static ssize_t send_some(struct wire *w, struct slice bytes)
{
    return w->tls != NULL ? tls_line_send(w->tls, bytes.at, bytes.len) : send(w->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
}

bool wire_send(struct wire *w, struct slice bytes)
{
    while (w->fd >= 0 && bytes.len > 0) {
        ssize_t n = send_some(w, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = slice_skip(bytes, (size_t)n);
    }
    return w->fd >= 0;
}

ssize_t wire_recv(struct wire *w, void *to, size_t size)
{
    ssize_t n;
    do
        n = w->tls != NULL ? tls_line_recv(w->tls, to, size) : recv(w->fd, to, size, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        errno = ETIMEDOUT; /* the patience of the socket is over */
    return n;
}

void wire_close(struct wire *w)
{
    if (w->tls != NULL)
        tls_line_bye(w->tls);
    tls_line_free(w->tls);
    w->tls = NULL;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}
