/* refusals.c: see refusals.h. */
#include "server/refusals.h"

#include "http/reply.h"
#include "mysql/result.h"

static void http_text(struct buf *out, enum status why)
{
    http_reply_refusal(out, why);
}

static void mysql_text(struct buf *out, enum status why)
{
    struct error e;
    uint8_t      sequence = 0;
    error_plain(&e, why);
    mysql_result_error(out, &sequence, &e);
}

static enum status make(struct refusals *out, void (*text)(struct buf *out, enum status why))
{
    size_t ends[REFUSAL_COUNT];
    *out = (struct refusals){ 0 };
    for (unsigned i = 0; i < REFUSAL_COUNT; i++) {
        text(&out->bytes, refusal_status((enum refusal)i));
        ends[i] = out->bytes.len;
    }
    if (!buf_ok(&out->bytes)) {
        buf_clear(&out->bytes);
        return E_NO_MEMORY;
    }
    for (unsigned i = 0; i < REFUSAL_COUNT; i++) { /* now the bytes do not move any more */
        size_t begin = i > 0 ? ends[i - 1] : 0;
        out->texts[i] = slice_of(out->bytes.at + begin, ends[i] - begin);
    }
    return OK;
}

enum status refusals_http(struct refusals *out)
{
    return make(out, http_text);
}

enum status refusals_mysql(struct refusals *out)
{
    return make(out, mysql_text);
}

void refusals_clear(struct refusals *r)
{
    buf_clear(&r->bytes);
}
