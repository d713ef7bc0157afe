/* tls_record.c: see tls_record.h. */
#include "io/tls_record.h"

#define RECORDS_A_KEY (UINT64_C(1) << 23) /* AES-GCM is good for 2^24.5 (RFC 8446 section 5.5) */
#define KEY_UPDATE    24

static const struct suite {
    const char *name;
    enum aead   aead;
    size_t      secret_len;
} suites[] = {
    { "TLS_AES_128_GCM_SHA256", AEAD_AES_128_GCM, 32 },
    { "TLS_AES_256_GCM_SHA384", AEAD_AES_256_GCM, 48 },
    { "TLS_CHACHA20_POLY1305_SHA256", AEAD_CHACHA20_POLY1305, 32 },
};

static const struct suite *suite_of(const struct tls_records *r)
{
    return &suites[r->suite];
}

const char *tls_records_suite(const struct tls_records *r)
{
    return suite_of(r)->name;
}

/* --- keys -------------------------------------------------------------------------------------------------------------- */

static bool keys_derive(struct tls_keys *k, const struct suite *s)
{
    struct slice secret = slice_of((const char *)k->secret, s->secret_len);
    return hkdf_expand_label(secret, "key", k->key, aead_key_size(s->aead)) && hkdf_expand_label(secret, "iv", k->iv, sizeof k->iv);
}

static bool keys_begin(struct tls_keys *k, const struct suite *s, struct slice secret, uint64_t number)
{
    memcpy(k->secret, secret.at, s->secret_len);
    k->number = number;
    return keys_derive(k, s);
}

/* RFC 8446 section 7.2 */
static bool keys_renew(struct tls_keys *k, const struct suite *s)
{
    unsigned char next[HKDF_SECRET_MAX];
    bool          is_made = hkdf_expand_label(slice_of((const char *)k->secret, s->secret_len), "traffic upd", next, s->secret_len);
    if (is_made)
        is_made = keys_begin(k, s, slice_of((const char *)next, s->secret_len), 0);
    crypto_wipe(next, sizeof next);
    return is_made;
}

bool tls_records_begin(struct tls_records *r, const char *suite_name, struct slice peers_secret, struct slice our_secret, uint64_t sent)
{
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        const struct suite *s = &suites[i];
        if (strcmp(suite_name, s->name) != 0)
            continue;
        r->suite = (uint8_t)i;
        r->owes_update = false;
        return peers_secret.len == s->secret_len && our_secret.len == s->secret_len && keys_begin(&r->in, s, peers_secret, 0) &&
               keys_begin(&r->out, s, our_secret, sent);
    }
    return false;
}

void tls_records_wipe(struct tls_records *r)
{
    crypto_wipe(r, sizeof *r);
}

/* RFC 8446 section 5.3 */
static void make_nonce(const struct tls_keys *k, unsigned char out[AEAD_NONCE_SIZE])
{
    memcpy(out, k->iv, AEAD_NONCE_SIZE);
    for (unsigned i = 0; i < 8; i++)
        out[AEAD_NONCE_SIZE - 1 - i] ^= (unsigned char)(k->number >> (8 * i));
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

size_t tls_record_need(struct slice at, enum tls_alert *out_alert)
{
    if (at.len < TLS_RECORD_HEAD)
        return 0;
    const unsigned char *head = (const unsigned char *)at.at;
    size_t               len = (size_t)head[3] << 8 | head[4];
    *out_alert = TLS_ALERT_UNEXPECTED_MESSAGE; /* behind the handshake everything is encrypted */
    if (head[0] != TLS_CONTENT_DATA || head[1] != 3)
        return SIZE_MAX;
    *out_alert = TLS_ALERT_RECORD_OVERFLOW;
    if (len > TLS_RECORD_MAX - TLS_RECORD_HEAD)
        return SIZE_MAX;
    *out_alert = TLS_ALERT_BAD_RECORD_MAC;
    return len > AEAD_TAG_SIZE ? TLS_RECORD_HEAD + len : SIZE_MAX;
}

bool tls_record_open(struct tls_records *r, char *at, size_t len, struct slice *out_content, enum tls_content *out_type,
                     enum tls_alert *out_alert)
{
    unsigned char nonce[AEAD_NONCE_SIZE];
    make_nonce(&r->in, nonce);
    *out_alert = TLS_ALERT_BAD_RECORD_MAC;
    if (!aead_open(suite_of(r)->aead, r->in.key, nonce, slice_of(at, TLS_RECORD_HEAD), at + TLS_RECORD_HEAD, len - TLS_RECORD_HEAD))
        return false;
    r->in.number++; /* 2^64 of them do not come */
    char  *content = at + TLS_RECORD_HEAD;
    size_t content_len = len - TLS_RECORD_HEAD - AEAD_TAG_SIZE;
    *out_alert = TLS_ALERT_RECORD_OVERFLOW;
    if (content_len > TLS_CONTENT_MAX + 1) /* with its type and its padding */
        return false;
    while (content_len > 0 && content[content_len - 1] == 0) /* padding */
        content_len--;
    *out_alert = TLS_ALERT_UNEXPECTED_MESSAGE;
    if (content_len == 0)
        return false; /* no type at all */
    *out_type = (enum tls_content)(unsigned char)content[--content_len];
    *out_content = slice_of(content, content_len);
    /* Only data may be empty (section 5.4). */
    return *out_type == TLS_CONTENT_DATA ||
           ((*out_type == TLS_CONTENT_HANDSHAKE || *out_type == TLS_CONTENT_ALERT) && content_len > 0);
}

bool tls_records_on_handshake(struct tls_records *r, struct slice content, enum tls_alert *out_alert)
{
    const unsigned char *m = (const unsigned char *)content.at;
    *out_alert = TLS_ALERT_UNEXPECTED_MESSAGE;
    if (content.len < 4 || m[0] != KEY_UPDATE)
        return false;
    *out_alert = TLS_ALERT_DECODE_ERROR;
    if (content.len != 5 || m[1] != 0 || m[2] != 0 || m[3] != 1 || m[4] > 1) /* keys change with it: it ends its record */
        return false;
    *out_alert = TLS_ALERT_INTERNAL_ERROR;
    r->owes_update = r->owes_update || m[4] == 1;
    return keys_renew(&r->in, suite_of(r));
}

/* --- writing ----------------------------------------------------------------------------------------------------------- */

static size_t seal(struct tls_records *r, enum tls_content type, struct slice content, char *out)
{
    unsigned char nonce[AEAD_NONCE_SIZE];
    size_t        inner = content.len + 1, whole = TLS_RECORD_HEAD + inner + AEAD_TAG_SIZE;
    make_nonce(&r->out, nonce);
    out[0] = TLS_CONTENT_DATA;
    out[1] = out[2] = 3;
    out[3] = (char)((inner + AEAD_TAG_SIZE) >> 8);
    out[4] = (char)((inner + AEAD_TAG_SIZE) & 0xff);
    if (content.len > 0)
        memcpy(out + TLS_RECORD_HEAD, content.at, content.len);
    out[TLS_RECORD_HEAD + content.len] = (char)type;
    if (!aead_seal(suite_of(r)->aead, r->out.key, nonce, slice_of(out, TLS_RECORD_HEAD), slice_of(out + TLS_RECORD_HEAD, inner),
                   out + TLS_RECORD_HEAD))
        return 0;
    r->out.number++;
    return whole;
}

size_t tls_record_seal(struct tls_records *r, enum tls_content type, struct slice content, char *out)
{
    static const char update[] = { KEY_UPDATE, 0, 0, 1, 0 }; /* and no wish for one in return */
    size_t            before = 0;
    if (r->owes_update || r->out.number >= RECORDS_A_KEY) {
        before = seal(r, TLS_CONTENT_HANDSHAKE, slice_of(update, sizeof update), out);
        if (before == 0 || !keys_renew(&r->out, suite_of(r)))
            return 0;
        r->owes_update = false;
    }
    size_t len = seal(r, type, content, out + before);
    return len > 0 ? before + len : 0;
}
