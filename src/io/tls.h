/* tls: TLS 1.2 and 1.3 under a stream, the server's side. The one face of OpenSSL's SSL.
 *
 *   tls_context   certificates and keys, made by main from files; any number of connections use it at once
 *   tls           one connection's state; belongs to its stream
 *
 *   socket --- records --> tls_read --- plain bytes --> the shard's scratch --> on_bytes
 *   socket <-- records --- tls_send <-- plain bytes --- cork, parcels, outq
 *                 ^ what the socket does not take waits in `unsent`
 *
 * OpenSSL shakes hands; the records of TLS 1.3 are ours from then on (tls_record.h), those of TLS 1.2 stay OpenSSL's.
 *
 * Reading takes records from the socket itself, so a paused stream leaves them in the kernel. Writing makes a record of 16 KB
 * at most at a time and none while `unsent` holds something: a blocked connection keeps its shared parcels in its outq, and
 * one record here. Alerts and answers to the peer's handshake messages go there too; past TLS_UNSENT_MAX bytes the
 * connection is broken.
 *
 * One tls_read takes 64 KB from the socket at most, whatever they hold, and a handshake has 32 KB at most.
 *
 * The handshake is part of tls_read. It has no timer: the port's owner has one for what must come first (a request head, a
 * login), and it runs from accept.
 *
 * Of several certificates the one that bears the name the client asks for (SNI) is shown, otherwise the first.
 *
 * Replacing certificates while the server runs: main makes a new context and gives it to tls_context_replace; handshakes that begin
 * then see it, connections stay what they are.
 *
 * Thread: contexts any; everything else the shard of the stream.
 */
#ifndef ENCKE_IO_TLS_H
#define ENCKE_IO_TLS_H

#include <sys/uio.h>

#include "base/slice.h"
#include "base/status.h"

#define TLS_RECORD_BYTES  16384u
#define TLS_UNSENT_MAX    (256u * 1024)
#define TLS_CERTIFICATES  64u /* of one context */

struct tls;
struct tls_context;

/* One certificate, with the names that errors have. Files in PEM. */
struct tls_files {
    const char *certificate; /* the server's first, then those that lead to a root */
    const char *key;         /* may be the same file */
    const char *certificate_setting, *key_setting; /* "ws.tls_certificate" */
};

/* Reads the files. E_CONFIG says which of them is wrong, how, and what to do. `count` is at least 1. */
enum status tls_context_new(const struct tls_files *files, size_t count, struct tls_context **out_context,
                            struct error *out_error) __attribute__((warn_unused_result));
void tls_context_free(struct tls_context *given); /* NULL is allowed */

/* From now on `c` shows the certificates of `given`. While shards use `c`. */
void tls_context_replace(struct tls_context *c, struct tls_context *given);

/* E_INVALID: a certificate that is not valid now, as a sentence. `files` as it was made from. Clients will refuse it; the
 * server serves it. */
enum status tls_context_check_dates(const struct tls_context *context, const struct tls_files *files,
                                    struct error *out_error);

/* For a fresh connection; `early` bytes were read from it already and are copied. NULL: no memory. */
struct tls *tls_new(struct tls_context *context, int fd, struct slice early);
void tls_free(struct tls *given); /* NULL is allowed; the descriptor stays the caller's */

enum tls_read {
    TLS_MORE,    /* there may be more: call again */
    TLS_DRAINED, /* nothing more until the socket has something */
    TLS_ENDED,   /* the peer has said that it sends no more, or has closed */
    TLS_FAILED,  /* it does not speak TLS as it should (tls_reason); it was told so, and may still be told */
    TLS_LOST,    /* the socket is dead */
};

/* Up to `size` bytes, which is at least 2 * TLS_RECORD_BYTES. *out_len > 0 only with TLS_MORE and TLS_DRAINED. */
enum tls_read tls_read(struct tls *t, char *at, size_t size, size_t *out_len);

/* Takes what may leave now: the number of bytes, 0 while the handshake goes on or something is unsent, or SIZE_MAX when
 * the connection is broken. What was taken may have become tls_has_unsent. */
size_t tls_send(struct tls *t, const struct iovec *iov, size_t count);

/* How many messages of TLS itself came with the last tls_read behind the handshake: new keys, wishes for another handshake. They
 * make work, and are no data that anybody else counts. More than 32 at once are TLS_FAILED. */
unsigned tls_asides(const struct tls *t);

bool tls_has_unsent(const struct tls *t);

/* Sends what is unsent, as far as the socket takes it. False: the socket is dead. */
bool tls_flush(struct tls *t);

/* Tells the peer that nothing more comes (close_notify), once; it may be unsent after it. */
void tls_end(struct tls *t);

/* May plain bytes be sent? */
bool tls_is_shaken(const struct tls *t);

/* After TLS_FAILED: did the peer speak plain HTTP? Then `text` tells it so, in plain bytes as well; otherwise nothing happens. */
void tls_answer_http(struct tls *t, struct slice text);

/* After TLS_FAILED: why, in OpenSSL's words. */
const char *tls_reason(const struct tls *t);

/* "TLSv1.3" and "TLS_AES_256_GCM_SHA384", once it is shaken. */
const char *tls_version(const struct tls *t);
const char *tls_cipher(const struct tls *t);

#endif
