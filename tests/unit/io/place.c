/* Where to listen, as a person writes it. */
#include "io/place.h"

#include "unit/test.h"

static unsigned read_list(const char *list, struct place out[PLACES_MAX])
{
    return places_read(slice_str(list), 80, out);
}

static void expect_text(const struct place *p, const char *expected)
{
    char text[PLACE_TEXT_MAX];
    place_text(p, text);
    assert_string_equal(text, expected);
}

TEST(a_list_may_name_addresses_of_both_families_and_paths)
{
    UNUSED_STATE;
    struct place p[PLACES_MAX];
    assert_int_equal(read_list("127.0.0.1, ::1,unix:/run/encke/ws.sock", p), 3);
    expect_text(&p[0], "127.0.0.1:80");
    expect_text(&p[1], "[::1]:80");
    expect_text(&p[2], "unix:/run/encke/ws.sock");
    assert_int_equal(place_port(&p[1]), 80);
    assert_int_equal(place_port(&p[2]), 0);
    assert_string_equal(place_path(&p[2]), "/run/encke/ws.sock");
    assert_string_equal(place_path(&p[0]), "");
    assert_true(place_is_unix(&p[2]));
}

TEST(ipv6_alone_takes_ipv4_as_well_and_beside_ipv4_it_does_not)
{
    UNUSED_STATE;
    struct place p[PLACES_MAX];
    assert_int_equal(read_list("::", p), 1);
    assert_false(p[0].is_v6_only);
    assert_int_equal(read_list("::,unix:/a", p), 2);
    assert_false(p[0].is_v6_only);
    assert_int_equal(read_list("::,0.0.0.0", p), 2);
    assert_true(p[0].is_v6_only);
}

TEST(what_is_neither_an_address_nor_a_whole_path_makes_the_list_wrong)
{
    UNUSED_STATE;
    static const char *const wrong[] = { "", " ", "localhost", "127.0.0.1,", ",127.0.0.1", "1.2.3", "::1%lo", "[::1]", "unix:", "unix:/",
                                         "unix:a", "/run/a", "1.2.3.4:80", "::,x" };
    struct place             p[PLACES_MAX];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(read_list(wrong[i], p), 0);
}

TEST(a_path_fits_a_socket_address_and_a_list_its_bound_or_not_at_all)
{
    UNUSED_STATE;
    char         longest[5 + 107 + 2] = "unix:/";
    struct place p[PLACES_MAX];
    memset(longest + 6, 'x', 106);
    longest[5 + 107] = '\0';
    assert_int_equal(read_list(longest, p), 1);
    longest[5 + 107] = 'x';
    longest[5 + 108] = '\0';
    assert_int_equal(read_list(longest, p), 0);
    assert_int_equal(read_list("::1,::2,::3,::4,::5,::6,::7,::8", p), 8);
    assert_int_equal(read_list("::1,::2,::3,::4,::5,::6,::7,::8,::9", p), 0);
}

TEST(a_place_fits_its_like_and_port_zero_any_port)
{
    UNUSED_STATE;
    struct place a[PLACES_MAX], b[PLACES_MAX];
    assert_int_equal(places_read(SLICE("127.0.0.1,::1,unix:/a"), 0, a), 3);
    assert_int_equal(places_read(SLICE("127.0.0.1,::1,unix:/a,unix:/b,127.0.0.2"), 9, b), 5);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 5; k++)
            assert_int_equal(place_fits(&a[i], &b[k]), i == k);
    place_set_port(&a[0], 10);
    assert_false(place_fits(&a[0], &b[0]));
}

TESTS(RUN(a_list_may_name_addresses_of_both_families_and_paths), RUN(ipv6_alone_takes_ipv4_as_well_and_beside_ipv4_it_does_not),
      RUN(what_is_neither_an_address_nor_a_whole_path_makes_the_list_wrong),
      RUN(a_path_fits_a_socket_address_and_a_list_its_bound_or_not_at_all), RUN(a_place_fits_its_like_and_port_zero_any_port))
