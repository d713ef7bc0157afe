#include "unit/test.h"

#include "base/status.h"
#include "base/utf8.h"

TEST(every_row_is_whole)
{
    UNUSED_STATE;
    for (int s = OK + 1; s < STATUS_COUNT; s++) {
        const struct error_row *row = status_row((enum status)s);
        assert_int_equal(row->name[0], 'E');
        assert_int_equal(strlen(row->sqlstate), 5);
        assert_in_range(row->http_status, 400, 599);
        assert_true(row->mysql_code != 0 && row->classic_code != 0);
        assert_true(strlen(row->sentence) > 0 && strlen(row->advice) > 0);
    }
    assert_string_equal(status_row(E_SYNTAX)->name, "E_SYNTAX");
    assert_int_equal(status_row(E_SYNTAX)->mysql_code, 3);
}

TEST(an_error_carries_its_code_and_sentence)
{
    UNUSED_STATE;
    struct error e;
    assert_int_equal(error_set(&e, E_IO, "port %d: %s", 80, "in use"), E_IO);
    assert_int_equal(e.code, E_IO);
    assert_string_equal(e.text, "port 80: in use");
    assert_int_equal(error_plain(&e, E_FULL), E_FULL);
    assert_string_equal(e.text, "A queue is full");
    assert_int_equal(error_set(NULL, E_IO, "nobody listens"), E_IO);
}

TEST(a_long_text_is_cut_at_a_character)
{
    UNUSED_STATE;
    char text[600];
    for (size_t i = 0; i + 2 < sizeof text; i += 3)
        memcpy(text + i, "\xE2\x82\xAC", 3);
    for (int ahead = 0; ahead < 4; ahead++) {
        struct error e;
        error_set(&e, E_IO, "%*s%.*s", ahead, "", (int)sizeof text, text);
        assert_true(utf8_is_valid(slice_str(e.text)));
        assert_in_range(strlen(e.text), sizeof e.text - 4, sizeof e.text - 1);
    }
}

TEST(an_error_may_be_wrapped_in_itself)
{
    UNUSED_STATE;
    struct error e;
    error_set(&e, E_IO, "inner");
    error_set(&e, E_CONFIG, "line 3: %s", e.text);
    assert_string_equal(e.text, "line 3: inner");
}

TESTS(RUN(every_row_is_whole), RUN(an_error_carries_its_code_and_sentence), RUN(a_long_text_is_cut_at_a_character),
      RUN(an_error_may_be_wrapped_in_itself))
