/* parsing: see parsing.h. */
#include "cometql/parsing.h"

#include <stdlib.h>

#include "base/utf8.h"

#define NEAR_BYTES 48

void parsing_next(struct parser *p)
{
    p->end = p->now.end;
    if (p->now.kind == TOKEN_PARAMETER) /* counted where it is passed, so also where it has no meaning: SET a = ? */
        p->out->parameter_count++;
    p->now = lexer_next(&p->lexer);
}

/* A piece of the statement to show, not cut inside a character. */
static struct slice near_text(const struct parser *p)
{
    struct slice rest = slice_skip(p->lexer.sql, p->now.at);
    struct slice piece = slice_first(rest, NEAR_BYTES);
    if (piece.len < rest.len)
        while (piece.len > 0 && ((unsigned char)rest.at[piece.len] & 0xC0) == 0x80)
            piece.len--;
    return piece;
}

enum status parsing_bad(struct parser *p)
{
    struct slice near = near_text(p);
    if (p->now.kind == TOKEN_END)
        return error_set(p->error, E_SYNTAX, "Syntax error in query near the end: it is not complete");
    if (p->now.kind == TOKEN_UNENDED)
        return error_set(p->error, E_SYNTAX, "Syntax error in query near '%.*s' (byte %zu): this has no end",
                         SLICE_ARG(near), p->now.at + 1);
    return error_set(p->error, E_SYNTAX, "Syntax error in query near '%.*s' (byte %zu)", SLICE_ARG(near),
                     p->now.at + 1);
}

bool parsing_is_word(const struct parser *p, const char *word)
{
    return p->now.kind == TOKEN_WORD && slice_is_nocase(p->now.text, word);
}

bool parsing_is_mark(const struct parser *p, char mark)
{
    return p->now.kind == TOKEN_MARK && p->now.mark == mark;
}

bool parsing_take_word(struct parser *p, const char *word)
{
    bool is_there = parsing_is_word(p, word);
    if (is_there)
        parsing_next(p);
    return is_there;
}

bool parsing_take_mark(struct parser *p, char mark)
{
    bool is_there = parsing_is_mark(p, mark);
    if (is_there)
        parsing_next(p);
    return is_there;
}

enum status parsing_need_word(struct parser *p, const char *word)
{
    return parsing_take_word(p, word) ? OK : parsing_bad(p);
}

enum status parsing_need_mark(struct parser *p, char mark)
{
    return parsing_take_mark(p, mark) ? OK : parsing_bad(p);
}

enum status parsing_need_name(struct parser *p, struct slice *out_name)
{
    if (p->now.kind != TOKEN_WORD && p->now.kind != TOKEN_QUOTED)
        return parsing_bad(p);
    *out_name = p->now.text;
    parsing_next(p);
    return OK;
}

enum status parsing_need_table(struct parser *p)
{
    TRY(parsing_need_name(p, &p->out->table));
    if (!parsing_take_mark(p, '.'))
        return OK;
    p->out->database = p->out->table;
    return parsing_need_name(p, &p->out->table);
}

enum status parsing_skip_rest(struct parser *p)
{
    while (p->now.kind != TOKEN_END && !parsing_is_mark(p, ';')) {
        if (p->now.kind == TOKEN_UNENDED)
            return parsing_bad(p);
        parsing_next(p);
    }
    return OK;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static enum status grow_values(struct statement *s)
{
    uint32_t      cap = s->many == NULL ? 4 * STATEMENT_FEW : 2 * s->value_cap;
    struct value *many = realloc(s->many, cap * sizeof *many);
    if (many == NULL)
        return E_NO_MEMORY;
    if (s->many == NULL)
        memcpy(many, s->few, sizeof s->few);
    s->many = many;
    s->value_cap = cap;
    return OK;
}

enum status parsing_add_value(struct parser *p, struct value v, uint32_t limit)
{
    struct statement *s = p->out;
    if (s->value_count >= limit)
        return error_set(p->error, E_MANY_VALUES, "Too many values: at most %u are taken", limit);
    if (s->value_count >= (s->many == NULL ? STATEMENT_FEW : s->value_cap) && grow_values(s) != OK)
        return error_plain(p->error, E_NO_MEMORY);
    *(s->many != NULL ? &s->many[s->value_count] : &s->few[s->value_count]) = v;
    s->value_count++;
    return OK;
}

/* `texts` gets room for all that this statement can need at once: slices into it must stay. */
static char *text_room(struct parser *p)
{
    struct buf *texts = &p->out->texts;
    if (texts->at == NULL && buf_reserve(texts, p->lexer.sql.len) == NULL) {
        error_plain(p->error, E_NO_MEMORY);
        return NULL;
    }
    return texts->at + texts->len;
}

enum status parsing_text(struct parser *p, const struct token *t, struct slice *out_text)
{
    if (!t->has_doubled) {
        *out_text = t->text;
        return OK;
    }
    char *room = text_room(p);
    if (room == NULL)
        return E_NO_MEMORY;
    size_t len = 0;
    for (size_t i = 0; i < t->text.len; i++) {
        char c = t->text.at[i];
        room[len++] = c;
        if (i + 1 >= t->text.len)
            break;
        if (c == '\\' && t->mark != '`')
            room[len++] = t->text.at[++i];
        else if (c == t->mark)
            i++; /* the second of a doubled quote */
    }
    p->out->texts.len += len;
    *out_text = slice_of(room, len);
    return OK;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

/* X'6162': how some drivers write bytes. */
static enum status hex_text(struct parser *p, const struct token *t, struct slice *out_text)
{
    char *room = text_room(p);
    if (room == NULL)
        return E_NO_MEMORY;
    if (t->text.len % 2 != 0)
        return parsing_bad(p);
    for (size_t i = 0; i < t->text.len; i += 2) {
        int high = hex_digit(t->text.at[i]), low = hex_digit(t->text.at[i + 1]);
        if (high < 0 || low < 0)
            return parsing_bad(p);
        room[i / 2] = (char)(high << 4 | low);
    }
    p->out->texts.len += t->text.len / 2;
    *out_text = slice_of(room, t->text.len / 2);
    if (!utf8_is_valid(*out_text)) /* the statement is, but these bytes are made here */
        return error_set(p->error, E_INVALID, "The text at byte %zu is not valid UTF-8", t->at + 1);
    return OK;
}

enum status parsing_need_parameter(struct parser *p, struct slice *out_text)
{
    uint32_t index = p->out->parameter_count;
    if (p->now.kind != TOKEN_PARAMETER || p->parameters == PARAMETERS_NONE)
        return parsing_bad(p);
    if (p->parameters == PARAMETERS_BOUND && index >= p->value_count)
        return error_set(p->error, E_INVALID, "Parameter %u has no value", index + 1);
    *out_text = p->parameters == PARAMETERS_BOUND ? p->values[index] : (struct slice){ NULL, 0 };
    parsing_next(p);
    return OK;
}

static enum status parameter_value(struct parser *p, struct value *out)
{
    TRY(parsing_need_parameter(p, &out->text));
    out->kind = out->text.at != NULL ? VALUE_TEXT : VALUE_NULL;
    return OK;
}

/* A bare word as a value is text, but for those that show that a value was forgotten. */
static bool is_reserved(struct slice word)
{
    static const char *const words[] = { "AND",   "OR",   "SELECT", "FROM",   "WHERE",  "IN",  "LIKE", "LIMIT",
                                         "ORDER", "INTO", "VALUES", "INSERT", "DELETE", "NOT", "IS",   "BETWEEN" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (slice_is_nocase(word, words[i]))
            return true;
    return false;
}

/* A word is looked at: NULL, a bare word, or _utf8mb4'...', N'...', X'...'. */
static enum status word_value(struct parser *p, struct value *out)
{
    struct token word = p->now;
    if (is_reserved(word.text))
        return parsing_bad(p);
    parsing_next(p);
    bool has_string = p->now.kind == TOKEN_QUOTED && p->now.mark != '`';
    if (slice_is_nocase(word.text, "NULL")) {
        *out = (struct value){ .kind = VALUE_NULL };
        return OK;
    }
    if (has_string && slice_is_nocase(word.text, "x") && p->now.at == word.end) {
        out->kind = VALUE_TEXT;
        TRY(hex_text(p, &p->now, &out->text));
    } else if (has_string && (word.text.at[0] == '_' || slice_is_nocase(word.text, "n"))) {
        out->kind = VALUE_TEXT;
        TRY(parsing_text(p, &p->now, &out->text));
    } else {
        *out = (struct value){ .text = word.text, .kind = VALUE_NAME };
        return OK;
    }
    parsing_next(p);
    return OK;
}

static enum status number_value(struct parser *p, struct value *out)
{
    size_t at = p->now.at;
    if (parsing_is_mark(p, '-') || parsing_is_mark(p, '+')) {
        if (parsing_is_mark(p, '+'))
            at = p->now.end;
        parsing_next(p);
        if (p->now.at != p->end)
            return parsing_bad(p);
    }
    if (p->now.kind != TOKEN_NUMBER)
        return parsing_bad(p);
    parsing_next(p);
    *out = (struct value){ .text = slice_of(p->lexer.sql.at + at, p->end - at), .kind = VALUE_NUMBER };
    return OK;
}

enum status parsing_need_value(struct parser *p, uint32_t limit)
{
    struct value v = { .kind = VALUE_TEXT };
    if (p->now.kind == TOKEN_QUOTED) {
        TRY(parsing_text(p, &p->now, &v.text));
        parsing_next(p);
    } else if (p->now.kind == TOKEN_WORD) {
        TRY(word_value(p, &v));
    } else if (p->now.kind == TOKEN_PARAMETER) {
        TRY(parameter_value(p, &v));
    } else {
        TRY(number_value(p, &v));
    }
    return parsing_add_value(p, v, limit);
}

bool parsing_take_compare(struct parser *p, enum compare *out)
{
    static const struct {
        char         mark;
        enum compare compare;
    } marks[] = { { '=', COMPARE_EQUAL },
                  { '<', COMPARE_LESS },
                  { '>', COMPARE_MORE },
                  { MARK_LESS_EQUAL, COMPARE_LESS_EQUAL },
                  { MARK_MORE_EQUAL, COMPARE_MORE_EQUAL },
                  { MARK_NOT_EQUAL, COMPARE_NOT_EQUAL } };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (parsing_take_mark(p, marks[i].mark)) {
            *out = marks[i].compare;
            return true;
        }
    }
    return false;
}

struct slice parsing_variable_name(struct slice text)
{
    static const char *const scopes[] = { "session.", "global.", "local." };
    struct slice             name = slice_skip(text, 2);
    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
        size_t len = strlen(scopes[i]);
        if (name.len > len && slice_is_nocase(slice_first(name, len), scopes[i]))
            return slice_skip(name, len);
    }
    return name;
}

/* --- LIMIT -------------------------------------------------------------------------------------------------------- */

static enum status need_bound_count(struct parser *p, uint64_t *out)
{
    struct slice text;
    *out = 0;
    TRY(parsing_need_parameter(p, &text));
    if (p->parameters == PARAMETERS_BOUND && !slice_u64(text, UINT64_MAX, out))
        return error_set(p->error, E_INVALID, "Parameter %u is for LIMIT and not a whole number",
                         p->out->parameter_count);
    return OK;
}

static enum status need_count(struct parser *p, uint64_t *out)
{
    if (p->now.kind == TOKEN_PARAMETER)
        return need_bound_count(p, out);
    bool is_number = p->now.kind == TOKEN_NUMBER || p->now.kind == TOKEN_QUOTED;
    if (!is_number || !slice_u64(p->now.text, UINT64_MAX, out))
        return parsing_bad(p);
    parsing_next(p);
    return OK;
}

enum status parsing_limit(struct parser *p)
{
    struct statement *s = p->out;
    s->has_limit = true;
    TRY(need_count(p, &s->limit_count));
    if (parsing_take_mark(p, ',')) {
        s->limit_skip = s->limit_count;
        return need_count(p, &s->limit_count);
    }
    return parsing_take_word(p, "OFFSET") ? need_count(p, &s->limit_skip) : OK;
}
