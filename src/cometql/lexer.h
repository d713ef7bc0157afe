/* lexer: CometQL text to tokens, the way MySQL does it.
 *
 *   INSERT INTO pipes_messages (name, event, message) VALUES ("chat", 'say', 'it''s \'so\'')   -- a comment
 *   ^word              ^mark  ^word                          ^quoted         ^quoted, has_doubled
 *
 * In '...' and "..." a backslash protects the next character and a doubled quote is one quote; in `...` only the
 * latter. The text of a quoted token is what stands between the quotes, untouched: escapes stay as they are, for
 * messages are passed on verbatim. A comment that MySQL would carry out, slash-star-!50002 ..., counts as its text.
 * Other comments (two dashes and a blank, #, slash-star) and blanks separate tokens. Pure; allocates nothing; a token's
 * text points into the statement.
 */
#ifndef ENCKE_COMETQL_LEXER_H
#define ENCKE_COMETQL_LEXER_H

#include "base/slice.h"

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,      /* letters, digits, _ and $, bytes above 0x7F */
    TOKEN_NUMBER,    /* 12, 1.5 */
    TOKEN_QUOTED,    /* `mark` is the quote */
    TOKEN_SYSTEM,    /* @@name, @@session.name: text with the @@ */
    TOKEN_VARIABLE,  /* @name: text with the @ */
    TOKEN_PARAMETER, /* ? */
    TOKEN_MARK,      /* `mark`: the character, or one of MARK_x below */
    TOKEN_UNENDED,   /* a string or comment without an end; `at` says where it begins */
    TOKEN_UNKNOWN,   /* a byte that begins nothing */
};

/* Marks of two characters. */
enum { MARK_LESS_EQUAL = 1, MARK_MORE_EQUAL, MARK_NOT_EQUAL, MARK_AND, MARK_OR };

struct token {
    enum token_kind kind;
    char            mark;
    bool            has_doubled; /* quoted: a doubled quote stands inside */
    struct slice    text;
    size_t          at, end; /* where it stands in the statement, quotes included */
};

struct lexer {
    struct slice sql;
    size_t       at;
    bool         is_versioned; /* inside a comment that counts as text */
};

struct token lexer_next(struct lexer *l);

#endif
