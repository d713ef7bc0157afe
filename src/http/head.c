/* head.c: one function for each state; http_head_feed calls them until the bytes or the states end.
 *
 * A state takes what is its own from the front and moves on with enter(), or takes all there is and stays. */
#include "http/head.h"

#include <assert.h>

enum {
    HEAD_START,    /* before the request line; empty lines are skipped (RFC 9112 section 2.2) */
    HEAD_START_LF, /* CR of an empty line seen */
    HEAD_METHOD,
    HEAD_TARGET,
    HEAD_VERSION,  /* "HTTP/1.1" up to its CR */
    HEAD_FIELD,    /* at the start of a line */
    HEAD_NAME,
    HEAD_BLANK,    /* between colon and value */
    HEAD_VALUE,
    HEAD_LINE_LF,  /* CR of a line seen */
    HEAD_END_LF,   /* CR of the empty line seen */
    HEAD_DONE,
    HEAD_BAD,
};

#define METHOD_MAX 32

static bool is_token(unsigned char c)
{
    static const uint64_t bits[2] = { 0x03ff6cfa00000000u, 0x57ffffffc7fffffeu }; /* RFC 9110 section 5.6.2 */
    return c < 128 && (bits[c >> 6] >> (c & 63) & 1) != 0;
}

static bool is_in_value(unsigned char c)
{
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

static bool is_in_target(unsigned char c)
{
    return c > 0x20 && c != 0x7f;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void enter(struct http_head *h, unsigned state)
{
    h->state = (uint8_t)state;
    h->mark = h->pos;
}

static void refuse(struct http_head *h, uint16_t status, const char *sentence)
{
    h->state = HEAD_BAD;
    h->status = status;
    h->sentence = sentence;
}

static void take_start(struct http_head *h, const char *at, uint32_t len)
{
    (void)len;
    if (at[h->pos] == '\r') {
        h->pos++;
        enter(h, HEAD_START_LF);
    } else if (at[h->pos] == 0x16) {
        refuse(h, 400, "This looks like TLS; the port speaks plain HTTP");
    } else {
        enter(h, HEAD_METHOD);
    }
}

static void take_lf(struct http_head *h, const char *at, unsigned next)
{
    if (at[h->pos] != '\n') {
        refuse(h, 400, "A CR is not followed by an LF");
        return;
    }
    h->pos++;
    enter(h, next);
}

static void take_start_lf(struct http_head *h, const char *at, uint32_t len)
{
    (void)len;
    take_lf(h, at, HEAD_START);
}

static void take_method(struct http_head *h, const char *at, uint32_t len)
{
    while (h->pos < len && is_token((unsigned char)at[h->pos]))
        h->pos++;
    if (h->pos - h->mark > METHOD_MAX) {
        refuse(h, 501, "The method is unknown");
        return;
    }
    if (h->pos == len)
        return;
    if (at[h->pos] != ' ' || h->pos == h->mark) {
        refuse(h, 400, "The request line does not begin with a method and one blank");
        return;
    }
    h->method_at = h->mark;
    h->method_len = h->pos - h->mark;
    h->pos++;
    enter(h, HEAD_TARGET);
}

static void take_target(struct http_head *h, const char *at, uint32_t len)
{
    while (h->pos < len && is_in_target((unsigned char)at[h->pos]))
        h->pos++;
    if (h->pos == len)
        return;
    if (at[h->pos] != ' ' || h->pos == h->mark) {
        refuse(h, 400, "The request line is not: method, one blank, target, one blank, version");
        return;
    }
    h->target_at = h->mark;
    h->target_len = h->pos - h->mark;
    h->pos++;
    enter(h, HEAD_VERSION);
}

static void judge_version(struct http_head *h, const char *v)
{
    if (!is_digit(v[5]) || v[6] != '.' || !is_digit(v[7]))
        refuse(h, 400, "The version is not HTTP/ and two digits");
    else if (v[5] != '1')
        refuse(h, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here");
    else
        h->minor = v[7] == '0' ? 0 : 1;
}

static void take_version(struct http_head *h, const char *at, uint32_t len)
{
    static const char name[] = "HTTP/";

    for (; h->pos < len; h->pos++) {
        uint32_t seen = h->pos - h->mark;
        if (seen == 8)
            break;
        if (seen < 5 && at[h->pos] != name[seen]) {
            refuse(h, 400, "The request line does not end with HTTP/ and a version");
            return;
        }
    }
    if (h->pos == len)
        return;
    judge_version(h, at + h->mark);
    if (h->state == HEAD_BAD)
        return;
    if (at[h->pos] != '\r') {
        refuse(h, 400, "The request line does not end with CR LF");
        return;
    }
    h->pos++;
    enter(h, HEAD_LINE_LF);
}

static void take_line_lf(struct http_head *h, const char *at, uint32_t len)
{
    (void)len;
    take_lf(h, at, HEAD_FIELD);
}

static void take_field(struct http_head *h, const char *at, uint32_t len)
{
    (void)len;
    if (at[h->pos] == '\r') {
        h->pos++;
        enter(h, HEAD_END_LF);
    } else if (at[h->pos] == ' ' || at[h->pos] == '\t') {
        refuse(h, 400, "A header line begins with a blank");
    } else if (h->field_count == h->field_limit) {
        refuse(h, 431, "The request has too many header lines");
    } else {
        enter(h, HEAD_NAME);
    }
}

static void take_name(struct http_head *h, const char *at, uint32_t len)
{
    while (h->pos < len && is_token((unsigned char)at[h->pos]))
        h->pos++;
    if (h->pos == len)
        return;
    if (at[h->pos] != ':' || h->pos == h->mark) {
        refuse(h, 400, "A header line is not a name with a colon right behind it");
        return;
    }
    h->field[h->field_count].name_at = h->mark;
    h->field[h->field_count].name_len = h->pos - h->mark;
    h->pos++;
    enter(h, HEAD_BLANK);
}

static void take_blank(struct http_head *h, const char *at, uint32_t len)
{
    while (h->pos < len && (at[h->pos] == ' ' || at[h->pos] == '\t'))
        h->pos++;
    if (h->pos < len)
        enter(h, HEAD_VALUE);
}

static void take_value(struct http_head *h, const char *at, uint32_t len)
{
    while (h->pos < len && is_in_value((unsigned char)at[h->pos]))
        h->pos++;
    if (h->pos == len)
        return;
    if (at[h->pos] != '\r') {
        refuse(h, 400, "A header line holds a control character or does not end with CR LF");
        return;
    }
    uint32_t end = h->pos;
    while (end > h->mark && (at[end - 1] == ' ' || at[end - 1] == '\t'))
        end--;
    h->field[h->field_count].value_at = h->mark;
    h->field[h->field_count].value_len = end - h->mark;
    h->field_count++;
    h->pos++;
    enter(h, HEAD_LINE_LF);
}

static void take_end_lf(struct http_head *h, const char *at, uint32_t len)
{
    (void)len;
    take_lf(h, at, HEAD_DONE);
}

static void (*const takes[])(struct http_head *h, const char *at, uint32_t len) = {
    [HEAD_START] = take_start,
    [HEAD_START_LF] = take_start_lf,
    [HEAD_METHOD] = take_method,
    [HEAD_TARGET] = take_target,
    [HEAD_VERSION] = take_version,
    [HEAD_FIELD] = take_field,
    [HEAD_NAME] = take_name,
    [HEAD_BLANK] = take_blank,
    [HEAD_VALUE] = take_value,
    [HEAD_LINE_LF] = take_line_lf,
    [HEAD_END_LF] = take_end_lf,
};

/* Makes method, path and query point into the bytes. False: the target has none of the forms of RFC 9112 section 3.2. */
static bool point(struct http_head *h)
{
    struct slice rest = { h->base + h->target_at, h->target_len };

    h->method = slice_of(h->base + h->method_at, h->method_len);
    if (rest.at[0] != '/' && !slice_is(rest, "*")) {
        size_t scheme = slice_is_nocase(slice_first(rest, 7), "http://")    ? 7
                        : slice_is_nocase(slice_first(rest, 8), "https://") ? 8
                                                                            : 0;
        if (scheme == 0)
            return false;
        rest = slice_skip(rest, scheme);
        while (rest.len > 0 && rest.at[0] != '/' && rest.at[0] != '?')
            rest = slice_skip(rest, 1);
        if (rest.len == 0 || rest.at[0] == '?') {
            h->path = SLICE("/");
            h->query = slice_skip(rest, 1);
            return true;
        }
    }
    h->path = slice_cut(&rest, '?');
    h->query = rest;
    return true;
}

static void judge_length(struct http_head *h)
{
    struct slice length = http_head_get(h, "content-length");

    if (length.at == NULL)
        return;
    if (length.len == 0 || http_head_count(h, "content-length") > 1) {
        refuse(h, 400, "Content-Length must be given once, as a number");
        return;
    }
    for (size_t i = 0; i < length.len; i++) {
        if (!is_digit(length.at[i])) {
            refuse(h, 400, "Content-Length must be given once, as a number");
            return;
        }
    }
    if (!slice_u64(length, UINT64_MAX - 1, &h->content_length))
        h->content_length = UINT64_MAX; /* over every bound there is */
}

/* The head as a whole: what the fields mean for this connection. */
static void judge(struct http_head *h)
{
    if (!point(h)) {
        refuse(h, 400, "The request target is not a path");
    } else if (http_head_count(h, "host") > 1 || (h->minor > 0 && http_head_count(h, "host") == 0)) {
        refuse(h, 400, "HTTP/1.1 wants exactly one Host header");
    } else if (http_head_get(h, "transfer-encoding").at != NULL) {
        /* Never decoded, and the connection is closed: no second program can disagree about where the body ends. */
        if (h->minor == 0 || http_head_get(h, "content-length").at != NULL)
            refuse(h, 400, "Transfer-Encoding does not go with HTTP/1.0 or Content-Length");
        else
            refuse(h, 501, "Transfer-Encoding is not supported; send the body with a Content-Length");
    } else {
        judge_length(h);
    }
    if (h->state == HEAD_BAD)
        return;
    h->keeps_alive = !http_head_lists(h, "connection", "close") &&
                     (h->minor > 0 || http_head_lists(h, "connection", "keep-alive"));
    struct slice expect = http_head_get(h, "expect");
    if (expect.at == NULL || h->minor == 0)
        return;
    if (slice_is_nocase(expect, "100-continue"))
        h->expects_continue = true;
    else
        refuse(h, 417, "Only 100-continue can be expected");
}

void http_head_init(struct http_head *h, uint32_t head_bytes, uint32_t field_limit)
{
    memset(h, 0, offsetof(struct http_head, field));
    h->head_bytes = head_bytes;
    h->field_limit = field_limit < HTTP_FIELDS_MAX ? field_limit : HTTP_FIELDS_MAX;
}

enum feed http_head_feed(struct http_head *h, struct slice so_far)
{
    uint32_t len = so_far.len < h->head_bytes ? (uint32_t)so_far.len : h->head_bytes;

    h->base = so_far.at;
    if (h->state == HEAD_DONE) {
        point(h);
        return FEED_DONE;
    }
    while (h->state < HEAD_DONE && h->pos < len)
        takes[h->state](h, so_far.at, len);
    if (h->state == HEAD_DONE) {
        h->len = h->pos;
        judge(h);
    }
    if (h->state < HEAD_DONE && h->pos == h->head_bytes) {
        bool in_first_line = h->state < HEAD_FIELD;
        refuse(h, in_first_line ? 414 : 431, in_first_line ? "The request line is too long" : "The header is too large");
    }
    return h->state == HEAD_BAD ? FEED_BAD : h->state == HEAD_DONE ? FEED_DONE : FEED_MORE;
}

bool http_head_has_begun(const struct http_head *h)
{
    return h->state > HEAD_START_LF;
}

void http_head_copy(struct http_head *to, const struct http_head *from)
{
    /* One more than counted: the name of an unfinished line may stand there already. */
    size_t used = from->field_count < HTTP_FIELDS_MAX ? from->field_count + 1 : HTTP_FIELDS_MAX;
    memcpy(to, from, offsetof(struct http_head, field) + used * sizeof from->field[0]);
}

struct slice http_head_name(const struct http_head *h, uint32_t i)
{
    assert(i < h->field_count);
    return slice_of(h->base + h->field[i].name_at, h->field[i].name_len);
}

struct slice http_head_value(const struct http_head *h, uint32_t i)
{
    assert(i < h->field_count);
    return slice_of(h->base + h->field[i].value_at, h->field[i].value_len);
}

static bool is_named(const struct http_head *h, uint32_t i, struct slice name)
{
    return h->field[i].name_len == name.len && slice_equal_nocase(http_head_name(h, i), name);
}

struct slice http_head_get(const struct http_head *h, const char *name)
{
    struct slice wanted = slice_str(name);

    for (uint32_t i = 0; i < h->field_count; i++) {
        if (is_named(h, i, wanted))
            return http_head_value(h, i);
    }
    return (struct slice){ NULL, 0 };
}

unsigned http_head_count(const struct http_head *h, const char *name)
{
    struct slice wanted = slice_str(name);
    unsigned     count = 0;

    for (uint32_t i = 0; i < h->field_count; i++)
        count += is_named(h, i, wanted);
    return count;
}

bool http_list_next(struct slice *rest, struct slice *out_element)
{
    while (rest->len > 0) {
        struct slice element = slice_trim(slice_cut(rest, ','));
        if (element.len > 0) {
            *out_element = element;
            return true;
        }
    }
    return false;
}

bool http_head_lists(const struct http_head *h, const char *name, const char *token)
{
    struct slice wanted = slice_str(name);

    for (uint32_t i = 0; i < h->field_count; i++) {
        if (!is_named(h, i, wanted))
            continue;
        struct slice rest = http_head_value(h, i), element;
        while (http_list_next(&rest, &element)) {
            if (slice_is_nocase(element, token))
                return true;
        }
    }
    return false;
}
