/* handshake.c: see handshake.h. */
#include "ws/handshake.h"

#include "base/crypto.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

void ws_key_make(char out[WS_KEY_SIZE])
{
    unsigned char bytes[16];

    random_bytes(bytes, sizeof bytes);
    base64_encode(slice_of(bytes, sizeof bytes), out);
}

void ws_accept_key(struct slice key, char out[WS_ACCEPT_SIZE])
{
    char          joined[WS_KEY_SIZE - 1 + sizeof GUID - 1];
    unsigned char digest[SHA1_SIZE];

    key = slice_first(key, WS_KEY_SIZE - 1);
    if (key.len > 0)
        memcpy(joined, key.at, key.len);
    memcpy(joined + key.len, GUID, sizeof GUID - 1);
    sha1(slice_of(joined, key.len + sizeof GUID - 1), digest);
    base64_encode(slice_of(digest, sizeof digest), out);
}

const char *ws_protocol_choose(struct slice offered, const char *const *wanted)
{
    for (; *wanted != NULL; wanted++) {
        struct slice rest = offered;
        while (rest.len > 0) {
            if (slice_is(slice_trim(slice_cut(&rest, ',')), *wanted))
                return *wanted;
        }
    }
    return NULL;
}
