/* execute: see execute.h. */
#include "mysql/execute.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mysql/take.h"

#define TEXT_BYTES 40 /* of a number or a time, at most */

enum type {
    TYPE_DECIMAL = 0,
    TYPE_TINY = 1,
    TYPE_SHORT = 2,
    TYPE_LONG = 3,
    TYPE_FLOAT = 4,
    TYPE_DOUBLE = 5,
    TYPE_NULL = 6,
    TYPE_TIMESTAMP = 7,
    TYPE_LONGLONG = 8,
    TYPE_INT24 = 9,
    TYPE_DATE = 10,
    TYPE_TIME = 11,
    TYPE_DATETIME = 12,
    TYPE_YEAR = 13,
    TYPE_VARCHAR = 15,
    TYPE_BIT = 16,
    TYPE_JSON = 245, /* this and all above: texts and blobs */
    TYPE_COUNT = 256
};

#define FLAG_UNSIGNED 0x80u

struct reading {
    struct reader        body;
    struct mysql_values *out;
    struct error        *error;
    unsigned             number; /* of the parameter, from 1, for errors */
};

void mysql_values_clear(struct mysql_values *v)
{
    free(v->at);
    v->at = NULL;
    buf_clear(&v->texts);
}

static enum status malformed(struct reading *r, const char *what)
{
    return error_set(r->error, E_MALFORMED, "Malformed communication packet: parameter %u %s", r->number, what);
}

/* Keeps a short text. */
static struct slice keep(struct reading *r, const char *text, size_t len)
{
    size_t at = r->out->texts.len;
    buf_append(&r->out->texts, text, len);
    return slice_of(r->out->texts.at + at, len);
}

#define KEEP(r, out, ...)                                                                                              \
    do {                                                                                                               \
        char kept[TEXT_BYTES];                                                                                         \
        int  kept_len = snprintf(kept, sizeof kept, __VA_ARGS__);                                                      \
        *(out) = keep((r), kept, (size_t)kept_len);                                                                    \
    } while (0)

/* --- one function for each kind of value -------------------------------------------------------------------------- */

static enum status read_integer(struct reading *r, unsigned bytes, bool is_unsigned, struct slice *out)
{
    uint64_t raw = take_little(&r->body, bytes);
    unsigned spare = 64 - 8 * bytes;
    if (is_unsigned)
        KEEP(r, out, "%llu", (unsigned long long)raw);
    else
        KEEP(r, out, "%lld", (long long)((int64_t)(raw << spare) >> spare));
    return OK;
}

static enum status no_number(struct reading *r)
{
    return error_set(r->error, E_INVALID, "Parameter %u is not a number that can be written", r->number);
}

/* The shortest text that is read as the same number again. */
static enum status read_float(struct reading *r, struct slice *out)
{
    char     text[TEXT_BYTES];
    uint32_t raw = (uint32_t)take_little(&r->body, 4);
    float    value;
    memcpy(&value, &raw, sizeof value);
    if (!isfinite(value))
        return no_number(r);
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    *out = keep(r, text, strlen(text));
    return OK;
}

static enum status read_double(struct reading *r, struct slice *out)
{
    char     text[TEXT_BYTES];
    uint64_t raw = take_little(&r->body, 8);
    double   value;
    memcpy(&value, &raw, sizeof value);
    if (!isfinite(value))
        return no_number(r);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    *out = keep(r, text, strlen(text));
    return OK;
}

struct moment {
    unsigned year, month, day, hour, minute, second, micro;
};

static bool take_clock(struct reader *body, struct moment *m)
{
    m->hour = (unsigned)take_little(body, 1);
    m->minute = (unsigned)take_little(body, 1);
    m->second = (unsigned)take_little(body, 1);
    return m->minute < 60 && m->second < 60;
}

static bool take_micro(struct reader *body, struct moment *m)
{
    m->micro = (unsigned)take_little(body, 4);
    return m->micro < 1000000;
}

static enum status no_time(struct reading *r)
{
    return error_set(r->error, E_INVALID, "Parameter %u is no date or time", r->number);
}

/* 0, 4, 7 or 11 bytes: what is zero at the end is left out. */
static enum status read_date(struct reading *r, bool has_clock, struct slice *out)
{
    struct moment m = { 0 };
    unsigned      len = (unsigned)take_little(&r->body, 1);
    bool          is_right = true;
    if (len != 0 && len != 4 && len != 7 && len != 11)
        return malformed(r, "has a date of an unknown length");
    if (len >= 4) {
        m.year = (unsigned)take_little(&r->body, 2);
        m.month = (unsigned)take_little(&r->body, 1);
        m.day = (unsigned)take_little(&r->body, 1);
        is_right = m.year <= 9999 && m.month <= 12 && m.day <= 31;
    }
    if (len >= 7)
        is_right = take_clock(&r->body, &m) && m.hour < 24 && is_right;
    if (len == 11)
        is_right = take_micro(&r->body, &m) && is_right;
    if (!is_right)
        return no_time(r);
    if (!has_clock)
        KEEP(r, out, "%04u-%02u-%02u", m.year, m.month, m.day);
    else if (m.micro == 0)
        KEEP(r, out, "%04u-%02u-%02u %02u:%02u:%02u", m.year, m.month, m.day, m.hour, m.minute, m.second);
    else
        KEEP(r, out, "%04u-%02u-%02u %02u:%02u:%02u.%06u", m.year, m.month, m.day, m.hour, m.minute, m.second, m.micro);
    return OK;
}

/* 0, 8 or 12 bytes; days become hours, and libmariadb leaves it to its user whether there are more than 23 hours. */
static enum status read_time(struct reading *r, struct slice *out)
{
    struct moment m = { 0 };
    unsigned      len = (unsigned)take_little(&r->body, 1);
    const char   *sign = "";
    uint64_t      hours = 0;
    bool          is_right = true;
    if (len != 0 && len != 8 && len != 12)
        return malformed(r, "has a time of an unknown length");
    if (len >= 8) {
        sign = take_little(&r->body, 1) != 0 ? "-" : "";
        hours = 24 * take_little(&r->body, 4);
        is_right = take_clock(&r->body, &m);
    }
    if (len == 12)
        is_right = take_micro(&r->body, &m) && is_right;
    if (!is_right)
        return no_time(r);
    hours += m.hour;
    if (m.micro == 0)
        KEEP(r, out, "%s%02llu:%02u:%02u", sign, (unsigned long long)hours, m.minute, m.second);
    else
        KEEP(r, out, "%s%02llu:%02u:%02u.%06u", sign, (unsigned long long)hours, m.minute, m.second, m.micro);
    return OK;
}

static enum status read_text(struct reading *r, struct slice *out)
{
    *out = take_bytes(&r->body, take_number(&r->body));
    return OK;
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static enum status read_value(struct reading *r, unsigned type, bool is_unsigned, struct slice *out)
{
    switch (type) {
    case TYPE_TINY:
        return read_integer(r, 1, is_unsigned, out);
    case TYPE_SHORT:
    case TYPE_YEAR:
        return read_integer(r, 2, is_unsigned, out);
    case TYPE_LONG:
    case TYPE_INT24:
        return read_integer(r, 4, is_unsigned, out);
    case TYPE_LONGLONG:
        return read_integer(r, 8, is_unsigned, out);
    case TYPE_FLOAT:
        return read_float(r, out);
    case TYPE_DOUBLE:
        return read_double(r, out);
    case TYPE_DATE:
        return read_date(r, false, out);
    case TYPE_DATETIME:
    case TYPE_TIMESTAMP:
        return read_date(r, true, out);
    case TYPE_TIME:
        return read_time(r, out);
    case TYPE_NULL:
        *out = (struct slice){ NULL, 0 };
        return OK;
    case TYPE_DECIMAL:
    case TYPE_VARCHAR:
    case TYPE_BIT:
        return read_text(r, out);
    default:
        return type >= TYPE_JSON ? read_text(r, out) : malformed(r, "has an unknown type");
    }
}

static enum status take_types(struct reading *r, unsigned count, unsigned char *types, bool *has_types)
{
    if (take_little(&r->body, 1) != 0) {
        struct slice given = take_bytes(&r->body, (uint64_t)count * MYSQL_TYPE_BYTES);
        if (r->body.is_short)
            return error_set(r->error, E_MALFORMED, "Malformed communication packet: the types are cut short");
        memcpy(types, given.at, given.len);
        *has_types = true;
    }
    return *has_types ? OK : error_set(r->error, E_MALFORMED, "Malformed communication packet: the types are missing");
}

static enum status read_all(struct reading *r, unsigned count, const unsigned char *types, struct slice nulls,
                            const struct mysql_long_data *sent)
{
    for (unsigned i = 0; i < count; i++) {
        struct slice *value = &r->out->at[i];
        bool          is_null = (unsigned char)nulls.at[i / 8] >> i % 8 & 1;
        enum status   status = OK;
        r->number = i + 1;
        if (sent != NULL && sent[i].is_sent)
            *value = sent[i].text.at != NULL ? buf_slice(&sent[i].text) : SLICE("");
        else if (is_null)
            *value = (struct slice){ NULL, 0 };
        else
            status = read_value(r, types[i * MYSQL_TYPE_BYTES], types[i * MYSQL_TYPE_BYTES + 1] & FLAG_UNSIGNED, value);
        if (status != OK)
            return status;
        if (r->body.is_short)
            return malformed(r, "is cut short");
    }
    return OK;
}

enum status mysql_values_read(struct slice body, unsigned count, unsigned char *types, bool *has_types,
                              const struct mysql_long_data *sent, struct mysql_values *out, struct error *error)
{
    struct reading r = { .body = { .rest = body }, .out = out, .error = error };
    if (count == 0)
        return OK;
    struct slice nulls = take_bytes(&r.body, (count + 7) / 8);
    if (r.body.is_short)
        return error_set(error, E_MALFORMED, "Malformed communication packet: %u parameters are missing", count);
    enum status status = take_types(&r, count, types, has_types);
    if (status != OK)
        return status;
    out->at = calloc(count, sizeof *out->at);
    if (out->at == NULL || buf_reserve(&out->texts, (size_t)count * TEXT_BYTES) == NULL)
        return error_plain(error, E_NO_MEMORY);
    return read_all(&r, count, types, nulls, sent);
}
