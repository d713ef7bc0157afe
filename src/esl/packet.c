/* packet.c: see packet.h. */
#include "esl/packet.h"

#define KEPT_BYTES 65536 /* between packets */

void esl_reader_init(struct esl_reader *r, size_t body_limit)
{
    *r = (struct esl_reader){ .body_limit = body_limit, .bytes.limit = body_limit + ESL_HEAD_MAX };
}

void esl_reader_clear(struct esl_reader *r)
{
    size_t limit = r->body_limit;
    buf_clear(&r->bytes);
    esl_reader_init(r, limit);
}

static void next_packet(struct esl_reader *r)
{
    buf_recycle(&r->bytes, KEPT_BYTES);
    r->head_len = r->body_len = 0;
    r->is_done = false;
}

/* The value of a line of the head; its `at` is NULL when there is no such line. Names are compared without case. */
static struct slice head_value(const struct esl_reader *r, const char *name)
{
    struct slice head = slice_first(buf_slice(&r->bytes), r->head_len);
    while (head.len > 0) {
        struct slice line = slice_cut(&head, '\n');
        if (slice_find(line, ':') == SIZE_MAX)
            continue;
        if (slice_is_nocase(slice_trim(slice_cut(&line, ':')), name))
            return slice_trim(line);
    }
    return (struct slice){ NULL, 0 };
}

/* An empty line ends the head; empty lines before it are skipped. */
static enum feed feed_head(struct esl_reader *r, struct slice *in)
{
    while (in->len > 0) {
        char byte = *in->at;
        *in = slice_skip(*in, 1);
        if (byte == '\r' || (byte == '\n' && r->bytes.len == 0))
            continue;
        if (r->bytes.len >= ESL_HEAD_MAX || byte == '\0')
            return FEED_BAD;
        buf_byte(&r->bytes, (unsigned char)byte);
        if (!buf_ok(&r->bytes))
            return FEED_BAD;
        if (byte != '\n' || r->bytes.len < 2 || r->bytes.at[r->bytes.len - 2] != '\n')
            continue;
        r->head_len = r->bytes.len;
        struct slice length = head_value(r, "Content-Length");
        uint64_t     body_len = 0;
        if (length.at != NULL && !slice_u64(length, r->body_limit, &body_len))
            return FEED_BAD;
        r->body_len = (size_t)body_len;
        return FEED_DONE;
    }
    return FEED_MORE;
}

static enum feed feed_body(struct esl_reader *r, struct slice *in)
{
    size_t       wanted = r->head_len + r->body_len - r->bytes.len;
    struct slice part = slice_first(*in, wanted);
    buf_slice_append(&r->bytes, part);
    *in = slice_skip(*in, part.len);
    if (!buf_ok(&r->bytes))
        return FEED_BAD;
    return part.len == wanted ? FEED_DONE : FEED_MORE;
}

static enum esl_kind kind_of(struct slice type)
{
    static const struct {
        const char   *name;
        enum esl_kind kind;
    } names[] = {
        { "auth/request", ESL_AUTH_REQUEST },   { "command/reply", ESL_REPLY },
        { "api/response", ESL_RESPONSE },       { "text/disconnect-notice", ESL_GOODBYE },
        { "text/rude-rejection", ESL_GOODBYE },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_is_nocase(type, names[i].name))
            return names[i].kind;
    return ESL_OTHER;
}

enum feed esl_packet_feed(struct esl_reader *r, struct slice *in, struct esl_packet *out)
{
    enum feed fed = FEED_DONE;
    if (r->is_done)
        next_packet(r);
    if (r->head_len == 0)
        fed = feed_head(r, in);
    if (fed == FEED_DONE)
        fed = feed_body(r, in);
    if (fed != FEED_DONE)
        return fed;
    r->is_done = true;
    struct slice reply = head_value(r, "Reply-Text");
    *out = (struct esl_packet){
        .kind = kind_of(head_value(r, "Content-Type")),
        .is_ok = slice_starts(reply, "+OK"),
        .reply = reply,
        .body = slice_skip(buf_slice(&r->bytes), r->head_len),
    };
    return FEED_DONE;
}
