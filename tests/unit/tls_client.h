/* tls_client: certificates made on the spot, and OpenSSL's client on one end of a socket.
 *
 *   struct certificate_files f = certificate_make("one.example");      files that go away with certificate_remove
 *   struct tls_client c = tls_client_on(fd, 0);
 *   tls_client_shake(&c);
 *   tls_client_send(&c, SLICE("ehello"));
 *   tls_client_expect(&c, "hello");
 *   tls_client_close(&c);
 *
 * The socket is a blocking one with a deadline (peer.h), so nothing here waits for ever.
 */
#ifndef ENCKE_TESTS_UNIT_TLS_CLIENT_H
#define ENCKE_TESTS_UNIT_TLS_CLIENT_H

#include "unit/test.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/slice.h"
#include "io/tls.h"

struct certificate_files {
    char dir[64];
    char certificate[96], key[96];
};

static inline EVP_PKEY *certificate_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    return key;
}

/* Signed by itself, valid from `from_s` to `until_s` from now. */
static inline X509 *certificate_sign(EVP_PKEY *key, const char *host, long from_s, long until_s)
{
    X509          *x = X509_new();
    char           names[128];
    X509_NAME     *name = X509_get_subject_name(x);
    X509_EXTENSION *also;
    snprintf(names, sizeof names, "DNS:%s", host);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), from_s);
    X509_gmtime_adj(X509_getm_notAfter(x), until_s);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1, 0);
    X509_set_issuer_name(x, name);
    X509_set_pubkey(x, key);
    also = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    X509_add_ext(x, also, -1);
    X509_EXTENSION_free(also);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

static inline struct certificate_files certificate_make_valid(const char *host, long from_s, long until_s, int chain)
{
    struct certificate_files f = { .dir = "/tmp/encke-tls-XXXXXX" };
    EVP_PKEY                *key = certificate_key();
    X509                    *x = certificate_sign(key, host, from_s, until_s);
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.certificate, sizeof f.certificate, "%s/certificate.pem", f.dir);
    snprintf(f.key, sizeof f.key, "%s/key.pem", f.dir);
    FILE *out = fopen(f.certificate, "w");
    for (int i = 0; i <= chain; i++)
        PEM_write_X509(out, x);
    fclose(out);
    out = fopen(f.key, "w");
    PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    fclose(out);
    X509_free(x);
    EVP_PKEY_free(key);
    return f;
}

static inline struct certificate_files certificate_make(const char *host)
{
    return certificate_make_valid(host, -60, 3600, 0);
}

static inline void certificate_remove(const struct certificate_files *f)
{
    unlink(f->certificate);
    unlink(f->key);
    rmdir(f->dir);
}

static inline struct tls_files certificate_named(const struct certificate_files *f)
{
    return (struct tls_files){ f->certificate, f->key, "ws.tls_certificate", "ws.tls_key" };
}

static inline struct tls_context *certificate_context(const struct certificate_files *f)
{
    struct tls_files    files = certificate_named(f);
    struct tls_context *context = NULL;
    struct error        e = { 0 };
    signal(SIGPIPE, SIG_IGN); /* OpenSSL's client writes with write() */
    if (tls_context_new(&files, 1, &context, &e) != OK)
        fail_msg("%s", e.text);
    return context;
}

struct tls_client {
    SSL_CTX *context;
    SSL     *ssl;
    int      fd; /* owned; -1: memory on both sides */
};

/* `version`: TLS1_2_VERSION, TLS1_3_VERSION, or 0: any. */
static inline struct tls_client tls_client_on(int fd, int version)
{
    struct tls_client c = { .context = SSL_CTX_new(TLS_client_method()), .fd = fd };
    SSL_CTX_set_min_proto_version(c.context, version);
    SSL_CTX_set_max_proto_version(c.context, version);
    c.ssl = SSL_new(c.context);
    assert_non_null(c.ssl);
    if (fd >= 0)
        SSL_set_fd(c.ssl, fd);
    else
        SSL_set_bio(c.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(c.ssl);
    return c;
}

static inline void tls_client_shake(struct tls_client *c)
{
    if (SSL_do_handshake(c->ssl) != 1)
        fail_msg("no handshake: %s", ERR_reason_error_string(ERR_peek_last_error()));
}

static inline void tls_client_send(struct tls_client *c, struct slice bytes)
{
    assert_int_equal(SSL_write(c->ssl, bytes.at, (int)bytes.len), (int)bytes.len);
}

/* Reads `len` bytes; fewer when the stream ends before. */
static inline size_t tls_client_read(struct tls_client *c, char *out, size_t len)
{
    size_t got = 0;
    for (int n; got < len && (n = SSL_read(c->ssl, out + got, (int)(len - got))) > 0; got += (size_t)n)
        ;
    return got;
}

static inline void tls_client_expect_at(struct tls_client *c, struct slice wanted, const char *file, int line)
{
    char  *bytes = malloc(wanted.len + 1);
    size_t got = tls_client_read(c, bytes, wanted.len);
    if (got != wanted.len || memcmp(bytes, wanted.at, got) != 0) {
        print_error("got \"%.*s\" instead of \"%.*s\"\n", (int)got, bytes, SLICE_ARG(wanted));
        _fail(file, line);
    }
    free(bytes);
}

#define tls_client_expect(client, literal) tls_client_expect_at((client), SLICE(literal), __FILE__, __LINE__)

/* True: the server said close_notify, and sent nothing before it. */
static inline bool tls_client_is_ended(struct tls_client *c)
{
    char byte;
    return SSL_read(c->ssl, &byte, 1) == 0 && (SSL_get_shutdown(c->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

static inline void tls_client_close(struct tls_client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    if (c->fd >= 0)
        close(c->fd);
    ERR_clear_error();
}

#endif
