/* schema: see schema.h. */
#include "cometql/schema/schema.h"

#include <stdio.h>

#include "cometql/query/run.h"

static const struct schema_table *const *const lists[] = { schema_of_tables, schema_of_server, schema_empty };

const struct schema_table *schema_at(unsigned index)
{
    for (size_t list = 0; list < sizeof lists / sizeof lists[0]; list++)
        for (const struct schema_table *const *t = lists[list]; *t != NULL; t++)
            if (index-- == 0)
                return *t;
    return NULL;
}

const struct schema_table *schema_find(struct slice name)
{
    const struct schema_table *t;
    for (unsigned i = 0; (t = schema_at(i)) != NULL; i++)
        if (slice_is_nocase(name, t->name))
            return t;
    return NULL;
}

void schema_row(struct schema_rows *out, const char *const *cells, size_t count)
{
    struct slice *row = relation_add(out->arena, out->relation);
    for (size_t i = 0; row != NULL && i < count && i < out->relation->column_count; i++)
        row[i] = cells[i] != NULL ? arena_text(out->arena, slice_str(cells[i])) : SQL_NULL;
}

struct schema_type schema_type_of(const char *type)
{
    struct schema_type t = { .length = 0 };
    size_t             len = strcspn(type, "(");
    memcpy(t.name, type, len < sizeof t.name - 1 ? len : sizeof t.name - 1);
    t.is_text = strstr(t.name, "char") != NULL || strstr(t.name, "text") != NULL;
    if (!t.is_text)
        t.digits = strcmp(t.name, "bigint") == 0 ? 19 : strcmp(t.name, "double") == 0 ? 22 : 10;
    else if (type[len] != '(' || sscanf(type + len, "(%u", &t.length) != 1)
        t.length = 16383; /* text: bytes / 4 */
    return t;
}
