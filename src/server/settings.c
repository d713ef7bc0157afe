/* settings.c: see settings.h. */
#include "server/settings.h"

#include "server/config.h"

static const struct setting rows[] = {
#define SETTING_ROW(section, key, field, kind, fallback, min, max, sentence)                                           \
    { #section, #key, SETTING_##kind, offsetof(struct config, section.field), fallback, min, max, sentence },
#include "server/settings.def"
};

static const struct {
    const char     *section, *key;
    enum setting_id id;
} aliases[] = {
#define SETTING_ALIAS(section, key, real_section, real_key) { #section, #key, SETTING_ID_##real_section##_##real_key },
#include "server/settings.def"
};

static const struct setting_ignored ignored[] = {
#define SETTING_IGNORED(section, key, sentence) { #section, #key, sentence },
#include "server/settings.def"
};

const struct setting *setting_row(enum setting_id id)
{
    return &rows[id];
}

enum setting_id setting_find(struct slice section, struct slice key)
{
    for (unsigned i = 0; i < SETTING_COUNT; i++)
        if (slice_is(section, rows[i].section) && slice_is(key, rows[i].key))
            return (enum setting_id)i;
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (slice_is(section, aliases[i].section) && slice_is(key, aliases[i].key))
            return aliases[i].id;
    return SETTING_COUNT;
}

enum setting_id setting_find_dotted(struct slice name)
{
    size_t dot = slice_find(name, '.');
    if (dot == SIZE_MAX)
        return SETTING_COUNT;
    return setting_find(slice_first(name, dot), slice_skip(name, dot + 1));
}

const struct setting_ignored *setting_ignored_find(struct slice section, struct slice key)
{
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        if (slice_is(section, ignored[i].section) &&
            (slice_is(key, ignored[i].key) || slice_is(SLICE("*"), ignored[i].key)))
            return &ignored[i];
    return NULL;
}

/* "ENCKE_WS_PORT" is "ENCKE", "_", the section, "_", the key; capitals, and nothing else. */
enum setting_id setting_find_variable(struct slice name)
{
    if (!slice_starts(name, "ENCKE_"))
        return SETTING_COUNT;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] >= 'a' && name.at[i] <= 'z')
            return SETTING_COUNT;
    name = slice_skip(name, strlen("ENCKE_"));
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        size_t section_len = strlen(rows[i].section);
        if (name.len > section_len && name.at[section_len] == '_' &&
            slice_is_nocase(slice_first(name, section_len), rows[i].section) &&
            slice_is_nocase(slice_skip(name, section_len + 1), rows[i].key))
            return (enum setting_id)i;
    }
    return SETTING_COUNT;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Wagner and Fischer, one row of the table at a time. */
size_t setting_distance(struct slice a, struct slice b)
{
    size_t row[65];
    if (a.len > 64 || b.len > 64)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = diagonal + (lower(a.at[i - 1]) != lower(b.at[j - 1]));
            size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < shorter ? change : shorter;
        }
    }
    return row[b.len];
}

enum setting_id setting_nearest(struct slice name)
{
    enum setting_id best = SETTING_COUNT;
    size_t          best_distance = name.len < 9 ? 3 : 4; /* further away is another word */
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        char         full[64];
        size_t       section_len = strlen(rows[i].section), key_len = strlen(rows[i].key);
        struct slice candidate = { full, section_len + 1 + key_len };
        memcpy(full, rows[i].section, section_len);
        full[section_len] = '.';
        memcpy(full + section_len + 1, rows[i].key, key_len);
        /* The key alone, without its section, is a near miss as well. */
        size_t distance = setting_distance(name, candidate);
        if (slice_is_nocase(name, rows[i].key))
            distance = 1;
        if (distance < best_distance) {
            best_distance = distance;
            best = (enum setting_id)i;
        }
    }
    return best;
}
