/* json.c: see json.h. The only user of jansson. */
#include "base/json.h"

#include <jansson.h>

#define DOUBLE_EXACT 9007199254740992.0 /* 2^53: whole numbers up to here are told from their neighbours */

static const json_t *inner(const struct json *value)
{
    return (const json_t *)(const void *)value;
}

static const struct json *outer(const json_t *value)
{
    return (const struct json *)(const void *)value;
}

/* Do [ and { stand more than `most` deep? jansson's own bound is of its compilation, and its recursion costs stack.
 * Brackets that do not match are left to it. */
static bool is_deeper(struct slice text, unsigned most)
{
    unsigned depth = 0;
    bool     in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '[' || c == '{') && ++depth > most)
            return true;
        else if (!in_string && (c == ']' || c == '}') && depth > 0)
            depth--;
    }
    return false;
}

/* In our own words: jansson's repeat what was read, which may be a secret. */
static enum status explain(const json_error_t *found, struct error *e)
{
    const char *why = "a syntax error";
    switch (json_error_code(found)) {
    case json_error_out_of_memory:
        return error_plain(e, E_NO_MEMORY);
    case json_error_premature_end_of_input:
        why = "it ends too early";
        break;
    case json_error_end_of_input_expected:
        why = "something follows the value";
        break;
    case json_error_invalid_utf8:
        why = "a text is not UTF-8";
        break;
    case json_error_duplicate_key:
        why = "a key stands twice in one object";
        break;
    case json_error_numeric_overflow:
        why = "a number is too large";
        break;
    case json_error_null_byte_in_key:
        why = "a key has a zero byte";
        break;
    default:
        break;
    }
    return error_set(e, E_INVALID, "not valid JSON: %s, near byte %d", why, found->position);
}

enum status json_parse(struct slice text, const struct json_limits *limits, struct json **out_doc,
                       struct error *out_error)
{
    bug_if(limits->depth > JSON_DEPTH_MAX);
    if (text.len > limits->bytes)
        return error_set(out_error, E_TOO_LONG, "the JSON text is longer than %zu bytes", limits->bytes);
    if (is_deeper(text, limits->depth))
        return error_set(out_error, E_INVALID, "the JSON text is more than %u levels deep", limits->depth);
    json_error_t found;
    json_t      *doc = json_loadb(text.len > 0 ? text.at : "", text.len,
                             JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &found);
    if (doc == NULL)
        return explain(&found, out_error);
    *out_doc = (struct json *)(void *)doc;
    return OK;
}

void json_free(struct json *doc)
{
    json_decref((json_t *)(void *)doc);
}

enum json_kind json_kind(const struct json *value)
{
    static const enum json_kind kinds[] = {
        [JSON_OBJECT] = JSON_KIND_OBJECT,  [JSON_ARRAY] = JSON_KIND_ARRAY, [JSON_STRING] = JSON_KIND_TEXT,
        [JSON_INTEGER] = JSON_KIND_NUMBER, [JSON_REAL] = JSON_KIND_NUMBER, [JSON_TRUE] = JSON_KIND_BOOL,
        [JSON_FALSE] = JSON_KIND_BOOL,     [JSON_NULL] = JSON_KIND_NULL,
    };
    return value == NULL ? JSON_KIND_NONE : kinds[json_typeof(inner(value))];
}

const struct json *json_get(const struct json *object, const char *key)
{
    return outer(json_object_get(inner(object), key)); /* NULL for what is no object */
}

const struct json *json_at(const struct json *array, size_t index)
{
    return outer(json_array_get(inner(array), index));
}

size_t json_count(const struct json *array)
{
    return json_array_size(inner(array));
}

bool json_str(const struct json *value, struct slice *out_text)
{
    if (!json_is_string(inner(value)))
        return false;
    *out_text = slice_of(json_string_value(inner(value)), json_string_length(inner(value)));
    return true;
}

bool json_bool(const struct json *value, bool *out_bool)
{
    if (!json_is_boolean(inner(value)))
        return false;
    *out_bool = json_is_true(inner(value));
    return true;
}

bool json_int(const struct json *value, int64_t *out_int)
{
    if (json_is_integer(inner(value))) {
        *out_int = json_integer_value(inner(value));
        return true;
    }
    double number;
    if (!json_number(value, &number) || number < -DOUBLE_EXACT || number > DOUBLE_EXACT ||
        number != (double)(int64_t)number)
        return false;
    *out_int = (int64_t)number;
    return true;
}

bool json_number(const struct json *value, double *out_number)
{
    if (!json_is_number(inner(value)))
        return false;
    *out_number = json_number_value(inner(value));
    return true;
}
