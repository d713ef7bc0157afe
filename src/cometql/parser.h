/* parser: tokens to a statement.
 *
 * The plain grammar is read without recursion: it nests nowhere but in the parentheses of WHERE, which are only
 * counted. A SELECT or DELETE that it does not cover is read again by query/parse_query.c, with expressions. Exactly
 * one statement is accepted, with any number of semicolons behind it; statement_cut takes the first of several. Pure.
 *
 * In a statement to prepare a question mark may stand wherever a value may: in lists, conditions, rows, LIMIT, patterns
 * and the list of a SELECT without a table. A value bound to it takes its place in the statement; it is never text that
 * is lexed.
 */
#ifndef ENCKE_COMETQL_PARSER_H
#define ENCKE_COMETQL_PARSER_H

#include "cometql/statement.h"

/* The first of several statements: *sql becomes what stands up to its semicolon; what comes is returned, from the next
 * statement on, or empty. */
struct slice statement_cut(struct slice *sql);

/* Fills a zeroed statement; clear it with statement_clear in either case. `sql` must outlive it. Errors: E_SYNTAX with
 * the place, E_MANY_..., E_NO_MEMORY. */
enum status statement_parse(struct statement *out, struct slice sql, struct error *error)
    __attribute__((warn_unused_result));

/* The same for a statement to prepare: every parameter is NULL, in LIMIT 0; out->parameter_count says how many there
 * are. */
enum status statement_parse_prepared(struct statement *out, struct slice sql, struct error *error)
    __attribute__((warn_unused_result));

/* The same with values in the place of the parameters; they must outlive `out`. at == NULL: the SQL NULL. E_INVALID
 * when there are too few, or one for LIMIT is not a whole number. */
enum status statement_parse_bound(struct statement *out, struct slice sql, const struct slice *values, size_t count,
                                  struct error *error) __attribute__((warn_unused_result));

#endif
