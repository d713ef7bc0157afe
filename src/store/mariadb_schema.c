/* mariadb_schema.c: see mariadb_schema.h. */
#include "store/mariadb_schema.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/log.h"

enum { SCHEMA_VERSION = 1 };

/* --- what is wanted ---------------------------------------------------------------------------------------------------- */

/* How the bytes of a column compare. EXACT: every byte counts, blanks at the end as well, where the server knows how. */
enum charset { BINARY, ASCII, TEXT, EXACT, ANY };

struct column {
    const char  *name, *type; /* type as information_schema calls it */
    unsigned     length;      /* at least, in characters; 0 = none is written */
    enum charset charset;
    const char  *rest;
    bool         is_ours; /* CppComet does not know it */
};

#define KEY_NUMBER "NOT NULL"
#define NUMBER     "DEFAULT 0" /* what CppComet left NULL stays so, and is read as 0 or nothing */
#define OURS       "UNSIGNED NOT NULL DEFAULT 0"
#define WORDS      "DEFAULT ''"

struct table {
    const char   *name;
    const char   *primary;    /* its columns, as they are written in SQL without blanks */
    const char   *indexes[4]; /* ... that must be the first of some index; a name, a colon, the columns */
    struct column columns[14];
};

/* Numbers of apps and users are BIGINT, for ours need 32 bits without a sign and CppComet's may be negative. */
static const struct table tables[SCHEMA_TABLES] = {
    { "users_auth", "dev_id,user_id", { 0 },
      { { "dev_id", "bigint", 0, BINARY, KEY_NUMBER, 0 }, { "user_id", "bigint", 0, BINARY, KEY_NUMBER, 0 },
        { "hash", "char", 32, ASCII, WORDS, 0 } } },
    { "users_data", "dev_id,user_id", { 0 },
      { { "dev_id", "bigint", 0, BINARY, KEY_NUMBER, 0 }, { "user_id", "bigint", 0, BINARY, KEY_NUMBER, 0 },
        { "data", "mediumtext", 0, TEXT, "", 0 } } },
    { "users_time", "dev_id,user_id", { 0 },
      { { "dev_id", "bigint", 0, BINARY, KEY_NUMBER, 0 }, { "user_id", "bigint", 0, BINARY, KEY_NUMBER, 0 },
        { "time", "bigint", 0, BINARY, NUMBER, 0 } } },
    { "users_messages", "id", { "encke_queue:dev_id,user_id,seq", "time:time" },
      { { "id", "char", 36, ANY, "NOT NULL", 0 }, { "time", "bigint", 0, BINARY, NUMBER, 0 },
        { "dev_id", "bigint", 0, BINARY, NUMBER, 0 }, { "user_id", "bigint", 0, BINARY, NUMBER, 0 },
        { "event", "varchar", 255, TEXT, WORDS, 0 }, { "message", "mediumtext", 0, TEXT, "", 0 },
        { "seq", "bigint", 0, BINARY, OURS, 1 }, { "time_ms", "bigint", 0, BINARY, OURS, 1 },
        { "flags", "int", 0, BINARY, OURS, 1 } } },
    { "pipe_messages", "id", { "encke_channel:dev_id,pipe_name,seq", "time:time", "pipe_name:pipe_name" },
      { { "id", "char", 36, ANY, "NOT NULL", 0 }, { "time", "bigint", 0, BINARY, NUMBER, 0 },
        { "dev_id", "bigint", 0, BINARY, NUMBER, 0 }, { "pipe_name", "varchar", 128, EXACT, WORDS, 0 },
        { "event", "varchar", 255, TEXT, WORDS, 0 }, { "message", "mediumtext", 0, TEXT, "", 0 },
        { "user_id", "bigint", 0, BINARY, NUMBER, 0 }, { "epoch", "bigint", 0, BINARY, OURS, 1 },
        { "offset", "bigint", 0, BINARY, OURS, 1 }, { "seq", "bigint", 0, BINARY, OURS, 1 },
        { "time_ms", "bigint", 0, BINARY, OURS, 1 }, { "flags", "int", 0, BINARY, OURS, 1 } } },
    { "pipes_settings", "dev_id,name", { 0 },
      { { "dev_id", "bigint", 0, BINARY, KEY_NUMBER, 0 }, { "name", "varchar", 128, EXACT, KEY_NUMBER, 0 },
        { "type", "char", 1, ANY, "DEFAULT '0'", 0 }, { "length", "int", 0, BINARY, NUMBER, 0 } } },
    { "revoked_tokens", "dev_id,token", { 0 },
      { { "dev_id", "bigint", 0, BINARY, KEY_NUMBER, 0 }, { "token", "varbinary", 600, BINARY, KEY_NUMBER, 0 },
        { "time", "int", 0, BINARY, "DEFAULT 9999999", 0 }, { "user_id", "bigint", 0, BINARY, OURS, 1 },
        { "expires", "bigint", 0, BINARY, OURS, 1 } } },
    { "conference", "dev_id,name,user_id", { 0 },
      { { "dev_id", "bigint", 0, BINARY, KEY_NUMBER, 0 }, { "name", "varchar", 128, EXACT, KEY_NUMBER, 0 },
        { "user_id", "bigint", 0, BINARY, KEY_NUMBER, 0 }, { "caller_id", "bigint", 0, BINARY, NUMBER, 0 },
        { "message", "mediumtext", 0, TEXT, "", 0 }, { "profile", "varchar", 255, TEXT, WORDS, 0 },
        { "stream", "varchar", 255, TEXT, WORDS, 0 }, { "node", "varchar", 255, TEXT, WORDS, 0 },
        { "time", "bigint", 0, BINARY, NUMBER, 0 }, { "time_ms", "bigint", 0, BINARY, OURS, 1 } } },
    { "log_query", "id", { 0 },
      { { "id", "bigint", 0, BINARY, "NOT NULL AUTO_INCREMENT", 0 }, { "dev_id", "bigint", 0, BINARY, NUMBER, 0 },
        { "query", "mediumtext", 0, TEXT, "", 0 } } },
    { "encke_state", "name", { 0 },
      { { "name", "varchar", 64, ASCII, KEY_NUMBER, 0 }, { "value", "bigint", 0, BINARY, OURS, 0 } } },
};

/* --- what is there ----------------------------------------------------------------------------------------------------- */

/* Copies of what information_schema says, one a column: of a table, or of an index of it. */
struct fact {
    char     table[64], name[64], type[32], collation[64];
    char     index[64]; /* empty: a column of the table */
    uint64_t length, place;
};

struct facts {
    struct fact *at; /* owned */
    uint32_t     count, cap;
    const char  *exact; /* the collation for EXACT */
};

static void text_into(char *out, size_t size, struct slice text)
{
    size_t len = text.len < size - 1 ? text.len : size - 1;
    if (len > 0)
        memcpy(out, text.at, len);
    out[len] = '\0';
}

static enum status facts_read(struct link *l, struct facts *f, const char *sql, struct error *e)
{
    struct link_query q;
    enum status       s = link_prepare(l, &q, sql, e);
    if (s == OK)
        s = link_execute(&q, NULL, 0, e);
    while (s == OK && (s = link_next(&q, e)) == OK && q.has_row) {
        if (!array_room(&f->at, &f->cap, f->count + 1, sizeof *f->at)) {
            s = error_plain(e, E_NO_MEMORY);
            break;
        }
        struct fact *fact = &f->at[f->count++];
        *fact = (struct fact){ .length = q.cells[5].number, .place = q.cells[6].number };
        text_into(fact->table, sizeof fact->table, q.cells[0].text);
        text_into(fact->name, sizeof fact->name, q.cells[1].text);
        text_into(fact->type, sizeof fact->type, q.cells[2].text);
        text_into(fact->collation, sizeof fact->collation, q.cells[3].text);
        text_into(fact->index, sizeof fact->index, q.cells[4].text);
    }
    link_forget(&q);
    return s;
}

/* Tables are facts without a name, whose type is the engine. Everything in one alphabet, whatever the server's own is. */
static const char *const fact_queries[] = {
    "SELECT CAST(LOWER(table_name) AS CHAR), '', CAST(COALESCE(engine, '') AS CHAR), CAST(COALESCE(table_collation, '') AS CHAR), '',"
    " 0, 0 FROM information_schema.tables WHERE table_schema = DATABASE()",
    "SELECT CAST(LOWER(table_name) AS CHAR), CAST(LOWER(column_name) AS CHAR), CAST(LOWER(data_type) AS CHAR),"
    " CAST(COALESCE(collation_name, '') AS CHAR), '', CAST(COALESCE(character_maximum_length, 0) AS UNSIGNED), 0"
    " FROM information_schema.columns WHERE table_schema = DATABASE()",
    "SELECT CAST(LOWER(table_name) AS CHAR), CAST(LOWER(column_name) AS CHAR), '', '', CAST(LOWER(index_name) AS CHAR), 0,"
    " CAST(seq_in_index AS UNSIGNED) FROM information_schema.statistics WHERE table_schema = DATABASE() AND sub_part IS NULL",
};

static enum status facts_load(struct link *l, struct facts *f, struct error *e)
{
    uint64_t    has_nopad = 0, has_0900 = 0;
    enum status s = link_ask(l, "SELECT COUNT(*) FROM information_schema.collations WHERE collation_name = 'utf8mb4_nopad_bin'",
                             &has_nopad, e);
    if (s == OK)
        s = link_ask(l, "SELECT COUNT(*) FROM information_schema.collations WHERE collation_name = 'utf8mb4_0900_bin'", &has_0900, e);
    f->exact = has_nopad > 0 ? "utf8mb4_nopad_bin" : has_0900 > 0 ? "utf8mb4_0900_bin" : "utf8mb4_bin";
    for (size_t i = 0; s == OK && i < sizeof fact_queries / sizeof *fact_queries; i++)
        s = facts_read(l, f, fact_queries[i], e);
    return s;
}

static const struct fact *fact_find(const struct facts *f, const char *table, const char *name, const char *index, uint64_t place)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const struct fact *a = &f->at[i];
        if (strcmp(a->table, table) == 0 && strcmp(a->name, name) == 0 && strcmp(a->index, index) == 0 && a->place == place)
            return a;
    }
    return NULL;
}

/* Does the index begin with these columns? */
static bool index_is(const struct facts *f, const char *table, const char *index, const char *columns)
{
    struct slice rest = slice_str(columns);
    for (uint64_t place = 1; rest.len > 0; place++) {
        char name[64];
        text_into(name, sizeof name, slice_cut(&rest, ','));
        if (fact_find(f, table, name, index, place) == NULL)
            return false;
    }
    return true;
}

static bool has_index(const struct facts *f, const char *table, const char *columns)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (f->at[i].place == 1 && strcmp(f->at[i].table, table) == 0 && index_is(f, table, f->at[i].index, columns))
            return true;
    return false;
}

/* --- the difference ---------------------------------------------------------------------------------------------------- */

static const char *collation_of(const struct facts *f, enum charset charset)
{
    switch (charset) {
    case ASCII:
    case ANY:
        return "ascii_bin";
    case TEXT:
        return "utf8mb4_bin";
    case EXACT:
        return f->exact;
    default:
        return "";
    }
}

static void write_column(struct buf *sql, const struct facts *f, const struct column *c)
{
    buf_printf(sql, "`%s` %s", c->name, c->type);
    if (c->length > 0)
        buf_printf(sql, "(%u)", c->length);
    if (c->charset != BINARY)
        buf_printf(sql, " CHARACTER SET %s COLLATE %s", c->charset == TEXT || c->charset == EXACT ? "utf8mb4" : "ascii",
                   collation_of(f, c->charset));
    buf_printf(sql, "%s%s", c->rest[0] != '\0' ? " " : "", c->rest);
    if (c->is_ours)
        buf_text(sql, " /*M!100303 INVISIBLE */");
}

static void write_names(struct buf *sql, const char *columns)
{
    struct slice rest = slice_str(columns);
    for (const char *comma = "("; rest.len > 0; comma = ", ") {
        struct slice name = slice_cut(&rest, ',');
        buf_printf(sql, "%s`%.*s`", comma, SLICE_ARG(name));
    }
    buf_byte(sql, ')');
}

static void write_index(struct buf *sql, const char *index)
{
    struct slice columns = slice_str(index), name = slice_cut(&columns, ':');
    buf_printf(sql, "INDEX `%.*s` ", SLICE_ARG(name));
    write_names(sql, columns.at);
}

static void write_table(struct schema_step *step, const struct facts *f, const struct table *t)
{
    buf_printf(&step->sql, "CREATE TABLE `%s` (", t->name);
    for (const struct column *c = t->columns; c->name != NULL; c++) {
        write_column(&step->sql, f, c);
        buf_text(&step->sql, ", ");
    }
    buf_text(&step->sql, "PRIMARY KEY ");
    write_names(&step->sql, t->primary);
    for (unsigned i = 0; t->indexes[i] != NULL; i++) {
        buf_text(&step->sql, ", ");
        write_index(&step->sql, t->indexes[i]);
    }
    buf_text(&step->sql, ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin");
    buf_text(&step->why, "new table");
    step->is_new = true;
}

static bool column_is(const struct facts *f, const struct fact *is, const struct column *wanted)
{
    return strcmp(is->type, wanted->type) == 0 && is->length >= wanted->length &&
           (wanted->charset == ANY || strcmp(is->collation, collation_of(f, wanted->charset)) == 0);
}

/* Begins the next change of a table: "ALTER TABLE t a, b". */
static struct buf *next_change(struct schema_step *step)
{
    if (step->sql.len == 0)
        buf_printf(&step->sql, "ALTER TABLE `%s` ", step->table);
    else
        buf_text(&step->sql, ", ");
    if (step->why.len > 0)
        buf_text(&step->why, ", ");
    return &step->sql;
}

static void change_column(struct schema_step *step, const struct facts *f, const struct table *t, const struct column *c)
{
    const struct fact *is = fact_find(f, t->name, c->name, "", 0);
    if (is != NULL && column_is(f, is, c))
        return;
    buf_text(next_change(step), is != NULL ? "MODIFY COLUMN " : "ADD COLUMN ");
    write_column(&step->sql, f, c);
    if (is == NULL)
        buf_printf(&step->why, "new column %s", c->name);
    else if (strcmp(is->type, c->type) != 0)
        buf_printf(&step->why, "%s: %s -> %s", c->name, is->type, c->type);
    else if (is->length < c->length)
        buf_printf(&step->why, "%s: longer", c->name);
    else
        buf_printf(&step->why, "%s: %s -> %s", c->name, is->collation, collation_of(f, c->charset));
}

static void change_index(struct schema_step *step, const struct facts *f, const struct table *t, const char *index)
{
    struct slice columns = slice_str(index);
    (void)slice_cut(&columns, ':');
    if (has_index(f, t->name, columns.at))
        return;
    buf_text(next_change(step), "ADD ");
    write_index(&step->sql, index);
    buf_printf(&step->why, "new index (%.*s)", SLICE_ARG(columns));
}

static enum status compare_table(struct schema_step *step, const struct facts *f, const struct table *t, struct error *e)
{
    const struct fact *is = fact_find(f, t->name, "", "", 0);
    step->table = t->name;
    if (is == NULL) {
        write_table(step, f, t);
        return OK;
    }
    if (!index_is(f, t->name, "primary", t->primary))
        return error_set(e, E_CONFIG, "the table %s of this database has not the primary key (%s): it is not CppComet's, or was changed",
                         t->name, t->primary);
    if (strcmp(is->type, "InnoDB") != 0) {
        buf_text(next_change(step), "ENGINE=InnoDB");
        buf_printf(&step->why, "engine %s -> InnoDB", is->type);
    }
    for (const struct column *c = t->columns; c->name != NULL; c++)
        change_column(step, f, t, c);
    for (unsigned i = 0; t->indexes[i] != NULL; i++)
        change_index(step, f, t, t->indexes[i]);
    return OK;
}

static enum status compare_all(struct schema_plan *p, const struct facts *f, struct error *e)
{
    unsigned made = 0, changed = 0;
    for (unsigned i = 0; i < SCHEMA_TABLES; i++) {
        struct schema_step *step = &p->steps[i];
        enum status         s = compare_table(step, f, &tables[i], e);
        if (s == OK && (!buf_ok(&step->sql) || !buf_ok(&step->why)))
            s = error_plain(e, E_NO_MEMORY);
        if (s != OK)
            return s;
        made += step->is_new;
        changed += step->sql.len > 0;
    }
    p->state = changed == 0 ? SCHEMA_READY : made == SCHEMA_TABLES ? SCHEMA_EMPTY : SCHEMA_OLD;
    return OK;
}

static enum status check_version(struct link *l, const struct facts *f, struct error *e)
{
    uint64_t version = 0;
    if (fact_find(f, "encke_state", "value", "", 0) == NULL)
        return OK;
    enum status s = link_ask(l, "SELECT value FROM encke_state WHERE name = 'schema'", &version, e);
    if (s == OK && version > SCHEMA_VERSION)
        return error_set(e, E_CONFIG, "this database was used by a later version of Encke (schema %llu, this one knows %d): use that"
                                      " version, or a backup from before", (unsigned long long)version, SCHEMA_VERSION);
    return s;
}

enum status schema_plan_make(struct link *l, struct schema_plan *out, struct error *e)
{
    struct facts f = { 0 };
    *out = (struct schema_plan){ 0 };
    enum status s = facts_load(l, &f, e);
    if (s == OK)
        s = check_version(l, &f, e);
    if (s == OK)
        s = compare_all(out, &f, e);
    if (s != OK)
        schema_plan_clear(out);
    free(f.at);
    return s;
}

void schema_plan_clear(struct schema_plan *p)
{
    for (unsigned i = 0; i < SCHEMA_TABLES; i++) {
        buf_clear(&p->steps[i].sql);
        buf_clear(&p->steps[i].why);
    }
}

/* --- acting ------------------------------------------------------------------------------------------------------------ */

enum status schema_sign(struct link *l, struct error *e)
{
    char sql[128];
    snprintf(sql, sizeof sql, "INSERT INTO encke_state (name, value) VALUES ('schema', %d) ON DUPLICATE KEY UPDATE value = %d",
             SCHEMA_VERSION, SCHEMA_VERSION);
    return link_run(l, sql, e);
}

static enum status make_tables(struct link *l, struct schema_plan *p, struct error *e)
{
    enum status s = OK;
    for (unsigned i = 0; s == OK && i < SCHEMA_TABLES; i++) {
        buf_byte(&p->steps[i].sql, '\0');
        s = buf_ok(&p->steps[i].sql) ? link_run(l, p->steps[i].sql.at, e) : error_plain(e, E_NO_MEMORY);
    }
    return s == OK ? schema_sign(l, e) : s;
}

enum status schema_expect(struct link *l, const struct store_server *server, struct error *e)
{
    struct schema_plan plan;
    enum status        s = schema_plan_make(l, &plan, e);
    if (s != OK)
        return s;
    if (plan.state == SCHEMA_EMPTY) {
        s = make_tables(l, &plan, e);
        if (s == OK)
            log_info("store: made the tables in the empty database %s", server->name);
    } else if (plan.state == SCHEMA_OLD) {
        s = error_set(e, E_CONFIG, "the database %.40s is as CppComet left it. Make a backup (mariadb-dump %.40s > before-encke.sql), then"
                                   " run `encke migrate` with the same settings, then start again", server->name, server->name);
    }
    schema_plan_clear(&plan);
    return s;
}

enum status schema_count_start(struct link *l, uint64_t *out_starts, struct error *e)
{
    enum status s = link_run(l, "INSERT INTO encke_state (name, value) VALUES ('starts', LAST_INSERT_ID(1))"
                                " ON DUPLICATE KEY UPDATE value = LAST_INSERT_ID(value + 1)", e);
    return s == OK ? link_ask(l, "SELECT LAST_INSERT_ID()", out_starts, e) : s;
}
