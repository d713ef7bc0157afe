/* The password that is made on the first start. */
#include "server/secret.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "unit/test.h"

struct place {
    char root[64], dir[96], file[160];
};

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    snprintf(p->root, sizeof p->root, "/tmp/encke-test-XXXXXX");
    if (mkdtemp(p->root) == NULL)
        return -1;
    snprintf(p->dir, sizeof p->dir, "%s/one/two", p->root);
    snprintf(p->file, sizeof p->file, "%s/" SECRET_FILE_NAME, p->dir);
    log_setup(LOG_ERROR); /* the warnings are not the point here */
    *state = p;
    return 0;
}

static int place_remove(void **state)
{
    struct place *p = *state;
    char          one[96];
    snprintf(one, sizeof one, "%s/one", p->root);
    chmod(p->dir, 0700);
    unlink(p->file);
    rmdir(p->file);
    rmdir(p->dir);
    rmdir(one);
    int left = rmdir(p->root); /* fails when something was left behind */
    free(p);
    return left;
}

static void file_put(const struct place *p, const char *text, mode_t mode)
{
    FILE *f = fopen(p->file, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(p->file, mode);
}

TEST(the_first_start_makes_a_password_and_the_second_finds_it)
{
    struct place *p = *state;
    struct secret first, second;
    struct error  e;
    struct stat   st;
    assert_int_equal(secret_open(&first, p->dir, "", &e), OK);
    assert_true(first.was_made);
    assert_int_equal(strlen(first.text), SECRET_MADE_LEN);
    assert_string_equal(first.file, p->file);
    for (const char *c = first.text; *c != '\0'; c++)
        assert_true((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z'));
    assert_int_equal(stat(p->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(p->dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);

    assert_int_equal(secret_open(&second, p->dir, "", &e), OK);
    assert_false(second.was_made);
    assert_string_equal(second.text, first.text);
    secret_clear(&first);
    assert_string_equal(first.text, "");
}

TEST(two_passwords_differ)
{
    struct place *p = *state;
    struct secret first, second;
    struct error  e;
    assert_int_equal(secret_open(&first, p->dir, "", &e), OK);
    unlink(p->file);
    assert_int_equal(secret_open(&second, p->dir, "", &e), OK);
    assert_string_not_equal(first.text, second.text);
}

TEST(a_configured_password_needs_no_file_but_the_directory_is_made)
{
    struct place *p = *state;
    struct secret s;
    struct error  e;
    struct stat   st;
    assert_int_equal(secret_open(&s, p->dir, "configured", &e), OK);
    assert_string_equal(s.text, "configured");
    assert_string_equal(s.file, "");
    assert_false(s.was_made);
    assert_int_equal(stat(p->dir, &st), 0);
    assert_int_not_equal(stat(p->file, &st), 0);
}

TEST(a_password_written_by_hand_is_used_without_its_line_end)
{
    struct place *p = *state;
    struct secret s;
    struct error  e;
    assert_int_equal(secret_open(&s, p->dir, "x", &e), OK);
    file_put(p, "by hand\r\n", 0644);
    assert_int_equal(secret_open(&s, p->dir, "", &e), OK);
    assert_string_equal(s.text, "by hand");
}

TEST(a_file_without_a_password_is_an_error_that_says_what_to_do)
{
    struct place *p = *state;
    struct secret s;
    struct error  e;
    char          too_long[SECRET_MAX_LEN + 2];
    memset(too_long, 'x', sizeof too_long);
    too_long[sizeof too_long - 1] = '\0';
    const char *cases[] = { "", "\n", "two\nlines\n", too_long };
    assert_int_equal(secret_open(&s, p->dir, "x", &e), OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file_put(p, cases[i], 0600);
        assert_int_equal(secret_open(&s, p->dir, "", &e), E_CONFIG);
        assert_non_null(strstr(e.text, p->file));
        assert_non_null(strstr(e.text, "remove the file to get a new one"));
    }
    unlink(p->file);
    mkdir(p->file, 0700);
    assert_int_equal(secret_open(&s, p->dir, "", &e), E_CONFIG);
    assert_non_null(strstr(e.text, "is not a file"));
}

TEST(a_directory_that_cannot_be_made_is_an_error_that_names_it)
{
    UNUSED_STATE;
    struct secret s;
    struct error  e;
    assert_int_equal(secret_open(&s, "/dev/null/encke", "", &e), E_CONFIG);
    assert_non_null(strstr(e.text, "cannot make the state directory /dev/null/encke: Not a directory"));
    assert_non_null(strstr(e.text, "--main.state_dir=DIR"));
    assert_int_equal(secret_open(&s, "", "", &e), E_CONFIG);
    /* Writable by nobody, not even root. */
    assert_int_equal(secret_open(&s, "/proc/self", "", &e), E_CONFIG);
    assert_non_null(strstr(e.text, "cannot write /proc/self/" SECRET_FILE_NAME));
}

#define RUN_THERE(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

TESTS(RUN_THERE(the_first_start_makes_a_password_and_the_second_finds_it), RUN_THERE(two_passwords_differ),
      RUN_THERE(a_configured_password_needs_no_file_but_the_directory_is_made),
      RUN_THERE(a_password_written_by_hand_is_used_without_its_line_end),
      RUN_THERE(a_file_without_a_password_is_an_error_that_says_what_to_do),
      RUN(a_directory_that_cannot_be_made_is_an_error_that_names_it))
