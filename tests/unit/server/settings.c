/* The table of settings. */
#include "server/settings.h"

#include "unit/test.h"

TEST(every_setting_is_found_by_its_names)
{
    UNUSED_STATE;
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        const struct setting *row = setting_row((enum setting_id)i);
        assert_int_equal(setting_find(slice_str(row->section), slice_str(row->key)), i);
        assert_true(strlen(row->sentence) > 10);
        assert_true(row->min <= row->max);
        assert_true(strlen(row->section) + strlen(row->key) < 60);
    }
}

TEST(older_names_lead_to_the_same_setting)
{
    UNUSED_STATE;
    assert_int_equal(setting_find(SLICE("ws"), SLICE("benchmark")), SETTING_ID_ws_statistics);
    assert_int_equal(setting_find(SLICE("benchmark"), SLICE("to_log")), SETTING_ID_statistics_to_log);
    assert_int_equal(setting_find(SLICE("ws"), SLICE("Port")), SETTING_COUNT);
}

TEST(a_variable_is_capitals_of_section_and_key)
{
    UNUSED_STATE;
    assert_int_equal(setting_find_variable(SLICE("ENCKE_WS_PORT")), SETTING_ID_ws_port);
    assert_int_equal(setting_find_variable(SLICE("ENCKE_MAIN_STATE_DIR")), SETTING_ID_main_state_dir);
    assert_int_equal(setting_find_variable(SLICE("ENCKE_ws_port")), SETTING_COUNT);
    assert_int_equal(setting_find_variable(SLICE("ENCKE_WS")), SETTING_COUNT);
    assert_int_equal(setting_find_variable(SLICE("WS_PORT")), SETTING_COUNT);
}

TEST(keys_without_effect_are_known_with_a_reason)
{
    UNUSED_STATE;
    assert_non_null(setting_ignored_find(SLICE("ws"), SLICE("thread_num")));
    assert_non_null(setting_ignored_find(SLICE("cometqlproxy"), SLICE("anything")));
    assert_non_null(setting_ignored_find(SLICE("sip"), SLICE("host")));
    assert_null(setting_ignored_find(SLICE("sip"), SLICE("anything")));
    assert_null(setting_ignored_find(SLICE("ws"), SLICE("anything")));
}

TEST(the_distance_counts_letters_to_change)
{
    UNUSED_STATE;
    assert_int_equal(setting_distance(SLICE(""), SLICE("")), 0);
    assert_int_equal(setting_distance(SLICE(""), SLICE("abc")), 3);
    assert_int_equal(setting_distance(SLICE("kitten"), SLICE("sitting")), 3);
    assert_int_equal(setting_distance(SLICE("WS.PORT"), SLICE("ws.port")), 0);
    char longer[65];
    memset(longer, 'x', sizeof longer);
    assert_true(setting_distance(slice_of(longer, sizeof longer), SLICE("x")) == SIZE_MAX);
}

TESTS(RUN(every_setting_is_found_by_its_names), RUN(older_names_lead_to_the_same_setting),
      RUN(a_variable_is_capitals_of_section_and_key), RUN(keys_without_effect_are_known_with_a_reason),
      RUN(the_distance_counts_letters_to_change))
