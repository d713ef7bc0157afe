/* query: SELECT with expressions, over rows in memory.
 *
 * What the plain grammar of statement.h does not cover: OR and NOT, ORDER BY, COUNT(*) and GROUP BY, functions, and
 * everything graphical tools ask information_schema. The plain grammar streams; here the rows that meet WHERE are kept
 * (bounded by QUERY_BYTES_MAX), then grouped, sorted and shown.
 *
 *   parser.c -> query_parse -> struct query (owned by the statement)
 *   select_query -> query_open -> query_fill                            virtual tables: rows are there at once
 *                              -> the walk -> query_feed for each row   a table of CometQL: the keys are in the WHERE
 *                -> query_run -> result, shown row by row as the socket takes it
 *
 * A table of CometQL stands alone in FROM; its key must be named in every branch of an OR, for rows are looked up and
 * never searched. Thread: the shard of the connection.
 */
#ifndef ENCKE_COMETQL_QUERY_QUERY_H
#define ENCKE_COMETQL_QUERY_QUERY_H

#include "cometql/parsing.h"
#include "cometql/query/tree.h"

struct cometql;

/* SELECT has been taken. Sets p->out->query. */
enum status query_parse(struct parser *p);

/* DELETE FROM has been taken: table WHERE expression [LIMIT n]. */
enum status query_parse_delete(struct parser *p);

/* WHERE has been taken, in a SHOW. */
enum status query_parse_filter(struct parser *p);

void query_free(struct query *given);

/* Is the one source a table of CometQL? Then its names are in `st`. */
bool query_asks_table(const struct statement *st);

/* Finds tables, columns and functions. `error` in the promised order: tables, list, ORDER BY, conditions. */
enum status query_open(struct cometql *q, struct error *error);

/* The values of the key that WHERE asks for, each once, as a condition of the statement. */
enum status query_find_keys(struct cometql *q, struct error *error);

/* Does WHERE name this column of the one table, once it is open? */
bool query_names_column(const struct query *query, unsigned column);

/* Does the row of the table meet WHERE? */
bool query_is_met(struct cometql *q, const struct slice *cells);

/* Keeps a row of the table. E_MANY_ROWS, E_NO_MEMORY. */
enum status query_feed(struct cometql *q, const struct slice *cells);

/* Fills q->st.query->result. */
enum status query_run(struct cometql *q, struct error *error);

/* Does a row with columns of these names meet the WHERE of a SHOW? An unknown column is NULL. */
bool query_filter_is_met(struct cometql *q, const struct slice *names, const struct slice *cells, size_t count);

#endif
