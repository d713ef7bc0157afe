/* lexer: see lexer.h. */
#include "cometql/lexer.h"

#define NEWEST_VERSION 50799u

static unsigned char byte_at(const struct lexer *l, size_t at)
{
    return at < l->sql.len ? (unsigned char)l->sql.at[at] : 0;
}

static bool is_blank(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(unsigned char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c >= 0x80;
}

static void skip_line(struct lexer *l)
{
    while (l->at < l->sql.len && l->sql.at[l->at] != '\n')
        l->at++;
}

/* False: the comment that begins here has no end. */
static bool skip_block(struct lexer *l)
{
    const char *end = memmem(l->sql.at + l->at + 2, l->sql.len - l->at - 2, "*/", 2);
    if (end == NULL)
        return false;
    l->at = (size_t)(end - l->sql.at) + 2;
    return true;
}

/* What stands in a comment that begins with an exclamation mark is for MySQL of that version on, 5.7.99 at most here:
 * it counts as if the comment were not there. True: it is such, and the lexer stands inside. */
static bool enter_versioned(struct lexer *l)
{
    size_t   at = l->at + 3;
    unsigned version = 0;
    if (byte_at(l, l->at + 2) != '!')
        return false;
    for (unsigned digits = 0; digits < 6 && is_digit(byte_at(l, at)); digits++)
        version = 10 * version + (unsigned)(l->sql.at[at++] - '0');
    if (version > NEWEST_VERSION)
        return false;
    l->at = at;
    l->is_versioned = true;
    return true;
}

static bool leave_versioned(struct lexer *l)
{
    if (!l->is_versioned || byte_at(l, l->at) != '*' || byte_at(l, l->at + 1) != '/')
        return false;
    l->at += 2;
    l->is_versioned = false;
    return true;
}

/* Two dashes begin a comment only before a blank or the end, as in MySQL: `5--3` is arithmetic. */
static bool is_dash_comment(const struct lexer *l)
{
    size_t after = l->at + 2;
    return byte_at(l, l->at + 1) == '-' && (after >= l->sql.len || byte_at(l, after) <= ' ');
}

/* Blanks and comments. False: an unended comment begins at l->at. */
static bool skip_between(struct lexer *l)
{
    while (l->at < l->sql.len) {
        unsigned char c = byte_at(l, l->at);
        if (is_blank(c))
            l->at++;
        else if (c == '#' || (c == '-' && is_dash_comment(l)))
            skip_line(l);
        else if (leave_versioned(l))
            continue;
        else if (c != '/' || byte_at(l, l->at + 1) != '*')
            return true;
        else if (!enter_versioned(l) && !skip_block(l))
            return false;
    }
    return true;
}

/* Ends a token that begins at `at` where the lexer stands now. */
static struct token token_here(const struct lexer *l, enum token_kind kind, size_t at)
{
    return (struct token){ .kind = kind, .text = slice_of(l->sql.at + at, l->at - at), .at = at, .end = l->at };
}

static struct token lex_unended(struct lexer *l, size_t at)
{
    l->at = l->sql.len;
    return token_here(l, TOKEN_UNENDED, at);
}

static struct token lex_quoted(struct lexer *l, size_t at)
{
    char quote = l->sql.at[l->at++];
    bool has_doubled = false;
    for (size_t i = l->at; i < l->sql.len; i++) {
        char c = l->sql.at[i];
        if (c == '\\' && quote != '`') {
            i++;
        } else if (c == quote && i + 1 < l->sql.len && l->sql.at[i + 1] == quote) {
            has_doubled = true;
            i++;
        } else if (c == quote) {
            l->at = i + 1;
            struct token t = token_here(l, TOKEN_QUOTED, at);
            t.mark = quote;
            t.has_doubled = has_doubled;
            t.text = slice_of(l->sql.at + at + 1, i - at - 1);
            return t;
        }
    }
    return lex_unended(l, at);
}

static struct token lex_word(struct lexer *l, size_t at)
{
    bool is_number = true;
    for (; is_word(byte_at(l, l->at)) && l->at < l->sql.len; l->at++)
        is_number = is_number && is_digit(byte_at(l, l->at));
    if (is_number && byte_at(l, l->at) == '.' && is_digit(byte_at(l, l->at + 1)))
        for (l->at++; is_digit(byte_at(l, l->at)); l->at++)
            ;
    return token_here(l, is_number ? TOKEN_NUMBER : TOKEN_WORD, at);
}

/* @name, @'name', @@name, @@session.name */
static struct token lex_at_sign(struct lexer *l, size_t at)
{
    l->at++;
    enum token_kind kind = TOKEN_VARIABLE;
    unsigned char   c = byte_at(l, l->at);
    if (c == '@') {
        kind = TOKEN_SYSTEM;
        l->at++;
    } else if (c == '\'' || c == '"' || c == '`') {
        struct token quoted = lex_quoted(l, l->at);
        return quoted.kind == TOKEN_UNENDED ? quoted : token_here(l, kind, at);
    }
    size_t begin = l->at;
    while (is_word(byte_at(l, l->at)) || (byte_at(l, l->at) == '.' && l->at > begin))
        l->at++;
    return token_here(l, l->at > begin ? kind : TOKEN_UNKNOWN, at);
}

static struct token lex_mark(struct lexer *l, size_t at)
{
    static const struct {
        char text[3];
        char mark;
    } pairs[] = { { "<=", MARK_LESS_EQUAL }, { ">=", MARK_MORE_EQUAL }, { "<>", MARK_NOT_EQUAL },
                  { "!=", MARK_NOT_EQUAL },  { "&&", MARK_AND },        { "||", MARK_OR } };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (byte_at(l, at) != (unsigned char)pairs[i].text[0] || byte_at(l, at + 1) != (unsigned char)pairs[i].text[1])
            continue;
        l->at += 2;
        struct token t = token_here(l, TOKEN_MARK, at);
        t.mark = pairs[i].mark;
        return t;
    }
    char c = l->sql.at[l->at++];
    if (c == '?')
        return token_here(l, TOKEN_PARAMETER, at);
    bool         is_known = c > ' ' && strchr(",=*()<>;.-+/%!", c) != NULL;
    struct token t = token_here(l, is_known ? TOKEN_MARK : TOKEN_UNKNOWN, at);
    t.mark = c;
    return t;
}

struct token lexer_next(struct lexer *l)
{
    if (!skip_between(l))
        return lex_unended(l, l->at);
    size_t at = l->at;
    if (at >= l->sql.len)
        return token_here(l, TOKEN_END, at);
    unsigned char c = byte_at(l, at);
    if (c == '\'' || c == '"' || c == '`')
        return lex_quoted(l, at);
    if (c == '@')
        return lex_at_sign(l, at);
    if (is_word(c))
        return lex_word(l, at);
    return lex_mark(l, at);
}
