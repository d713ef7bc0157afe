/* tls_internal: what tls.c and tls_context.c share. Included nowhere else. */
#ifndef ENCKE_IO_TLS_INTERNAL_H
#define ENCKE_IO_TLS_INTERNAL_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "io/tls.h"

struct tls_context {
    _Atomic uint32_t  refs;   /* the maker's and one for each connection */
    SSL_CTX          *first;  /* owned: contexts[0], for clients that name no server */
    SSL_CTX          *contexts[TLS_CERTIFICATES]; /* owned, one for each certificate */
    size_t            count;
    const BIO_METHOD *method; /* how SSL reaches the socket; one for the process */
};

static inline struct tls_context *tls_context_ref(struct tls_context *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

/* tls.c */
BIO_METHOD *tls_method_new(void);

#endif
