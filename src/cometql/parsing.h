/* parsing: what the parser's files share. Inside the room only; the face is parser.h.
 *
 * The parser looks at one token, `now`. take_x functions answer whether the token was there and, when it was, go past
 * it; need_x functions answer a status and fill the error. After an error nothing else is looked at.
 */
#ifndef ENCKE_COMETQL_PARSING_H
#define ENCKE_COMETQL_PARSING_H

#include "cometql/lexer.h"
#include "cometql/statement.h"

/* What a question mark stands for. */
enum parameters {
    PARAMETERS_NONE,  /* nothing: it is a syntax error */
    PARAMETERS_OPEN,  /* a value to come */
    PARAMETERS_BOUND, /* one of `values` */
};

struct parser {
    struct lexer        lexer;
    struct token        now;
    size_t              end; /* of the token before */
    struct statement   *out;
    struct error       *error;
    enum parameters     parameters;
    const struct slice *values; /* borrowed */
    size_t              value_count;
};

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        enum status tried = (call);                                                                                    \
        if (tried != OK)                                                                                               \
            return tried;                                                                                              \
    } while (0)

void parsing_next(struct parser *p);

/* "Syntax error in query near '...'" at the token that is looked at. */
enum status parsing_bad(struct parser *p);

bool        parsing_is_word(const struct parser *p, const char *word);
bool        parsing_is_mark(const struct parser *p, char mark);
bool        parsing_take_word(struct parser *p, const char *word);
bool        parsing_take_mark(struct parser *p, char mark);
enum status parsing_need_word(struct parser *p, const char *word);
enum status parsing_need_mark(struct parser *p, char mark);

/* A word or something in quotes. */
enum status parsing_need_name(struct parser *p, struct slice *out_name);

/* name or database.name */
enum status parsing_need_table(struct parser *p);

/* Skips to the end of the statement. */
enum status parsing_skip_rest(struct parser *p);

/* A parameter is looked at: its value, which is NULL while it is open. */
enum status parsing_need_parameter(struct parser *p, struct slice *out_text);

/* Adds a value to the statement; `too_many` past `limit` values in all. */
enum status parsing_add_value(struct parser *p, struct value v, uint32_t limit);
enum status parsing_need_value(struct parser *p, uint32_t limit);

/* The text of a quoted token with doubled quotes collapsed. */
enum status parsing_text(struct parser *p, const struct token *t, struct slice *out_text);

/* One of the signs = < > <= >= <>. */
bool parsing_take_compare(struct parser *p, enum compare *out);

/* @@max_allowed_packet, @@session.sql_mode: without the scope. */
struct slice parsing_variable_name(struct slice text);

/* LIMIT has been taken: count | skip, count | count OFFSET skip. Into the statement. */
enum status parsing_limit(struct parser *p);

/* parse_show.c: after SHOW, after DESCRIBE. */
enum status parse_show(struct parser *p);
enum status parse_describe(struct parser *p);

#endif
