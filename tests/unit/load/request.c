/* What a connection says. */
#include "load/request.h"

#include <stdio.h>

#include "unit/test.h"

static void filled(const struct plan *p, const char *text, const char *wanted)
{
    const struct request_place place = { .number = 41, .room = 3, .uuid = "UUID" };
    struct buf                 b = { 0 };
    request_fill(&b, p, &place, slice_str(text));
    buf_byte(&b, '\0');
    assert_string_equal(b.at, wanted);
    buf_clear(&b);
}

TEST(placeholders_are_filled_in_and_other_braces_stay)
{
    UNUSED_STATE;
    static struct plan p = { .rooms = 8, .channel = "chat" };
    filled(&p, "", "");
    filled(&p, "no", "no");
    filled(&p, "{n}/{id}/{room}/{channel}/{uuid}", "41/42/3/chat_3/UUID");
    filled(&p, "{\"n\":{n}} {x} {", "{\"n\":41} {x} {");
    p.rooms = 1;
    filled(&p, "{channel}", "chat");
}

TEST(an_upgrade_has_the_lines_that_were_asked_for)
{
    UNUSED_STATE;
    static struct plan         p = { .is_classic = true, .rooms = 1, .subprotocol = "chat", .header_count = 1 };
    const struct target_address to = { .host = "example.org", .port = 8087 };
    const struct request_place  place = { .number = 0, .uuid = "u" };
    struct buf                  b = { 0 };
    snprintf(p.header_lines[0], sizeof p.header_lines[0], "X-Number: {n}");
    request_head(&b, &p, &to, &place);
    buf_byte(&b, '\0');
    assert_non_null(strstr(b.at, "GET /ws/sesion=&myid=&devid=0&v=4.09&uuid=u&api=js HTTP/1.1\r\nHost: example.org:8087\r\n"));
    assert_non_null(strstr(b.at, "\r\nSec-WebSocket-Protocol: chat\r\n"));
    assert_non_null(strstr(b.at, "\r\nX-Number: 0\r\n\r\n"));
    buf_clear(&b);
}

TESTS(RUN(placeholders_are_filled_in_and_other_braces_stay), RUN(an_upgrade_has_the_lines_that_were_asked_for))
