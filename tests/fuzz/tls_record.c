/* Any record, and any content that was sealed with the right key: what is opened lies inside the record, and a forged one is refused. */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <assert.h>

#include "io/tls_record.h"

static const char secret[32] = "one secret for both directions!";

static void look(struct tls_records *r, char *at, size_t len)
{
    enum tls_alert   alert;
    enum tls_content type;
    struct slice     content;
    size_t           need = tls_record_need(slice_of(at, len), &alert);
    if (need == 0 || need == SIZE_MAX || need > len || !tls_record_open(r, at, need, &content, &type, &alert))
        return;
    assert(content.at >= at + TLS_RECORD_HEAD && content.at + content.len <= at + need - AEAD_TAG_SIZE && content.len <= TLS_CONTENT_MAX);
    if (type == TLS_CONTENT_HANDSHAKE)
        (void)!tls_records_on_handshake(r, content, &alert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char        record[TLS_RECORD_MAX + 64];
    struct tls_records r;
    unsigned char      nonce[AEAD_NONCE_SIZE];
    if (size == 0 || size > TLS_CONTENT_MAX + 200)
        return 0;
    assert(tls_records_begin(&r, "TLS_AES_128_GCM_SHA256", slice_of(secret, 32), slice_of(secret, 32), 0));
    memcpy(record, data, size);
    look(&r, record, size);
    assert(r.in.number == 0); /* nobody finds a tag by chance */
    size_t inner = size + AEAD_TAG_SIZE;
    memcpy(nonce, r.in.iv, sizeof nonce);
    memcpy(record, (char[]){ 23, 3, 3, (char)(inner >> 8), (char)(inner & 0xff) }, TLS_RECORD_HEAD);
    assert(aead_seal(AEAD_AES_128_GCM, r.in.key, nonce, slice_of(record, TLS_RECORD_HEAD), slice_of(data, size), record + TLS_RECORD_HEAD));
    look(&r, record, inner + TLS_RECORD_HEAD);
    return 0;
}
