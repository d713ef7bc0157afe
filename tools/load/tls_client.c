/* tls_client.c: see tls_client.h. */
#include "load/tls_client.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"

struct tls_client {
    SSL_CTX        *context;
    bool            checks;
    pthread_mutex_t lock;
    SSL_SESSION    *last; /* owned; under lock */
};

static SSL *ssl_of(struct tls_line *l)
{
    return (SSL *)(void *)l;
}

/* Each session is as good as the other: one for all, so that a million of them need no memory. Returns 1: it is ours. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_client *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    pthread_mutex_lock(&c->lock);
    SSL_SESSION *before = c->last;
    c->last = session;
    pthread_mutex_unlock(&c->lock);
    SSL_SESSION_free(before);
    return 1;
}

static bool trust(struct tls_client *c, const char *ca)
{
    SSL_CTX_set_verify(c->context, SSL_VERIFY_PEER, NULL);
    c->checks = true;
    return strcmp(ca, "system") == 0 ? SSL_CTX_set_default_verify_paths(c->context) == 1
                                     : SSL_CTX_load_verify_locations(c->context, ca, NULL) == 1;
}

enum status tls_client_new(const char *ca, struct tls_client **out, struct error *out_error)
{
    struct tls_client *c = calloc(1, sizeof *c);
    if (c == NULL || (c->context = SSL_CTX_new(TLS_client_method())) == NULL) {
        free(c);
        return error_plain(out_error, E_NO_MEMORY);
    }
    pthread_mutex_init(&c->lock, NULL);
    SSL_CTX_set_app_data(c->context, c);
    SSL_CTX_set_mode(c->context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(c->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(c->context, keep_session);
    SSL_CTX_set_verify(c->context, SSL_VERIFY_NONE, NULL);
    if (ca != NULL && !trust(c, ca)) {
        tls_client_free(c);
        return error_set(out_error, E_INVALID, "--ca %.120s: no certificates can be read there", ca);
    }
    *out = c;
    return OK;
}

void tls_client_free(struct tls_client *c)
{
    if (c == NULL)
        return;
    SSL_SESSION_free(c->last);
    SSL_CTX_free(c->context);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static bool name_server(const struct tls_client *c, SSL *ssl, const char *host)
{
    struct address ignored;
    if (!address_parse(slice_str(host), &ignored))
        return SSL_set_tlsext_host_name(ssl, host) == 1 && (!c->checks || SSL_set1_host(ssl, host) == 1);
    return !c->checks || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
}

struct tls_line *tls_line_new(struct tls_client *c, int fd, const char *host)
{
    SSL *ssl = SSL_new(c->context);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || !name_server(c, ssl, host)) {
        SSL_free(ssl);
        return NULL;
    }
    pthread_mutex_lock(&c->lock);
    if (c->last != NULL)
        (void)SSL_set_session(ssl, c->last);
    pthread_mutex_unlock(&c->lock);
    SSL_set_connect_state(ssl);
    return (struct tls_line *)(void *)ssl;
}

void tls_line_bye(struct tls_line *l)
{
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_of(l)))
        (void)SSL_shutdown(ssl_of(l));
    ERR_clear_error();
}

void tls_line_free(struct tls_line *l)
{
    if (l == NULL)
        return;
    /* As if both had said goodbye: OpenSSL would forbid the session to be resumed, which is what a storm is about. */
    SSL_set_shutdown(ssl_of(l), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl_of(l));
}

enum tls_line_state tls_line_greet(struct tls_line *l)
{
    ERR_clear_error();
    errno = 0;
    int done = SSL_do_handshake(ssl_of(l));
    if (done == 1)
        return TLS_LINE_READY;
    int why = SSL_get_error(ssl_of(l), done);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? TLS_LINE_MORE : TLS_LINE_FAILED;
}

/* What a call that did nothing means, in the words of recv. */
static ssize_t verdict(struct tls_line *l, int result)
{
    switch (SSL_get_error(ssl_of(l), result)) {
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_SYSCALL:
        return errno == 0 ? 0 : -1;
    default:
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
            return 0; /* closed without a word: not polite, and no attack on us */
        errno = EPROTO;
        return -1;
    }
}

ssize_t tls_line_send(struct tls_line *l, const void *bytes, size_t len)
{
    size_t n = 0;
    ERR_clear_error();
    errno = 0;
    int result = SSL_write_ex(ssl_of(l), bytes, len, &n);
    return result == 1 ? (ssize_t)n : verdict(l, result);
}

ssize_t tls_line_recv(struct tls_line *l, void *to, size_t size)
{
    size_t n = 0;
    ERR_clear_error();
    errno = 0;
    int result = SSL_read_ex(ssl_of(l), to, size, &n);
    return result == 1 ? (ssize_t)n : verdict(l, result);
}

bool tls_line_was_resumed(const struct tls_line *l)
{
    return SSL_session_reused((SSL *)(uintptr_t)l) == 1;
}

const char *tls_line_error(struct tls_line *l)
{
    unsigned long code = ERR_peek_error();
    long          verified = SSL_get_verify_result(ssl_of(l));
    if (verified != X509_V_OK)
        return X509_verify_cert_error_string(verified);
    if (code != 0 && ERR_reason_error_string(code) != NULL)
        return ERR_reason_error_string(code);
    return errno != 0 ? strerror(errno) : "the server closed the connection";
}
