/* tls_context.c: certificates and keys from files; see tls.h. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/tls_internal.h"

#define FILE_MAX 1048576 /* bytes; a long chain has 20 KB */

/* Forward secrecy and authenticated encryption; those of TLS 1.3 are all like that. */
#define CIPHERS_OF_TLS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

/* --- saying what is wrong ---------------------------------------------------------------------------------------------- */

static const char *first_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    return reason != NULL ? reason : "OpenSSL gives no reason";
}

/* Can the file be read, and is it one? OpenSSL would say it in its own way. */
static enum status file_check(const char *setting, const char *path, struct error *e)
{
    struct stat st;
    int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == EACCES)
        return error_set(e, E_CONFIG, "%s: cannot read %.90s: %s; the user that runs encke must be allowed to", setting,
                         path, strerror(errno));
    if (fd < 0)
        return error_set(e, E_CONFIG, "%s: cannot read %.130s: %s", setting, path, strerror(errno));
    bool is_right = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX;
    close(fd);
    return is_right ? OK : error_set(e, E_CONFIG, "%s: %.130s is no file in PEM form", setting, path);
}

/* --- one certificate --------------------------------------------------------------------------------------------------- */

/* OpenSSL would ask at the terminal, and a server has none. */
static int refuse_passphrase(char *out, int size, int rwflag, void *was_asked)
{
    (void)out, (void)size, (void)rwflag;
    *(bool *)was_asked = true;
    return -1;
}

static enum status certificate_load(SSL_CTX *ssl, const struct tls_files *f, struct error *e)
{
    enum status status = file_check(f->certificate_setting, f->certificate, e);
    if (status != OK || SSL_CTX_use_certificate_chain_file(ssl, f->certificate) == 1)
        return status;
    if (ERR_GET_REASON(ERR_peek_error()) == PEM_R_NO_START_LINE)
        return error_set(e, E_CONFIG, "%s: %.100s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
                         f->certificate_setting, f->certificate);
    return error_set(e, E_CONFIG, "%s: %.100s cannot be used: %s", f->certificate_setting, f->certificate, first_reason());
}

static enum status key_unreadable(const struct tls_files *f, bool was_asked, struct error *e)
{
    if (was_asked)
        return error_set(e, E_CONFIG, "%s: the key in %.70s has a passphrase, and nobody could type it. Write it without: "
                         "openssl pkey -in KEY -out PLAIN", f->key_setting, f->key);
    return error_set(e, E_CONFIG, "%s: %.100s holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)",
                     f->key_setting, f->key);
}

static enum status key_load(SSL_CTX *ssl, const struct tls_files *f, struct error *e)
{
    bool        was_asked = false;
    enum status status = file_check(f->key_setting, f->key, e);
    if (status != OK)
        return status;
    BIO      *file = BIO_new_file(f->key, "r");
    EVP_PKEY *key = file != NULL ? PEM_read_bio_PrivateKey(file, NULL, refuse_passphrase, &was_asked) : NULL;
    BIO_free(file);
    if (key == NULL)
        return key_unreadable(f, was_asked, e);
    bool fits = X509_check_private_key(SSL_CTX_get0_certificate(ssl), key) == 1;
    bool is_set = fits && SSL_CTX_use_PrivateKey(ssl, key) == 1;
    EVP_PKEY_free(key);
    if (!fits)
        return error_set(e, E_CONFIG, "%s: the key in %.60s does not fit the certificate in %.60s; they are made together",
                         f->key_setting, f->key, f->certificate);
    return is_set ? OK : error_set(e, E_CONFIG, "%s: %.100s cannot be used: %s", f->key_setting, f->key, first_reason());
}

/* We speak HTTP/1.1 and nothing else; a client that offers only others is not refused for it (RFC 7301 would have us do so, and
 * MySQL's clients have words of their own). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned in_len, void *unused)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl, (void)unused;
    unsigned char *chosen;
    int            found = SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, in, in_len);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *settings_new(void)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    if (ssl == NULL)
        return NULL;
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    /* A peer that closes without close_notify is not an error: what our protocols say has its length in it. */
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS); /* an idle connection keeps none */
    SSL_CTX_set_keylog_callback(ssl, tls_on_secret); /* for our own records; nothing is logged */
    SSL_CTX_set_alpn_select_cb(ssl, on_alpn, NULL);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF); /* tickets need no memory here */
    tls_tickets_serve(ssl);
    if (SSL_CTX_set_cipher_list(ssl, CIPHERS_OF_TLS_1_2) == 1)
        return ssl;
    SSL_CTX_free(ssl);
    return NULL;
}

static enum status context_load(struct tls_certificates *c, const struct tls_files *f, struct error *e)
{
    SSL_CTX *ssl = settings_new();
    if (ssl == NULL)
        return error_plain(e, E_NO_MEMORY);
    c->contexts[c->count++] = ssl;
    ERR_clear_error();
    enum status status = certificate_load(ssl, f, e);
    if (status == OK)
        status = key_load(ssl, f, e);
    ERR_clear_error();
    return status;
}

/* --- all of them ------------------------------------------------------------------------------------------------------- */

/* The certificate for the name that the client asks for. */
static int on_server_name(SSL *ssl, int *out_alert, void *context)
{
    const struct tls_certificates *c = context;
    const char                    *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)out_alert;
    for (size_t i = 0; name != NULL && i < c->count; i++)
        if (X509_check_host(SSL_CTX_get0_certificate(c->contexts[i]), name, 0, 0, NULL) == 1) {
            SSL_set_SSL_CTX(ssl, c->contexts[i]);
            return SSL_TLSEXT_ERR_OK;
        }
    return SSL_TLSEXT_ERR_NOACK;
}

/* Main makes contexts, before and while the shards run: nobody else comes here. */
static const BIO_METHOD *method_once(void)
{
    static const BIO_METHOD *method;
    if (method == NULL)
        method = tls_method_new();
    return method;
}

static void certificates_free(struct tls_certificates *given)
{
    while (given != NULL) {
        struct tls_certificates *older = given->older;
        for (size_t i = 0; i < given->count; i++)
            SSL_CTX_free(given->contexts[i]);
        free(given);
        given = older;
    }
}

static enum status certificates_load(struct tls_certificates *c, const struct tls_files *files, size_t count, struct error *e)
{
    for (size_t i = 0; i < count; i++) {
        enum status status = context_load(c, &files[i], e);
        if (status != OK)
            return status;
    }
    c->first = c->contexts[0];
    if (count > 1) {
        SSL_CTX_set_tlsext_servername_callback(c->first, on_server_name);
        SSL_CTX_set_tlsext_servername_arg(c->first, c);
    }
    return OK;
}

enum status tls_context_new(const struct tls_files *files, size_t count, struct tls_context **out_context,
                            struct error *out_error)
{
    if (count > TLS_CERTIFICATES)
        return error_set(out_error, E_CONFIG, "%s: more than %u certificates", files[0].certificate_setting,
                         TLS_CERTIFICATES);
    struct tls_context      *c = calloc(1, sizeof *c);
    struct tls_certificates *certificates = calloc(1, sizeof *certificates);
    const BIO_METHOD        *method = method_once();
    enum status              status = c != NULL && certificates != NULL && method != NULL ? OK : error_plain(out_error, E_NO_MEMORY);
    if (status == OK)
        status = certificates_load(certificates, files, count, out_error);
    if (status != OK) {
        certificates_free(certificates);
        free(c);
        return status;
    }
    c->refs = 1;
    c->method = method;
    c->now = certificates;
    *out_context = c;
    return OK;
}

void tls_context_replace(struct tls_context *c, struct tls_context *given)
{
    struct tls_certificates *next = given->now;
    next->older = c->now;
    given->now = NULL;
    tls_context_free(given);
    atomic_store_explicit(&c->now, next, memory_order_release);
}

void tls_context_free(struct tls_context *given)
{
    if (given == NULL || atomic_fetch_sub_explicit(&given->refs, 1, memory_order_acq_rel) > 1)
        return;
    certificates_free(given->now);
    free(given);
}

/* "Nov 23 07:00:00 2026 GMT" */
static void date_write(char *out, size_t size, const ASN1_TIME *time)
{
    BIO *text = BIO_new(BIO_s_mem());
    int  len = text != NULL && ASN1_TIME_print(text, time) == 1 ? BIO_read(text, out, (int)size - 1) : 0;
    out[len > 0 ? len : 0] = '\0';
    BIO_free(text);
}

enum status tls_context_check_dates(const struct tls_context *context, const struct tls_files *files,
                                    struct error *out_error)
{
    char                           date[40];
    const struct tls_certificates *c = context->now;
    for (size_t i = 0; i < c->count; i++) {
        const X509      *x = SSL_CTX_get0_certificate(c->contexts[i]);
        const ASN1_TIME *from = X509_get0_notBefore(x), *until = X509_get0_notAfter(x);
        bool             is_over = X509_cmp_current_time(until) < 0;
        if (!is_over && X509_cmp_current_time(from) <= 0)
            continue;
        date_write(date, sizeof date, is_over ? until : from);
        return error_set(out_error, E_INVALID, "%s: the certificate in %.100s is valid %s %s; clients will refuse it",
                         files[i].certificate_setting, files[i].certificate, is_over ? "only until" : "only from", date);
    }
    return OK;
}
