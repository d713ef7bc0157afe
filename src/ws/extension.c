/* extension.c: see extension.h. Start reading at ws_extensions_read. */
#include "ws/extension.h"

#include <stdio.h>

#define BITS_MIN  8
#define BITS_MAX  15
#define VALUE_MAX 3 /* bytes of a value that are kept: no valid one has more than 2 */

struct parameter {
    struct slice name;
    bool         has_value;
    char         value[VALUE_MAX]; /* its beginning, unquoted */
    size_t       value_len;
};

/* What an offer of permessage-deflate has said so far. */
struct offer {
    bool is_declined;
    bool has_server_takeover, has_client_takeover, has_server_bits, has_client_bits;
};

/* --- the grammar ------------------------------------------------------------------------------------------------------- */

/* RFC 9110 section 5.6.2 */
static bool is_token_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static void skip_blanks(struct slice *rest)
{
    while (rest->len > 0 && (rest->at[0] == ' ' || rest->at[0] == '\t'))
        *rest = slice_skip(*rest, 1);
}

/* The separator, with the blanks around it. */
static bool take_separator(struct slice *rest, char separator)
{
    skip_blanks(rest);
    if (rest->len == 0 || rest->at[0] != separator)
        return false;
    *rest = slice_skip(*rest, 1);
    skip_blanks(rest);
    return true;
}

static bool take_token(struct slice *rest, struct slice *out)
{
    size_t len = 0;

    while (len < rest->len && is_token_byte(rest->at[len]))
        len++;
    *out = slice_first(*rest, len);
    *rest = slice_skip(*rest, len);
    return len > 0;
}

static bool add_to_value(struct parameter *p, char c)
{
    if (p->value_len < VALUE_MAX)
        p->value[p->value_len++] = c;
    return is_token_byte(c);
}

/* Behind the opening quote. What is quoted must be a token. */
static bool take_quoted(struct slice *rest, struct parameter *p)
{
    while (rest->len > 0 && rest->at[0] != '"') {
        if (rest->at[0] == '\\')
            *rest = slice_skip(*rest, 1);
        if (rest->len == 0 || !add_to_value(p, rest->at[0]))
            return false;
        *rest = slice_skip(*rest, 1);
    }
    if (rest->len == 0 || p->value_len == 0)
        return false;
    *rest = slice_skip(*rest, 1);
    return true;
}

static bool take_value(struct slice *rest, struct parameter *p)
{
    struct slice token;

    p->has_value = true;
    if (rest->len > 0 && rest->at[0] == '"') {
        *rest = slice_skip(*rest, 1);
        return take_quoted(rest, p);
    }
    if (!take_token(rest, &token))
        return false;
    for (size_t i = 0; i < token.len; i++)
        add_to_value(p, token.at[i]);
    return true;
}

/* --- an offer ---------------------------------------------------------------------------------------------------------- */

static bool once(bool *seen)
{
    bool is_first = !*seen;

    *seen = true;
    return is_first;
}

/* 8 to 15, in decimal, without zeros in front; 0: it is no such number. */
static unsigned bits_of(const struct parameter *p)
{
    unsigned bits = 0;

    if (p->value_len == 0 || p->value_len > 2 || p->value[0] == '0')
        return 0;
    for (size_t i = 0; i < p->value_len; i++) {
        if (p->value[i] < '0' || p->value[i] > '9')
            return 0;
        bits = bits * 10 + (unsigned)(p->value[i] - '0');
    }
    return bits >= BITS_MIN && bits <= BITS_MAX ? bits : 0;
}

/* Can an offer with this parameter be met (RFC 7692 section 7.1)? */
static bool can_meet(struct offer *o, const struct parameter *p)
{
    if (slice_is(p->name, "server_no_context_takeover"))
        return once(&o->has_server_takeover) && !p->has_value;
    if (slice_is(p->name, "client_no_context_takeover"))
        return once(&o->has_client_takeover) && !p->has_value;
    if (slice_is(p->name, "server_max_window_bits"))
        return once(&o->has_server_bits) && bits_of(p) >= WS_WINDOW_BITS;
    if (slice_is(p->name, "client_max_window_bits"))
        return once(&o->has_client_bits) && (!p->has_value || bits_of(p) != 0);
    return false;
}

/* One extension with its parameters. False: malformed. */
static bool take_extension(struct slice *rest, struct ws_extensions *chosen)
{
    struct slice name;
    struct offer offer = { .is_declined = false };

    if (!take_token(rest, &name))
        return false;
    while (take_separator(rest, ';')) {
        struct parameter p = { .has_value = false };
        if (!take_token(rest, &p.name) || (take_separator(rest, '=') && !take_value(rest, &p)))
            return false;
        offer.is_declined |= !can_meet(&offer, &p);
    }
    if (!chosen->has_deflate && slice_is(name, "permessage-deflate") && !offer.is_declined)
        *chosen = (struct ws_extensions){ .has_deflate = true, .asked_for_window = offer.has_server_bits };
    return true;
}

bool ws_extensions_read(struct slice value, struct ws_extensions *chosen)
{
    struct slice rest = value;

    do {
        while (take_separator(&rest, ',')) /* empty elements mean nothing (RFC 9110 section 5.6.1) */
            ;
        if (rest.len == 0)
            return true;
        if (!take_extension(&rest, chosen))
            return false;
    } while (take_separator(&rest, ','));
    return rest.len == 0;
}

/* Is there `words`, one digit of 0 to 3, and no digit behind it? */
static bool has_release(struct slice text, const char *words)
{
    size_t len = strlen(words);

    for (; text.len > len; text = slice_skip(text, 1)) {
        bool is_early = slice_starts(text, words) && text.at[len] >= '0' && text.at[len] <= '3';
        if (is_early && (text.len == len + 1 || text.at[len + 1] < '0' || text.at[len + 1] > '9'))
            return true;
    }
    return false;
}

bool ws_inflates_badly(struct slice user_agent)
{
    return has_release(user_agent, " Version/15.") || has_release(user_agent, "Phone OS 15_") || has_release(user_agent, "CPU OS 15_");
}

struct slice ws_extensions_answer(const struct ws_extensions *chosen, char out[WS_EXTENSIONS_SIZE])
{
    if (!chosen->has_deflate)
        return slice_of(out, 0);
    int len = snprintf(out, WS_EXTENSIONS_SIZE, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    if (chosen->asked_for_window)
        len += snprintf(out + len, WS_EXTENSIONS_SIZE - (size_t)len, "; server_max_window_bits=%d", WS_WINDOW_BITS);
    return slice_of(out, (size_t)len);
}
