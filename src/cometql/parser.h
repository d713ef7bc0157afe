/* parser: tokens to a statement.
 *
 * Recursive descent without recursion: the grammar (docs/protocols/cometql.md) nests nowhere but in the parentheses of
 * WHERE, which are only counted. Exactly one statement is accepted, with any number of semicolons behind it. Pure.
 */
#ifndef ENCKE_COMETQL_PARSER_H
#define ENCKE_COMETQL_PARSER_H

#include "cometql/statement.h"

/* Fills a zeroed statement; clear it with statement_clear in either case. `sql` must outlive it. Errors: E_SYNTAX with
 * the place, E_MANY_..., E_NO_MEMORY. */
enum status statement_parse(struct statement *out, struct slice sql, struct error *error)
    __attribute__((warn_unused_result));

#endif
