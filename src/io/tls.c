/* tls.c: one connection; see tls.h. */
#include "io/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "io/tls_internal.h"

struct tls {
    SSL                *ssl;
    struct tls_context *context; /* counted */
    int                 fd;      /* borrowed */
    bool                is_shaken;
    bool                is_drained; /* the socket had less than was asked for: not to be asked again before an event */
    bool                is_at_end;  /* the socket has ended */
    bool                is_lost;
    bool                is_failed;
    bool                is_ended;   /* close_notify was sent */
    enum tls_read       awaited;    /* the end that was seen behind the last bytes; TLS_MORE: none */
    bool                heard_http; /* in place of a hello */
    const char         *reason;     /* static */
    struct buf          early;      /* read before the handshake began */
    struct buf          unsent;     /* records */
};

/* --- between SSL and the socket --------------------------------------------------------------------------------------- */

static int again(BIO *bio)
{
    BIO_set_retry_read(bio);
    return -1;
}

static int take_early(struct tls *t, char *at, int size)
{
    size_t len = t->early.len < (size_t)size ? t->early.len : (size_t)size;
    memcpy(at, t->early.at, len);
    buf_drop_front(&t->early, len);
    if (t->early.len == 0)
        buf_clear(&t->early);
    return (int)len;
}

static int on_read(BIO *bio, char *at, int size)
{
    struct tls *t = BIO_get_data(bio);
    ssize_t     n;
    BIO_clear_retry_flags(bio);
    if (size <= 0)
        return 0;
    if (t->early.len > 0)
        return take_early(t, at, size);
    if (t->is_drained)
        return again(bio);
    do
        n = recv(t->fd, at, (size_t)size, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    t->is_drained = n < size;
    t->is_at_end = n == 0;
    if (n < 0 && errno == EAGAIN)
        return again(bio);
    t->is_lost = t->is_lost || n < 0;
    return (int)n;
}

/* The number of bytes the socket took; SIZE_MAX: it is dead. */
static size_t send_now(const struct tls *t, const char *at, size_t len)
{
    size_t sent = 0;
    while (sent < len) {
        ssize_t n = send(t->fd, at + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0)
            sent += (size_t)n;
        else if (errno == EAGAIN || errno == ENOBUFS)
            break;
        else if (errno != EINTR)
            return SIZE_MAX;
    }
    return sent;
}

/* Sends it, or keeps it in `unsent`. */
static void put(struct tls *t, const char *at, size_t len)
{
    size_t sent = t->unsent.len == 0 ? send_now(t, at, len) : 0;
    if (sent != SIZE_MAX)
        buf_append(&t->unsent, at + sent, len - sent);
    t->is_lost = sent == SIZE_MAX || !buf_ok(&t->unsent);
}

/* Takes everything always: SSL need never repeat a write. */
static int on_write(BIO *bio, const char *at, int size)
{
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!t->is_lost)
        put(t, at, size > 0 ? (size_t)size : 0);
    return t->is_lost ? -1 : size;
}

static long on_control(BIO *bio, int command, long number, void *pointer)
{
    const struct tls *t = BIO_get_data(bio);
    (void)number, (void)pointer;
    if (command == BIO_CTRL_EOF)
        return t->is_at_end;
    return command == BIO_CTRL_FLUSH;
}

static int on_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *tls_method_new(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    if (m != NULL && BIO_meth_set_read(m, on_read) && BIO_meth_set_write(m, on_write) &&
        BIO_meth_set_ctrl(m, on_control) && BIO_meth_set_create(m, on_create))
        return m;
    BIO_meth_free(m);
    return NULL;
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

struct tls *tls_new(struct tls_context *context, int fd, struct slice early)
{
    struct tls *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->fd = fd;
    t->unsent.limit = TLS_UNSENT_MAX;
    t->context = tls_context_ref(context);
    t->ssl = SSL_new(context->first);
    BIO *bio = t->ssl != NULL ? BIO_new(context->method) : NULL;
    buf_slice_append(&t->early, early);
    if (bio == NULL || !buf_ok(&t->early)) {
        BIO_free(bio);
        tls_free(t);
        return NULL;
    }
    BIO_set_data(bio, t);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_accept_state(t->ssl);
    return t;
}

void tls_free(struct tls *given)
{
    if (given == NULL)
        return;
    SSL_free(given->ssl);
    tls_context_free(given->context);
    buf_clear(&given->early);
    buf_clear(&given->unsent);
    free(given);
    ERR_clear_error();
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

/* What became of a read that gave nothing. */
static enum tls_read outcome(struct tls *t, int returned)
{
    int error = SSL_get_error(t->ssl, returned);
    if (t->is_lost)
        return TLS_LOST;
    if (error == SSL_ERROR_WANT_READ)
        return TLS_DRAINED;
    if (error == SSL_ERROR_ZERO_RETURN || t->is_at_end)
        return TLS_ENDED;
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    t->reason = reason != NULL ? reason : "no reason known";
    t->heard_http = !t->is_shaken && ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
    t->is_failed = true;
    return TLS_FAILED;
}

enum tls_read tls_read(struct tls *t, char *at, size_t size, size_t *out_len)
{
    size_t got = 0;
    int    n = 1;
    *out_len = 0;
    if (t->awaited != TLS_MORE)
        return t->awaited;
    t->is_drained = false;
    ERR_clear_error();
    while (got < size) {
        n = SSL_read(t->ssl, at + got, (int)(size - got));
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    enum tls_read result = n > 0 ? TLS_MORE : outcome(t, n);
    t->is_shaken = t->is_shaken || (!t->is_failed && SSL_is_init_finished(t->ssl));
    *out_len = got;
    if (result > TLS_DRAINED)
        t->awaited = result;
    return got > 0 && result > TLS_DRAINED ? TLS_MORE : result;
}

/* --- writing ----------------------------------------------------------------------------------------------------------- */

/* Where a walk over an iovec stands. */
struct walk {
    const struct iovec *at;
    size_t              left; /* elements, the one at `at` included */
    size_t              from; /* bytes of *at that are done */
};

static struct slice walk_here(const struct walk *w)
{
    return w->left > 0 ? slice_of((const char *)w->at->iov_base + w->from, w->at->iov_len - w->from) : SLICE("");
}

static void walk_on(struct walk *w, size_t len)
{
    for (w->from += len; w->left > 0 && w->from >= w->at->iov_len; w->at++, w->left--)
        w->from -= w->at->iov_len;
}

/* What the next record holds: a piece of one element, or several small ones together. */
static struct slice walk_record(const struct walk *from, char room[TLS_RECORD_BYTES])
{
    struct walk  w = *from;
    struct slice piece = walk_here(&w);
    size_t       len = 0;
    if (piece.len >= TLS_RECORD_BYTES || w.left <= 1)
        return slice_first(piece, TLS_RECORD_BYTES);
    for (; w.left > 0 && len < TLS_RECORD_BYTES; piece = walk_here(&w)) {
        piece = slice_first(piece, TLS_RECORD_BYTES - len);
        memcpy(room + len, piece.at, piece.len);
        len += piece.len;
        walk_on(&w, piece.len);
    }
    return slice_of(room, len);
}

size_t tls_send(struct tls *t, const struct iovec *iov, size_t count)
{
    struct walk w = { .at = iov, .left = count };
    size_t      taken = 0;
    char        room[TLS_RECORD_BYTES];
    if (t->is_lost || t->is_failed)
        return SIZE_MAX;
    walk_on(&w, 0);
    while (w.left > 0 && t->is_shaken && t->unsent.len == 0) {
        struct slice record = walk_record(&w, room);
        ERR_clear_error();
        int n = SSL_write(t->ssl, record.at, (int)record.len);
        if (n <= 0 || t->is_lost)
            return SIZE_MAX;
        taken += (size_t)n;
        walk_on(&w, (size_t)n);
    }
    return taken;
}

bool tls_has_unsent(const struct tls *t)
{
    return t->unsent.len > 0;
}

bool tls_flush(struct tls *t)
{
    if (t->unsent.len == 0 || t->is_lost)
        return !t->is_lost;
    size_t n = send_now(t, t->unsent.at, t->unsent.len);
    t->is_lost = n == SIZE_MAX;
    if (t->is_lost)
        return false;
    buf_drop_front(&t->unsent, n);
    if (t->unsent.len == 0)
        buf_clear(&t->unsent);
    return true;
}

void tls_end(struct tls *t)
{
    if (t->is_ended || !t->is_shaken || t->is_failed || t->is_lost)
        return;
    t->is_ended = true;
    ERR_clear_error();
    SSL_shutdown(t->ssl);
}

void tls_answer_http(struct tls *t, struct slice text)
{
    if (t->heard_http && !t->is_lost)
        put(t, text.at, text.len);
}

/* --- what is known ----------------------------------------------------------------------------------------------------- */

bool tls_is_shaken(const struct tls *t)
{
    return t->is_shaken;
}

const char *tls_reason(const struct tls *t)
{
    return t->reason != NULL ? t->reason : "";
}

const char *tls_version(const struct tls *t)
{
    return SSL_get_version(t->ssl);
}

const char *tls_cipher(const struct tls *t)
{
    return SSL_get_cipher_name(t->ssl);
}
