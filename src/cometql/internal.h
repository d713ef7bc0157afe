/* internal: what the executor's files and the tables share.
 *
 * A client has one statement at a time (struct cometql). Statements on tables are walks: one question to the hub for
 * each key of the WHERE list, or for each row of an INSERT, one after the other; rows go out as the answers come, and
 * the walk rests while the client does not read.
 *
 *   cometql_walk -> table->fetch | erase | drop | insert -> question ... answer -> table->rows -> cometql_row
 */
#ifndef ENCKE_COMETQL_INTERNAL_H
#define ENCKE_COMETQL_INTERNAL_H

#include "cometql/exec.h"
#include "cometql/statement.h"
#include "hub/ask.h"
#include "hub/listing.h"
#include "mysql/conn.h"

#define TABLE_COLUMNS_MAX 18
#define COMETQL_DATABASE "CometQL_v1"
#define USER_NAME_MAX 32

struct cometql;

struct column {
    const char *name;
    const char *type; /* for SHOW COLUMNS */
};

/* One table; a const entry in a file of its own. A NULL function says that the statement is not possible. */
struct table {
    const char   *name;
    const char   *comment; /* a few words for information_schema */
    struct column columns[TABLE_COLUMNS_MAX];
    uint8_t       column_count;
    uint8_t       star_count; /* columns that SELECT * shows and INSERT without a list fills, the first ones; the others are there
                               * when they are named (decision 024). 0: all */
    int8_t        key;       /* the column whose values a WHERE must name; -1: none is needed */
    int8_t        id;        /* the column that names one row, for drop; -1: none */
    bool          is_listed; /* by SHOW TABLES */
    bool          is_read_only;
    unsigned      affected;        /* by an INSERT of one row */
    bool          key_is_optional; /* a SELECT without it asks `fetch_all` */
    bool          is_searched;     /* needs no key: without one, rows are asked for with `fetch_more`; a DELETE needs a WHERE */
    bool          id_needs_key;    /* a DELETE by id must name the key as well: an id is one of a key */
    uint32_t      not_in_delete;   /* columns that the WHERE of a DELETE must not name, a bit each */

    /* What an INSERT reports as its insert id; NULL: 0. */
    uint64_t (*insert_id)(const struct cometql *q);

    /* Asks for the rows of one key. False: no such key can exist, go on with the next. */
    bool (*fetch)(struct cometql *q, struct slice key);

    /* Asks for all rows of the app. */
    void (*fetch_all)(struct cometql *q);

    /* Asks for the next slice of all rows. False: there are no more. And what its answer gives to cometql_row. */
    bool (*fetch_more)(struct cometql *q);
    void (*listed_rows)(struct cometql *q, const struct listing *l);

    /* Asks to forget rows whose ids are in `doomed`, in one go; instead of `drop`. */
    bool (*drop_many)(struct cometql *q);

    /* One of the messages given to cometql_hold, as a row. */
    void (*message_row)(struct cometql *q, const struct message *m);

    /* The answer: gives each row to cometql_row. May ask on: then the answer to that is waited for. */
    void (*rows)(struct cometql *q, const struct ask *answered);

    /* Asks to forget all rows of one key; false as above. */
    bool (*erase)(struct cometql *q, struct slice key);

    /* Asks to forget the row with this id; false as above. */
    bool (*drop)(struct cometql *q, struct slice id);

    /* Is this row right? Before the first of a statement is inserted all are checked. */
    enum status (*check)(const struct cometql *q, uint32_t row, struct error *error);
    void (*insert)(struct cometql *q, uint32_t row);

    /* The answer to that; may ask on, as above. NULL: nothing is left to do. */
    void (*inserted)(struct cometql *q, uint32_t row, const struct ask *answered);
};

enum walk_kind {
    WALK_NONE,
    WALK_SELECT,
    WALK_DELETE,
    WALK_INSERT,
    WALK_RESULT, /* rows of a query that are there */
    WALK_STATUS,
};

struct cometql {
    struct mysql_conn *conn;
    uint32_t           app;
    bool               has_database; /* CometQL_v1 was selected */
    bool               is_authenticated;
    bool               is_counted; /* among the app's sessions */
    char               user[USER_NAME_MAX + 1];

    bool                is_preparing; /* say what the statement is like, and do nothing */
    struct statement    st;
    const struct table *table;

    enum walk_kind         walk;
    bool                   is_walking;    /* cometql_walk is on the call stack */
    bool                   goes_on;       /* ... and has another step to do */
    bool                   is_asking;     /* a question is on its way: no step before its answer */
    uint32_t               next;          /* key of the list, or row */
    int8_t                 key_condition; /* -1: none */
    int8_t                 id_condition;  /* -1: none, or not used as a key */
    bool                   has_filters;   /* conditions beyond the key */
    uint8_t                pick_count;
    uint8_t                picks[STATEMENT_COLUMNS_MAX]; /* SELECT: table columns to show */
    int8_t                 condition_column[STATEMENT_CONDITIONS_MAX];
    int8_t                 place[TABLE_COLUMNS_MAX]; /* INSERT: where in the row; -1: not given */
    uint64_t               skip, left;               /* of LIMIT */
    uint64_t               row_number;               /* rows seen so far */
    bool                   asked_all;                /* fetch_all was called */
    uint64_t               affected;  /* rows a DELETE counted */
    struct listing        *listing;   /* owned; the slice that was shown last, which knows where the next begins */
    struct buf             doomed; /* DELETE: ids, each with a NUL behind it; owned */
    size_t                 doomed_at;
    const struct message **held; /* history on its way out; owned, each counted */
    size_t                 held_count, held_at;
    char                   key_text[72]; /* the key being asked for, for rows that show it */
    uint8_t                key_len;
};

extern const struct cometql_settings *cometql_own_settings;

/* --- exec.c ------------------------------------------------------------------------------------------------------- */

/* The answer to the statement; the statement is forgotten first, for the next one may begin inside the call. */
void cometql_ok(struct cometql *q, uint64_t affected, uint64_t insert_id);
void cometql_fail(struct cometql *q, const struct error *error);
void cometql_fail_plain(struct cometql *q, enum status why);
void cometql_end(struct cometql *q);

/* CometQL_v1, db_15. */
enum status cometql_database(struct cometql *q, struct slice name, struct error *error);

/* --- walk.c ------------------------------------------------------------------------------------------------------- */

void cometql_select(struct cometql *q);
void cometql_insert(struct cometql *q);
void cometql_delete(struct cometql *q);
void cometql_walk(struct cometql *q);
void cometql_answered(struct cometql *q); /* to the question on its way: go on */
void cometql_forget(struct cometql *q);   /* everything of the statement */

/* Sends a question whose answer goes to the table's `rows`. */
bool cometql_ask(struct cometql *q, enum ask_kind kind, struct slice channel, uint64_t number);
void cometql_ask_send(struct cometql *q, struct ask *given); /* NULL: fails the statement */

/* All columns of one row. It is shown or doomed when the conditions are met. */
void cometql_row(struct cometql *q, const struct slice *cells);

/* Keeps messages (each gets a reference) to be given to the table row by row. */
void cometql_hold(struct cometql *q, const struct message *const *messages, size_t count);

/* listed.c: listings (hub/listing.h). A new one for the statement, or NULL: the statement has failed. */
struct listing *listed_new(struct cometql *q, enum listing_kind kind);
void            listed_ask(struct cometql *q, struct listing *given); /* the answer goes to the table's `listed_rows` */
bool            listed_more(struct cometql *q, struct listing *begin(struct cometql *q)); /* as fetch_more */

/* A condition of the plain grammar on this column that all rows must meet, or NULL. */
const struct condition *listed_condition(const struct cometql *q, unsigned column);

/* For tables whose key is a user id. False: it is none (0 counts as one when `least` is 0). */
bool cometql_user_id(struct slice text, uint32_t least, uint32_t *out_id);

/* Sends a question about a user; the answer goes to the table's `rows`. */
void cometql_ask_user(struct cometql *q, enum ask_kind kind, uint32_t user_id, struct slice event, struct slice text);

/* The same where all that is known is the key. False: it is no user id. */
bool cometql_ask_of(struct cometql *q, enum ask_kind kind, struct slice key, uint32_t least);

/* For `rows` of tables with a key and one value. */
void cometql_row_of(struct cometql *q, struct slice value);

/* For `insert_id` of tables whose first column is a user id. */
uint64_t cometql_first_id(const struct cometql *q);

/* The value of a column in a row of the INSERT; NULL: not given, or the SQL NULL. */
const struct value *cometql_cell(const struct cometql *q, uint32_t row, unsigned column);
enum status         cometql_need_cell(const struct cometql *q, uint32_t row, unsigned column, struct slice *out,
                                      struct error *error);

struct cometql *cometql_of(struct stream *s);

/* --- where.c ------------------------------------------------------------------------------------------------------ */

int      table_column(const struct table *t, struct slice name); /* -1: unknown */
unsigned table_star(const struct table *t);                      /* columns of * */

/* May the statement do without a condition on the key? */
bool where_key_is_optional(const struct cometql *q);

/* Does the WHERE of a statement that was checked name this column? */
bool where_names_column(const struct cometql *q, unsigned column);

enum status where_check_list(struct cometql *q, struct error *error); /* the SELECT list */
enum status where_check_insert_list(struct cometql *q, struct error *error);
enum status where_check_conditions(struct cometql *q, struct error *error);

/* Are all conditions but those on the key met? */
bool where_is_met(const struct cometql *q, const struct slice *cells);

bool like_is_met(struct slice pattern, struct slice text); /* % and _, letters without case */

/* Less than 0, 0, more than 0: whole numbers by value, other texts byte by byte. */
int value_compare(struct slice a, struct slice b);

/* As SQL reads numbers: a sign and digits; 0 when there are none; the ends of the range when there are too many. */
int64_t value_number(struct slice text);

/* --- the rest ----------------------------------------------------------------------------------------------------- */

const struct table              *table_find(struct slice name);
extern const struct table *const tables[];
extern const unsigned            table_count;

bool        table_is_listed(const struct table *t);
const char *table_key_mark(const struct table *t, int column); /* PRI: names one row; MUL: the key; or "" */
const char *table_extra(const struct table *t, int column);    /* INVISIBLE, as MySQL calls what * does not show; or "" */
const char *table_comment(const struct table *t);

void cometql_items(struct cometql *q);     /* greetings.c: SELECT without a table */
void cometql_variables(struct cometql *q); /* greetings.c: SHOW VARIABLES */
void cometql_show(struct cometql *q);      /* show.c */
void cometql_status(struct cometql *q);    /* status.c: SHOW STATUS */
void cometql_status_app(struct cometql *q, const struct ask *answered);
void cometql_processlist(struct cometql *q);
void cometql_statistics(struct buf *out);

/* greetings.c: functions without arguments, and system variables without the @@, as texts of at most GREETING_BYTES
 * with a NUL. False: there is no such. */
#define GREETING_BYTES 192
bool        greeting_is_function(struct slice name);
bool        greeting_function(const struct cometql *q, struct slice name, char *out);
bool        greeting_variable(const struct cometql *q, struct slice name, char *out);
const char *greeting_variable_at(size_t index); /* NULL: past the last */

/* show.c: a column of the answer and the filter of LIKE or WHERE. */
void show_columns(struct cometql *q, const char *const *names, size_t count);
void show_row(struct cometql *q, const char *const *texts, size_t count); /* NULL is the SQL NULL */

#define SHOW_ROW(...)                                                                                                  \
    show_row(q, (const char *const[]){ __VA_ARGS__ },                                                                  \
             sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))
#define SHOW_HEADINGS(...)                                                                                             \
    show_columns(q, (const char *const[]){ __VA_ARGS__ },                                                              \
                 sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

/* show_foreign.c: what MySQL has and this server has not. */
void show_foreign(struct cometql *q);
void show_grants(struct cometql *q);
void show_create_database(struct cometql *q);

void show_pair(struct cometql *q, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Pipe names (3 to 64 characters) and event names (0 to 64) of an INSERT. */
enum status check_pipe_name(struct slice name, struct error *error);
enum status check_event_name(struct slice name, struct error *error);

/* 1 to 64 characters of A-Z a-z 0-9 - _ */
bool conference_name_is_valid(struct slice name);

#endif
