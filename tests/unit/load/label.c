/* Labels go there and back, and what a listener misses, hears twice or in another order is seen. */
#include "load/label.h"

#include "unit/test.h"

TEST(a_label_is_found_wherever_it_stands)
{
    UNUSED_STATE;
    struct label said = { .run = 0xabcdef01, .stream = 0xfffffffe, .number = 77, .sent_ns = UINT64_C(0x1234567890abcdef) }, heard;
    struct buf   b = { 0 };
    buf_text(&b, "{\"data\":\"encke-load:nothing encke-load:");
    label_write(&b, &said, 200);
    buf_text(&b, "\"}");
    struct slice rest = buf_slice(&b);
    assert_true(label_take(&rest, &heard));
    assert_int_equal(said.run, heard.run);
    assert_int_equal(said.stream, heard.stream);
    assert_int_equal(said.number, heard.number);
    assert_int_equal(said.sent_ns, heard.sent_ns);
    assert_false(label_take(&rest, &heard));
    buf_clear(&b);
}

TEST(labels_are_taken_one_after_the_other)
{
    UNUSED_STATE;
    struct label l = { 0 };
    struct buf   b = { 0 };
    for (l.number = 0; l.number < 5; l.number++)
        label_write(&b, &l, 60 + l.number);
    struct slice rest = buf_slice(&b);
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(label_take(&rest, &l));
        assert_int_equal(l.number, i);
    }
    assert_false(label_take(&rest, &l));
    buf_clear(&b);
}

TEST(a_label_has_the_size_that_was_asked_for)
{
    UNUSED_STATE;
    const struct label l = { .stream = 1 };
    for (uint32_t bytes = 0; bytes < 300; bytes++) {
        struct buf b = { 0 };
        label_write(&b, &l, bytes);
        assert_int_equal(b.len, bytes > LABEL_BYTES ? bytes : LABEL_BYTES);
        buf_clear(&b);
    }
}

TEST(what_is_no_label_is_none_wherever_it_is_cut)
{
    UNUSED_STATE;
    struct label l = { .number = 5 }, heard;
    struct buf   b = { 0 };
    label_write(&b, &l, 0);
    for (size_t cut = 0; cut < b.len; cut++) {
        struct slice piece = slice_first(buf_slice(&b), cut);
        assert_false(label_take(&piece, &heard));
    }
    b.at[14] = 'g';
    struct slice wrong = buf_slice(&b);
    assert_false(label_take(&wrong, &heard));
    buf_clear(&b);
}

static struct track_faults hear(uint32_t from, const int *numbers, uint32_t published)
{
    struct track        t;
    struct track_faults faults = { 0 };
    track_begin(&t, from);
    for (; *numbers >= 0; numbers++)
        track_hear(&t, (uint32_t)*numbers, &faults);
    faults.missing += track_behind(&t, published);
    return faults;
}

TEST(listeners_count_what_must_not_be)
{
    UNUSED_STATE;
    static const struct {
        uint32_t from, published;
        int      numbers[10];
        uint64_t missing, doubled, disordered;
    } samples[] = {
        { 0, 4, { 0, 1, 2, 3, -1 }, 0, 0, 0 },
        { 2, 4, { 2, 3, -1 }, 0, 0, 0 },
        { 2, 4, { 1, 2, 3, -1 }, 0, 0, 0 }, /* the first was on its way already */
        { 0, 4, { 0, 2, 3, -1 }, 1, 0, 0 },
        { 0, 4, { 0, 1, 1, 2, 3, -1 }, 0, 1, 0 },
        { 0, 4, { 0, 2, 1, 3, -1 }, 0, 0, 1 },
        { 0, 4, { 0, 1, -1 }, 2, 0, 0 },
        { 0, 4, { -1 }, 4, 0, 0 },
        { 4, 4, { -1 }, 0, 0, 0 },
        { 3, 5, { 4, -1 }, 1, 0, 0 },
        { 0, 5, { 0, 1, 2, 3, 4, 1, -1 }, 0, 1, 0 },    /* twice, though not one after the other */
        { 0, 5, { 0, 2, 3, 4, 2, -1 }, 1, 1, 0 },       /* one doubled does not stand for the one that is missing */
        { 0, 5, { 0, 4, 1, 2, 3, -1 }, 0, 0, 3 },
        { 0, 5, { 0, 4, 2, 2, -1 }, 2, 1, 1 },          /* late, and then once more */
        { 0, 50, { 0, 40, 1, -1 }, 48, 0, 1 },          /* too late to be told from one that came twice: it stays missing */
        { 0, 60, { 0, 33, 32, 2, -1 }, 56, 0, 2 },
        { 4294967295u, 9, { 6, 7, 8, -1 }, 0, 0, 0 },   /* from the first that comes */
        { 4294967295u, 9, { 6, 6, 8, -1 }, 1, 1, 0 },
        { 4294967295u, 9, { -1 }, 0, 0, 0 },
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct track_faults f = hear(samples[i].from, samples[i].numbers, samples[i].published);
        assert_int_equal(f.missing, samples[i].missing);
        assert_int_equal(f.doubled, samples[i].doubled);
        assert_int_equal(f.disordered, samples[i].disordered);
    }
}

TEST(what_came_before_it_was_known_where_to_begin_counts)
{
    UNUSED_STATE;
    struct track        t;
    struct track_faults faults = { 0 };
    track_begin(&t, TRACK_ANY);
    track_hear(&t, 5, &faults);
    track_settle(&t, 7); /* 6 is on its way: it must come */
    track_hear(&t, 7, &faults);
    assert_int_equal(faults.missing, 1);
    track_begin(&t, TRACK_ANY);
    track_settle(&t, 7);
    assert_int_equal(track_behind(&t, 9), 2);
}

TESTS(RUN(a_label_is_found_wherever_it_stands), RUN(labels_are_taken_one_after_the_other),
      RUN(a_label_has_the_size_that_was_asked_for),
      RUN(what_is_no_label_is_none_wherever_it_is_cut), RUN(listeners_count_what_must_not_be),
      RUN(what_came_before_it_was_known_where_to_begin_counts))
