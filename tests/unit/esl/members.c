/* Who is in which conference. */
#include "unit/test.h"

#include "base/buf.h"
#include "esl/members.h"

#define LIST(...) "<conferences>" __VA_ARGS__ "</conferences>"
#define ROOM(name, ...) "<conference name=\"" name "\"><members>" __VA_ARGS__ "</members></conference>"
#define CALLER(name)                                                                                                   \
    "<member type=\"caller\"><caller_id_name>" name "</caller_id_name><join_time>7</join_time></member>"

/* "app/room/user " of each. */
static const char *read_all(const char *text)
{
    static struct buf  b;
    struct esl_members m;
    buf_reset(&b);
    enum status status = esl_members_read(slice_str(text), &m);
    if (status != OK)
        assert_int_equal(m.count, 0);
    for (unsigned i = 0; i < m.count; i++)
        buf_printf(&b, "%u/%.*s/%u ", m.at[i].app, SLICE_ARG(esl_room_of(&m.at[i])), m.at[i].user_id);
    buf_text(&b, status == OK ? "" : status_row(status)->name);
    buf_byte(&b, '\0');
    esl_members_clear(&m);
    return b.at;
}

TEST(callers_of_apps_are_listed)
{
    UNUSED_STATE;
    assert_string_equal(read_all(LIST(ROOM("15*7-dom", CALLER("0000155") CALLER("000015999999999"))
                                          ROOM("0*8*audio", CALLER("0000001")))),
                        "15/7/5 15/7/999999999 0/8/1 ");
}

TEST(everybody_else_is_left_out)
{
    UNUSED_STATE;
    assert_string_equal(
        read_all(LIST(
            ROOM("15*7-dom",
                 CALLER("0000165") CALLER("bob") CALLER("") CALLER("000015") CALLER("0000151234567890") CALLER(
                     "00001 5") "<member><caller_id_name>0000155</caller_id_name></member>"
                                "<member type=\"recording_node\"><caller_id_name>0000155</caller_id_name></member>"))),
        "");
    assert_string_equal(
        read_all(LIST(ROOM("7-dom", CALLER("0000155")) ROOM("*7-dom", CALLER("0000155")) ROOM("", CALLER("0000155"))
                          ROOM("x*7", CALLER("0000155")) ROOM("99999999999*7", CALLER("0000155")))),
        "");
    assert_string_equal(read_all(LIST("<conference><members>" CALLER("0000155") "</members></conference>")), "");
    assert_string_equal(
        read_all(LIST(CALLER(
            "0000155") "<x><y><member type=\"caller\"><caller_id_name>0000155</caller_id_name></member></y></x>")),
        "");
}

TEST(the_name_of_one_member_does_not_stay_for_the_next)
{
    UNUSED_STATE;
    assert_string_equal(
        read_all(LIST(ROOM("0*7-d", CALLER("0000001") "<member type=\"caller\"></member>" CALLER("0000002")))),
        "0/7/1 0/7/2 ");
}

TEST(what_is_no_list_is_empty_and_what_is_broken_is_malformed)
{
    UNUSED_STATE;
    assert_string_equal(read_all(""), "");
    assert_string_equal(read_all("-ERR no such thing\n"), "");
    assert_string_equal(read_all("<conferences/>"), "");
    assert_string_equal(read_all("<conferences>" ROOM("0*7-d", CALLER("0000001"))), "E_MALFORMED");
    assert_string_equal(read_all("<"), "E_MALFORMED");
}

TEST(long_texts_are_cut)
{
    UNUSED_STATE;
    struct esl_members m;
    assert_int_equal(
        esl_members_read(
            SLICE(LIST(ROOM("0*aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhh",
                            "<member type='caller'><caller_id_name>0000001</caller_id_name><last_talking>"
                            "1234567890123456789012345</last_talking></member>"))),
            &m),
        OK);
    assert_int_equal(m.count, 1);
    assert_int_equal(m.at[0].talk_len, sizeof m.at[0].last_talking);
    assert_int_equal(m.at[0].place_len, sizeof m.at[0].place);
    assert_false(esl_is_in_room(&m.at[0], SLICE("aaaaaaaaaa")));
    esl_members_clear(&m);
}

TEST(a_room_with_a_hyphen_is_found_by_its_whole_name)
{
    UNUSED_STATE;
    struct esl_member m = { .place = "team-a-dom", .place_len = 10 };
    assert_true(esl_is_in_room(&m, SLICE("team-a")));
    assert_true(esl_is_in_room(&m, SLICE("team")));
    assert_true(esl_is_in_room(&m, SLICE("team-a-dom")));
    assert_false(esl_is_in_room(&m, SLICE("team-")));
    assert_false(esl_is_in_room(&m, SLICE("tea")));
    assert_false(esl_is_in_room(&m, SLICE("team-b")));
}

TESTS(RUN(callers_of_apps_are_listed), RUN(everybody_else_is_left_out),
      RUN(the_name_of_one_member_does_not_stay_for_the_next),
      RUN(what_is_no_list_is_empty_and_what_is_broken_is_malformed), RUN(long_texts_are_cut),
      RUN(a_room_with_a_hyphen_is_found_by_its_whole_name))
