/* slice: bytes somebody else owns.
 *
 * A pointer and a length, passed by value; never NUL-terminated, never freed. A slice is valid as long as the memory it
 * looks at, which each function that hands one out says. The empty slice may have at == NULL.
 */
#ifndef ENCKE_BASE_SLICE_H
#define ENCKE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *at;
    size_t      len;
};

/* For printf's "%.*s". Text longer than INT_MAX does not occur: every input is bounded far below. */
#define SLICE_ARG(s) (int)(s).len, (s).at ? (s).at : ""

/* A slice over a string literal. */
#define SLICE(literal) ((struct slice){ "" literal, sizeof(literal) - 1 })

static inline struct slice slice_of(const void *at, size_t len)
{
    return (struct slice){ at, len };
}

static inline struct slice slice_str(const char *text)
{
    return (struct slice){ text, text ? strlen(text) : 0 };
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Below, equal or above zero, by bytes. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int    order = common > 0 ? memcmp(a.at, b.at, common) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool slice_is(struct slice s, const char *text)
{
    return slice_equal(s, slice_str(text));
}

/* ASCII letters compare without case; other bytes exactly. */
bool slice_is_nocase(struct slice s, const char *text);
bool slice_equal_nocase(struct slice a, struct slice b);
bool slice_starts(struct slice s, const char *prefix);

/* Without the first `count` bytes (all of them when there are fewer). */
static inline struct slice slice_skip(struct slice s, size_t count)
{
    count = count < s.len ? count : s.len;
    return (struct slice){ s.at + count, s.len - count };
}

static inline struct slice slice_first(struct slice s, size_t count)
{
    return (struct slice){ s.at, count < s.len ? count : s.len };
}

/* Takes what stands before the first `separator` off the front of `rest`, and the separator with it. Without one, takes
 * everything and leaves `rest` empty. */
struct slice slice_cut(struct slice *rest, char separator);

/* Without blanks, tabs, CR and LF at both ends. */
struct slice slice_trim(struct slice s);

/* Where `byte` first stands, or SIZE_MAX. */
size_t slice_find(struct slice s, char byte);

/* Decimal digits only, the whole slice, at most `max`: true and *out_value, or false and nothing is changed. */
bool slice_u64(struct slice s, uint64_t max, uint64_t *out_value);

#endif
