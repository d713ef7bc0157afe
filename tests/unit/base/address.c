#include "base/address.h"

#include "unit/test.h"

static struct address address(const char *text)
{
    struct address a;
    assert_true(address_parse(slice_str(text), &a));
    return a;
}

static void assert_shown(const char *text, const char *expected)
{
    char           shown[ADDRESS_TEXT_MAX];
    struct address a = address(text);
    address_text(&a, shown);
    assert_string_equal(shown, expected);
}

TEST(an_address_is_shown_in_its_usual_form)
{
    UNUSED_STATE;
    assert_shown("192.0.2.7", "192.0.2.7");
    assert_shown("::ffff:192.0.2.7", "192.0.2.7");
    assert_shown("::FFFF:c000:0207", "192.0.2.7");
    assert_shown("2001:DB8:0:0::7", "2001:db8::7");
    assert_shown("::1", "::1");
    assert_shown("1111:2222:3333:4444:5555:6666:7777:8888", "1111:2222:3333:4444:5555:6666:7777:8888");
}

TEST(what_is_no_address_is_refused)
{
    UNUSED_STATE;
    static const char *const wrong[] = { "",         " 192.0.2.7", "192.0.2.7 ",  "192.0.2.7:80", "192.0.2", "192.0.2.256", "192.0.2.07",
                                         "[::1]",    "::1%lo",     ":::",         "unknown",      "0x7f.0.0.1", "127.1", "192.0.2.7/32",
                                         "1111:2222:3333:4444:5555:6666:7777:8888:9999", "1111:2222:3333:4444:5555:6666:255.255.255.2555",
                                         "::", "0:0:0:0:0:0:0:0" };
    struct address a;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(address_parse(slice_str(wrong[i]), &a));
    assert_false(address_parse(slice_of("::1\0", 4), &a));
}

static bool has(const struct address_set *set, const char *text)
{
    struct address a = address(text);
    return address_set_has(set, &a);
}

TEST(a_set_has_what_its_ranges_have)
{
    UNUSED_STATE;
    struct address_set set = { 0 };
    assert_false(has(&set, "127.0.0.1"));
    assert_int_equal(address_set_add(&set, SLICE("10.1.2.3/9")), OK);
    assert_int_equal(address_set_add(&set, SLICE("192.0.2.7")), OK);
    assert_int_equal(address_set_add(&set, SLICE("2001:db8::/33")), OK);
    assert_int_equal(address_set_add(&set, SLICE("Loopback")), OK);
    assert_true(has(&set, "10.0.0.0"));
    assert_true(has(&set, "::ffff:10.127.255.255"));
    assert_false(has(&set, "10.128.0.0"));
    assert_true(has(&set, "192.0.2.7"));
    assert_false(has(&set, "192.0.2.6"));
    assert_true(has(&set, "2001:db8:7fff::1"));
    assert_false(has(&set, "2001:db8:8000::1"));
    assert_true(has(&set, "127.255.0.1"));
    assert_true(has(&set, "::1"));
    assert_false(has(&set, "::2"));
    address_set_clear(&set);
}

TEST(the_widest_ranges_have_all)
{
    UNUSED_STATE;
    struct address_set four = { 0 }, six = { 0 };
    assert_int_equal(address_set_add(&four, SLICE("0.0.0.0/0")), OK);
    assert_true(has(&four, "255.1.2.3"));
    assert_false(has(&four, "::1"));
    assert_int_equal(address_set_add(&six, SLICE("::/0")), OK);
    assert_true(has(&six, "255.1.2.3"));
    assert_true(has(&six, "ffff::1"));
    address_set_clear(&four);
    address_set_clear(&six);
}

TEST(what_is_no_range_is_refused)
{
    UNUSED_STATE;
    static const char *const wrong[] = { "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "10.0.0.0/8/8", "/8", "localhost", "10.0.0.0/8 " };
    struct address_set       set = { 0 };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(address_set_add(&set, slice_str(wrong[i])), E_INVALID);
    assert_int_equal(set.count, 0);
    address_set_clear(&set);
}

TESTS(RUN(an_address_is_shown_in_its_usual_form), RUN(what_is_no_address_is_refused),
      RUN(a_set_has_what_its_ranges_have), RUN(the_widest_ranges_have_all), RUN(what_is_no_range_is_refused))
