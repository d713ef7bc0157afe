/* tables: all there are, in the order of SHOW TABLES. */
#include "cometql/internal.h"

extern const struct table table_users_auth, table_users_time, table_users_messages, table_pipes_messages,
    table_users_in_pipes, table_pipes, table_pipes_settings, table_users_data, table_revoked_tokens, table_conference,
    table_conference_members, table_profiler, table_dialogs, table_channels, table_connections;

const struct table *const tables[] = {
    &table_users_auth,     &table_users_time, &table_users_messages,     &table_pipes_messages,
    &table_users_in_pipes, &table_pipes,      &table_pipes_settings,     &table_users_data,
    &table_revoked_tokens, &table_conference, &table_conference_members, &table_profiler,
    &table_dialogs,        &table_channels,   &table_connections,
};

const unsigned table_count = sizeof tables / sizeof tables[0];

const struct table *table_find(struct slice name)
{
    for (unsigned i = 0; i < table_count; i++)
        if (slice_is_nocase(name, tables[i]->name))
            return tables[i];
    return NULL;
}

bool table_is_listed(const struct table *t)
{
    return t->is_listed && t->column_count > 0;
}

const char *table_key_mark(const struct table *t, int column)
{
    return column == t->id ? "PRI" : column == t->key ? "MUL" : "";
}

const char *table_extra(const struct table *t, int column)
{
    return column >= (int)table_star(t) ? "INVISIBLE" : "";
}

const char *table_comment(const struct table *t)
{
    return t->comment != NULL ? t->comment : "";
}

static bool is_name(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return true;
}

static enum status check_letters(struct slice name, struct error *error)
{
    return is_name(name) ? OK
                         : error_set(error, E_INVALID, "The channel name can contain only the characters A-Za-z0-9_-");
}

bool conference_name_is_valid(struct slice name)
{
    return name.len > 0 && name.len <= 64 && is_name(name);
}

enum status check_pipe_name(struct slice name, struct error *error)
{
    if (name.len > 64)
        return error_set(error, E_TOO_LONG, "Channel name is too long");
    if (name.len < 3)
        return error_set(error, E_TOO_SHORT, "Channel name is too short");
    return check_letters(name, error);
}

enum status check_event_name(struct slice name, struct error *error)
{
    if (name.len > 64)
        return error_set(error, E_TOO_LONG, "Channel event_name is too long");
    return check_letters(name, error);
}
