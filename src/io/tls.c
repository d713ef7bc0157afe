/* tls.c: one connection; see tls.h. */
#include "io/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "io/tls_internal.h"
#include "io/tls_record.h"

#define WIRE_BYTES    65536 /* read from a socket at a time */
#define SHAKING_MAX   32768 /* bytes of a client's handshake; one has 500 to 3000, and OpenSSL would keep 130 KB of a hello */
#define ASIDES_A_READ 32    /* see tls_asides; nobody who means well says two of them at once */

/* What OpenSSL tells about the keys of TLS 1.3 while it shakes hands. */
struct shaking {
    unsigned char secret[2][HKDF_SECRET_MAX]; /* of what the client sends, of what we send */
    size_t        secret_len[2];
    bool          is_finished_sent;
    uint64_t      sent; /* records after it, under the keys of the data: tickets */
    size_t        heard; /* bytes of the peer's handshake */
};

struct tls {
    SSL                *ssl;     /* owned; NULL: `records` is in force */
    struct tls_context *context; /* counted; NULL with ssl */
    struct shaking     *shaking; /* owned; NULL once it is shaken */
    struct tls_records  records;
    int                 fd;      /* borrowed */
    bool                is_shaken;
    bool                is_drained; /* the socket had less than was asked for: not to be asked again before an event */
    bool                is_at_end;  /* the socket has ended */
    bool                is_lost;
    bool                is_failed;
    bool                is_ended;   /* close_notify was sent */
    bool                is_reading; /* inside tls_read: what SSL writes then is an answer to the peer's messages */
    unsigned            asides;     /* of this tls_read */
    size_t              may_receive; /* bytes of this tls_read that OpenSSL may still have, once it is shaken */
    enum tls_read       awaited;    /* the end that was seen behind the last bytes; TLS_MORE: none */
    bool                heard_http; /* in place of a hello */
    const char         *reason;     /* static */
    struct buf          early;      /* was read from the socket and is still to be looked at */
    struct buf          unsent;     /* records */
};

/* --- between SSL and the socket --------------------------------------------------------------------------------------- */

static int again(BIO *bio)
{
    BIO_set_retry_read(bio);
    return -1;
}

/* The end, and why. */
static enum tls_read failed(struct tls *t, const char *reason)
{
    t->reason = reason;
    t->is_failed = true;
    return TLS_FAILED;
}

static int take_early(struct tls *t, char *at, int size)
{
    size_t len = t->early.len < (size_t)size ? t->early.len : (size_t)size;
    if (t->shaking != NULL && (t->shaking->heard += len) > SHAKING_MAX) {
        failed(t, "a handshake that is too long");
        return -1;
    }
    memcpy(at, t->early.at, len);
    buf_drop_front(&t->early, len);
    if (t->early.len == 0)
        buf_clear(&t->early);
    return (int)len;
}

#define TRY_AGAIN (-2)

static _Thread_local char wire[WIRE_BYTES]; /* nothing stays in it */

/* The number of bytes, 0 at the end, TRY_AGAIN, or -1: the socket is dead. */
static ssize_t receive(struct tls *t, char *at, size_t size)
{
    ssize_t n;
    do
        n = recv(t->fd, at, size, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    t->is_drained = n < (ssize_t)size;
    t->is_at_end = n == 0;
    if (n < 0 && errno == EAGAIN)
        return TRY_AGAIN;
    t->is_lost = t->is_lost || n < 0;
    return n;
}

static int on_read(BIO *bio, char *at, int size)
{
    struct tls *t = BIO_get_data(bio);
    ssize_t     n;
    BIO_clear_retry_flags(bio);
    if (size <= 0)
        return 0;
    if (t->is_failed)
        return -1;
    if (t->early.len > 0)
        return take_early(t, at, size);
    if (t->is_drained || (t->is_shaken && t->may_receive == 0))
        return again(bio);
    /* A record is asked for in two pieces; read ahead by us and not by SSL, what is behind the handshake is not SSL's. */
    n = t->is_shaken ? receive(t, at, (size_t)size) : receive(t, wire, sizeof wire);
    if (n > 0 && !t->is_shaken) {
        buf_append(&t->early, wire, (size_t)n);
        if (buf_ok(&t->early))
            return take_early(t, at, size);
        t->is_lost = true;
    }
    if (n == TRY_AGAIN)
        return again(bio);
    if (n > 0)
        t->may_receive -= (size_t)n < t->may_receive ? (size_t)n : t->may_receive;
    return t->is_lost ? -1 : (int)n;
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

/* The peer has said something that is no data. False: too often, it has failed. */
static bool is_aside_borne(struct tls *t)
{
    if (++t->asides > ASIDES_A_READ)
        failed(t, "too many messages that are no data");
    return !t->is_failed;
}

/* Takes everything always: SSL need never repeat a write. */
static int on_write(BIO *bio, const char *at, int size)
{
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (t->is_shaken && t->is_reading && !is_aside_borne(t))
        return -1;
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

/* --- keys -------------------------------------------------------------------------------------------------------------- */

static unsigned nibble(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

/* "CLIENT_TRAFFIC_SECRET_0 <client random> <secret>", in hexadecimal. */
void tls_on_secret(const SSL *ssl, const char *line)
{
    struct tls  *t = SSL_get_app_data(ssl);
    struct slice rest = slice_str(line), label = slice_cut(&rest, ' ');
    bool         is_ours = slice_is(label, "SERVER_TRAFFIC_SECRET_0");
    if (t == NULL || t->shaking == NULL || (!is_ours && !slice_is(label, "CLIENT_TRAFFIC_SECRET_0")))
        return;
    slice_cut(&rest, ' ');
    if (rest.len % 2 != 0 || rest.len > 2 * HKDF_SECRET_MAX)
        return;
    for (size_t i = 0; i < rest.len / 2; i++)
        t->shaking->secret[is_ours][i] = (unsigned char)(nibble(rest.at[2 * i]) << 4 | nibble(rest.at[2 * i + 1]));
    t->shaking->secret_len[is_ours] = rest.len / 2;
}

/* Counts the records that leave under the keys of the data, and what the peer says beside the data. The head of a record is told before
 * the message in it. */
static void on_message(int is_sent, int version, int content_type, const void *at, size_t len, SSL *ssl, void *argument)
{
    struct tls     *t = argument;
    struct shaking *k = t->shaking;
    (void)version, (void)ssl;
    if (t->is_shaken && !is_sent && content_type == SSL3_RT_HANDSHAKE)
        (void)is_aside_borne(t); /* on_read ends it */
    if (!is_sent || k == NULL)
        return;
    if (content_type == SSL3_RT_HANDSHAKE && len > 0 && *(const unsigned char *)at == SSL3_MT_FINISHED)
        k->is_finished_sent = true;
    else if (content_type == SSL3_RT_HEADER && k->is_finished_sent)
        k->sent++;
}

static void shaking_free(struct tls *t)
{
    if (t->shaking != NULL)
        crypto_wipe(t->shaking, sizeof *t->shaking);
    free(t->shaking);
    t->shaking = NULL;
}

static struct slice secret_of(const struct shaking *k, bool is_ours)
{
    return slice_of((const char *)k->secret[is_ours], k->secret_len[is_ours]);
}

/* From here on the records are ours, and OpenSSL's 14 KB are given back. Not where the peer has agreed on other records: TLS 1.2, and
 * a smaller bound (RFC 6066 section 4). */
static void take_over(struct tls *t)
{
    const struct shaking *k = t->shaking;
    bool can = SSL_version(t->ssl) == TLS1_3_VERSION && k->is_finished_sent && !SSL_has_pending(t->ssl) &&
               SSL_SESSION_get_max_fragment_length(SSL_get0_session(t->ssl)) == TLSEXT_max_fragment_length_DISABLED &&
               tls_records_begin(&t->records, SSL_get_cipher_name(t->ssl), secret_of(k, false), secret_of(k, true), k->sent);
    shaking_free(t);
    if (!can) {
        SSL_set_read_ahead(t->ssl, 1); /* a record in one recv instead of two */
        return;
    }
    SSL_set_quiet_shutdown(t->ssl, 1);
    SSL_free(t->ssl);
    tls_context_free(t->context);
    t->ssl = NULL;
    t->context = NULL;
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
    t->ssl = SSL_new(atomic_load_explicit(&context->now, memory_order_acquire)->first);
    t->shaking = calloc(1, sizeof *t->shaking);
    BIO *bio = t->ssl != NULL ? BIO_new(context->method) : NULL;
    buf_slice_append(&t->early, early);
    if (bio == NULL || t->shaking == NULL || !buf_ok(&t->early)) {
        BIO_free(bio);
        tls_free(t);
        return NULL;
    }
    BIO_set_data(bio, t);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_app_data(t->ssl, t);
    SSL_set_msg_callback(t->ssl, on_message);
    SSL_set_msg_callback_arg(t->ssl, t);
    SSL_set_accept_state(t->ssl);
    return t;
}

void tls_free(struct tls *given)
{
    if (given == NULL)
        return;
    shaking_free(given);
    SSL_free(given->ssl);
    tls_context_free(given->context);
    tls_records_wipe(&given->records);
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
    if (t->is_failed)
        return TLS_FAILED;
    if (error == SSL_ERROR_WANT_READ)
        return t->is_drained ? TLS_DRAINED : TLS_MORE; /* it has had as much as it may at one time */
    if (error == SSL_ERROR_ZERO_RETURN || t->is_at_end)
        return TLS_ENDED;
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    t->heard_http = !t->is_shaken && ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
    return failed(t, reason != NULL ? reason : "no reason known");
}

static enum tls_read read_ssl(struct tls *t, char *at, size_t size, size_t *out_len)
{
    int n = 1;
    while (*out_len < size) {
        n = SSL_read(t->ssl, at + *out_len, (int)(size - *out_len));
        if (n <= 0)
            break;
        *out_len += (size_t)n;
    }
    return n > 0 ? TLS_MORE : outcome(t, n);
}

/* Why, and the peer is told. */
static enum tls_read fail(struct tls *t, enum tls_alert alert, const char *reason)
{
    const char what[] = { 2, (char)alert };
    char       out[TLS_SEALED_ROOM(sizeof what)];
    size_t     len = tls_record_seal(&t->records, TLS_CONTENT_ALERT, slice_of(what, sizeof what), out);
    put(t, out, len);
    return failed(t, reason);
}

static enum tls_read on_alert(struct tls *t, struct slice content)
{
    enum { CLOSE_NOTIFY = 0, USER_CANCELED = 90 };
    unsigned char what = content.len == 2 ? (unsigned char)content.at[1] : UINT8_MAX;
    if (what == CLOSE_NOTIFY)
        return TLS_ENDED;
    return what == USER_CANCELED ? TLS_MORE : failed(t, "the peer has sent an alert");
}

/* One whole record; what it holds is added at out + *out_len. */
static enum tls_read read_record(struct tls *t, char *record, size_t len, char *out, size_t *out_len)
{
    struct slice     content;
    enum tls_content type;
    enum tls_alert   alert;
    if (!tls_record_open(&t->records, record, len, &content, &type, &alert))
        return fail(t, alert, "a record that is not what it should be");
    if (type != TLS_CONTENT_DATA && !is_aside_borne(t))
        return fail(t, TLS_ALERT_UNEXPECTED_MESSAGE, t->reason);
    if (type == TLS_CONTENT_ALERT)
        return on_alert(t, content);
    if (type == TLS_CONTENT_HANDSHAKE)
        return tls_records_on_handshake(&t->records, content, &alert) ? TLS_MORE : fail(t, alert, "a handshake message out of place");
    if (content.len > 0)
        memcpy(out + *out_len, content.at, content.len);
    *out_len += content.len;
    return TLS_MORE;
}

/* Whole records from `wire`, as long as another one fits; *out_used of its bytes are done. TLS_DRAINED: the next one is not whole. */
static enum tls_read read_wire(struct tls *t, size_t len, char *at, size_t size, size_t *out_len, size_t *out_used)
{
    enum tls_read result = TLS_MORE;
    while (result == TLS_MORE && size - *out_len >= TLS_CONTENT_MAX) {
        enum tls_alert alert;
        size_t         need = tls_record_need(slice_of(wire + *out_used, len - *out_used), &alert);
        if (need == SIZE_MAX)
            return fail(t, alert, "no record of TLS 1.3");
        if (need == 0 || need > len - *out_used)
            return TLS_DRAINED;
        result = read_record(t, wire + *out_used, need, at, out_len);
        *out_used += need;
    }
    return result;
}

static enum tls_read read_records(struct tls *t, char *at, size_t size, size_t *out_len)
{
    size_t len = t->early.len, used = 0;
    bug_if(size < TLS_CONTENT_MAX || len > sizeof wire);
    if (len > 0)
        memcpy(wire, t->early.at, len);
    enum tls_read result = read_wire(t, len, at, size, out_len, &used);
    if (result == TLS_DRAINED && used == 0) { /* nothing whole was in hand */
        ssize_t n = receive(t, wire + len, sizeof wire - len);
        if (n > 0)
            result = read_wire(t, len += (size_t)n, at, size, out_len, &used);
        else if (n != TRY_AGAIN)
            result = n == 0 ? TLS_ENDED : TLS_LOST;
    }
    if (used == 0 && len == t->early.len)
        return result;
    buf_clear(&t->early);
    buf_append(&t->early, wire + used, len - used);
    if (!buf_ok(&t->early))
        return TLS_LOST;
    return result == TLS_DRAINED && !t->is_drained ? TLS_MORE : result;
}

/* TLS_MORE: the handshake is done. */
static enum tls_read shake(struct tls *t)
{
    int n = SSL_do_handshake(t->ssl);
    if (n <= 0)
        return outcome(t, n);
    t->is_shaken = !t->is_lost;
    if (t->is_shaken)
        take_over(t);
    return t->is_lost ? TLS_LOST : TLS_MORE;
}

enum tls_read tls_read(struct tls *t, char *at, size_t size, size_t *out_len)
{
    *out_len = 0;
    t->asides = 0;
    t->may_receive = WIRE_BYTES;
    if (t->awaited != TLS_MORE)
        return t->awaited;
    t->is_drained = false;
    t->is_reading = true;
    ERR_clear_error();
    enum tls_read result = t->is_shaken ? TLS_MORE : shake(t);
    if (result == TLS_MORE)
        result = t->ssl != NULL ? read_ssl(t, at, size, out_len) : read_records(t, at, size, out_len);
    t->is_reading = false;
    if (result > TLS_DRAINED)
        t->awaited = result;
    return *out_len > 0 && result > TLS_DRAINED ? TLS_MORE : result;
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

static bool write_record(struct tls *t, struct slice content)
{
    if (t->ssl == NULL) {
        size_t len = tls_record_seal(&t->records, TLS_CONTENT_DATA, content, wire);
        put(t, wire, len);
        return len > 0;
    }
    ERR_clear_error();
    return SSL_write(t->ssl, content.at, (int)content.len) == (int)content.len;
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
        if (!write_record(t, record) || t->is_lost)
            return SIZE_MAX;
        taken += record.len;
        walk_on(&w, record.len);
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
    if (t->ssl != NULL) {
        SSL_shutdown(t->ssl);
        return;
    }
    static const char what[] = { 1, TLS_ALERT_CLOSE_NOTIFY };
    char              out[TLS_SEALED_ROOM(sizeof what)];
    put(t, out, tls_record_seal(&t->records, TLS_CONTENT_ALERT, slice_of(what, sizeof what), out));
}

void tls_answer_http(struct tls *t, struct slice text)
{
    if (t->heard_http && !t->is_lost)
        put(t, text.at, text.len);
}

/* --- what is known ----------------------------------------------------------------------------------------------------- */

unsigned tls_asides(const struct tls *t)
{
    return t->asides;
}

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
    return t->ssl != NULL ? SSL_get_version(t->ssl) : "TLSv1.3";
}

const char *tls_cipher(const struct tls *t)
{
    return t->ssl != NULL ? SSL_get_cipher_name(t->ssl) : tls_records_suite(&t->records);
}
