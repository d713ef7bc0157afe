/* The frames of a server, and the labels in them, are the same however the bytes are cut. */
#include "fuzz/fuzz.h"

#include "base/status.h"
#include "load/incoming.h"
#include "load/label.h"

struct seen {
    uint64_t     frames, hash;
    struct track track;
};

static void on_frame(void *context, const struct incoming_frame *f)
{
    struct seen        *s = context;
    struct slice        rest = f->look;
    struct label        l;
    struct track_faults faults = { 0 };
    s->frames++;
    s->hash = s->hash * 31 + f->kind;
    for (size_t i = 0; i < f->look.len; i++)
        s->hash = s->hash * 31 + (unsigned char)f->look.at[i];
    while (label_take(&rest, &l))
        track_hear(&s->track, l.number == TRACK_ANY ? 0 : l.number, &faults);
}

static bool read_pieces(struct slice whole, size_t piece, struct seen *out)
{
    struct incoming in = { 0 };
    bool            is_good = true;
    track_begin(&out->track, TRACK_ANY);
    while (whole.len > 0 && is_good) {
        is_good = incoming_feed(&in, slice_first(whole, piece), on_frame, out);
        whole = slice_skip(whole, piece);
    }
    incoming_clear(&in);
    return is_good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = { 1, 2, 7, 1000 };
    struct seen         whole = { 0 };
    bool                is_good = size == 0 || read_pieces(slice_of(data, size), size, &whole);
    for (size_t i = 0; size > 0 && i < sizeof pieces / sizeof *pieces; i++) {
        struct seen cut = { 0 };
        bug_if(read_pieces(slice_of(data, size), pieces[i], &cut) != is_good);
        bug_if(cut.frames != whole.frames || cut.hash != whole.hash || cut.track.next != whole.track.next);
    }
    return 0;
}
