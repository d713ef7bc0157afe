/* upgrade.c: see upgrade.h. */
#include "http/upgrade.h"

#include "base/crypto.h"

#define WEBSOCKET_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_LEN        24 /* base64 of 16 bytes */

bool http_upgrade_is_wanted(const struct http_head *h)
{
    return http_head_get(h, "sec-websocket-key").at != NULL || http_head_lists(h, "upgrade", "websocket");
}

static bool is_key(struct slice key)
{
    unsigned char bytes[16];
    return key.len == KEY_LEN && base64_decode(key, bytes, sizeof bytes) == sizeof bytes;
}

static struct http_upgrade refusal(unsigned status, const char *sentence, const char *headers)
{
    return (struct http_upgrade){ .status = status, .sentence = sentence, .headers = headers };
}

struct http_upgrade http_upgrade_check(const struct http_head *h)
{
    struct slice key = http_head_get(h, "sec-websocket-key");

    if (!slice_is(h->method, "GET"))
        return refusal(405, "A WebSocket is opened with GET", "Allow: GET\r\n");
    if (!http_upgrade_is_wanted(h))
        return refusal(426, "This address speaks WebSocket", "Upgrade: websocket\r\n");
    if (h->minor == 0)
        return refusal(400, "A WebSocket is opened with HTTP/1.1", "");
    if (!http_head_lists(h, "upgrade", "websocket"))
        return refusal(400, "The header Upgrade: websocket is missing", "");
    if (!http_head_lists(h, "connection", "upgrade"))
        return refusal(400, "The header Connection: Upgrade is missing", "");
    if (h->content_length > 0)
        return refusal(400, "A request that opens a WebSocket has no body", "");
    if (!slice_is(http_head_get(h, "sec-websocket-version"), "13") || http_head_count(h, "sec-websocket-version") != 1)
        return refusal(426, "Only version 13 of the WebSocket protocol is spoken here",
                       "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
    if (http_head_count(h, "sec-websocket-key") != 1 || !is_key(key))
        return refusal(400, "Sec-WebSocket-Key must be given once, as 16 bytes in base64", "");
    return (struct http_upgrade){ .status = 101, .sentence = "", .headers = "", .key = key };
}

void http_upgrade_accept(struct slice key, char out[HTTP_ACCEPT_SIZE])
{
    char          joined[KEY_LEN + sizeof WEBSOCKET_GUID - 1];
    unsigned char digest[SHA1_SIZE];

    key = slice_first(key, KEY_LEN);
    if (key.len > 0)
        memcpy(joined, key.at, key.len);
    memcpy(joined + key.len, WEBSOCKET_GUID, sizeof WEBSOCKET_GUID - 1);
    sha1(slice_of(joined, key.len + sizeof WEBSOCKET_GUID - 1), digest);
    base64_encode(slice_of(digest, sizeof digest), out);
}
