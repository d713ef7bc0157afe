/* Header lines of any bytes behind a proxy: X-Real-IP, X-Forwarded-For. The client that is found is an address that stands in them,
 * and, unless all are trusted, a stranger. The first byte says whether loopback alone is trusted or a net as well. */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "http/client.h"

#define LINES_MAX 4000

static bool stands_in(const struct http_head *h, const struct address *wanted)
{
    for (uint32_t i = 0; i < h->field_count; i++) {
        struct slice list = http_head_value(h, i);
        while (list.len > 0) {
            struct address a;
            if (address_parse(slice_trim(slice_cut(&list, ',')), &a) && address_equal(&a, wanted))
                return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct address_set trusted[2];
    static const char         start[] = "GET / HTTP/1.1\r\nHost: a\r\n";
    char                      head[sizeof start + LINES_MAX];
    struct http_head          h;
    struct address            client, again;
    char                      text[ADDRESS_TEXT_MAX];
    if (size == 0 || size > LINES_MAX)
        return 0;
    if (trusted[0].count == 0) {
        assert(address_set_add(&trusted[0], SLICE("loopback")) == OK);
        assert(address_set_add(&trusted[1], SLICE("10.0.0.0/8")) == OK && address_set_add(&trusted[1], SLICE("2001:db8::/32")) == OK);
    }
    memcpy(head, start, sizeof start - 1);
    memcpy(head + sizeof start - 1, data + 1, size - 1);
    http_head_init(&h, sizeof head, 40);
    const struct address_set *set = &trusted[data[0] & 1];
    if (http_head_feed(&h, slice_of(head, sizeof start - 2 + size)) != FEED_DONE || !http_client_address(&h, set, &client))
        return 0;
    assert(stands_in(&h, &client));
    address_text(&client, text);
    assert(address_parse(slice_str(text), &again) && address_equal(&client, &again));
    return 0;
}
