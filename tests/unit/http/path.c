#include "unit/test.h"

#include "http/path.h"

static void assert_name(const char *path, const char *name)
{
    char out[HTTP_NAME_SIZE];

    assert_true(http_path_to_name(slice_str(path), out));
    assert_string_equal(out, name);
}

static void assert_none(struct slice path)
{
    char out[HTTP_NAME_SIZE];

    if (http_path_to_name(path, out))
        fail_msg("%.*s was taken for %s", SLICE_ARG(path), out);
}

TEST(a_path_becomes_a_relative_name)
{
    UNUSED_STATE;
    assert_name("/", "index.html");
    assert_name("/a.js", "a.js");
    assert_name("//a//b.js", "a/b.js");
    assert_name("/./a/./b.js", "a/b.js");
    assert_name("/a/", "a/index.html");
    assert_name("/a%20b/%C3%A4.html", "a b/\xc3\xa4.html");
    assert_name("/a%2fb.js", "a/b.js");
    assert_name("/.well-known/x.txt", ".well-known/x.txt");
}

TEST(the_prefix_of_the_proxy_is_left_out_once)
{
    UNUSED_STATE;
    assert_name("/comet-server/a.js", "a.js");
    assert_name("//comet-server//a.js", "a.js");
    assert_name("/comet-server", "index.html");
    assert_name("/comet-server/", "index.html");
    assert_name("/comet-server/comet-server/a.js", "comet-server/a.js");
    assert_name("/comet-server.js", "comet-server.js");
    assert_name("/a/comet-server/b.js", "a/comet-server/b.js");
}

TEST(nothing_leaves_the_root)
{
    UNUSED_STATE;
    assert_none(SLICE("/../etc/passwd"));
    assert_none(SLICE("/a/../../etc/passwd"));
    assert_none(SLICE("/a/.."));
    assert_none(SLICE("/%2e%2e/etc/passwd"));
    assert_none(SLICE("/..%2fetc/passwd"));
    assert_none(SLICE("/%2E./x"));
    assert_none(SLICE("/comet-server/../x"));
    assert_none(SLICE("/..\\x"));
    assert_none(SLICE("/a%5cb"));
    assert_none(SLICE("/a%00.html"));
    assert_none(SLICE("/a\0.html"));
    assert_none(SLICE("/a%0ab"));
    assert_none(SLICE("/a%7f"));
    assert_none(SLICE("/.git/config.txt"));
    assert_none(SLICE("/a/.htaccess"));
    assert_none(SLICE("a.js"));
    assert_none(SLICE("*"));
    assert_none(SLICE(""));
    assert_none(SLICE("/%"));
    assert_none(SLICE("/%4"));
    assert_none(SLICE("/%4g"));
    assert_name("/%41", "A");
}

TEST(a_long_path_is_no_file)
{
    UNUSED_STATE;
    char path[HTTP_NAME_SIZE + 20], out[HTTP_NAME_SIZE];

    memset(path, 'a', sizeof path);
    path[0] = '/';
    for (size_t len = HTTP_NAME_SIZE - 20; len < sizeof path; len++) {
        bool fits = len - 1 < HTTP_NAME_SIZE;
        assert_int_equal(http_path_to_name(slice_of(path, len), out), fits && len <= HTTP_NAME_SIZE);
        path[len - 1] = '/'; /* index.html must fit as well */
        if (http_path_to_name(slice_of(path, len), out))
            assert_true(strlen(out) < HTTP_NAME_SIZE);
        path[len - 1] = 'a';
    }
}

TEST(an_extension_stands_behind_the_last_dot)
{
    UNUSED_STATE;
    assert_slice(http_name_extension(SLICE("a/b.min.js")), "js");
    assert_slice(http_name_extension(SLICE("a.b/c")), "");
    assert_slice(http_name_extension(SLICE("c")), "");
    assert_slice(http_name_extension(SLICE("c.")), "");
}

TESTS(RUN(a_path_becomes_a_relative_name), RUN(the_prefix_of_the_proxy_is_left_out_once), RUN(nothing_leaves_the_root),
      RUN(a_long_path_is_no_file), RUN(an_extension_stands_behind_the_last_dot))
