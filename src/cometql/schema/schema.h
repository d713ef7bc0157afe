/* schema: the tables of information_schema, made when they are asked for.
 *
 * Each is a const entry: columns, and a function that adds its rows. What they say about tables and columns is read
 * from the one list of tables (tables/tables.c), so a new table is in here by itself; what this server does not have
 * (views, triggers, routines) has columns and no rows.
 */
#ifndef ENCKE_COMETQL_SCHEMA_SCHEMA_H
#define ENCKE_COMETQL_SCHEMA_SCHEMA_H

#include "cometql/internal.h"
#include "cometql/query/tree.h"

#define SCHEMA_DATABASE "information_schema"

struct schema_rows {
    struct cometql  *q;
    struct arena    *arena;
    struct relation *relation;
};

struct schema_table {
    const char        *name;
    const char *const *columns;
    uint16_t           column_count;
    void (*fill)(struct schema_rows *out); /* NULL: always empty */
};

/* Each ends with NULL. */
extern const struct schema_table *const schema_of_tables[], *const schema_of_server[], *const schema_empty[];

/* NULL: there is no such table. */
const struct schema_table *schema_find(struct slice name);

/* The index-th, by the order of the list; NULL: past the end. */
const struct schema_table *schema_at(unsigned index);

/* Adds a row; a NULL is the SQL NULL, and what is left out at the end is NULL. The texts are copied. */
void schema_row(struct schema_rows *out, const char *const *cells, size_t count);

#define SCHEMA_ROW(out, ...)                                                                                           \
    schema_row(out, (const char *const[]){ __VA_ARGS__ },                                                              \
               sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

/* The parts of a type such as varchar(64). */
struct schema_type {
    char     name[16]; /* varchar */
    unsigned length;   /* characters; 0: not a text */
    unsigned digits;   /* of a number; 0: not one */
    bool     is_text;
};

struct schema_type schema_type_of(const char *type);

#endif
