/* tls_record: the records of TLS 1.3 behind the handshake (RFC 8446 section 5): keys, numbers, padding, key updates. Pure.
 *
 *   OpenSSL shakes hands --- two secrets ---> tls_records_begin ---> tls_record_open, tls_record_seal
 *
 * OpenSSL's own record layer keeps 14 KB for each connection and leaves the heap in holes; this is 224 bytes. It is what a kernel
 * with kTLS does, and takes over at the same place.
 *
 *   on the wire:  type 23 | 03 03 | length | encrypted: content, its true type, zeros | tag
 *
 * The caller finds the record's end (tls_record_need), keeps incomplete ones, and sends what is sealed.
 */
#ifndef ENCKE_IO_TLS_RECORD_H
#define ENCKE_IO_TLS_RECORD_H

#include "base/aead.h"
#include "base/slice.h"

#define TLS_RECORD_HEAD  5u
#define TLS_CONTENT_MAX  16384u
#define TLS_SEALED_MORE  (TLS_RECORD_HEAD + 1 + AEAD_TAG_SIZE)         /* of a sealed record, beside its content */
#define TLS_RECORD_MAX   (TLS_RECORD_HEAD + TLS_CONTENT_MAX + 256u)    /* of a peer: RFC 8446 section 5.2 */

enum tls_content { TLS_CONTENT_ALERT = 21, TLS_CONTENT_HANDSHAKE = 22, TLS_CONTENT_DATA = 23 };

/* The alerts that are sent (RFC 8446 section 6). */
enum tls_alert {
    TLS_ALERT_CLOSE_NOTIFY = 0,
    TLS_ALERT_UNEXPECTED_MESSAGE = 10,
    TLS_ALERT_BAD_RECORD_MAC = 20,
    TLS_ALERT_RECORD_OVERFLOW = 22,
    TLS_ALERT_DECODE_ERROR = 50,
    TLS_ALERT_INTERNAL_ERROR = 80,
};

/* One direction. */
struct tls_keys {
    unsigned char secret[HKDF_SECRET_MAX]; /* the next keys are made from it */
    unsigned char key[AEAD_KEY_MAX];
    unsigned char iv[AEAD_NONCE_SIZE];
    uint64_t      number; /* of the next record */
};

struct tls_records {
    struct tls_keys in, out;
    uint8_t         suite;        /* index into the cipher suites */
    bool            owes_update;  /* the peer wants our keys to be new: before the next record that is sealed */
};

/* `suite_name` as OpenSSL says it ("TLS_AES_128_GCM_SHA256"); `sent` records have left with the present keys already. False: another
 * cipher, secrets of another length, or no memory. */
bool tls_records_begin(struct tls_records *r, const char *suite_name, struct slice peers_secret, struct slice our_secret, uint64_t sent)
    __attribute__((warn_unused_result));
void tls_records_wipe(struct tls_records *r);

const char *tls_records_suite(const struct tls_records *r);

/* Bytes of the record that begins at `at`, or 0: its head is not whole, or SIZE_MAX: it is none that may come, *out_alert says why. */
size_t tls_record_need(struct slice at, enum tls_alert *out_alert);

/* Opens one whole record in place. False: *out_alert is to be sent, and the connection is over. */
bool tls_record_open(struct tls_records *r, char *at, size_t len, struct slice *out_content, enum tls_content *out_type,
                     enum tls_alert *out_alert);

/* A handshake message that came after the handshake: a key update is carried out; every other is refused. */
bool tls_records_on_handshake(struct tls_records *r, struct slice content, enum tls_alert *out_alert);

/* Writes one record of at most TLS_CONTENT_MAX bytes of content to `out`, which has room for TLS_SEALED_MORE more. Returns its length;
 * 0: no memory. A key update that is due goes before it, so `out` needs room for that too: TLS_SEALED_ROOM(content.len). */
#define TLS_SEALED_ROOM(len) ((len) + TLS_SEALED_MORE + 5 + TLS_SEALED_MORE)
size_t tls_record_seal(struct tls_records *r, enum tls_content type, struct slice content, char *out);

#endif
