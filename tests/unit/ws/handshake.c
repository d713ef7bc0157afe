#include "unit/test.h"

#include "base/crypto.h"
#include "ws/handshake.h"

TEST(the_key_of_the_rfc_gives_the_accept_of_the_rfc)
{
    UNUSED_STATE;
    char accept[WS_ACCEPT_SIZE];

    ws_accept_key(SLICE("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(a_made_key_is_16_bytes)
{
    UNUSED_STATE;
    char          key[WS_KEY_SIZE];
    unsigned char bytes[16];

    ws_key_make(key);
    assert_int_equal(base64_decode(slice_str(key), bytes, sizeof bytes), 16);
}

TEST(the_servers_order_chooses_the_protocol)
{
    UNUSED_STATE;
    static const char *const wanted[] = { "chat", "encke", NULL };

    assert_string_equal(ws_protocol_choose(SLICE("encke, chat"), wanted), "chat");
    assert_string_equal(ws_protocol_choose(SLICE("x,encke"), wanted), "encke");
    assert_null(ws_protocol_choose(SLICE("Chat, chats"), wanted));
    assert_null(ws_protocol_choose(SLICE(""), wanted));
}

TESTS(RUN(the_key_of_the_rfc_gives_the_accept_of_the_rfc), RUN(a_made_key_is_16_bytes),
      RUN(the_servers_order_chooses_the_protocol))
