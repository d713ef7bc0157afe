/* The exact bytes that browsers get for each kind of message (spec classic-protocol.md section 3). */
#include "dialect/classic.h"

#include <stdio.h>

#include "base/buf.h"
#include "dialect/classic_internal.h"
#include "unit/test.h"

static struct buf out;

static struct slice encode(const struct dialect *d, struct draft *draft, uint64_t sent_ms)
{
    const struct message m = { .draft = draft, .sent_ms = sent_ms };
    buf_reset(&out);
    d->encode(&out, &m);
    assert_true(buf_ok(&out));
    return buf_slice(&out);
}

/* The payload of the one text frame that `bytes` is. */
static struct slice payload_of(struct slice bytes)
{
    assert_true(bytes.len >= 2);
    assert_int_equal((unsigned char)bytes.at[0], 0x81);
    size_t len = (unsigned char)bytes.at[1], head = 2;
    if (len == 126) {
        len = (size_t)(unsigned char)bytes.at[2] << 8 | (unsigned char)bytes.at[3];
        head = 4;
        assert_true(len >= 126);
    } else if (len == 127) {
        len = 0;
        for (int i = 2; i < 10; i++)
            len = len << 8 | (unsigned char)bytes.at[i];
        head = 10;
        assert_true(len > 65535);
    }
    assert_int_equal(bytes.len, head + len);
    return slice_skip(bytes, head);
}

static void assert_line(const struct dialect *d, struct draft *draft, const char *line)
{
    assert_slice(payload_of(encode(d, draft, 1795393853999)), line);
    draft_free(draft);
}

static struct draft *text(const char *payload)
{
    return draft_new(0, SLICE("web_a"), SLICE("evq"), slice_str(payload));
}

TEST(a_message_from_sql_has_no_sender)
{
    UNUSED_STATE;
    assert_line(&classic_dialect, text("text message"),
                "{\"data\":\"text message\",\"event\":\"evq\",\"message_send_time\":1795393853,\"pipe\":\"web_a\"}");
}

TEST(a_message_from_a_browser_has_its_sender_even_when_he_is_nobody)
{
    UNUSED_STATE;
    for (uint32_t user = 0; user <= 3; user += 3) {
        struct draft *d = text("{\"t\":\"x\"}");
        char          line[200];
        d->shows_user = true;
        d->user_id = user;
        snprintf(line, sizeof line,
                 "{\"data\":\"{\\\"t\\\":\\\"x\\\"}\",\"event\":\"evq\",\"message_send_time\":1795393853,\"pipe\":\"web_a\","
                 "\"user_id\":%u}", user);
        assert_line(&classic_dialect, d, line);
    }
}

TEST(an_apostrophe_behind_a_backslash_is_written_as_its_number)
{
    UNUSED_STATE;
    assert_line(&classic_dialect, text("it's \\' \\\\'"),
                "{\"data\":\"it's \\\\\\u0027 \\\\\\\\\\u0027\",\"event\":\"evq\",\"message_send_time\":1795393853,\"pipe\":\"web_a\"}");
}

TEST(an_old_library_gets_the_event_twice_and_a_text_as_it_is)
{
    UNUSED_STATE;
    assert_line(&classic_old_dialect, text("x"),
                "{\"api_data\":\"for major_version < 4\",\"data\":\"x\",\"event\":\"evq\",\"event_name\":\"evq\","
                "\"message_send_time\":1795393853,\"pipe\":\"web_a\"}");
}

static struct draft *presence(enum message_kind kind)
{
    struct draft *d = draft_new(0, SLICE("track_b"), SLICE(""), SLICE(""));
    d->kind = kind;
    d->user_id = 3;
    memcpy((char *)(uintptr_t)d->uuid.at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", 32);
    d->uuid.len = 32;
    return d;
}

TEST(presence_says_who_came_and_who_left)
{
    UNUSED_STATE;
    assert_line(&classic_dialect, presence(MESSAGE_JOIN),
                "{\"data\":{\"user_id\":3,\"uuid\":\"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345\"},\"event\":\"subscription\","
                "\"message_send_time\":1795393853,\"pipe\":\"track_b\"}");
    assert_line(&classic_dialect, presence(MESSAGE_LEAVE),
                "{\"data\":{\"user_id\":3,\"uuid\":\"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345\"},\"event\":\"unsubscription\","
                "\"message_send_time\":1795393853,\"pipe\":\"track_b\"}");
}

TEST(to_an_old_library_an_object_is_its_own_text)
{
    UNUSED_STATE;
    assert_line(&classic_old_dialect, presence(MESSAGE_JOIN),
                "{\"api_data\":\"for major_version < 4\",\"data\":\"{\\\"user_id\\\":3,\\\"uuid\\\":"
                "\\\"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345\\\"}\",\"event\":\"subscription\",\"event_name\":\"subscription\","
                "\"message_send_time\":1795393853,\"pipe\":\"track_b\"}");
}

TEST(members_are_sorted_by_name_whatever_a_frame_has)
{
    UNUSED_STATE;
    const struct classic_frame f = {
        .data = SLICE("1"), .data_is_text = true, .info = SLICE("i"), .event = SLICE("e"), .pipe = SLICE("p"),
        .marker = SLICE("m"), .server = SLICE("s"), .has_time = true, .time_s = 5, .error = 423, .authorized = 1,
        .from_queue = true,
        .is_history = true, .has_user = true, .user_id = 7,
    };
    buf_reset(&out);
    classic_encode(&out, &f, true);
    assert_slice(payload_of(buf_slice(&out)),
                 "{\"_info\":\"i\",\"api_data\":\"for major_version < 4\",\"authorized\":true,\"data\":1,\"error\":423,"
                 "\"event\":\"e\",\"event_name\":\"e\",\"fromQueue\":true,\"history\":true,\"marker\":\"m\","
                 "\"message_send_time\":5,\"pipe\":\"p\",\"server\":\"s\",\"user_id\":7}");
}

/* The original damaged frames of 123 to 125 bytes, and dropped those above 65,535. */
TEST(every_length_has_its_own_right_form)
{
    UNUSED_STATE;
    static char filler[70000];
    memset(filler, 'x', sizeof filler);
    size_t around = strlen("{\"data\":\"\",\"event\":\"evq\",\"message_send_time\":1795393853,\"pipe\":\"web_a\"}");
    for (size_t len = 0; len < 70000; len += len > 200 && len < 65300 ? 997 : 1) {
        struct draft *d = draft_new(0, SLICE("web_a"), SLICE("evq"), slice_of(filler, len));
        assert_int_equal(payload_of(encode(&classic_dialect, d, 1795393853000)).len, around + len);
        draft_free(d);
    }
    buf_clear(&out);
    classic_buffers_clear();
}

TESTS(RUN(a_message_from_sql_has_no_sender), RUN(a_message_from_a_browser_has_its_sender_even_when_he_is_nobody),
      RUN(an_apostrophe_behind_a_backslash_is_written_as_its_number), RUN(an_old_library_gets_the_event_twice_and_a_text_as_it_is),
      RUN(presence_says_who_came_and_who_left), RUN(to_an_old_library_an_object_is_its_own_text),
      RUN(members_are_sorted_by_name_whatever_a_frame_has), RUN(every_length_has_its_own_right_form))
