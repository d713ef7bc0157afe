/* parse_show: SHOW in all its forms, and DESCRIBE. */
#include "cometql/parsing.h"
#include "cometql/query/query.h"

static enum status need_pattern(struct parser *p)
{
    return parsing_need_value(p, STATEMENT_LIST_MAX);
}

static enum status parse_filter(struct parser *p)
{
    if (parsing_take_word(p, "LIKE"))
        return need_pattern(p);
    return parsing_take_word(p, "WHERE") ? query_parse_filter(p) : OK;
}

/* [FROM | IN database] [LIKE ... | WHERE ...] */
static enum status parse_database_filter(struct parser *p)
{
    if (parsing_take_word(p, "FROM") || parsing_take_word(p, "IN"))
        TRY(parsing_need_name(p, &p->out->database));
    return parse_filter(p);
}

/* FROM table [FROM database] [LIKE ...] */
static enum status parse_of_table(struct parser *p)
{
    if (!parsing_take_word(p, "FROM"))
        TRY(parsing_need_word(p, "IN"));
    TRY(parsing_need_table(p));
    return parse_database_filter(p);
}

/* CREATE TABLE t, CREATE DATABASE [IF NOT EXISTS] d */
static enum status parse_create(struct parser *p)
{
    if (parsing_take_word(p, "TABLE"))
        return parsing_need_table(p);
    p->out->kind = STATEMENT_SHOW_CREATE_DATABASE;
    if (!parsing_take_word(p, "SCHEMA"))
        TRY(parsing_need_word(p, "DATABASE"));
    return parsing_skip_rest(p);
}

/* TRIGGERS, PROCEDURE STATUS ...: the word has been taken and is what the answer depends on. */
static enum status parse_foreign(struct parser *p, struct slice word)
{
    p->out->kind = STATEMENT_SHOW_FOREIGN;
    p->out->table = word;
    return parsing_skip_rest(p);
}

static enum status parse_table_status(struct parser *p)
{
    TRY(parsing_need_word(p, "STATUS"));
    return parse_database_filter(p);
}

static enum status parse_character_set(struct parser *p)
{
    TRY(parsing_need_word(p, "SET"));
    return parse_filter(p);
}

/* SHOW GLOBAL STATUS, SHOW SESSION VARIABLES ...; the flag has been taken. */
static enum status parse_flagged(struct parser *p)
{
    p->out->kind = STATEMENT_SHOW_STATUS;
    if (parsing_take_word(p, "STATUS"))
        return parse_filter(p);
    p->out->kind = STATEMENT_SHOW_VARIABLES;
    TRY(parsing_need_word(p, "VARIABLES"));
    return parse_filter(p);
}

static enum status parse_storage(struct parser *p)
{
    return parsing_need_word(p, "ENGINES");
}

static enum status parse_no_more(struct parser *p)
{
    (void)p;
    return OK;
}

static const struct {
    const char         *word;
    enum statement_kind kind;
    enum status (*parse)(struct parser *p);
} shows[] = {
    { "DATABASES", STATEMENT_SHOW_DATABASES, parse_filter },
    { "SCHEMAS", STATEMENT_SHOW_DATABASES, parse_filter },
    { "TABLES", STATEMENT_SHOW_TABLES, parse_database_filter },
    { "TABLE", STATEMENT_SHOW_TABLE_STATUS, parse_table_status },
    { "COLUMNS", STATEMENT_SHOW_COLUMNS, parse_of_table },
    { "FIELDS", STATEMENT_SHOW_COLUMNS, parse_of_table },
    { "INDEX", STATEMENT_SHOW_INDEX, parse_of_table },
    { "INDEXES", STATEMENT_SHOW_INDEX, parse_of_table },
    { "KEYS", STATEMENT_SHOW_INDEX, parse_of_table },
    { "CREATE", STATEMENT_SHOW_CREATE_TABLE, parse_create },
    { "STATUS", STATEMENT_SHOW_STATUS, parse_filter },
    { "VARIABLES", STATEMENT_SHOW_VARIABLES, parse_filter },
    { "WARNINGS", STATEMENT_SHOW_WARNINGS, parsing_skip_rest },
    { "ERRORS", STATEMENT_SHOW_WARNINGS, parsing_skip_rest },
    { "PROCESSLIST", STATEMENT_SHOW_PROCESSLIST, parse_no_more },
    { "ENGINES", STATEMENT_SHOW_ENGINES, parse_no_more },
    { "STORAGE", STATEMENT_SHOW_ENGINES, parse_storage },
    { "COLLATION", STATEMENT_SHOW_COLLATION, parse_filter },
    { "CHARACTER", STATEMENT_SHOW_CHARSET, parse_character_set },
    { "CHARSET", STATEMENT_SHOW_CHARSET, parse_filter },
    { "GRANTS", STATEMENT_SHOW_GRANTS, parsing_skip_rest },
};

static const char *const foreign[] = { "TRIGGERS",   "EVENTS", "PLUGINS", "PROCEDURE", "FUNCTION", "OPEN",
                                       "PRIVILEGES", "MASTER", "BINARY",  "SLAVE",     "REPLICA",  "PACKAGE" };

static bool take_flag(struct parser *p)
{
    static const struct {
        const char    *word;
        enum show_flag flag;
    } flags[] = { { "GLOBAL", SHOW_GLOBAL },         { "SESSION", SHOW_SESSION }, { "LOCAL", SHOW_SESSION },
                  { "FILESYSTEM", SHOW_FILESYSTEM }, { "RAM", SHOW_RAM },         { "AVG", SHOW_AVG },
                  { "UPTIME", SHOW_UPTIME } };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (parsing_take_word(p, flags[i].word)) {
            p->out->show_flag = flags[i].flag;
            return true;
        }
    }
    return false;
}

enum status parse_show(struct parser *p)
{
    if (take_flag(p))
        return parse_flagged(p);
    p->out->show_full = parsing_take_word(p, "FULL");
    for (size_t i = 0; i < sizeof shows / sizeof shows[0]; i++) {
        if (parsing_take_word(p, shows[i].word)) {
            p->out->kind = shows[i].kind;
            return shows[i].parse(p);
        }
    }
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (parsing_take_word(p, foreign[i]))
            return parse_foreign(p, slice_str(foreign[i]));
    return parsing_bad(p);
}

/* DESCRIBE table [column | pattern] */
enum status parse_describe(struct parser *p)
{
    p->out->kind = STATEMENT_SHOW_COLUMNS;
    TRY(parsing_need_table(p));
    return p->now.kind == TOKEN_WORD || p->now.kind == TOKEN_QUOTED ? need_pattern(p) : OK;
}
