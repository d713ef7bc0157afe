/* Fields of queries and forms. */
#include "unit/test.h"

#include "http/form.h"

static void check_form(const char *form, const char *name, enum http_form expected, const char *value)
{
    char   out[8];
    size_t len = 0;
    assert_int_equal(http_form_value(slice_str(form), name, out, sizeof out, &len), expected);
    if (expected == HTTP_FORM_FOUND)
        assert_slice(slice_of(out, len), value);
}

TEST(a_field_is_found_wherever_it_stands)
{
    UNUSED_STATE;
    check_form("user=1", "user", HTTP_FORM_FOUND, "1");
    check_form("a=b&user=1&c", "user", HTTP_FORM_FOUND, "1");
    check_form("&&a&user=1", "user", HTTP_FORM_FOUND, "1");
    check_form("user=1&user=2", "user", HTTP_FORM_FOUND, "1");
    check_form("user=a=b", "user", HTTP_FORM_FOUND, "a=b");
    check_form("user", "user", HTTP_FORM_FOUND, "");
    check_form("", "user", HTTP_FORM_ABSENT, "");
    check_form("xuser=1&use=2&User=3&a=user", "user", HTTP_FORM_ABSENT, "");
}

TEST(names_and_values_are_decoded)
{
    UNUSED_STATE;
    check_form("%75ser=%31+%2b%26", "user", HTTP_FORM_FOUND, "1 +&");
    check_form("a=%26user%3d9&user=1", "user", HTTP_FORM_FOUND, "1");
    check_form("%=1&%zz=2&user=3", "user", HTTP_FORM_FOUND, "3");
}

TEST(what_cannot_be_a_value_is_bad)
{
    UNUSED_STATE;
    check_form("user=%", "user", HTTP_FORM_BAD, "");
    check_form("user=%1", "user", HTTP_FORM_BAD, "");
    check_form("user=%1&x", "user", HTTP_FORM_BAD, "");
    check_form("user=%gg", "user", HTTP_FORM_BAD, "");
    check_form("user=%00", "user", HTTP_FORM_BAD, "");
    check_form("user=12345678", "user", HTTP_FORM_FOUND, "12345678");
    check_form("user=123456789", "user", HTTP_FORM_BAD, "");
}

TESTS(RUN(a_field_is_found_wherever_it_stands), RUN(names_and_values_are_decoded), RUN(what_cannot_be_a_value_is_bad))
