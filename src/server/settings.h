/* settings: the constant table behind the configuration.
 *
 * One row for each setting of settings.def: its name, kind, default, bounds and sentence, and where its value stands in struct
 * config (config.h). Nothing here changes while the program runs.
 */
#ifndef ENCKE_SERVER_SETTINGS_H
#define ENCKE_SERVER_SETTINGS_H

#include "base/slice.h"

/* What a value is, as it is written and as it is kept. */
enum setting_kind {
    SETTING_TEXT,    /* char *: any text */
    SETTING_SECRET,  /* char *: any text, shown to nobody */
    SETTING_BOOL,    /* bool: true, yes, on, 1 | false, no, off, 0 */
    SETTING_NUMBER,  /* uint64_t: digits */
    SETTING_BYTES,   /* uint64_t, bytes: digits, then K, M or G (times 1024) or nothing */
    SETTING_TIME,    /* uint64_t, milliseconds: digits, then ms, s, m or h; seconds without */
    SETTING_PORT,    /* uint16_t */
    SETTING_ADDRESS, /* char *: where to listen, as io/place.h reads it */
    SETTING_LEVEL,   /* enum log_level */
    SETTING_NAMES,   /* struct config_list: names separated by commas */
    SETTING_LIST,    /* struct config_list: one element for each assignment of []value; may hold passwords, shown to nobody */
};

/* SETTING_ID_ws_port is the row of ws.port. */
enum setting_id {
#define SETTING_ROW(section, key, field, kind, fallback, min, max, sentence) SETTING_ID_##section##_##key,
#include "server/settings.def"
    SETTING_COUNT
};

struct setting {
    const char       *section;
    const char       *key;
    enum setting_kind kind;
    size_t            offset;   /* of its value in struct config */
    const char       *fallback; /* the default, as it would be written in the file */
    uint64_t          min, max; /* of the value, or of the length of a text */
    const char       *sentence;
};

struct setting_ignored {
    const char *section;
    const char *key; /* "*": every key that is not known */
    const char *sentence;
};

const struct setting *setting_row(enum setting_id id);

/* Must its value be kept from eyes? */
static inline bool setting_is_secret(enum setting_id id)
{
    return setting_row(id)->kind == SETTING_SECRET || setting_row(id)->kind == SETTING_LIST;
}

/* The setting of this name or older name, or SETTING_COUNT. */
enum setting_id setting_find(struct slice section, struct slice key);

/* The same for "ws.port". */
enum setting_id setting_find_dotted(struct slice name);

/* The row of a key of comet.ini that changes nothing, or NULL. */
const struct setting_ignored *setting_ignored_find(struct slice section, struct slice key);

/* Is it the name of an environment variable ("ENCKE_WS_PORT") of a setting? Otherwise SETTING_COUNT. */
enum setting_id setting_find_variable(struct slice name);

/* The number of letters to change to make one of the other, without case; the way to guess what was meant. */
size_t setting_distance(struct slice a, struct slice b);

/* "ws.port", the name nearest to `name` ("section.key"), or SETTING_COUNT when none is near. */
enum setting_id setting_nearest(struct slice name);

#endif
