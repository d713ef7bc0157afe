/* telephony.c: see telephony.h. */
#include "server/telephony.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

#define HOST_MAX 253
#define NODE_ID_MAX 64 /* of the column `node` */
#define WS_PORT 7443
#define EVENT_PORT 8021
#define FIELDS 5 /* texts of an element */

/* One element of sip.freeswitch, taken apart; borrowed from it. */
struct element {
    unsigned     number; /* from 1, for a person */
    struct slice server, password, ws_host, stream_server;
    uint16_t     ws_port, port;
};

static enum status bad(const struct element *el, struct error *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum status bad(const struct element *el, struct error *e, const char *format, ...)
{
    char    text[180];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(e, E_CONFIG, "sip.freeswitch, server %u: %s", el->number, text);
}

static bool take_text(struct slice name, const char *wanted, struct slice value, size_t most, struct slice *out)
{
    if (!slice_is_nocase(name, wanted) || value.len > most)
        return false;
    *out = value;
    return true;
}

static bool take_port(struct slice name, const char *wanted, struct slice value, uint16_t *out)
{
    uint64_t port;
    if (!slice_is_nocase(name, wanted) || !slice_u64(value, UINT16_MAX, &port) || port == 0)
        return false;
    *out = (uint16_t)port;
    return true;
}

/* "Name=value". Names are compared without case, as people write them. */
static enum status field_set(struct element *el, struct slice field, struct error *e)
{
    struct slice value = field, name = slice_trim(slice_cut(&value, '='));
    value = slice_trim(value);
    if (take_text(name, "server", value, HOST_MAX, &el->server) || take_text(name, "pwd", value, 128, &el->password) ||
        take_text(name, "wshost", value, HOST_MAX, &el->ws_host) ||
        take_text(name, "streamserver", value, 255, &el->stream_server) ||
        take_port(name, "wsport", value, &el->ws_port) || take_port(name, "port", value, &el->port))
        return OK;
    return bad(
        el, e,
        "expected Server=, Pwd=, WSport=, Port=, WShost= or StreamServer= with a value that fits (ports: 1 to 65535)");
}

static enum status element_parse(struct element *el, struct slice text, struct error *e)
{
    while (text.len > 0) {
        enum status status = field_set(el, slice_cut(&text, ','), e);
        if (status != OK)
            return status;
    }
    if (el->server.len == 0)
        return bad(el, e, "Server=, its host, is missing");
    if (el->password.len == 0)
        return bad(el, e, "Pwd=, the password of its event socket, is missing");
    if (el->server.len + sizeof ":65535" - 1 > NODE_ID_MAX)
        return bad(el, e, "the host is longer than %d characters; name it with an address", (int)(NODE_ID_MAX - 6));
    if (el->ws_host.len == 0)
        el->ws_host = el->server;
    return OK;
}

static enum status element_read(struct element *el, const struct config *c, unsigned i, struct error *e)
{
    *el = (struct element){ .number = i + 1, .ws_port = WS_PORT, .port = EVENT_PORT };
    return element_parse(el, slice_str(c->sip.servers.at[i]), e);
}

static bool same_node(const struct element *a, const struct element *b)
{
    return a->ws_port == b->ws_port && slice_equal(a->server, b->server);
}

/* The node of a row is found by its id again. */
static enum status check_twice(const struct config *c, const struct element *el, struct error *e)
{
    for (unsigned i = 0; i + 1 < el->number; i++) {
        struct element other;
        if (element_read(&other, c, i, e) == OK && same_node(el, &other))
            return bad(el, e, "Server and WSport are those of server %u", other.number);
    }
    return OK;
}

static enum status check_allowed(const struct config *c, struct error *e)
{
    unsigned char address[16];
    for (uint32_t i = 0; i < c->freeswitch.allowed.count; i++) {
        const char *text = c->freeswitch.allowed.at[i];
        if (strcmp(text, "unix") != 0 && inet_pton(AF_INET, text, address) != 1 && inet_pton(AF_INET6, text, address) != 1)
            return error_set(e, E_CONFIG, "freeswitch.allow: '%.60s' is neither a numeric IP address nor unix", text);
    }
    return OK;
}

enum status telephony_check(const struct config *c, struct error *out_error)
{
    struct element el;
    if (c->sip.servers.count > ESL_SERVERS_MAX)
        return error_set(out_error, E_CONFIG, "sip.freeswitch lists more than %d servers", ESL_SERVERS_MAX);
    for (uint32_t i = 0; i < c->sip.servers.count; i++) {
        enum status status = element_read(&el, c, i, out_error);
        if (status == OK)
            status = check_twice(c, &el, out_error);
        if (status != OK)
            return status;
    }
    return check_allowed(c, out_error);
}

bool telephony_is_on(const struct config *c)
{
    return c->sip.servers.count > 0;
}

/* --- at start ----------------------------------------------------------------------------------------------------- */

/* A copy with a NUL behind it, in the block of all texts. */
static const char *keep(char **at, struct slice text)
{
    char *copy = *at;
    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    *at += text.len + 1;
    return copy;
}

static void resolve(struct esl_server *server, const char *host, uint16_t port)
{
    struct error e;
    if (dial_resolve(host, port, &server->address, &e) != OK)
        log_warn("sip.freeswitch: %s; conference_members has nobody from there until the next start", e.text);
}

static void set_node(struct telephony_setup *t, unsigned i, const struct element *el, char **at)
{
    char id[NODE_ID_MAX + 1];
    int  len = snprintf(id, sizeof id, "%.*s:%u", SLICE_ARG(el->server), el->ws_port);
    t->nodes[i] = (struct telephony_node){
        .id = keep(at, slice_of(id, (size_t)len)),
        .ws_host = keep(at, el->ws_host),
        .ws_port = el->ws_port,
        .stream_server = keep(at, el->stream_server),
    };
    t->servers[i] = (struct esl_server){ .id = t->nodes[i].id, .password = keep(at, el->password) };
    resolve(&t->servers[i], keep(at, el->server), el->port);
}

static enum status set_nodes(struct telephony_setup *t, const struct config *c, struct error *e)
{
    unsigned count = c->sip.servers.count;
    size_t   size = 0;
    for (unsigned i = 0; i < count; i++) /* the host may be kept three times */
        size += 3 * (strlen(c->sip.servers.at[i]) + 16) + FIELDS;
    t->nodes = calloc(count + 1, sizeof *t->nodes);
    t->servers = calloc(count + 1, sizeof *t->servers);
    t->texts = calloc(1, size + 1);
    if (t->nodes == NULL || t->servers == NULL || t->texts == NULL)
        return error_plain(e, E_NO_MEMORY);
    char *at = t->texts;
    for (unsigned i = 0; i < count; i++) {
        struct element el;
        enum status    status = element_read(&el, c, i, e);
        if (status != OK)
            return status;
        set_node(t, i, &el, &at);
    }
    return OK;
}

enum status telephony_open(struct telephony_setup *out, const struct config *c, unsigned esl_port,
                           struct error *out_error)
{
    *out = (struct telephony_setup){ 0 };
    if (!telephony_is_on(c))
        return OK;
    enum status status = telephony_check(c, out_error);
    if (status == OK)
        status = secret_open_file(&out->salt, c->main.state_dir, SECRET_SALT_NAME, c->sip.pipe_salt, out_error);
    if (status == OK)
        status = set_nodes(out, c, out_error);
    if (status != OK)
        return status;
    out->telephony =
        (struct telephony){ .nodes = out->nodes, .count = c->sip.servers.count, .salt = slice_str(out->salt.text) };
    out->esl = (struct esl_setup){ .servers = out->servers, .count = c->sip.servers.count, .port = esl_port };
    out->directory = (struct api_directory){
        .user = c->freeswitch.user,
        .password = c->freeswitch.password,
        .allowed = (const char *const *)c->freeswitch.allowed.at,
        .allowed_count = c->freeswitch.allowed.count,
    };
    esl_setup(&out->esl);
    api_directory_setup(&out->directory);
    return OK;
}

void telephony_close(struct telephony_setup *t)
{
    secret_clear(&t->salt);
    free(t->nodes);
    free(t->servers);
    free(t->texts);
    *t = (struct telephony_setup){ 0 };
}
