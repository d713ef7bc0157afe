/* tls_files.c: see tls_files.h. */
#include "server/tls_files.h"

#include "base/log.h"
#include "server/config_parts.h"

/* The settings of one port. */
struct named {
    const struct config_list *certificates, *keys;
    const char               *certificate_setting, *key_setting;
    enum setting_id           certificate_id;
};

static struct named named_of(const struct config *c, enum tls_port port)
{
    if (port == TLS_PORT_WS)
        return (struct named){ &c->ws.tls_certificates, &c->ws.tls_keys, "ws.tls_certificate", "ws.tls_key",
                               SETTING_ID_ws_tls_certificate };
    return (struct named){ &c->cometql.tls_certificates, &c->cometql.tls_keys, "cometql.tls_certificate",
                           "cometql.tls_key", SETTING_ID_cometql_tls_certificate };
}

enum status tls_mode_of(const struct config *c, enum tls_mode *out_mode, struct error *out_error)
{
    static const char *const words[] = { "off", "optional", "required" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_is_nocase(slice_str(c->cometql.tls), words[i])) {
            *out_mode = (enum tls_mode)i;
            return OK;
        }
    return error_set(out_error, E_CONFIG, "cometql.tls: '%.40s' is none of off, optional and required", c->cometql.tls);
}

/* Pairs certificates and keys. Returns how many, at most TLS_CERTIFICATES. */
static size_t list_files(const struct named *n, struct tls_files out[TLS_CERTIFICATES])
{
    size_t count = n->certificates->count < TLS_CERTIFICATES ? n->certificates->count : TLS_CERTIFICATES;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct tls_files){
            .certificate = n->certificates->at[i],
            .key = n->keys->count > 0 ? n->keys->at[i] : n->certificates->at[i],
            .certificate_setting = n->certificate_setting,
            .key_setting = n->keys->count > 0 ? n->key_setting : n->certificate_setting,
        };
    return count;
}

static enum status check_counts(const struct named *n, struct error *e)
{
    if (n->certificates->count > TLS_CERTIFICATES)
        return error_set(e, E_CONFIG, "%s: more than %u certificates", n->certificate_setting, TLS_CERTIFICATES);
    if (n->keys->count > 0 && n->certificates->count == 0)
        return error_set(e, E_CONFIG, "%s names a key, but %s names no certificate", n->key_setting,
                         n->certificate_setting);
    if (n->keys->count > 0 && n->keys->count != n->certificates->count)
        return error_set(e, E_CONFIG, "%s lists %u files and %s %u: each certificate needs its key, in the same order",
                         n->certificate_setting, n->certificates->count, n->key_setting, n->keys->count);
    return OK;
}

enum status tls_files_load(const struct config *c, enum tls_port port, struct tls_context **out_context,
                           struct error *out_error)
{
    struct named     n = named_of(c, port);
    struct tls_files files[TLS_CERTIFICATES];
    enum tls_mode    mode = TLS_OPTIONAL;
    enum status      status = port == TLS_PORT_COMETQL ? tls_mode_of(c, &mode, out_error) : OK;
    *out_context = NULL;
    if (status != OK || mode == TLS_OFF)
        return status;
    if ((status = check_counts(&n, out_error)) != OK)
        return status;
    if (mode == TLS_REQUIRED && n.certificates->count == 0)
        return error_set(out_error, E_CONFIG,
                         "cometql.tls is required, but cometql.tls_certificate names no certificate: nobody could log in");
    return n.certificates->count > 0 ? tls_context_new(files, list_files(&n, files), out_context, out_error) : OK;
}

static enum status check_dates(const struct config *c, enum tls_port port, const struct tls_context *context,
                               struct error *e)
{
    struct named     n = named_of(c, port);
    struct tls_files files[TLS_CERTIFICATES];
    list_files(&n, files);
    return context != NULL ? tls_context_check_dates(context, files, e) : OK;
}

void tls_files_renew(const struct config *c, enum tls_port port, struct tls_context *context)
{
    const char         *setting = named_of(c, port).certificate_setting;
    struct tls_context *fresh = NULL;
    struct error        e;
    if (context == NULL)
        return;
    if (tls_files_load(c, port, &fresh, &e) != OK || fresh == NULL) {
        log_error("the certificates stay as they were: %s", e.text);
        return;
    }
    if (check_dates(c, port, fresh, &e) != OK)
        log_warn("%s", e.text);
    tls_context_replace(context, fresh);
    log_info("%s: the certificates were read again", setting);
}

void tls_files_check(struct config *c, enum tls_port port)
{
    enum setting_id     id = named_of(c, port).certificate_id;
    struct config_place place = { c->origin[id].source, c->origin[id].line, c->file };
    struct tls_context *context;
    struct error        e;
    enum status         status = tls_files_load(c, port, &context, &e);
    if (place.source == CONFIG_ENVIRONMENT)
        place.source = CONFIG_DEFAULT; /* its name says no more than the setting's does */
    if (status == E_NO_MEMORY)
        c->is_out_of_memory = true;
    else if (status != OK)
        config_remark(c, CONFIG_ERROR, &place, "%s", e.text);
    else if (check_dates(c, port, context, &e) != OK)
        config_remark(c, CONFIG_WARNING, &place, "%s", e.text);
    tls_context_free(context);
}
