#include "unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

/* What the calls between capture_begin and capture_end wrote on standard error. */
static char captured[8192];
static int  real_stderr, capture_fd;

static void capture_begin(void)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    capture_fd = dup(fileno(file));
    fclose(file);
    real_stderr = dup(STDERR_FILENO);
    dup2(capture_fd, STDERR_FILENO);
}

static struct slice capture_end(void)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    lseek(capture_fd, 0, SEEK_SET);
    ssize_t got = read(capture_fd, captured, sizeof captured);
    close(capture_fd);
    assert_true(got >= 0);
    return slice_of(captured, (size_t)got);
}

/* The line without its time, "2026-11-23 02:45:00.123 ". */
static struct slice take_line(struct slice *text)
{
    struct slice line = slice_cut(text, '\n');
    assert_true(line.len > 24);
    for (size_t i = 0; i < 24; i++) {
        char shape = "0000-00-00 00:00:00.000 "[i];
        assert_true(shape == '0' ? line.at[i] >= '0' && line.at[i] <= '9' : line.at[i] == shape);
    }
    return slice_skip(line, 24);
}

TEST(a_line_has_time_level_and_text)
{
    UNUSED_STATE;
    capture_begin();
    log_warn("ws: %d %% used", 95);
    log_error("no");
    struct slice text = capture_end();
    assert_slice(take_line(&text), "warn  ws: 95 % used");
    assert_slice(take_line(&text), "error no");
    assert_slice(text, "");
}

TEST(lines_above_the_level_are_dropped)
{
    UNUSED_STATE;
    capture_begin();
    log_debug("one");
    log_setup(LOG_ERROR);
    log_warn("two");
    log_setup(LOG_DEBUG);
    log_debug("three");
    log_setup(LOG_INFO);
    struct slice text = capture_end();
    assert_slice(take_line(&text), "debug three");
    assert_slice(text, "");
}

TEST(a_line_that_is_too_long_is_cut_and_still_ends)
{
    UNUSED_STATE;
    static char long_text[5000];
    memset(long_text, 'x', sizeof long_text - 1);
    capture_begin();
    log_info("%s", long_text);
    struct slice text = capture_end();
    assert_true(text.len > 1500 && text.len <= 2048);
    assert_int_equal(text.at[text.len - 1], '\n');
}

TEST(a_limited_place_says_how_many_lines_it_left_out)
{
    UNUSED_STATE;
    struct log_limit limit = { .every_ms = 1000000 };
    capture_begin();
    for (int i = 0; i < 5; i++)
        log_limited(&limit, LOG_WARN, "try %d", i);
    limit.next_ms = 0; /* as if the time had passed */
    log_limited(&limit, LOG_WARN, "last");
    struct slice text = capture_end();
    assert_slice(take_line(&text), "warn  try 0");
    assert_slice(take_line(&text), "warn  last (and 4 more like this)");
    assert_slice(text, "");
}

static void assert_shown(struct slice text, const char *expected)
{
    char out[64];
    assert_string_equal(log_text(out, sizeof out, text), expected);
}

TEST(what_a_terminal_would_obey_is_escaped)
{
    UNUSED_STATE;
    assert_shown(SLICE("plain \xC3\xA9 \xF0\x9F\x98\x80"), "plain \xC3\xA9 \xF0\x9F\x98\x80");
    assert_shown(SLICE("\x1B[2J\r\n\x7F"), "\\x1b[2J\\x0d\\x0a\\x7f");
    assert_shown(SLICE("a\0b"), "a\\x00b");
    assert_shown(SLICE("\xC2\x9B" "2J"), "\\xc2\\x9b2J");
    assert_shown(SLICE("\xFF\xE2\x82"), "\\xff\\xe2\\x82");
    assert_shown(SLICE("\\x1b"), "\\x5cx1b");
    assert_shown((struct slice){ NULL, 0 }, "");
}

TEST(a_text_is_cut_before_what_does_not_fit)
{
    UNUSED_STATE;
    char out[4];
    assert_string_equal(log_text(out, sizeof out, SLICE("abcdef")), "abc");
    assert_string_equal(log_text(out, sizeof out, SLICE("ab\xC3\xA9")), "ab");
    assert_string_equal(log_text(out, sizeof out, SLICE("\x1B")), "");
    assert_string_equal(log_text(out, 1, SLICE("a")), "");
}

TESTS(RUN(a_line_has_time_level_and_text), RUN(lines_above_the_level_are_dropped),
      RUN(a_line_that_is_too_long_is_cut_and_still_ends), RUN(a_limited_place_says_how_many_lines_it_left_out),
      RUN(what_a_terminal_would_obey_is_escaped), RUN(a_text_is_cut_before_what_does_not_fit))
