/* Packets of FreeSWITCH's event socket: whole, in pieces, wrong. */
#include "unit/test.h"

#include "esl/packet.h"

static const char answer[] = "Content-Type: auth/request\n\n"
                             "Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
                             "\n"
                             "content-type:api/response\r\nContent-Length: 5\r\n\r\n<a/>\n"
                             "Content-Type: text/disconnect-notice\nContent-Length: 0\n\n";

static void check_packet(unsigned number, const struct esl_packet *p)
{
    static const enum esl_kind kinds[] = { ESL_AUTH_REQUEST, ESL_REPLY, ESL_RESPONSE, ESL_GOODBYE };
    assert_true(number < 4);
    assert_int_equal(p->kind, kinds[number]);
    assert_int_equal(p->is_ok, number == 1);
    assert_slice(p->body, number == 2 ? "<a/>\n" : "");
    assert_slice(p->reply, number == 1 ? "+OK accepted" : "");
}

static void feed(struct esl_reader *r, struct slice in, unsigned *number)
{
    struct esl_packet p;
    while (in.len > 0) {
        enum feed fed = esl_packet_feed(r, &in, &p);
        assert_int_not_equal(fed, FEED_BAD);
        if (fed == FEED_DONE)
            check_packet((*number)++, &p);
    }
}

TEST(packets_are_the_same_wherever_the_bytes_are_cut)
{
    UNUSED_STATE;
    for (size_t cut = 0; cut < sizeof answer; cut++) {
        struct esl_reader r;
        unsigned          number = 0;
        esl_reader_init(&r, 100);
        feed(&r, slice_first(slice_str(answer), cut), &number);
        feed(&r, slice_skip(slice_str(answer), cut), &number);
        assert_int_equal(number, 4);
        esl_reader_clear(&r);
    }
}

static enum feed outcome(const char *text)
{
    struct esl_reader r;
    struct esl_packet p;
    struct slice      in = slice_str(text);
    enum feed         fed = FEED_MORE;
    esl_reader_init(&r, 100);
    while (in.len > 0 && fed != FEED_BAD)
        fed = esl_packet_feed(&r, &in, &p);
    esl_reader_clear(&r);
    return fed;
}

TEST(lengths_that_cannot_be_are_refused)
{
    UNUSED_STATE;
    assert_int_equal(outcome("Content-Length: 100\n\n"), FEED_MORE);
    assert_int_equal(outcome("Content-Length: 101\n\n"), FEED_BAD);
    assert_int_equal(outcome("Content-Length: -1\n\n"), FEED_BAD);
    assert_int_equal(outcome("Content-Length: 1x\n\n"), FEED_BAD);
    assert_int_equal(outcome("Content-Length:\n\n"), FEED_BAD);
    assert_int_equal(outcome("Content-Length: 99999999999999999999\n\n"), FEED_BAD);
}

TEST(a_head_has_a_bound)
{
    UNUSED_STATE;
    char *text = malloc(ESL_HEAD_MAX + 16);
    assert_non_null(text);
    memset(text, 'x', ESL_HEAD_MAX + 15);
    text[ESL_HEAD_MAX + 15] = '\0';
    assert_int_equal(outcome(text), FEED_BAD);
    text[ESL_HEAD_MAX - 10] = '\0';
    assert_int_equal(outcome(text), FEED_MORE);
    free(text);
}

TEST(unknown_kinds_and_lines_are_skipped)
{
    UNUSED_STATE;
    assert_int_equal(outcome("no colon here\nContent-Type: text/event-plain\n\n"), FEED_DONE);
    assert_int_equal(outcome("Event-Name: HEARTBEAT\nContent-Length: 2\n\nab"), FEED_DONE);
}

TESTS(RUN(packets_are_the_same_wherever_the_bytes_are_cut), RUN(lengths_that_cannot_be_are_refused),
      RUN(a_head_has_a_bound), RUN(unknown_kinds_and_lines_are_skipped))
