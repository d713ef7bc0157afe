/* config.c: the sources in their order, and what must hold between settings. See config.h. */
#include "server/config.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "io/place.h"
#include "server/config_parts.h"
#include "server/jwt_keys.h"
#include "server/proxies.h"
#include "server/storage.h"
#include "server/telephony.h"
#include "server/tls_files.h"

void config_remark(struct config *c, enum config_weight weight, const struct config_place *place, const char *format,
                   ...)
{
    struct buf text = { 0 };
    char       said[1024];
    va_list    arguments;
    va_start(arguments, format);
    vsnprintf(said, sizeof said, format, arguments);
    va_end(arguments);

    if (place->source == CONFIG_FILE && place->line > 0)
        buf_printf(&text, "%s:%u: ", place->name, place->line);
    else if (place->source == CONFIG_FILE)
        buf_printf(&text, "%s: ", place->name);
    else if (place->source == CONFIG_ENVIRONMENT)
        buf_printf(&text, "environment variable %s: ", place->name);
    else if (place->source == CONFIG_COMMAND_LINE)
        buf_text(&text, "command line: ");
    buf_text(&text, said);
    buf_byte(&text, '\0');

    if (!buf_ok(&text) || !array_room(&c->remarks, &c->remark_cap, c->remark_count + 1, sizeof *c->remarks)) {
        c->is_out_of_memory = true;
        buf_clear(&text);
        return;
    }
    size_t len;
    c->remarks[c->remark_count++] = (struct config_remark){ weight, buf_take(&text, &len) };
}

bool config_is_set(const struct config *c, enum setting_id id)
{
    return c->origin[id].source != CONFIG_DEFAULT;
}

/* Where state is kept unless somebody says so: what systemd made for us, or what the XDG directories say. */
static void default_state_dir(struct buf *out)
{
    const char *given = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (given != NULL && *given == '/') {
        struct slice all = slice_str(given);
        buf_slice_append(out, slice_cut(&all, ':'));
    } else if (geteuid() == 0) {
        buf_text(out, "/var/lib/encke");
    } else if (xdg != NULL && *xdg == '/') {
        buf_printf(out, "%s/encke", xdg);
    } else if (home != NULL && *home == '/') {
        buf_printf(out, "%s/.local/state/encke", home);
    } else {
        buf_text(out, "./encke-state");
    }
}

static void read_defaults(struct config *c)
{
    struct config_place place = { CONFIG_DEFAULT, 0, NULL };
    for (unsigned i = 0; i < SETTING_COUNT; i++)
        config_assign(c, (enum setting_id)i, slice_str(setting_row((enum setting_id)i)->fallback), false, &place);
    struct buf state_dir = { 0 };
    default_state_dir(&state_dir);
    if (buf_ok(&state_dir))
        config_assign(c, SETTING_ID_main_state_dir, buf_slice(&state_dir), false, &place);
    else
        c->is_out_of_memory = true;
    buf_clear(&state_dir);
}

static void read_file(struct config *c, const char *named)
{
    const char *given = getenv("ENCKE_CONFIG");
    if (named == NULL && given != NULL && *given != '\0')
        named = given;
    if (named != NULL) {
        config_read_file(c, named, true);
        return;
    }
    config_read_file(c, "./encke.ini", false);
    if (c->file == NULL)
        config_read_file(c, "/etc/encke/encke.ini", false);
}

/* The place where a setting got its value, for remarks about how it goes with another. */
static struct config_place place_of(const struct config *c, enum setting_id id)
{
    struct config_place place = { c->origin[id].source, c->origin[id].line, c->file };
    if (place.source == CONFIG_ENVIRONMENT) /* its name says no more than the setting's does */
        place.source = CONFIG_DEFAULT;
    return place;
}

/* The files of keys are read to see whether they can be, and read again when the server starts. */
static void check_jwt_keys(struct config *c)
{
    struct config_place place = place_of(c, SETTING_ID_jwt_keys);
    struct jwt_keys     keys = { 0 };
    struct error        e;
    enum status         status = jwt_keys_load(&keys, c, c->main.password, &e);
    jwt_keys_clear(&keys);
    if (status == E_NO_MEMORY)
        c->is_out_of_memory = true;
    else if (status != OK)
        config_remark(c, CONFIG_ERROR, &place, "%s", e.text);

    place = place_of(c, SETTING_ID_jwt_previous_password);
    if (*c->jwt.previous_password != '\0' && !c->jwt.password_signs)
        config_remark(c, CONFIG_WARNING, &place,
                      "jwt.previous_password has no effect while jwt.password_signs is false");
}

static void check_proxies(struct config *c)
{
    struct config_place place = place_of(c, SETTING_ID_ws_trusted_proxies);
    struct address_set  proxies = { 0 };
    struct error        e;
    enum status         status = proxies_from(c, &proxies, &e);
    address_set_clear(&proxies);
    if (status == E_NO_MEMORY)
        c->is_out_of_memory = true;
    else if (status != OK)
        config_remark(c, CONFIG_ERROR, &place, "%s", e.text);
}

static bool is_wildcard(const struct place *p)
{
    char text[PLACE_TEXT_MAX];
    place_text(p, text);
    return strncmp(text, "0.0.0.0:", 8) == 0 || strncmp(text, "[::]:", 5) == 0;
}

/* Would the two lists want one address? */
static bool share_address(const struct config *c)
{
    struct place ws[PLACES_MAX], sql[PLACES_MAX];
    unsigned     ws_count = places_read(slice_str(c->ws.ip), c->ws.port, ws);
    unsigned     sql_count = places_read(slice_str(c->cometql.ip), c->cometql.port, sql);
    for (unsigned i = 0; i < ws_count; i++)
        for (unsigned k = 0; k < sql_count; k++)
            if (!place_is_unix(&ws[i]) && !place_is_unix(&sql[k]) && c->ws.port != 0 && c->ws.port == c->cometql.port &&
                (is_wildcard(&ws[i]) || is_wildcard(&sql[k]) || place_fits(&ws[i], &sql[k])))
                return true;
    return false;
}

static bool is_local(const char *list)
{
    struct slice rest = slice_str(list);
    while (rest.len > 0) {
        struct slice item = slice_trim(slice_cut(&rest, ','));
        if (!slice_starts(item, "127.") && !slice_is(item, "::1") && !slice_starts(item, "unix:"))
            return false;
    }
    return true;
}

static void check_socket_mode(struct config *c)
{
    struct config_place place = place_of(c, SETTING_ID_main_socket_mode);
    if (strspn(c->main.socket_mode, "01234567") != strlen(c->main.socket_mode) || strtoul(c->main.socket_mode, NULL, 8) > 0777)
        config_remark(c, CONFIG_ERROR, &place, "main.socket_mode: expected an octal number up to 0777, such as 0660");
}

static void check_telephony(struct config *c)
{
    struct config_place place = place_of(c, SETTING_ID_sip_freeswitch);
    struct error        e;
    if (telephony_check(c, &e) != OK)
        config_remark(c, CONFIG_ERROR, &place, "%s", e.text);
    place = place_of(c, SETTING_ID_freeswitch_ip);
    if (telephony_is_on(c) && !is_local(c->freeswitch.ip) && *c->freeswitch.password == '\0' && c->freeswitch.allowed.count == 0)
        config_remark(c, CONFIG_WARNING, &place,
                      "freeswitch.ip is not only the loopback address: whoever reaches the port gets the SIP secrets of all users; "
                      "set freeswitch.allow, or freeswitch.user and freeswitch.password");
}

/* What no setting can tell alone. */
static void check_together(struct config *c)
{
    struct config_place place = place_of(c, SETTING_ID_ws_idle);
    if (c->ws.ping_ms != 0 && c->ws.idle_ms != 0 && c->ws.idle_ms <= c->ws.ping_ms)
        config_remark(c, CONFIG_ERROR, &place,
                      "ws.idle must be longer than ws.ping, or every quiet connection is closed before it is asked");

    place = place_of(c, SETTING_ID_cometql_port);
    if (share_address(c))
        config_remark(c, CONFIG_ERROR, &place, "ws.port and cometql.port are both %u; each needs a port of its own",
                      c->ws.port);

    place = place_of(c, SETTING_ID_ws_max_queue);
    if (c->ws.max_queue_bytes < c->ws.max_message_bytes)
        config_remark(
            c, CONFIG_WARNING, &place,
            "ws.max_queue is smaller than ws.max_message: the largest messages close every connection that is not "
            "read at once");

    place = place_of(c, SETTING_ID_ws_cluster);
    if (c->ws.cluster.count != 0)
        config_remark(c, CONFIG_WARNING, &place, "ws.cluster has no effect in this version: this server works alone");

    check_jwt_keys(c);
    check_proxies(c);
    tls_files_check(c, TLS_PORT_WS);
    tls_files_check(c, TLS_PORT_COMETQL);
    check_telephony(c);
    check_socket_mode(c);
    struct error       error;
    struct store_setup store;
    place = place_of(c, SETTING_ID_store_backend);
    if (storage_setup_from(c, &store, &error) != OK)
        config_remark(c, CONFIG_ERROR, &place, "%s", error.text);

    struct stat st;
    place = place_of(c, SETTING_ID_main_base_dir);
    if (*c->main.base_dir != '\0' && (stat(c->main.base_dir, &st) != 0 || !S_ISDIR(st.st_mode)))
        config_remark(c, CONFIG_WARNING, &place,
                      "main.base_dir: there is no directory %s, so no file can be served from it", c->main.base_dir);
}

static enum status outcome(const struct config *c, struct error *e)
{
    if (c->is_out_of_memory)
        return error_set(e, E_NO_MEMORY, "out of memory while the configuration was read");
    for (uint32_t i = 0; i < c->remark_count; i++)
        if (c->remarks[i].weight == CONFIG_ERROR)
            return error_set(e, E_CONFIG, "%s", c->remarks[i].text);
    return OK;
}

enum status config_load(struct config *out, int argc, char **argv, struct error *out_error)
{
    *out = (struct config){ .action = CONFIG_RUN };
    const char *file = config_read_action(out, argc, argv);
    read_defaults(out);
    if (out->action < CONFIG_VERSION && !out->is_out_of_memory) {
        read_file(out, file);
        config_read_environment(out, environ);
        config_read_arguments(out, argc, argv);
    }
    if (out->action < CONFIG_VERSION && !out->is_out_of_memory)
        config_read_secrets(out);
    if (out->action < CONFIG_VERSION && !out->is_out_of_memory)
        check_together(out);
    return outcome(out, out_error);
}

static void list_free(struct config_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        explicit_bzero(list->at[i], strlen(list->at[i])); /* may hold secrets */
        free(list->at[i]);
    }
    free(list->at);
}

void config_free(struct config *c)
{
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        const struct setting *row = setting_row((enum setting_id)i);
        void                 *value = (char *)c + row->offset;
        if (row->kind == SETTING_SECRET && *(char **)value != NULL)
            explicit_bzero(*(char **)value, strlen(*(char **)value));
        if (row->kind == SETTING_TEXT || row->kind == SETTING_SECRET || row->kind == SETTING_ADDRESS)
            free(*(char **)value);
        else if (row->kind == SETTING_NAMES || row->kind == SETTING_LIST)
            list_free(value);
    }
    for (uint32_t i = 0; i < c->content_type_count; i++) {
        free(c->content_types[i].name);
        free(c->content_types[i].value);
    }
    for (uint32_t i = 0; i < c->remark_count; i++)
        free(c->remarks[i].text);
    free(c->content_types);
    free(c->remarks);
    free(c->file);
    *c = (struct config){ 0 };
}
