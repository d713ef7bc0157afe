/* config_print.c: the configuration for a person, and as a file again. */
#include "server/config_parts.h"

/* The name of the setting's environment variable. */
static void variable_text(const struct setting *row, struct buf *out)
{
    buf_printf(out, "ENCKE_%s_%s", row->section, row->key);
    for (size_t i = 0; i < out->len && buf_ok(out); i++)
        if (out->at[i] >= 'a' && out->at[i] <= 'z')
            out->at[i] = (char)(out->at[i] - 32);
}

static void origin_print(const struct config *c, enum setting_id id, FILE *out)
{
    struct buf variable = { 0 };
    switch (c->origin[id].source) {
    case CONFIG_DEFAULT:
        fprintf(out, "default");
        break;
    case CONFIG_FILE:
        fprintf(out, "%s:%u", c->file, c->origin[id].line);
        break;
    case CONFIG_ENVIRONMENT:
        variable_text(setting_row(id), &variable);
        fprintf(out, "environment variable %.*s", SLICE_ARG(buf_slice(&variable)));
        break;
    case CONFIG_COMMAND_LINE:
        fprintf(out, "command line");
        break;
    }
    buf_clear(&variable);
}

/* With quotes where the file would lose something otherwise. */
static void quoted_append(struct buf *out, struct slice text)
{
    bool plain = text.len > 0 && text.at[0] != '"' && !slice_starts(text, "[]") && slice_trim(text).len == text.len &&
                 slice_find(text, ';') == SIZE_MAX && slice_find(text, '#') == SIZE_MAX;
    if (plain) {
        buf_slice_append(out, text);
        return;
    }
    buf_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"')
            buf_byte(out, '"');
        buf_byte(out, (unsigned char)text.at[i]);
    }
    buf_byte(out, '"');
}

static void line_print(const struct config *c, enum setting_id id, struct slice left, FILE *out)
{
    fprintf(out, "%-48.*s ; ", SLICE_ARG(left));
    origin_print(c, id, out);
    fputc('\n', out);
}

/* One line for each name, as []value. */
static void names_print(const struct config *c, enum setting_id id, FILE *out)
{
    const struct setting     *row = setting_row(id);
    const struct config_list *list = (const void *)((const char *)c + row->offset);
    struct buf                line = { 0 };
    for (uint32_t i = 0; i < list->count; i++) {
        buf_reset(&line);
        buf_printf(&line, "%s.%s = []", row->section, row->key);
        quoted_append(&line, slice_str(list->at[i]));
        line_print(c, id, buf_slice(&line), out);
    }
    buf_clear(&line);
}

static void setting_print(const struct config *c, enum setting_id id, FILE *out)
{
    const struct setting *row = setting_row(id);
    struct buf            line = { 0 }, value = { 0 };
    fprintf(out, "; %s\n", row->sentence);
    config_value_text(c, id, &value);
    if (setting_is_secret(id)) {
        buf_printf(&line, "; %s.%s is %s", row->section, row->key, value.len > 0 ? "set and not shown" : "not set");
        line_print(c, id, buf_slice(&line), out);
    } else if (row->kind == SETTING_NAMES && value.len > 0) {
        names_print(c, id, out);
    } else {
        buf_printf(&line, "%s.%s = ", row->section, row->key);
        if (value.len > 0) /* an empty value stays an empty line, which changes nothing when it is read */
            quoted_append(&line, buf_slice(&value));
        line_print(c, id, slice_trim(buf_slice(&line)), out);
    }
    if (value.at != NULL)
        explicit_bzero(value.at, value.len);
    buf_clear(&value);
    buf_clear(&line);
}

void config_print(const struct config *c, FILE *out)
{
    fprintf(out, "; The settings of encke %s\n; file: %s\n", ENCKE_VERSION,
            c->file != NULL ? c->file : "none was found");
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        const struct setting *row = setting_row((enum setting_id)i);
        if (i == 0 || strcmp(row->section, setting_row((enum setting_id)(i - 1))->section) != 0)
            fputc('\n', out);
        setting_print(c, (enum setting_id)i, out);
    }
    if (c->content_type_count > 0)
        fprintf(out, "\n[content-type]\n");
    for (uint32_t i = 0; i < c->content_type_count; i++) {
        struct buf value = { 0 };
        quoted_append(&value, slice_str(c->content_types[i].value));
        fprintf(out, "%s = %.*s\n", c->content_types[i].name, SLICE_ARG(buf_slice(&value)));
        buf_clear(&value);
    }
    fputc('\n', out);
    for (uint32_t i = 0; i < c->remark_count; i++)
        fprintf(out, "; %s\n", c->remarks[i].text);
}

void config_report(const struct config *c, FILE *out)
{
    if (c->is_out_of_memory)
        fprintf(out, "encke: error: out of memory while the configuration was read\n");
    for (uint32_t i = 0; i < c->remark_count; i++)
        if (c->remarks[i].weight != CONFIG_NOTE)
            fprintf(out, "encke: %s: %s\n", c->remarks[i].weight == CONFIG_ERROR ? "error" : "warning",
                    c->remarks[i].text);
}

void config_help(FILE *out)
{
    fputs("encke: a comet server; SQL in, WebSockets out.\n"
          "\n"
          "  encke [--config FILE] [--SECTION.KEY=VALUE ...]\n"
          "  encke migrate [--dry-run] [the same]    makes CppComet's database, section [db], ours as well\n"
          "\n"
          "  -c, --config FILE   read this file; otherwise $ENCKE_CONFIG, ./encke.ini or /etc/encke/encke.ini\n"
          "  -q, --quiet         no statistics on standard output\n"
          "      --check-config  say what is wrong with the configuration, and end\n"
          "      --print-config  print every setting, its value, where it came from and what it means, and end\n"
          "  -V, --version\n"
          "  -h, --help\n"
          "\n"
          "Every setting of the file is also an environment variable and an option; the later wins:\n"
          "\n"
          "  [ws] port = 8087    ENCKE_WS_PORT=8087    --ws.port=8087\n"
          "\n"
          "Examples:\n"
          "  encke --ws.port=8080 --cometql.port=3307 --main.state_dir=/srv/encke\n"
          "  encke --config comet.ini --check-config\n"
          "\n"
          "Most used settings:\n",
          out);
    static const enum setting_id often[] = {
        SETTING_ID_ws_ip,          SETTING_ID_ws_port,       SETTING_ID_ws_max_connections,
        SETTING_ID_cometql_ip,     SETTING_ID_cometql_port,  SETTING_ID_main_password,
        SETTING_ID_main_state_dir, SETTING_ID_main_base_dir, SETTING_ID_log_level,
    };
    for (size_t i = 0; i < sizeof often / sizeof *often; i++) {
        const struct setting *row = setting_row(often[i]);
        char                  name[64];
        snprintf(name, sizeof name, "--%s.%s", row->section, row->key);
        fprintf(out, "  %-22s %s\n", name, row->sentence);
    }
}
