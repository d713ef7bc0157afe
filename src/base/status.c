#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

static const struct error_row rows[STATUS_COUNT] = {
    [OK] = { "OK", 0, "00000", 200, 0, "OK", "" },
#define ERROR_ROW(name, mysql_code, sqlstate, http_status, classic_code, sentence, advice)                                 \
    [name] = { #name, mysql_code, sqlstate, http_status, classic_code, sentence, advice },
#include "base/errors.def"
#undef ERROR_ROW
};

const struct error_row *status_row(enum status s)
{
    bug_if((unsigned)s >= STATUS_COUNT);
    return &rows[s];
}

enum status error_set(struct error *e, enum status code, const char *format, ...)
{
    if (e == NULL)
        return code;
    /* One character more than fits, so that the cut sees whether it would split one. Made beside the target, for callers
     * that put the old text into the new one. */
    char    text[sizeof e->text + 4];
    va_list arguments;
    va_start(arguments, format);
    int made = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t       len = made < 0 ? 0 : (size_t)made < sizeof text ? (size_t)made : sizeof text - 1;
    struct slice kept = utf8_first(slice_of(text, len), sizeof e->text - 1);
    memcpy(e->text, kept.at, kept.len);
    e->text[kept.len] = '\0';
    e->code = code;
    return code;
}

enum status error_plain(struct error *e, enum status code)
{
    return error_set(e, code, "%s", status_row(code)->sentence);
}

_Noreturn void bug_found(const char *what, const char *file, int line)
{
    fprintf(stderr, "encke: bug at %s:%d: %s\n", file, line, what);
    abort();
}
