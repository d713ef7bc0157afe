/* config_value.c: one value, from its text and back. */
#include "server/config_parts.h"

#include "base/array.h"
#include "io/place.h"

static const struct {
    const char    *word;
    enum log_level level;
} levels[] = { { "error", LOG_ERROR }, { "warn", LOG_WARN }, { "info", LOG_INFO }, { "debug", LOG_DEBUG } };

static const char *const words_true[] = { "true", "yes", "on", "1" }, *const words_false[] = { "false", "no", "off",
                                                                                               "0" };

struct unit {
    const char *suffix;
    uint64_t    factor;
};

static const struct unit byte_units[] = {
    { "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 }, { NULL, 0 }
};
static const struct unit time_units[] = {
    { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { NULL, 0 },
};

static void *value_of(struct config *c, const struct setting *row)
{
    return (char *)c + row->offset;
}

static const void *value_of_const(const struct config *c, const struct setting *row)
{
    return (const char *)c + row->offset;
}

char *config_copy(struct slice text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return NULL;
    if (text.len != 0)
        memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return copy;
}

/* Digits and one of `units`; a blank may stand between them. */
static bool parse_amount(struct slice text, const struct unit *units, const struct setting *row, uint64_t *out)
{
    size_t digits = 0;
    while (digits < text.len && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    struct slice suffix = slice_trim(slice_skip(text, digits));
    for (; units->suffix != NULL; units++) {
        uint64_t number;
        if (!slice_is_nocase(suffix, units->suffix))
            continue;
        if (digits == 0 || !slice_u64(slice_first(text, digits), UINT64_MAX / units->factor, &number))
            return false;
        number *= units->factor;
        if (number < row->min || number > row->max)
            return false;
        *out = number;
        return true;
    }
    return false;
}

static bool parse_bool(struct slice text, bool *out)
{
    for (size_t i = 0; i < sizeof words_true / sizeof *words_true; i++) {
        if (slice_is_nocase(text, words_true[i]) || slice_is_nocase(text, words_false[i])) {
            *out = slice_is_nocase(text, words_true[i]);
            return true;
        }
    }
    return false;
}

/* A word, or a number of comet.ini: 100 critical, 200 error, 300 warning, 400 log, 500 debug, 600 everything. What
 * stands between two hundreds logged a share of the lines there, and counts as the hundred above here. */
static bool parse_level(struct slice text, enum log_level *out)
{
    uint64_t number;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (slice_is_nocase(text, levels[i].word)) {
            *out = levels[i].level;
            return true;
        }
    }
    if (!slice_u64(text, 600, &number))
        return false;
    *out = number <= 200 ? LOG_ERROR : number <= 300 ? LOG_WARN : number <= 400 ? LOG_INFO : LOG_DEBUG;
    return true;
}

static bool is_address(struct slice text)
{
    struct place places[PLACES_MAX];
    return places_read(text, 0, places) > 0;
}

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f)
            return false;
    return true;
}

static bool set_text(struct config *c, char **value, struct slice text)
{
    char *copy = config_copy(text);
    if (copy == NULL) {
        c->is_out_of_memory = true;
        return true;
    }
    free(*value);
    *value = copy;
    return true;
}

static void list_clear(struct config_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        free(list->at[i]);
    free(list->at);
    *list = (struct config_list){ 0 };
}

static void list_push(struct config *c, struct config_list *list, struct slice text)
{
    char *copy = config_copy(text);
    if (copy == NULL || !array_room(&list->at, &list->cap, list->count + 1, sizeof *list->at)) {
        free(copy);
        c->is_out_of_memory = true;
        return;
    }
    list->at[list->count++] = copy;
}

/* A later source replaces what an earlier one listed, even with []. */
static bool set_list(struct config *c, enum setting_id id, struct slice text, bool appends, enum config_source source)
{
    const struct setting *row = setting_row(id);
    struct config_list   *list = value_of(c, row);
    for (struct slice rest = text; rest.len > 0;) { /* all or nothing */
        struct slice item = row->kind == SETTING_NAMES ? slice_trim(slice_cut(&rest, ',')) : slice_cut(&rest, '\n');
        if (item.len > row->max || (item.len < row->min && row->kind == SETTING_LIST))
            return false;
    }
    if (!appends || c->origin[id].source != source)
        list_clear(list);
    while (text.len > 0) {
        struct slice item = row->kind == SETTING_NAMES ? slice_trim(slice_cut(&text, ',')) : slice_cut(&text, '\n');
        if (item.len > 0)
            list_push(c, list, item);
    }
    return true;
}

static bool set_value(struct config *c, enum setting_id id, struct slice text, bool appends, enum config_source source)
{
    const struct setting *row = setting_row(id);
    void                 *value = value_of(c, row);
    uint64_t              number;
    if (!is_printable(text))
        return false;
    switch (row->kind) {
    case SETTING_TEXT:
    case SETTING_SECRET:
        if (source != CONFIG_DEFAULT && (text.len < row->min || text.len > row->max))
            return false;
        return set_text(c, value, text);
    case SETTING_ADDRESS:
        return is_address(text) && set_text(c, value, text);
    case SETTING_BOOL:
        return parse_bool(text, value);
    case SETTING_NUMBER:
        return parse_amount(text, (const struct unit[]){ { "", 1 }, { NULL, 0 } }, row, value);
    case SETTING_BYTES:
        return parse_amount(text, byte_units, row, value);
    case SETTING_TIME:
        return parse_amount(text, time_units, row, value);
    case SETTING_PORT:
        if (!slice_u64(text, row->max, &number) || number < row->min)
            return false;
        *(uint16_t *)value = (uint16_t)number;
        return true;
    case SETTING_LEVEL:
        return parse_level(text, value);
    case SETTING_NAMES:
    case SETTING_LIST:
        return set_list(c, id, text, appends, source);
    }
    return false;
}

void config_assign(struct config *c, enum setting_id id, struct slice text, bool appends,
                   const struct config_place *place)
{
    const struct setting *row = setting_row(id);
    bool                  is_list = row->kind == SETTING_NAMES || row->kind == SETTING_LIST;
    if ((!appends || is_list) && set_value(c, id, text, appends, place->source)) {
        c->origin[id] = (struct config_origin){ place->source, place->line };
        return;
    }
    struct buf  allowed = { 0 };
    char        shown[120];
    const char *ellipsis = text.len > 60 ? "..." : "";
    config_allowed_text(row, &allowed);
    buf_byte(&allowed, '\0');
    log_text(shown, sizeof shown, slice_first(text, 60));
    const char *expected = buf_ok(&allowed) ? allowed.at : "another value";
    if (setting_is_secret(id))
        config_remark(c, CONFIG_ERROR, place, "%s.%s has a wrong value; expected %s", row->section, row->key, expected);
    else
        config_remark(c, CONFIG_ERROR, place, "%s.%s: wrong value \"%s%s%s\"; expected %s", row->section, row->key,
                      appends ? "[]" : "", shown, ellipsis, expected);
    buf_clear(&allowed);
}

/* The largest unit that leaves no rest; 0 and unitless amounts get what the file understands without doubt. */
static void amount_text(uint64_t amount, const struct unit *units, struct buf *out)
{
    const struct unit *best = &units[1]; /* the first is the meaning of no suffix */
    for (const struct unit *u = &units[1]; u->suffix != NULL; u++)
        if (amount != 0 && amount % u->factor == 0)
            best = u;
    if (amount == 0 || amount % best->factor != 0) {
        buf_u64(out, amount / units[0].factor);
        return;
    }
    buf_u64(out, amount / best->factor);
    buf_text(out, best->suffix);
}

void config_value_text(const struct config *c, enum setting_id id, struct buf *out)
{
    const struct setting     *row = setting_row(id);
    const void               *value = value_of_const(c, row);
    const struct config_list *list = value;
    switch (row->kind) {
    case SETTING_TEXT:
    case SETTING_SECRET:
    case SETTING_ADDRESS:
        buf_text(out, *(char *const *)value);
        break;
    case SETTING_BOOL:
        buf_text(out, *(const bool *)value ? "true" : "false");
        break;
    case SETTING_NUMBER:
        buf_u64(out, *(const uint64_t *)value);
        break;
    case SETTING_BYTES:
        amount_text(*(const uint64_t *)value, byte_units, out);
        break;
    case SETTING_TIME:
        amount_text(*(const uint64_t *)value, time_units, out);
        break;
    case SETTING_PORT:
        buf_u64(out, *(const uint16_t *)value);
        break;
    case SETTING_LEVEL:
        buf_text(out, levels[*(const enum log_level *)value].word);
        break;
    case SETTING_NAMES:
    case SETTING_LIST:
        for (uint32_t i = 0; i < list->count; i++) {
            buf_text(out, i == 0 ? "" : ", ");
            buf_text(out, list->at[i]);
        }
        break;
    }
}

void config_allowed_text(const struct setting *row, struct buf *out)
{
    switch (row->kind) {
    case SETTING_TEXT:
    case SETTING_SECRET:
        buf_printf(out, "a text of %llu to %llu bytes without control characters", (unsigned long long)row->min,
                   (unsigned long long)row->max);
        break;
    case SETTING_ADDRESS:
        buf_text(out, "a numeric IPv4 or IPv6 address, or unix:/path, or several separated by commas");
        break;
    case SETTING_BOOL:
        buf_text(out, "true, yes, on, 1, false, no, off or 0");
        break;
    case SETTING_NUMBER:
    case SETTING_PORT:
        buf_printf(out, "a number from %llu to %llu", (unsigned long long)row->min, (unsigned long long)row->max);
        break;
    case SETTING_BYTES:
        buf_text(out, "a size from ");
        amount_text(row->min, byte_units, out);
        buf_text(out, " to ");
        amount_text(row->max, byte_units, out);
        buf_text(out, " bytes, with K, M, G or nothing behind the number");
        break;
    case SETTING_TIME:
        buf_text(out, "a time from ");
        amount_text(row->min, time_units, out);
        buf_text(out, " to ");
        amount_text(row->max, time_units, out);
        buf_text(out, ", with ms, s, m, h or nothing (seconds) behind the number");
        break;
    case SETTING_LEVEL:
        buf_text(out, "error, warn, info, debug, or a number from 0 to 600");
        break;
    case SETTING_NAMES:
        buf_text(out, "names separated by commas");
        break;
    case SETTING_LIST:
        buf_printf(out, "[]value, up to %llu bytes", (unsigned long long)row->max);
        break;
    }
}
