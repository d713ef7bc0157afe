/* session.c: see session.h. */
#include "hub/session.h"

#include <stdlib.h>

#include "base/counter.h"
#include "hub/internal.h"
#include "hub/user.h"

static const char uuid_alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

static int uuid_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '_' ? 62 : c == '-' ? 63 : -1;
}

/* 6 bits for each character; others are left out. */
static void uuid_pack(struct session *s, struct slice uuid)
{
    for (size_t i = 0; i < uuid.len && s->uuid_len < UUID_TEXT_MAX; i++) {
        int digit = uuid_digit(uuid.at[i]);
        if (digit < 0)
            continue;
        unsigned bit = s->uuid_len++ * 6u;
        unsigned word = (unsigned)digit << (10 - bit % 8);
        s->uuid_packed[bit / 8] |= (unsigned char)(word >> 8);
        if (bit % 8 > 2)
            s->uuid_packed[bit / 8 + 1] |= (unsigned char)word;
    }
}

struct slice session_uuid(const struct session *s, char out[32])
{
    for (unsigned i = 0; i < s->uuid_len; i++) {
        unsigned bit = i * 6;
        unsigned word = (unsigned)s->uuid_packed[bit / 8] << 8;
        if (bit % 8 > 2)
            word |= s->uuid_packed[bit / 8 + 1];
        out[i] = uuid_alphabet[word >> (10 - bit % 8) & 63];
    }
    return slice_of(out, s->uuid_len);
}

void session_open(struct session *s, struct stream *stream, const struct dialect *dialect, uint32_t app, struct slice uuid,
                  struct visitor *given_visitor)
{
    s->stream = stream;
    s->dialect = dialect->index;
    s->app = app;
    stream->tag = (uint8_t)(dialect->index + 1u) & 0xf;
    s->visitor = given_visitor;
    uuid_pack(s, uuid);
    counter_add(COUNTER_SESSIONS, 1);
    struct app *figures = app_here(app);
    if (figures != NULL)
        figures->online++;
}

void session_identify(struct session *s, uint32_t user_id)
{
    s->user_id = user_id;
}

void session_close(struct session *s)
{
    if (s->user_id > 0)
        user_left(s->app, s->user_id, stream_id(s->stream));
    s->stream->tag = 0;
    unsubscribe_all(s);
    visitor_unref(s->visitor);
    s->visitor = NULL;
    counter_sub(COUNTER_SESSIONS, 1);
    struct app *figures = app_here(s->app);
    if (figures != NULL && figures->online > 0)
        figures->online--;
}
