/* xml.c: see xml.h. */
#include "esl/xml.h"

#define CODE_MAX 0x10ffff

void xml_init(struct xml *x, struct slice document)
{
    *x = (struct xml){ .rest = document };
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == ':' || (unsigned char)c >= 0x80;
}

static void skip_blanks(struct slice *s)
{
    while (s->len > 0 && is_blank(*s->at))
        *s = slice_skip(*s, 1);
}

static struct slice take_name(struct slice *s)
{
    size_t n = 0;
    while (n < s->len && is_name_byte(s->at[n]))
        n++;
    struct slice name = slice_first(*s, n);
    *s = slice_skip(*s, n);
    return name;
}

/* Takes everything up to `mark` and the mark itself off `s`. False: there is no mark. */
static bool take_until(struct slice *s, const char *mark, struct slice *out)
{
    size_t len = strlen(mark);
    for (size_t i = 0; i + len <= s->len; i++) {
        if (memcmp(s->at + i, mark, len) != 0)
            continue;
        *out = slice_first(*s, i);
        *s = slice_skip(*s, i + len);
        return true;
    }
    return false;
}

/* --- attributes --------------------------------------------------------------------------------------------------- */

/* One name="value" off the front of `s`. False: there is none, and that is right only when `s` is empty. */
static bool take_attribute(struct slice *s, struct slice *out_name, struct slice *out_value)
{
    skip_blanks(s);
    *out_name = take_name(s);
    skip_blanks(s);
    if (out_name->len == 0 || s->len == 0 || *s->at != '=')
        return false;
    *s = slice_skip(*s, 1);
    skip_blanks(s);
    if (s->len == 0 || (*s->at != '"' && *s->at != '\''))
        return false;
    const char quote[2] = { *s->at, '\0' };
    *s = slice_skip(*s, 1);
    return take_until(s, quote, out_value) && slice_find(*out_value, '<') == SIZE_MAX;
}

static bool are_attributes(struct slice s)
{
    struct slice name, value;
    for (;;) {
        skip_blanks(&s);
        if (s.len == 0)
            return true;
        if (!take_attribute(&s, &name, &value))
            return false;
    }
}

bool xml_attribute(const struct xml *x, const char *name, char *out, size_t size, size_t *out_len)
{
    struct slice rest = x->attributes, found, value;
    while (take_attribute(&rest, &found, &value))
        if (slice_is(found, name))
            return xml_decode(value, out, size, out_len);
    return false;
}

/* --- text --------------------------------------------------------------------------------------------------------- */

/* UTF-8 of a code point; 0 bytes for what is none. */
static size_t encode(uint32_t code, char out[4])
{
    if (code == 0 || code > CODE_MAX || (code >= 0xd800 && code < 0xe000))
        return 0;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)((0xf00 >> len) | code);
    return len;
}

static uint32_t number_of(struct slice digits, unsigned base)
{
    uint32_t value = 0;
    if (digits.len == 0 || digits.len > 8)
        return 0;
    for (size_t i = 0; i < digits.len; i++) {
        char     c = digits.at[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 99;
        if (digit >= base || value > CODE_MAX)
            return 0;
        value = value * base + digit;
    }
    return value;
}

/* What stands between & and ;. 0 bytes: nobody knows. */
static size_t entity(struct slice name, char out[4])
{
    static const struct {
        const char *name;
        char        byte;
    } known[] = { { "lt", '<' }, { "gt", '>' }, { "amp", '&' }, { "quot", '"' }, { "apos", '\'' } };
    if (slice_starts(name, "#x") || slice_starts(name, "#X"))
        return encode(number_of(slice_skip(name, 2), 16), out);
    if (slice_starts(name, "#"))
        return encode(number_of(slice_skip(name, 1), 10), out);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_is(name, known[i].name)) {
            out[0] = known[i].byte;
            return 1;
        }
    return 0;
}

bool xml_decode(struct slice raw, char *out, size_t size, size_t *out_len)
{
    size_t len = 0;
    while (raw.len > 0) {
        char         bytes[4] = { *raw.at };
        size_t       count = 1;
        size_t       end = *raw.at == '&' ? slice_find(slice_first(raw, 12), ';') : SIZE_MAX;
        struct slice name = end != SIZE_MAX ? slice_of(raw.at + 1, end - 1) : (struct slice){ NULL, 0 };
        if (end != SIZE_MAX && (count = entity(name, bytes)) > 0) {
            raw = slice_skip(raw, end + 1);
        } else { /* as it stands */
            bytes[0] = *raw.at;
            count = 1;
            raw = slice_skip(raw, 1);
        }
        if (count > size - len)
            return false;
        memcpy(out + len, bytes, count);
        len += count;
    }
    *out_len = len;
    return true;
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static enum xml_what bad(struct xml *x)
{
    x->is_bad = true;
    return XML_BAD;
}

static enum xml_what open_element(struct xml *x)
{
    struct slice tag;
    size_t       end = 0;
    char         quote = '\0';
    while (end < x->rest.len && (quote != '\0' || x->rest.at[end] != '>')) { /* a > in an attribute does not end it */
        char c = x->rest.at[end++];
        if (quote == '\0' && (c == '"' || c == '\''))
            quote = c;
        else if (c == quote)
            quote = '\0';
    }
    if (end == x->rest.len || x->depth == XML_DEPTH_MAX || (x->depth == 0 && x->has_root))
        return bad(x);
    tag = slice_first(x->rest, end);
    x->rest = slice_skip(x->rest, end + 1);
    x->closes_next = tag.len > 0 && tag.at[tag.len - 1] == '/';
    if (x->closes_next)
        tag.len--;
    x->name = take_name(&tag);
    if (x->name.len == 0 || (tag.len > 0 && !is_blank(*tag.at)) || !are_attributes(tag))
        return bad(x);
    x->attributes = tag;
    x->has_root = true;
    x->names[x->depth++] = x->name;
    return XML_OPEN;
}

static enum xml_what close_element(struct xml *x)
{
    struct slice tag;
    if (!take_until(&x->rest, ">", &tag))
        return bad(x);
    x->name = take_name(&tag);
    skip_blanks(&tag);
    if (tag.len > 0 || x->depth == 0 || !slice_equal(x->name, x->names[x->depth - 1]))
        return bad(x);
    x->has_closed = true;
    return XML_CLOSE;
}

static enum xml_what literal(struct xml *x)
{
    if (x->depth == 0 || !take_until(&x->rest, "]]>", &x->text))
        return bad(x);
    x->is_literal = true;
    return XML_TEXT;
}

/* Text up to the next tag. */
static enum xml_what text(struct xml *x)
{
    size_t end = slice_find(x->rest, '<');
    x->text = slice_first(x->rest, end != SIZE_MAX ? end : x->rest.len);
    x->rest = slice_skip(x->rest, x->text.len);
    x->is_literal = false;
    return XML_TEXT;
}

/* True: something was skipped. False: there is nothing to skip, or it has no end. */
static bool skip_one(struct xml *x, const char *begin, const char *end)
{
    struct slice skipped;
    if (!slice_starts(x->rest, begin))
        return false;
    x->rest = slice_skip(x->rest, strlen(begin));
    if (!take_until(&x->rest, end, &skipped))
        x->is_bad = true;
    return !x->is_bad;
}

/* What stands between elements and means nothing: comments, instructions, and blanks outside of the root. */
static void skip_silence(struct xml *x)
{
    do {
        if (x->depth == 0)
            skip_blanks(&x->rest);
    } while (!x->is_bad && (skip_one(x, "<?", "?>") || skip_one(x, "<!--", "-->")));
}

static bool take(struct xml *x, const char *begin)
{
    if (!slice_starts(x->rest, begin))
        return false;
    x->rest = slice_skip(x->rest, strlen(begin));
    return true;
}

/* The end of the element that was open; also of one like <a/>. */
static bool leave_element(struct xml *x)
{
    if (x->has_closed) {
        x->has_closed = false;
        x->depth--;
    }
    x->has_closed = x->closes_next;
    x->closes_next = false;
    return x->has_closed;
}

enum xml_what xml_next(struct xml *x)
{
    if (!x->is_bad && leave_element(x))
        return XML_CLOSE;
    if (!x->is_bad)
        skip_silence(x);
    if (x->is_bad)
        return XML_BAD;
    if (x->rest.len == 0)
        return x->depth == 0 && x->has_root ? XML_END : bad(x);
    if (*x->rest.at != '<')
        return x->depth > 0 ? text(x) : bad(x);
    if (take(x, "<![CDATA["))
        return literal(x);
    if (take(x, "</"))
        return close_element(x);
    return take(x, "<") ? open_element(x) : bad(x);
}
