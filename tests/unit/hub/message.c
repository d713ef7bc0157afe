#include "hub/message.h"

#include "unit/test.h"

TEST(a_message_id_goes_there_and_back)
{
    UNUSED_STATE;
    static const uint64_t epochs[] = { 0, 1, 0x7f3a000000000001, UINT64_MAX };
    static const uint64_t offsets[] = { 0, 1, 0xffffffffffff, 0x1000000000000, (UINT64_C(1) << 58) - 1 };
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 5; k++) {
            struct message m = { .epoch = epochs[i], .offset = offsets[k] };
            char           id[MESSAGE_ID_SIZE];
            uint64_t       epoch, offset;
            message_id(&m, id);
            assert_int_equal(strlen(id), 36);
            assert_true(message_id_parse(slice_str(id), &epoch, &offset));
            assert_true(epoch == epochs[i] && offset == offsets[k]);
        }
}

TEST(what_is_no_message_id_is_refused)
{
    UNUSED_STATE;
    uint64_t          epoch, offset;
    static const char *const wrong[] = { "", "x", "00000000-0000-8000-8000-00000000000", "00000000-0000-7000-8000-000000000000",
                                         "00000000-0000-8000-0000-000000000000", "0000000g-0000-8000-8000-000000000000",
                                         "000000000000-0000-8000-8000-00000000" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(message_id_parse(slice_str(wrong[i]), &epoch, &offset));
}

TEST(a_draft_copies_its_texts)
{
    UNUSED_STATE;
    char          text[] = "payload";
    struct draft *d = draft_new(7, SLICE("name"), SLICE("event"), slice_str(text));
    text[0] = 'X';
    assert_slice(d->payload, "payload");
    assert_slice(d->channel, "name");
    assert_slice(d->event, "event");
    assert_int_equal(d->app, 7);
    draft_free(d);
}

TESTS(RUN(a_message_id_goes_there_and_back), RUN(what_is_no_message_id_is_refused), RUN(a_draft_copies_its_texts))
