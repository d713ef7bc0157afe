#include "unit/test.h"

#include "ws/extension.h"

#define DECLINED ""
#define ACCEPTED "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
#define WINDOWED ACCEPTED "; server_max_window_bits=12"

struct offered {
    const char *value, *answer; /* NULL: malformed */
};

static void assert_answers(const struct offered *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ws_extensions chosen = { .has_deflate = false };
        char                 answer[WS_EXTENSIONS_SIZE];
        bool                 is_read = ws_extensions_read(slice_str(list[i].value), &chosen);

        if (is_read != (list[i].answer != NULL))
            fail_msg("%s: %s", list[i].value, is_read ? "taken" : "malformed");
        if (is_read)
            assert_slice(ws_extensions_answer(&chosen, answer), list[i].answer);
    }
}

#define ASSERT_ANSWERS(list) assert_answers(list, sizeof(list) / sizeof(list)[0])

TEST(what_clients_offer_is_accepted)
{
    UNUSED_STATE;
    static const struct offered list[] = {
        { "permessage-deflate; client_max_window_bits", ACCEPTED }, /* Chromium, ws */
        { "permessage-deflate", ACCEPTED },                         /* Firefox */
        { "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12", WINDOWED }, /* Python websockets */
        { "permessage-deflate; client_no_context_takeover; server_no_context_takeover", ACCEPTED },
        { "permessage-deflate; client_max_window_bits=8", ACCEPTED },
        { "permessage-deflate; client_max_window_bits=15", ACCEPTED },
        { "permessage-deflate; server_max_window_bits=15", WINDOWED },
        { "permessage-deflate; server_max_window_bits=\"13\"", WINDOWED },
        { "permessage-deflate; server_max_window_bits=\"1\\4\"", WINDOWED },
        { "permessage-deflate;server_max_window_bits = 14 ;\tclient_max_window_bits", WINDOWED },
    };
    ASSERT_ANSWERS(list);
}

TEST(an_offer_with_a_wrong_parameter_is_declined)
{
    UNUSED_STATE;
    static const struct offered list[] = {
        { "permessage-deflate; unknown", DECLINED },
        { "permessage-deflate; unknown=1", DECLINED },
        { "permessage-deflate; server_no_context_takeover=1", DECLINED },
        { "permessage-deflate; client_no_context_takeover=\"true\"", DECLINED },
        { "permessage-deflate; server_no_context_takeover; server_no_context_takeover", DECLINED },
        { "permessage-deflate; client_no_context_takeover; client_no_context_takeover", DECLINED },
        { "permessage-deflate; client_max_window_bits; client_max_window_bits", DECLINED },
        { "permessage-deflate; client_max_window_bits=10; client_max_window_bits=10", DECLINED },
        { "permessage-deflate; server_max_window_bits=12; server_max_window_bits=12", DECLINED },
        { "permessage-deflate; server_max_window_bits", DECLINED },
        { "permessage-deflate; server_max_window_bits=7", DECLINED },
        { "permessage-deflate; server_max_window_bits=16", DECLINED },
        { "permessage-deflate; server_max_window_bits=012", DECLINED },
        { "permessage-deflate; server_max_window_bits=120", DECLINED },
        { "permessage-deflate; server_max_window_bits=+12", DECLINED },
        { "permessage-deflate; server_max_window_bits=1x", DECLINED },
        { "permessage-deflate; client_max_window_bits=7", DECLINED },
        { "permessage-deflate; client_max_window_bits=16", DECLINED },
        { "permessage-deflate; client_max_window_bits=08", DECLINED },
        { "permessage-deflate; client_max_window_bits=0", DECLINED },
        { "permessage-deflate; Server_no_context_takeover", DECLINED },
    };
    ASSERT_ANSWERS(list);
}

TEST(a_window_smaller_than_ours_cannot_be_promised)
{
    UNUSED_STATE;
    static const struct offered list[] = {
        { "permessage-deflate; server_max_window_bits=8", DECLINED }, { "permessage-deflate; server_max_window_bits=9", DECLINED },
        { "permessage-deflate; server_max_window_bits=10", DECLINED }, { "permessage-deflate; server_max_window_bits=11", DECLINED },
    };
    ASSERT_ANSWERS(list);
}

TEST(the_first_offer_that_can_be_met_is_accepted)
{
    UNUSED_STATE;
    static const struct offered list[] = {
        { "permessage-deflate; server_max_window_bits=10, permessage-deflate", ACCEPTED },
        { "permessage-deflate; server_max_window_bits=13, permessage-deflate", WINDOWED },
        { "permessage-deflate, permessage-deflate; server_max_window_bits=13", ACCEPTED },
        { "x-webkit-deflate-frame, permessage-bzip2; level=9; quoted=\"a\", permessage-deflate", ACCEPTED },
        { "x-webkit-deflate-frame", DECLINED },
        { "permessage-deflates", DECLINED },
        { "", DECLINED },
        { " , ,", DECLINED },
        { ", permessage-deflate ,", ACCEPTED },
    };
    ASSERT_ANSWERS(list);
}

TEST(several_headers_are_one_list)
{
    UNUSED_STATE;
    struct ws_extensions chosen = { .has_deflate = false };
    char                 answer[WS_EXTENSIONS_SIZE];

    assert_true(ws_extensions_read(SLICE("permessage-deflate; server_max_window_bits=9"), &chosen));
    assert_true(ws_extensions_read(SLICE("permessage-deflate; server_max_window_bits=15"), &chosen));
    assert_true(ws_extensions_read(SLICE("permessage-deflate"), &chosen));
    assert_slice(ws_extensions_answer(&chosen, answer), WINDOWED);
}

TEST(a_malformed_list_is_refused)
{
    UNUSED_STATE;
    static const struct offered list[] = {
        { ";", NULL }, { "=", NULL }, { "permessage-deflate;", NULL }, { "permessage-deflate; ,", NULL },
        { "permessage-deflate; server_max_window_bits=", NULL }, { "permessage-deflate; server_max_window_bits=, x", NULL },
        { "permessage-deflate; server_max_window_bits=\"12", NULL }, { "permessage-deflate; server_max_window_bits=\"\"", NULL },
        { "permessage-deflate; server_max_window_bits=\"1 2\"", NULL }, { "permessage-deflate; server_max_window_bits=\"12\\", NULL },
        { "permessage-deflate; x=\"12\"13", NULL }, { "permessage-deflate x", NULL }, { "permessage-deflate; a b", NULL },
        { "permessage-deflate, @", NULL }, { "\"permessage-deflate\"", NULL }, { "permessage-deflate; x=\xc3\xa4", NULL },
        { "permessage-deflate; a==b", NULL },
    };
    ASSERT_ANSWERS(list);
}

TEST(a_list_cut_off_anywhere_is_read_or_refused)
{
    UNUSED_STATE;
    static const char all[] = "x-y; a=\"b\\c\"; d, permessage-deflate; server_max_window_bits=\"12\"; client_max_window_bits = 9";

    for (size_t len = 0; len < sizeof all; len++) {
        struct ws_extensions chosen = { .has_deflate = false };
        char                *copy = malloc(len + 1); /* so that ASan sees a read past the end */
        memcpy(copy, all, len);
        char *exact = realloc(copy, len > 0 ? len : 1);
        bool  is_read = ws_extensions_read(slice_of(exact, len), &chosen);
        assert_true(is_read || !chosen.has_deflate || len < sizeof all - 1);
        free(exact);
    }
}

TEST(safaris_that_break_are_known)
{
    UNUSED_STATE;
    static const struct { const char *agent; bool is_bad; } list[] = {
        { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.0 Safari/605.1.15", true },
        { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.3 Safari/605.1.15", true },
        { "Mozilla/5.0 (iPhone; CPU iPhone OS 15_1_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148", true },
        { "Mozilla/5.0 (iPad; CPU OS 15_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.2 Mobile/15E148", true },
        { "x Version/15.2", true },
        { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/14.1.2 Safari/605.1.15", false },
        { "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.4 Safari/605.1.15", false },
        { "Mozilla/5.0 (iPhone; CPU iPhone OS 15_8 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.6.6", false },
        { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0", false },
        { "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36", false },
        { "x Version/15.10", false }, { "x Version/15.", false }, { "", false },
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (ws_inflates_badly(slice_str(list[i].agent)) != list[i].is_bad)
            fail_msg("%s", list[i].agent);
}

TESTS(RUN(safaris_that_break_are_known), RUN(what_clients_offer_is_accepted), RUN(an_offer_with_a_wrong_parameter_is_declined),
      RUN(a_window_smaller_than_ours_cannot_be_promised), RUN(the_first_offer_that_can_be_met_is_accepted),
      RUN(several_headers_are_one_list), RUN(a_malformed_list_is_refused), RUN(a_list_cut_off_anywhere_is_read_or_refused))
