/* tls_internal: what tls.c, tls_context.c and tls_tickets.c share. Included nowhere else. */
#ifndef ENCKE_IO_TLS_INTERNAL_H
#define ENCKE_IO_TLS_INTERNAL_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "io/tls.h"

/* What was read from the files at one time. */
struct tls_certificates {
    SSL_CTX                 *first;  /* contexts[0], for clients that name no server */
    SSL_CTX                 *contexts[TLS_CERTIFICATES]; /* owned, one for each certificate */
    size_t                   count;
    struct tls_certificates *older;  /* owned: those this one has replaced. A shard may be about to use them at any time, and they
                                      * are few and small, so they stay as long as the context */
};

struct tls_context {
    _Atomic uint32_t                   refs; /* the maker's and one for each connection */
    _Atomic(struct tls_certificates *) now;  /* owned */
    const BIO_METHOD                  *method; /* how SSL reaches the socket; one for the process */
};

static inline struct tls_context *tls_context_ref(struct tls_context *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

/* tls.c */
BIO_METHOD *tls_method_new(void);
void tls_on_secret(const SSL *ssl, const char *line);

/* tls_tickets.c */
void tls_tickets_serve(SSL_CTX *ssl); /* its tickets are sealed with our keys, or there are none */

#endif
