/* Values of COM_STMT_EXECUTE: the first byte says how many parameters there are, the second what is known of them; two
 * executions follow, as the types stay. Every value must lie inside the packet, the texts made of it, or what was sent ahead. */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <assert.h>
#include <stdlib.h>

#include "mysql/execute.h"

#define PARAMETERS_MAX 255

static size_t touched; /* keeps the compiler from leaving the reads out */

static bool is_inside(struct slice whole, struct slice part)
{
    return part.len == 0 || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

static void check(struct slice body, const struct mysql_values *values, unsigned count, struct slice sent)
{
    for (unsigned i = 0; i < count; i++) {
        struct slice v = values->at[i];
        assert(v.at != NULL || v.len == 0);
        assert(is_inside(body, v) || is_inside(buf_slice(&values->texts), v) || is_inside(sent, v));
        for (size_t k = 0; k < v.len; k++)
            touched += (unsigned char)v.at[k];
    }
}

/* In memory of exactly its length. */
static void execute(struct slice body, unsigned count, unsigned char *types, bool *has_types, const struct mysql_long_data *sent)
{
    char *exact = malloc(body.len + 1);
    assert(exact != NULL);
    exact = realloc(exact, body.len > 0 ? body.len : 1);
    if (body.len > 0)
        memcpy(exact, body.at, body.len);
    struct slice        copy = slice_of(exact, body.len);
    struct mysql_values values = { 0 };
    struct error        error = { 0 };
    if (mysql_values_read(copy, count, types, has_types, sent, &values, &error) == OK)
        check(copy, &values, count, sent != NULL ? buf_slice(&sent[0].text) : SLICE(""));
    else
        assert(error.code != OK);
    mysql_values_clear(&values);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    unsigned               count = data[0];
    struct mysql_long_data sent[PARAMETERS_MAX + 1] = { 0 };
    unsigned char          types[(PARAMETERS_MAX + 1) * MYSQL_TYPE_BYTES] = { 0 };
    bool                   has_types = data[1] & 1;
    size_t                 cut = (size_t)data[2] % (size - 2);
    struct slice           rest = slice_of(data + 3, size - 3);
    if (data[1] & 2) {
        sent[0].is_sent = true;
        buf_text(&sent[0].text, data[1] & 4 ? "sent ahead" : "");
    }
    execute(slice_first(rest, cut), count, types, &has_types, data[1] & 2 ? sent : NULL);
    execute(slice_skip(rest, cut), count, types, &has_types, NULL);
    buf_clear(&sent[0].text);
    return 0;
}
