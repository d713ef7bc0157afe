/* tree: a SELECT as the parser understood it. Everything lives in the query's arena; slices point into the statement.
 *
 *   query -> select -> outputs: node [AS title]
 *                      sources: information_schema.t | a table of CometQL, alone | (select) AS alias
 *                      where, group, having, order, limit
 *                   -> also: the select behind UNION
 *
 *   node: kind, its operands first -> next -> next. Texts everywhere: a value is a slice, at == NULL is the SQL NULL.
 */
#ifndef ENCKE_COMETQL_QUERY_TREE_H
#define ENCKE_COMETQL_QUERY_TREE_H

#include "cometql/query/arena.h"
#include "cometql/statement.h"

#define QUERY_DEPTH_MAX 64 /* parentheses in each other: the parser recurses */
#define QUERY_OPERATORS_MAX 1000
#define QUERY_SOURCES_MAX 8
#define QUERY_SELECTS_MAX 32
#define QUERY_COLUMNS_MAX 256 /* of a result, all stars written out */
#define QUERY_ARGUMENTS_MAX 32
#define QUERY_BYTES_MAX (16u << 20) /* rows kept, and everything else of one query */
#define QUERY_WORK_MAX 2000000u     /* nodes evaluated: a statement must not hold its shard up */
#define QUERY_CONDITIONS_MAX 100    /* where information_schema is asked; STATEMENT_CONDITIONS_MAX elsewhere */

struct run;
struct function;
struct table;
struct schema_table;

enum node_kind {
    NODE_LITERAL,
    NODE_COLUMN,
    NODE_SYSTEM,    /* @@name */
    NODE_FUNCTION,  /* of its operands */
    NODE_AGGREGATE, /* over the rows of a group */
    NODE_NOT,
    NODE_AND,
    NODE_OR,
    NODE_XOR,
    NODE_COMPARE, /* two operands */
    NODE_LIKE,    /* two operands */
    NODE_IN,      /* the first among the others */
    NODE_BETWEEN, /* three operands */
    NODE_IS_NULL,
    NODE_ARITHMETIC, /* two operands */
    NODE_INTEGER,    /* CAST(x AS SIGNED) */
    NODE_CASE,       /* [base,] when, then, when, then ... [, else] */
    NODE_ROWS,       /* (SELECT ...): its first value; in IN: its first column; EXISTS: whether it has rows */
};

struct node {
    enum node_kind         kind;
    enum compare           compare;
    char                   sign;       /* ARITHMETIC: + - * / % */
    bool                   is_negated; /* NOT LIKE, IS NOT NULL ... */
    bool                   is_quoted;  /* LITERAL: '...' or "...": where a column belongs it is one */
    bool                   is_exists;
    bool                   has_base, has_else; /* CASE */
    bool                   is_distinct;        /* AGGREGATE */
    bool                   is_resolved;        /* COLUMN: source and column are known */
    struct slice           text;               /* value; name of column, function or variable */
    struct slice           qualifier;          /* of a column: the name before the point */
    struct node           *first, *next;
    const struct function *function;
    struct select         *select; /* ROWS */
    uint8_t                source; /* COLUMN: which, once resolved */
    uint16_t               column;
};

struct output {
    struct node   *node; /* NULL: a star */
    struct slice   title, qualifier;
    struct output *next;
};

struct order {
    struct node  *node;
    bool          is_descending;
    int           output; /* -1: the node is evaluated; otherwise which column of the result it is */
    struct order *next;
};

/* Rows in memory; each is an array of values. */
struct relation {
    const struct slice  *names; /* of the columns */
    size_t               column_count;
    const struct slice **rows;
    size_t               row_count, row_cap;
};

enum join { JOIN_ALL, JOIN_LEFT };

struct source {
    struct slice               database, table, alias;
    struct select             *select; /* (SELECT ...) AS alias */
    enum join                  join;
    struct node               *on;
    struct slice               using_column; /* joined to the source before by columns of this name; empty: no */
    const struct schema_table *schema;       /* once resolved: one of these two, or `select` */
    const struct table        *real;
    struct relation            rows;
    struct source             *next;
};

struct select {
    struct output  *outputs;
    struct source  *sources;
    struct node    *where, *having;
    struct order   *group, *order;
    uint64_t        skip, count; /* of LIMIT */
    bool            has_limit, is_distinct;
    bool            is_grouped; /* GROUP BY or an aggregate: one row out for a group of rows in */
    bool            also_all;   /* UNION ALL */
    struct select  *also;
    struct relation result; /* of a SELECT inside an expression, once it is_run */
    bool            is_run;
};

struct query {
    struct arena    arena;
    struct select  *select; /* of a DELETE: one source and where */
    struct relation result;
    size_t          counted;      /* rows of a real table when only their number is wanted */
    size_t          shown;        /* rows of the result that have gone out */
    uint32_t        kept_columns; /* of a real table: what is needed of each row after WHERE, bit by bit */
    uint32_t        condition_count, operator_count, select_count;
    bool            is_counting; /* see counted */
    bool            has_marked;  /* kept_columns is known */
    unsigned        depth;
    uint64_t        work;
};

#endif
