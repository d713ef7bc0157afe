#include "hub/record.h"

#include <stdlib.h>

#include "unit/test.h"

static const struct record sample = {
    .kind = RECORD_MESSAGE,
    .flags = RECORD_IS_OBJECT,
    .subkind = 3,
    .app = 7,
    .user_id = 8,
    .count = 9,
    .epoch = UINT64_C(0x7f3a000000000001),
    .offset = 41,
    .time_ms = UINT64_C(1795440000000),
    .number = UINT64_MAX,
    .name = { "web_chat", 8 },
    .event = { "", 0 },
    .payload = { "{\"a\":1}", 7 },
    .extra = { "uuid", 4 },
};

static void assert_sample(const struct record *r)
{
    assert_int_equal(r->kind, RECORD_MESSAGE);
    assert_int_equal(r->flags, RECORD_IS_OBJECT);
    assert_int_equal(r->subkind, 3);
    assert_int_equal(r->app, 7);
    assert_int_equal(r->user_id, 8);
    assert_int_equal(r->count, 9);
    assert_true(r->epoch == sample.epoch && r->offset == 41 && r->time_ms == sample.time_ms && r->number == UINT64_MAX);
    assert_slice(r->name, "web_chat");
    assert_slice(r->event, "");
    assert_slice(r->payload, "{\"a\":1}");
    assert_slice(r->extra, "uuid");
}

TEST(a_record_goes_there_and_back_and_the_next_one_behind_it)
{
    UNUSED_STATE;
    struct buf    b = { 0 };
    struct record r;
    record_write(&b, &sample);
    record_write(&b, &(struct record){ .kind = RECORD_END });
    struct slice in = buf_slice(&b);
    assert_int_equal(record_feed(&in, &r), FEED_DONE);
    assert_sample(&r);
    assert_int_equal(record_feed(&in, &r), FEED_DONE);
    assert_int_equal(r.kind, RECORD_END);
    assert_int_equal(in.len, 0);
    assert_int_equal(record_feed(&in, &r), FEED_MORE);
    buf_clear(&b);
}

TEST(a_record_that_is_not_whole_waits_at_every_byte)
{
    UNUSED_STATE;
    struct buf    b = { 0 };
    struct record r;
    record_write(&b, &sample);
    for (size_t len = 0; len < b.len; len++) {
        char *part = malloc(len + 1); /* so that a sanitizer sees a look beyond it */
        memcpy(part, b.at, len);
        char        *exact = realloc(part, len > 0 ? len : 1);
        struct slice in = slice_of(exact, len);
        assert_int_equal(record_feed(&in, &r), FEED_MORE);
        assert_int_equal(in.len, len);
        free(exact);
    }
    buf_clear(&b);
}

static enum feed feed_changed(size_t at, uint32_t value)
{
    struct buf    b = { 0 };
    struct record r;
    record_write(&b, &sample);
    memcpy(b.at + at, &value, sizeof value);
    struct slice in = buf_slice(&b);
    enum feed    fed = record_feed(&in, &r);
    buf_clear(&b);
    return fed;
}

TEST(what_cannot_be_is_refused)
{
    UNUSED_STATE;
    enum { LENGTH = 0, KIND = 4, NAME_LEN = 56 };
    assert_int_equal(feed_changed(LENGTH, 0), FEED_BAD);
    assert_int_equal(feed_changed(LENGTH, 71), FEED_BAD);
    assert_int_equal(feed_changed(LENGTH, UINT32_MAX), FEED_BAD);
    assert_int_equal(feed_changed(LENGTH, 80), FEED_BAD);          /* shorter than its texts */
    assert_int_equal(feed_changed(KIND, 0), FEED_BAD);
    assert_int_equal(feed_changed(KIND, RECORD_KIND_COUNT), FEED_BAD);
    assert_int_equal(feed_changed(NAME_LEN, 7), FEED_BAD);         /* something is left */
    assert_int_equal(feed_changed(NAME_LEN, UINT32_MAX), FEED_BAD);
}

TEST(what_is_too_large_is_not_written)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    char      *large = calloc(1, RECORD_MOST);
    record_write(&b, &(struct record){ .kind = RECORD_MESSAGE, .payload = { large, RECORD_MOST } });
    assert_false(buf_ok(&b));
    free(large);
    buf_clear(&b);
}

TESTS(RUN(a_record_goes_there_and_back_and_the_next_one_behind_it), RUN(a_record_that_is_not_whole_waits_at_every_byte),
      RUN(what_cannot_be_is_refused), RUN(what_is_too_large_is_not_written))
