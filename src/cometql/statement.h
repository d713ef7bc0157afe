/* statement: one CometQL statement, understood.
 *
 * A plain struct whose slices point into the statement's text, or into `texts` where a doubled quote had to be
 * collapsed; both must outlive it. Bounded: 20 columns, 20 values a row, 10 conditions, 4,000 values in WHERE lists,
 * 80,000 in all rows.
 */
#ifndef ENCKE_COMETQL_STATEMENT_H
#define ENCKE_COMETQL_STATEMENT_H

#include "base/buf.h"
#include "base/status.h"

#define STATEMENT_COLUMNS_MAX 20
#define STATEMENT_ROW_MAX 20
#define STATEMENT_CONDITIONS_MAX 10
#define STATEMENT_LIST_MAX 4000
#define STATEMENT_ROW_VALUES_MAX 80000
#define STATEMENT_ITEMS_MAX 64 /* SELECT @@a, @@b ...: drivers ask for some twenty at once */
#define STATEMENT_FEW 24

enum statement_kind {
    STATEMENT_EMPTY,
    STATEMENT_NOTHING, /* SET, BEGIN, COMMIT ...: OK, no effect */
    STATEMENT_USE,
    STATEMENT_SELECT,       /* from a table */
    STATEMENT_SELECT_ITEMS, /* literals, functions and variables */
    STATEMENT_INSERT,
    STATEMENT_DELETE,
    STATEMENT_SHOW_DATABASES,
    STATEMENT_SHOW_TABLES,
    STATEMENT_SHOW_TABLE_STATUS,
    STATEMENT_SHOW_COLUMNS,
    STATEMENT_SHOW_INDEX,
    STATEMENT_SHOW_CREATE_TABLE,
    STATEMENT_SHOW_STATUS,
    STATEMENT_SHOW_VARIABLES,
    STATEMENT_SHOW_WARNINGS, /* and errors: there never are any */
    STATEMENT_SHOW_PROCESSLIST,
    STATEMENT_SHOW_ENGINES,
    STATEMENT_SHOW_COLLATION,
    STATEMENT_SHOW_CHARSET,
    STATEMENT_SHOW_GRANTS,
    STATEMENT_SHOW_CREATE_DATABASE,
    STATEMENT_SHOW_FOREIGN, /* what only MySQL has; `table` is the word behind SHOW */
    STATEMENT_KIND_COUNT
};

enum show_flag { SHOW_SESSION, SHOW_GLOBAL, SHOW_FILESYSTEM, SHOW_RAM, SHOW_AVG, SHOW_UPTIME };

enum value_kind {
    VALUE_TEXT,   /* quoted */
    VALUE_NAME,   /* a bare word */
    VALUE_NUMBER, /* digits, perhaps with a minus sign and a fraction */
    VALUE_NULL,
};

struct value {
    struct slice    text;
    enum value_kind kind;
};

enum compare {
    COMPARE_EQUAL,
    COMPARE_IN,
    COMPARE_LIKE,
    COMPARE_LESS,
    COMPARE_MORE,
    COMPARE_LESS_EQUAL,
    COMPARE_MORE_EQUAL,
    COMPARE_NOT_EQUAL
};

struct condition {
    struct slice column;
    enum compare compare;
    bool         is_or; /* joined to the one before with OR */
    uint32_t     first; /* value index */
    uint32_t     count;
};

enum item_kind { ITEM_COLUMN, ITEM_STAR, ITEM_TEXT, ITEM_NUMBER, ITEM_NULL, ITEM_FUNCTION, ITEM_SYSTEM, ITEM_VARIABLE };

/* One thing a SELECT asks for. */
struct item {
    enum item_kind kind;
    struct slice   text;  /* column, literal, function without (), variable without @@ and scope */
    struct slice   title; /* the column's heading: the alias, or as typed */
};

struct statement {
    enum statement_kind kind;
    enum show_flag      show_flag;
    bool                show_full;
    bool                is_star;         /* SELECT *: items are empty */
    bool                has_column_list; /* INSERT names its columns */
    bool                has_uneven_rows; /* INSERT rows differ in length */
    bool                has_order;
    bool                has_limit;
    uint32_t            parameter_count; /* question marks that stand for values */
    struct slice        database;        /* USE x, SHOW TABLES FROM x, x.table; empty: not named */
    struct slice        table;
    struct item         items[STATEMENT_ITEMS_MAX]; /* SELECT list */
    uint32_t            item_count;
    struct slice        columns[STATEMENT_COLUMNS_MAX]; /* INSERT list */
    uint32_t            column_count;
    struct condition    conditions[STATEMENT_CONDITIONS_MAX];
    uint32_t            condition_count;
    uint64_t            limit_skip, limit_count;
    uint32_t            row_width, row_count; /* INSERT: values [row * row_width ...] */
    uint32_t            value_count;          /* in SHOW: the patterns of LIKE */
    uint32_t            value_cap;            /* of `many` */
    struct value        few[STATEMENT_FEW];   /* the usual statement needs no allocation */
    struct value       *many;                 /* owned; NULL: `few` is in use */
    struct query       *query;                /* owned; NULL: the plain grammar was enough (query/query.h) */
    struct buf          texts;                /* owned; reserved once, so slices into it stay */
};

static inline const struct value *statement_value(const struct statement *s, uint32_t index)
{
    return s->many != NULL ? &s->many[index] : &s->few[index];
}

/* Frees what it owns and forgets the rest. */
void statement_clear(struct statement *s);

#endif
