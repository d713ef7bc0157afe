/* functions: see functions.h. Positions count bytes from 1. Those about the session are in greetings.c. */
#include "cometql/query/functions.h"

#include <time.h>

#include "cometql/query/run.h"

#define SHORT_TEXT 1024

#define CALL_OF(name)                                                                                                  \
    static struct slice name(struct run *r, const struct node *n, const struct slice *a, unsigned count)
#define UNUSED ((void)r, (void)n, (void)a, (void)count)

/* --- choices ------------------------------------------------------------------------------------------------------ */

CALL_OF(call_if)
{
    UNUSED;
    return a[0].at != NULL && value_number(a[0]) != 0 ? a[1] : a[2];
}

CALL_OF(call_coalesce)
{
    UNUSED;
    for (unsigned i = 0; i < count; i++)
        if (a[i].at != NULL)
            return a[i];
    return SQL_NULL;
}

CALL_OF(call_nullif)
{
    UNUSED;
    return a[0].at != NULL && a[1].at != NULL && evaluate_compare(r, a[0], a[1]) == 0 ? SQL_NULL : a[0];
}

CALL_OF(call_isnull)
{
    UNUSED;
    return run_bool(a[0].at == NULL);
}

CALL_OF(call_greatest)
{
    UNUSED;
    struct slice best = a[0];
    bool         is_least = slice_is_nocase(n->text, "LEAST");
    for (unsigned i = 1; i < count; i++)
        if ((evaluate_compare(r, a[i], best) < 0) == is_least)
            best = a[i];
    return best;
}

/* FIELD(x, a, b ...): which of them it is, 0 for none. */
CALL_OF(call_field)
{
    UNUSED;
    for (unsigned i = 1; i < count; i++)
        if (a[0].at != NULL && a[i].at != NULL && evaluate_compare(r, a[0], a[i]) == 0)
            return evaluate_number(r, (int64_t)i);
    return SLICE("0");
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

static struct slice joined(struct run *r, const struct slice *a, unsigned count, struct slice between)
{
    size_t len = 0;
    for (unsigned i = 0; i < count; i++) /* each lies in memory: the sum cannot wrap */
        len += a[i].len + between.len;
    char *at = arena_take(&r->query->arena, len + 1, 1);
    if (at == NULL)
        return SQL_NULL;
    len = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i > 0 && between.len > 0)
            memcpy(at + len, between.at, between.len);
        len += i > 0 ? between.len : 0;
        if (a[i].len > 0)
            memcpy(at + len, a[i].at, a[i].len);
        len += a[i].len;
    }
    return slice_of(at, len);
}

CALL_OF(call_concat)
{
    UNUSED;
    return joined(r, a, count, SLICE(""));
}

CALL_OF(call_concat_ws)
{
    UNUSED;
    struct slice given[QUERY_ARGUMENTS_MAX];
    unsigned     given_count = 0;
    for (unsigned i = 1; i < count; i++)
        if (a[i].at != NULL)
            given[given_count++] = a[i];
    return a[0].at != NULL ? joined(r, given, given_count, a[0]) : SQL_NULL;
}

static struct slice with_case(struct run *r, struct slice text, char first, char last)
{
    char *at = arena_take(&r->query->arena, text.len + 1, 1);
    if (at == NULL)
        return SQL_NULL;
    for (size_t i = 0; i < text.len; i++)
        at[i] = text.at[i] >= first && text.at[i] <= last ? (char)(text.at[i] ^ 0x20) : text.at[i];
    return slice_of(at, text.len);
}

CALL_OF(call_lower)
{
    UNUSED;
    return with_case(r, a[0], 'A', 'Z');
}

CALL_OF(call_upper)
{
    UNUSED;
    return with_case(r, a[0], 'a', 'z');
}

static bool is_inside(char c) /* a byte of a character, but not its first */
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

CALL_OF(call_length)
{
    UNUSED;
    return evaluate_number(r, (int64_t)a[0].len);
}

CALL_OF(call_char_length)
{
    UNUSED;
    int64_t characters = 0;
    for (size_t i = 0; i < a[0].len; i++)
        characters += !is_inside(a[0].at[i]);
    return evaluate_number(r, characters);
}

/* The byte where character `index` begins, counted from 0; the end when there are not so many. */
static size_t character_at(struct slice text, int64_t index)
{
    size_t at = 0;
    for (; at < text.len && (index > 0 || is_inside(text.at[at])); at++)
        index -= !is_inside(text.at[at]) ? 1 : 0;
    return at;
}

static int64_t characters_of(struct slice text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += !is_inside(text.at[i]);
    return count;
}

/* `count` characters from the one at `from` on, counted from 0. */
static struct slice part(struct slice text, int64_t from, int64_t count)
{
    if (from < 0 || count <= 0)
        return SLICE("");
    struct slice rest = slice_skip(text, character_at(text, from));
    struct slice found = slice_first(rest, character_at(rest, count));
    return found.len > 0 ? found : SLICE("");
}

CALL_OF(call_left)
{
    UNUSED;
    return part(a[0], 0, value_number(a[1]));
}

CALL_OF(call_right)
{
    UNUSED;
    int64_t all = characters_of(a[0]), wanted = value_number(a[1]);
    return part(a[0], wanted < all ? all - wanted : 0, wanted);
}

/* SUBSTRING(text, from[, count]): `from` counts from 1, or from the end when it is negative. */
CALL_OF(call_substring)
{
    UNUSED;
    int64_t from = value_number(a[1]), all = characters_of(a[0]);
    if (from < -all || from == 0)
        return SLICE("");
    return part(a[0], from > 0 ? from - 1 : all + from, count > 2 ? value_number(a[2]) : all);
}

/* Where `what` begins in `text` from byte `at` on; SIZE_MAX: nowhere. Without case only in short texts: the names of
 * information_schema, and nothing that could take long. */
static size_t find_text(const struct run *r, struct slice text, struct slice what, size_t at)
{
    if (what.len == 0 || at > text.len)
        return what.len == 0 && at <= text.len ? at : SIZE_MAX;
    if (!r->is_nocase || text.len > SHORT_TEXT) {
        const char *found = memmem(text.at + at, text.len - at, what.at, what.len);
        return found != NULL ? (size_t)(found - text.at) : SIZE_MAX;
    }
    for (; what.len <= text.len && at <= text.len - what.len; at++)
        if (slice_equal_nocase(slice_first(slice_skip(text, at), what.len), what))
            return at;
    return SIZE_MAX;
}

static struct slice position(struct run *r, struct slice text, struct slice what)
{
    size_t at = find_text(r, text, what, 0);
    return evaluate_number(r, at == SIZE_MAX ? 0 : (int64_t)at + 1);
}

CALL_OF(call_locate)
{
    UNUSED;
    return position(r, a[1], a[0]);
}

CALL_OF(call_instr)
{
    UNUSED;
    return position(r, a[0], a[1]);
}

/* What stands before the count-th separator; from the end when the count is negative: behind it. */
CALL_OF(call_substring_index)
{
    UNUSED;
    int64_t wanted = value_number(a[2]), there = 0;
    if (wanted == 0 || a[1].len == 0)
        return SLICE("");
    for (size_t at = 0; (at = find_text(r, a[0], a[1], at)) != SIZE_MAX; at += a[1].len)
        there++;
    int64_t stop = wanted > 0 ? wanted : there + wanted + 1; /* the separator to cut at, counted from 1 */
    if (stop < 1 || stop > there)
        return a[0];
    size_t at = find_text(r, a[0], a[1], 0);
    for (int64_t i = 1; i < stop; i++)
        at = find_text(r, a[0], a[1], at + a[1].len);
    struct slice found = wanted > 0 ? slice_first(a[0], at) : slice_skip(a[0], at + a[1].len);
    return found.len > 0 ? found : SLICE("");
}

CALL_OF(call_replace)
{
    UNUSED;
    struct slice pieces[QUERY_ARGUMENTS_MAX];
    unsigned     piece_count = 0;
    struct slice rest = a[0];
    size_t       at;
    if (a[1].len == 0)
        return a[0];
    while (piece_count + 1 < QUERY_ARGUMENTS_MAX && (at = find_text(r, rest, a[1], 0)) != SIZE_MAX) {
        pieces[piece_count++] = slice_first(rest, at);
        rest = slice_skip(rest, at + a[1].len);
    }
    pieces[piece_count++] = rest;
    return joined(r, pieces, piece_count, a[2]);
}

CALL_OF(call_trim)
{
    UNUSED;
    struct slice text = slice_trim(a[0]);
    return text.len > 0 ? text : SLICE("");
}

CALL_OF(call_find_in_set)
{
    UNUSED;
    struct slice rest = a[1];
    for (int64_t i = 1; rest.len > 0; i++)
        if (evaluate_compare(r, slice_cut(&rest, ','), a[0]) == 0)
            return evaluate_number(r, i);
    return SLICE("0");
}

/* --- times -------------------------------------------------------------------------------------------------------- */

CALL_OF(call_from_unixtime)
{
    UNUSED;
    time_t    seconds = (time_t)value_number(a[0]);
    struct tm parts;
    char      text[32];
    if (seconds < 0 || localtime_r(&seconds, &parts) == NULL)
        return SQL_NULL;
    size_t len = strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    return arena_text(&r->query->arena, slice_of(text, len));
}

/* VERSION(), DATABASE(), NOW() ... */
CALL_OF(call_greeting)
{
    UNUSED;
    char text[GREETING_BYTES];
    return greeting_function(r->q, n->text, text) ? arena_text(&r->query->arena, slice_str(text)) : SQL_NULL;
}

static const struct function functions[] = {
    { "IF", 3, 3, true, call_if },
    { "IFNULL", 2, 2, true, call_coalesce },
    { "COALESCE", 1, QUERY_ARGUMENTS_MAX, true, call_coalesce },
    { "NULLIF", 2, 2, true, call_nullif },
    { "ISNULL", 1, 1, true, call_isnull },
    { "GREATEST", 2, QUERY_ARGUMENTS_MAX, false, call_greatest },
    { "LEAST", 2, QUERY_ARGUMENTS_MAX, false, call_greatest },
    { "FIELD", 2, QUERY_ARGUMENTS_MAX, true, call_field },
    { "CONCAT", 1, QUERY_ARGUMENTS_MAX, false, call_concat },
    { "CONCAT_WS", 2, QUERY_ARGUMENTS_MAX, true, call_concat_ws },
    { "LOWER", 1, 1, false, call_lower },
    { "LCASE", 1, 1, false, call_lower },
    { "UPPER", 1, 1, false, call_upper },
    { "UCASE", 1, 1, false, call_upper },
    { "LENGTH", 1, 1, false, call_length },
    { "CHAR_LENGTH", 1, 1, false, call_char_length },
    { "CHARACTER_LENGTH", 1, 1, false, call_char_length },
    { "LEFT", 2, 2, false, call_left },
    { "RIGHT", 2, 2, false, call_right },
    { "SUBSTRING", 2, 3, false, call_substring },
    { "SUBSTR", 2, 3, false, call_substring },
    { "MID", 3, 3, false, call_substring },
    { "SUBSTRING_INDEX", 3, 3, false, call_substring_index },
    { "LOCATE", 2, 2, false, call_locate },
    { "INSTR", 2, 2, false, call_instr },
    { "REPLACE", 3, 3, false, call_replace },
    { "TRIM", 1, 1, false, call_trim },
    { "FIND_IN_SET", 2, 2, false, call_find_in_set },
    { "FROM_UNIXTIME", 1, 1, false, call_from_unixtime },
};
#define FUNCTION_COUNT (sizeof functions / sizeof functions[0])

const struct function *function_find(struct slice name, unsigned count)
{
    static const struct function greeting = { .call = call_greeting };
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        if (slice_is_nocase(name, functions[i].name) && count >= functions[i].least && count <= functions[i].most)
            return &functions[i];
    return count == 0 && greeting_is_function(name) ? &greeting : NULL;
}

bool function_is_known(struct slice name)
{
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        if (slice_is_nocase(name, functions[i].name))
            return true;
    return greeting_is_function(name);
}
