/* config_sources.c: the environment and the command line. */
#include "server/config_parts.h"

/* --- the command line
 * --------------------------------------------------------------------------------------------------- */

enum option_kind { OPTION_ACTION, OPTION_FILE, OPTION_QUIET, OPTION_DRY_RUN, OPTION_SETTING, OPTION_UNKNOWN };

struct option {
    enum option_kind   kind;
    struct slice       name; /* without the dashes and the value */
    enum config_action action;
    enum setting_id    id;
    char              *value; /* NULL: none; in argv */
};

static const struct {
    const char        *name, *letter;
    enum option_kind   kind;
    enum config_action action;
} words[] = {
    { "--config", "-c", OPTION_FILE, CONFIG_RUN },           { "--conf", NULL, OPTION_FILE, CONFIG_RUN },
    { "--check-config", NULL, OPTION_ACTION, CONFIG_CHECK }, { "--print-config", NULL, OPTION_ACTION, CONFIG_PRINT },
    { "--version", "-V", OPTION_ACTION, CONFIG_VERSION },    { "--help", "-h", OPTION_ACTION, CONFIG_HELP },
    { "--quiet", "-q", OPTION_QUIET, CONFIG_RUN },           { "migrate", NULL, OPTION_ACTION, CONFIG_MIGRATE },
    { "--dry-run", NULL, OPTION_DRY_RUN, CONFIG_RUN },
};

/* Whose option is it? */
static void recognise(struct option *o, struct slice argument)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (slice_is(argument, words[i].name) || (words[i].letter != NULL && slice_is(argument, words[i].letter))) {
            o->kind = words[i].kind;
            o->action = words[i].action;
            return;
        }
    }
    o->id = slice_starts(argument, "--") ? setting_find_dotted(o->name) : SETTING_COUNT;
    o->kind = o->id == SETTING_COUNT ? OPTION_UNKNOWN : OPTION_SETTING;
}

/* Takes the option at *i, and the argument behind it when that is its value. */
static struct option option_take(int argc, char **argv, int *i)
{
    char         *argument = argv[(*i)++];
    struct slice  rest = slice_str(argument), name = slice_cut(&rest, '=');
    struct option o = { .name = slice_skip(name, slice_starts(name, "--") ? 2 : 0), .id = SETTING_COUNT };
    if (argument[name.len] == '=')
        o.value = argument + name.len + 1;
    recognise(&o, name);
    bool wants_value = o.kind == OPTION_FILE || (o.kind == OPTION_SETTING && setting_row(o.id)->kind != SETTING_BOOL);
    if (o.value == NULL && wants_value && *i < argc && strncmp(argv[*i], "--", 2) != 0)
        o.value = argv[(*i)++];
    return o;
}

static void remark_unknown_option(struct config *c, const struct option *o, const struct config_place *place)
{
    char            shown[80];
    const char     *best = NULL;
    size_t          best_distance = 3;
    enum setting_id near = setting_nearest(o->name);
    log_text(shown, sizeof shown, o->name);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t distance = setting_distance(o->name, slice_skip(slice_str(words[i].name), words[i].name[0] == '-' ? 2 : 0));
        if (distance < best_distance) {
            best_distance = distance;
            best = words[i].name;
        }
    }
    if (best != NULL)
        config_remark(c, CONFIG_ERROR, place, "unknown option \"%s\"; did you mean %s?", shown, best);
    else if (near != SETTING_COUNT)
        config_remark(c, CONFIG_ERROR, place, "unknown option \"%s\"; did you mean --%s.%s?", shown,
                      setting_row(near)->section, setting_row(near)->key);
    else
        config_remark(c, CONFIG_ERROR, place, "unknown option \"%s\"; --help lists the options", shown);
}

static void assign_option(struct config *c, const struct option *o, const struct config_place *place)
{
    struct slice text = slice_str(o->value);
    bool         appends = slice_starts(text, "[]");
    if (o->value == NULL && setting_row(o->id)->kind != SETTING_BOOL) {
        config_remark(c, CONFIG_ERROR, place, "--%.*s needs a value", SLICE_ARG(o->name));
        return;
    }
    if (o->value == NULL)
        text = SLICE("true");
    config_assign(c, o->id, appends ? slice_skip(text, 2) : text, appends, place);
    if (setting_is_secret(o->id) && o->value != NULL)
        memset(o->value, '*', strlen(o->value)); /* ps shows the command line to everybody */
}

const char *config_read_action(struct config *c, int argc, char **argv)
{
    const char *file = NULL;
    for (int i = 1; i < argc;) {
        struct option o = option_take(argc, argv, &i);
        if (o.kind == OPTION_ACTION && o.action > c->action)
            c->action = o.action;
        if (o.kind == OPTION_FILE)
            file = o.value;
        if (o.kind == OPTION_DRY_RUN)
            c->is_dry_run = true;
    }
    return file;
}

void config_read_arguments(struct config *c, int argc, char **argv)
{
    struct config_place place = { CONFIG_COMMAND_LINE, 0, NULL };
    for (int i = 1; i < argc;) {
        struct option o = option_take(argc, argv, &i);
        switch (o.kind) {
        case OPTION_SETTING:
            assign_option(c, &o, &place);
            break;
        case OPTION_QUIET:
            config_assign(c, SETTING_ID_main_quiet, o.value ? slice_str(o.value) : SLICE("true"), false, &place);
            break;
        case OPTION_UNKNOWN:
            remark_unknown_option(c, &o, &place);
            break;
        case OPTION_FILE:
            if (o.value == NULL || *o.value == '\0')
                config_remark(c, CONFIG_ERROR, &place, "--config needs the path of a file");
            break;
        case OPTION_ACTION:
        case OPTION_DRY_RUN:
            if (o.value != NULL)
                config_remark(c, CONFIG_ERROR, &place, "--%.*s takes no value", SLICE_ARG(o.name));
            break;
        }
    }
    if (c->is_dry_run && c->action == CONFIG_RUN)
        config_remark(c, CONFIG_ERROR, &place, "--dry-run belongs to a migration: encke migrate --dry-run");
}

/* --- the environment
 * ---------------------------------------------------------------------------------------------------- */

static void read_variable(struct config *c, const char *variable)
{
    struct slice        value = slice_str(variable), name = slice_cut(&value, '=');
    enum setting_id     id = setting_find_variable(name);
    char                shown[80];
    struct config_place place = { CONFIG_ENVIRONMENT, 0, log_text(shown, sizeof shown, name) };
    if (id == SETTING_COUNT) {
        config_remark(c, CONFIG_WARNING, &place, "no setting has this name; it is ignored");
        return;
    }
    bool appends = slice_starts(value, "[]");
    if (value.len > 0) /* an empty variable is what scripts make of an unset one */
        config_assign(c, id, appends ? slice_skip(value, 2) : value, appends, &place);
}

void config_read_environment(struct config *c, char *const *environment)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        struct slice name = slice_str(*environment);
        name = slice_cut(&name, '=');
        /* Names like ENCKE_TEST_... belong to scripts around the server. */
        if (slice_starts(name, "ENCKE_") && !slice_is(name, "ENCKE_CONFIG") && !slice_is(name, "ENCKE_BIN") &&
            !slice_starts(name, "ENCKE_TEST"))
            read_variable(c, *environment);
    }
}
