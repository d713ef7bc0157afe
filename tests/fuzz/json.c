/* JSON of any bytes: every value is looked at in every way. */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <assert.h>

#include "base/json.h"

#define DEPTH 16

static void look(const struct json *value, unsigned depth)
{
    struct slice text;
    int64_t      whole;
    double       number;
    bool         yes;
    assert(depth <= DEPTH);
    json_bool(value, &yes);
    if (json_str(value, &text))
        assert(text.at != NULL && json_kind(value) == JSON_KIND_TEXT);
    if (json_int(value, &whole))
        assert(json_number(value, &number));
    json_get(value, "a");
    for (size_t i = 0; i < json_count(value); i++)
        look(json_at(value, i), depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_limits limits = { .bytes = 65536, .depth = DEPTH };
    struct json                    *doc;
    struct error                    e;
    if (json_parse(slice_of(data, size), &limits, &doc, &e) != OK)
        return 0;
    look(doc, 0);
    json_free(doc);
    return 0;
}
