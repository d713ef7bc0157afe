/* tls_tickets.c: see tls_tickets.h. */
#include "io/tls_tickets.h"

#include <openssl/ssl.h>
#include <pthread.h>

#include "base/crypto.h"
#include "io/tls_internal.h"

#define TICKET_MOST_S 7200u /* RFC 8446 allows a week; who stays away for longer has time for a handshake */
#define IV_BYTES      16

struct key {
    unsigned char name[16], cipher[32], mac[32];
};

struct ring {
    struct key keys[2]; /* now, before */
    uint64_t   count;
};

_Static_assert(sizeof(struct ring) + sizeof(uint64_t) == TLS_TICKETS_BYTES, "written are the ring and the age of its first key");

static struct {
    pthread_mutex_t lock; /* of the ring; taken once by each shard after a rotation */
    struct ring     ring;
    atomic_uint     round; /* of the ring; 0: there are no tickets */
    uint64_t        rotation_ms, since_ms; /* main's */
} tickets = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local struct {
    struct ring ring;
    unsigned    round;
} own;

static void publish(const struct ring *next)
{
    pthread_mutex_lock(&tickets.lock);
    tickets.ring = *next;
    pthread_mutex_unlock(&tickets.lock);
    atomic_fetch_add_explicit(&tickets.round, 1, memory_order_release);
}

static void rotate(uint64_t now_ms)
{
    struct ring next = { .keys[1] = tickets.ring.keys[0], .count = tickets.ring.count > 0 ? 2 : 1 };
    random_bytes(&next.keys[0], sizeof next.keys[0]);
    publish(&next);
    OPENSSL_cleanse(&next, sizeof next);
    tickets.since_ms = now_ms;
}

void tls_tickets_begin(uint64_t rotation_ms, uint64_t now_ms)
{
    tickets.rotation_ms = rotation_ms;
    if (rotation_ms > 0)
        rotate(now_ms);
}

bool tls_tickets_turn(uint64_t now_ms)
{
    bool is_due = tickets.rotation_ms > 0 && now_ms - tickets.since_ms >= tickets.rotation_ms;
    if (is_due)
        rotate(now_ms);
    return is_due;
}

void tls_tickets_write(char out[TLS_TICKETS_BYTES], uint64_t now_ms)
{
    uint64_t age_ms = now_ms - tickets.since_ms;
    memcpy(out, &tickets.ring, sizeof tickets.ring);
    memcpy(out + sizeof tickets.ring, &age_ms, sizeof age_ms);
}

bool tls_tickets_read(struct slice given, uint64_t now_ms)
{
    struct ring next;
    uint64_t    age_ms;
    if (given.len != TLS_TICKETS_BYTES)
        return false;
    memcpy(&next, given.at, sizeof next);
    memcpy(&age_ms, given.at + sizeof next, sizeof age_ms);
    bool is_right = (next.count == 1 || next.count == 2) && tickets.rotation_ms > 0;
    if (is_right) {
        publish(&next);
        tickets.since_ms = age_ms < now_ms ? now_ms - age_ms : 0;
    }
    OPENSSL_cleanse(&next, sizeof next);
    return is_right;
}

/* --- in shards --------------------------------------------------------------------------------------------------------- */

static const struct ring *own_ring(void)
{
    unsigned round = atomic_load_explicit(&tickets.round, memory_order_acquire);
    if (own.round != round) {
        pthread_mutex_lock(&tickets.lock);
        own.ring = tickets.ring;
        pthread_mutex_unlock(&tickets.lock);
        own.round = round;
    }
    return &own.ring;
}

/* Parameters are written out: what OpenSSL makes them with takes no constant. */
static bool set_mac(EVP_MAC_CTX *mac, const struct key *k)
{
    struct key copy = *k;
    char       digest[] = "SHA256";
    OSSL_PARAM params[] = { { "key", OSSL_PARAM_OCTET_STRING, copy.mac, sizeof copy.mac, 0 },
                            { "digest", OSSL_PARAM_UTF8_STRING, digest, sizeof digest - 1, 0 },
                            { NULL, 0, NULL, 0, 0 } };
    bool       is_set = EVP_MAC_CTX_set_params(mac, params) == 1;
    OPENSSL_cleanse(&copy, sizeof copy);
    return is_set;
}

static bool set_key(EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, const struct key *k, const unsigned char *iv, int is_sealing)
{
    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv, is_sealing) == 1 && set_mac(mac, k);
}

/* As SSL_CTX_set_tlsext_ticket_key_evp_cb wants it. 0: not ours, a whole handshake; 2: open it, and send a new one. */
static int on_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int is_sealing)
{
    const struct ring *ring = own_ring();
    (void)ssl;
    if (is_sealing) {
        memcpy(name, ring->keys[0].name, sizeof ring->keys[0].name);
        random_bytes(iv, IV_BYTES);
        return set_key(cipher, mac, &ring->keys[0], iv, 1) ? 1 : -1;
    }
    for (uint64_t i = 0; i < ring->count; i++)
        if (memcmp(name, ring->keys[i].name, sizeof ring->keys[i].name) == 0)
            return !set_key(cipher, mac, &ring->keys[i], iv, 0) ? -1 : i == 0 ? 1 : 2;
    return 0;
}

void tls_tickets_serve(SSL_CTX *ssl)
{
    uint64_t most_s = tickets.rotation_ms / 1000 + 1;
    if (tickets.rotation_ms == 0) {
        SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ssl, 0);
        return;
    }
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, on_key);
    SSL_CTX_set_timeout(ssl, (long)(most_s < TICKET_MOST_S ? most_s : TICKET_MOST_S));
}
