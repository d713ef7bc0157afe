/* status: what can go wrong, as values.
 *
 * Every error the program can tell a person stands once, in errors.def, with the code each protocol gives it and the advice
 * that goes with it. A function that can fail returns enum status; where a person will read the reason, it fills a struct
 * error beside it. Only programming errors abort (bug_if).
 */
#ifndef ENCKE_BASE_STATUS_H
#define ENCKE_BASE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

enum status {
    OK = 0,
#define ERROR_ROW(name, mysql_code, sqlstate, http_status, classic_code, sentence, advice) name,
#include "base/errors.def"
#undef ERROR_ROW
    STATUS_COUNT
};

/* What a codec says after it was fed: give me more bytes, here is one whole thing, this can never become valid. */
enum feed { FEED_MORE, FEED_DONE, FEED_BAD };

/* A status with the sentence for a person. */
struct error {
    enum status code;
    char        text[232];
};

/* The constant row of a status. */
struct error_row {
    const char *name;        /* "E_SYNTAX" */
    uint16_t    mysql_code;  /* on the CometQL wire */
    const char *sqlstate;    /* five characters */
    uint16_t    http_status;
    uint16_t    classic_code;
    const char *sentence;
    const char *advice;
};

const struct error_row *status_row(enum status s);

/* Fills `e` (which may be NULL) and returns `code`, so that a function ends with `return error_set(e, E_X, "...")`. Texts
 * that are too long are cut at a character. */
enum status error_set(struct error *e, enum status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with the sentence of errors.def. */
enum status error_plain(struct error *e, enum status code);

/* A broken invariant must not go on: prints where and aborts, in every build. Never for input. */
#define bug_if(condition)                                      \
    do {                                                       \
        if (__builtin_expect(!!(condition), 0))                \
            bug_found(#condition, __FILE__, __LINE__);         \
    } while (0)

_Noreturn void bug_found(const char *what, const char *file, int line);

#endif
