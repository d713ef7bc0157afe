#include "hub/message.h"

#include "hub/internal.h"
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

/* --- forms for several dialects ---------------------------------------------------------------------------------------- */

static unsigned encoded, packed; /* calls */

static void encode_plain(struct buf *out, const struct message *m)
{
    encoded++;
    buf_text(out, "plain ");
    buf_slice_append(out, m->draft->payload);
}

static void encode_other(struct buf *out, const struct message *m)
{
    buf_text(out, "other ");
    buf_slice_append(out, m->draft->payload);
}

/* Smaller is what has more than 10 bytes. */
static bool pack_first(struct buf *out, struct slice bytes)
{
    packed++;
    if (bytes.len <= 10)
        return false;
    buf_text(out, "~");
    buf_slice_append(out, slice_first(bytes, 9));
    return true;
}

enum { PLAIN = 1 << 0, OTHER = 1 << 1, PACKED = 1 << 2 };

static struct message *sealed(const char *payload, uint8_t dialects)
{
    static const struct dialect plain = { .index = 0, .encode = encode_plain }, other = { .index = 1, .encode = encode_other },
                                small = { .index = 2, .encode = encode_plain, .pack = pack_first, .plain = 0 };
    static const struct dialect *const table[] = { &plain, &other, &small };

    hub_shared.setup.dialects = table;
    hub_shared.setup.dialect_count = 3;
    encoded = packed = 0;
    struct message *m = message_seal(draft_new(0, SLICE("a"), SLICE("b"), slice_str(payload)), &(struct seal){ .dialects = dialects });
    assert_non_null(m);
    return m;
}

TEST(a_message_is_encoded_once_and_packed_once)
{
    UNUSED_STATE;
    struct message *m = sealed("0123456789", PLAIN | OTHER | PACKED);
    assert_slice(m->bytes[0], "plain 0123456789");
    assert_slice(m->bytes[1], "other 0123456789");
    assert_slice(m->bytes[2], "~plain 012");
    assert_int_equal(encoded, 1);
    assert_int_equal(packed, 1);
    message_unref(m);
    message_scratch_clear();
}

TEST(nothing_is_packed_when_nobody_wants_it)
{
    UNUSED_STATE;
    struct message *m = sealed("0123456789", PLAIN | OTHER);
    assert_int_equal(packed, 0);
    assert_null(m->bytes[2].at);
    struct buf late = { 0 }; /* a listener who came meanwhile */
    message_encode(&late, m, 2);
    assert_slice(buf_slice(&late), "~plain 012");
    buf_clear(&late);
    message_unref(m);
    message_scratch_clear();
}

TEST(the_packed_form_stands_alone_when_only_it_is_wanted)
{
    UNUSED_STATE;
    struct message *m = sealed("0123456789", PACKED);
    assert_slice(m->bytes[2], "~plain 012");
    assert_null(m->bytes[0].at);
    message_unref(m);
    m = sealed("0", PACKED);
    assert_slice(m->bytes[2], "plain 0");
    message_unref(m);
    message_scratch_clear();
}

TEST(what_does_not_get_smaller_is_the_same_bytes_for_both)
{
    UNUSED_STATE;
    struct message *m = sealed("0", PLAIN | PACKED);
    assert_slice(m->bytes[2], "plain 0");
    assert_ptr_equal(m->bytes[2].at, m->bytes[0].at);
    message_unref(m);
    message_scratch_clear();
}

TEST(forms_stay_apart_when_the_memory_of_the_first_moves)
{
    UNUSED_STATE;
    static char text[50001];
    memset(text, 'x', sizeof text - 1);
    struct message *m = sealed(text, PLAIN | OTHER | PACKED);
    assert_int_equal(m->bytes[0].len, sizeof text - 1 + 6);
    assert_slice(slice_first(m->bytes[0], 8), "plain xx");
    assert_slice(m->bytes[2], "~plain xxx");
    message_unref(m);
    message_scratch_clear();
}

TESTS(RUN(a_message_id_goes_there_and_back), RUN(what_is_no_message_id_is_refused), RUN(a_draft_copies_its_texts),
      RUN(a_message_is_encoded_once_and_packed_once), RUN(nothing_is_packed_when_nobody_wants_it),
      RUN(the_packed_form_stands_alone_when_only_it_is_wanted), RUN(what_does_not_get_smaller_is_the_same_bytes_for_both),
      RUN(forms_stay_apart_when_the_memory_of_the_first_moves))
