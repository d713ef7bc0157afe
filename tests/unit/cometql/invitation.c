/* What an invited user is told. */
#include "unit/test.h"

#include <stdio.h>

#include "cometql/invitation.h"

static const struct telephony_node nodes[] = { { "pbx:7443", "ws.example", 7443, "" } };
static const struct telephony      telephony = { nodes, 1, { "salt", 4 } };

TEST(the_server_follows_the_formula)
{
    UNUSED_STATE;
    assert_int_equal(invitation_pick(0, SLICE("7"), 3), 0); /* the first byte counts nothing */
    assert_int_equal(invitation_pick(0, SLICE("12"), 7), '2' * 10 % 7);
    assert_int_equal(invitation_pick(1, SLICE("12"), 7), (1000000 + '2' * 10) % 7);
    assert_int_equal(invitation_pick(99999, SLICE("123"), 7), (99999000000 + '2' * 10 + '3' * 20) % 7);
    assert_int_equal(invitation_pick(5, SLICE("x"), 1), 0);
}

TEST(the_channel_depends_on_everything_and_can_be_published_to)
{
    UNUSED_STATE;
    char first[CALL_PIPE_SIZE], other[CALL_PIPE_SIZE];
    invitation_call_pipe(SLICE("salt"), 1, SLICE("7"), SLICE("default"), "pbx:7443", first);
    assert_int_equal(strlen(first), CALL_PIPE_SIZE - 1);
    assert_true(CALL_PIPE_SIZE - 1 <= 64);
    assert_memory_equal(first, CALL_PIPE_PREFIX, strlen(CALL_PIPE_PREFIX));
    for (size_t i = strlen(CALL_PIPE_PREFIX); first[i] != '\0'; i++)
        assert_true((first[i] >= 'a' && first[i] <= 'z') || (first[i] >= 'A' && first[i] <= 'Z'));
    invitation_call_pipe(SLICE("salt"), 1, SLICE("7"), SLICE("default"), "pbx:7443", other);
    assert_string_equal(first, other);
    invitation_call_pipe(SLICE("Salt"), 1, SLICE("7"), SLICE("default"), "pbx:7443", other);
    assert_string_not_equal(first, other);
    invitation_call_pipe(SLICE("salt"), 2, SLICE("7"), SLICE("default"), "pbx:7443", other);
    assert_string_not_equal(first, other);
    invitation_call_pipe(SLICE("salt"), 1, SLICE("8"), SLICE("default"), "pbx:7443", other);
    assert_string_not_equal(first, other);
    invitation_call_pipe(SLICE("salt"), 1, SLICE("7"), SLICE("audio"), "pbx:7443", other);
    assert_string_not_equal(first, other);
    invitation_call_pipe(SLICE("salt"), 1, SLICE("7"), SLICE("default"), "pbx:7444", other);
    assert_string_not_equal(first, other);
}

TEST(the_object_is_written_in_order_and_escaped)
{
    UNUSED_STATE;
    struct buf                   b = { 0 };
    char                         pipe[CALL_PIPE_SIZE], expected[512];
    const struct invitation_text i = { 15, 9, SLICE("7"), SLICE("audio"), SLICE("a \"b\"\n\xff"), -3 };
    invitation_put(&b, &telephony, &nodes[0], &i, "KEY");
    invitation_call_pipe(SLICE("salt"), 15, SLICE("7"), SLICE("audio"), "pbx:7443", pipe);
    snprintf(
        expected, sizeof expected,
        "{\"message\":\"a \\\"b\\\"\\n\xef\xbf\xbd\",\"sys\":{\"callKey\":\"KEY\",\"callPipe\":\"%s\",\"caller_id\":9,"
        "\"conference\":\"true\",\"conference_name\":\"7\",\"mode\":\"audio\",\"serverName\":\"ws.example\","
        "\"serverPort\":7443,\"sipNumber\":\"15*7*audio\",\"stream\":-3}}",
        pipe);
    assert_true(buf_ok(&b));
    assert_slice(buf_slice(&b), expected);
    buf_clear(&b);
}

TEST(keys_of_calls_are_random_uuids)
{
    UNUSED_STATE;
    char a[37], b[37];
    invitation_call_key(a);
    invitation_call_key(b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '4');
    assert_string_not_equal(a, b);
}

TESTS(RUN(the_server_follows_the_formula), RUN(the_channel_depends_on_everything_and_can_be_published_to),
      RUN(the_object_is_written_in_order_and_escaped), RUN(keys_of_calls_are_random_uuids))
