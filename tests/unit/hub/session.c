/* What a session keeps of its visitor, without a shard around it. */
#include "hub/session.h"

#include "hub/internal.h"
#include "unit/test.h"

static const struct dialect any = { .name = "any" };
static struct stream        somewhere;

static struct slice kept(struct session *s, struct slice uuid, char out[32])
{
    *s = (struct session){ 0 };
    session_open(s, &somewhere, &any, 7, uuid, NULL);
    return session_uuid(s, out);
}

TEST(a_uuid_of_any_length_and_alphabet_comes_back)
{
    UNUSED_STATE;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    struct session    s;
    char              out[32], uuid[33] = "";
    for (size_t len = 0; len <= 32; len++)
        for (size_t turn = 0; turn < 64; turn++) {
            for (size_t i = 0; i < len; i++)
                uuid[i] = alphabet[(turn * 7 + i * 11) % 64];
            uuid[len] = '\0';
            assert_slice(kept(&s, slice_of(uuid, len), out), uuid);
            session_close(&s);
        }
}

TEST(what_cannot_be_in_a_uuid_is_left_out_and_the_rest_is_cut)
{
    UNUSED_STATE;
    struct session s;
    char           out[32];
    assert_slice(kept(&s, SLICE("a b\"c\\d\x01\xff'e"), out), "abcde");
    session_close(&s);
    assert_slice(kept(&s, SLICE("0123456789012345678901234567890123456789"), out), "01234567890123456789012345678901");
    session_close(&s);
}

TEST(sessions_of_an_app_are_counted)
{
    UNUSED_STATE;
    struct session a, b;
    char           out[32];
    kept(&a, SLICE("a"), out);
    kept(&b, SLICE("b"), out);
    assert_int_equal(app_here(7)->online, 2);
    session_close(&a);
    session_close(&b);
    assert_int_equal(app_here(7)->online, 0);
}

TEST(visitors_who_say_the_same_are_kept_once)
{
    UNUSED_STATE;
    char long_agent[400];
    memset(long_agent, 'a', sizeof long_agent);
    struct visitor *one = visitor_intern(SLICE("Agent/1"), SLICE("http://a"), SLICE("de"));
    struct visitor *same = visitor_intern(SLICE("Agent/1"), SLICE("http://a"), SLICE("de"));
    struct visitor *other = visitor_intern(SLICE("Agent/1"), SLICE("http://"), SLICE("ade")); /* the same letters in a row */
    assert_ptr_equal(one, same);
    assert_ptr_not_equal(one, other);
    assert_slice(visitor_agent(one), "Agent/1");
    assert_slice(visitor_origin(other), "http://");
    assert_slice(visitor_language(other), "ade");
    struct visitor *cut = visitor_intern(slice_of(long_agent, sizeof long_agent), SLICE(""), SLICE(""));
    assert_int_equal(visitor_agent(cut).len, 250);
    visitor_unref(one);
    assert_slice(visitor_agent(same), "Agent/1");
    visitor_unref(same);
    visitor_unref(other);
    visitor_unref(cut);
    visitor_unref(NULL);
    assert_int_equal(hub_own.visitors.count, 0);
}

TEST(names_of_channels_are_checked)
{
    UNUSED_STATE;
    char name[65];
    memset(name, 'x', sizeof name);
    assert_true(channel_name_is_valid(SLICE("A-Z_a-z0-9"), 2));
    assert_true(channel_name_is_valid(slice_of(name, 64), 2));
    assert_false(channel_name_is_valid(slice_of(name, 65), 2));
    assert_false(channel_name_is_valid(SLICE("x"), 2));
    for (int c = 1; c < 256; c++) {
        char text[3] = { 'a', (char)c, 'b' };
        bool is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        assert_int_equal(channel_name_is_valid(slice_of(text, 3), 2), is_good);
    }
}

TESTS(RUN(a_uuid_of_any_length_and_alphabet_comes_back), RUN(what_cannot_be_in_a_uuid_is_left_out_and_the_rest_is_cut),
      RUN(sessions_of_an_app_are_counted), RUN(visitors_who_say_the_same_are_kept_once), RUN(names_of_channels_are_checked))
