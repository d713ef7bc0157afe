/* json: JSON from others, read. (What we say is written by json_out.h.)
 *
 *   struct json *doc;
 *   if (json_parse(text, &(struct json_limits){ .bytes = 65536, .depth = 8 }, &doc, &e) != OK) ...
 *   struct slice name;
 *   int64_t      id;
 *   if (!json_str(json_get(doc, "name"), &name) || !json_int(json_get(doc, "id"), &id)) ...
 *   json_free(doc);
 *
 * RFC 8259, with what leaves room for two readings refused: a key twice in one object, bytes that are no UTF-8, anything behind
 * the value, a number that fits no int64 or double, a key with a zero byte. Any value may stand outermost.
 *
 * Ownership: json_parse gives one document, which json_free takes with all that is in it. Values and slices are borrowed from
 * it. Looking into NULL, or into a value of another kind, finds nothing, so chains of json_get need one check.
 * Thread: any; a document belongs to one thread at a time. Errors never show the text that was read.
 */
#ifndef ENCKE_BASE_JSON_H
#define ENCKE_BASE_JSON_H

#include "base/slice.h"
#include "base/status.h"

/* A document, or a value in it. */
struct json;

struct json_limits {
    size_t   bytes; /* of the text */
    unsigned depth; /* of [ and { inside each other; at most JSON_DEPTH_MAX */
};

#define JSON_DEPTH_MAX 64 /* the library calls itself for each level */

/* E_TOO_LONG, E_INVALID (with where and why) or E_NO_MEMORY. */
enum status json_parse(struct slice text, const struct json_limits *limits, struct json **out_doc, struct error *out_error)
    __attribute__((warn_unused_result));
void json_free(struct json *doc);

enum json_kind {
    JSON_KIND_NONE, /* nothing is there: the value is NULL */
    JSON_KIND_OBJECT,
    JSON_KIND_ARRAY,
    JSON_KIND_TEXT,
    JSON_KIND_NUMBER,
    JSON_KIND_BOOL,
    JSON_KIND_NULL, /* the word null */
};
enum json_kind json_kind(const struct json *value);

/* The member of an object, or NULL. */
const struct json *json_get(const struct json *object, const char *key);

/* The elements of an array, from 0; NULL past the end. */
const struct json *json_at(const struct json *array, size_t index);
size_t             json_count(const struct json *array);

/* True and *out_..., or false and nothing is changed. A text may hold zero bytes. */
bool json_str(const struct json *value, struct slice *out_text);
bool json_bool(const struct json *value, bool *out_bool);

/* A whole number, however it is written: 11, 11.0 and 1.1e1 are one; 11.5, "11" and what a double cannot tell from its
 * neighbour (fractions or exponents past 2^53) are none. */
bool json_int(const struct json *value, int64_t *out_int);

/* Any number. */
bool json_number(const struct json *value, double *out_number);

#endif
