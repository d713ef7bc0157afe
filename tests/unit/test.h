/* test: cmocka, the only place that includes it.
 *
 *   TEST(unsubscribe_while_a_message_is_queued_delivers_nothing) { ... assert_int_equal(...); }
 *   TESTS(RUN(unsubscribe_while_a_message_is_queued_delivers_nothing), RUN(...))
 */
#ifndef ENCKE_TESTS_UNIT_TEST_H
#define ENCKE_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"

#define TEST(name) static void name(void **state)
#define RUN(name)  cmocka_unit_test(name)
#define TESTS(...)                                                   \
    int main(void)                                                   \
    {                                                                \
        const struct CMUnitTest tests[] = { __VA_ARGS__ };           \
        const char *only = getenv("ENCKE_TEST"); /* a pattern: run these only */ \
        if (only != NULL)                                            \
            cmocka_set_test_filter(only);                            \
        return cmocka_run_group_tests(tests, NULL, NULL);            \
    }

/* Use in tests that need no state. */
#define UNUSED_STATE (void)state

static inline void assert_slice_at(struct slice s, const char *text, const char *file, int line)
{
    if (s.len != strlen(text) || (s.len > 0 && memcmp(s.at, text, s.len) != 0)) {
        print_error("\"%.*s\" != \"%s\"\n", SLICE_ARG(s), text);
        _fail(file, line);
    }
}

#define assert_slice(s, text) assert_slice_at((s), (text), __FILE__, __LINE__)

#endif
