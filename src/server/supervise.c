/* supervise.c: see supervise.h. */
#include "server/supervise.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "api/status.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/crypto.h"
#include "base/map.h"
#include "base/memory.h"
#include "cometql/exec.h"
#include "dialect/classic.h"
#include "http/conn.h"
#include "http/embedded.h"
#include "hub/bridge.h"
#include "hub/hub.h"
#include "io/tls_tickets.h"
#include "server/activation.h"
#include "server/console.h"
#include "server/greeting.h"
#include "server/jwt_keys.h"
#include "server/limits.h"
#include "server/notify.h"
#include "server/privileges.h"
#include "server/proxies.h"
#include "server/refusals.h"
#include "server/secret.h"
#include "server/storage.h"
#include "server/telephony.h"
#include "server/tls_files.h"
#include "server/upgrade.h"
#include "server/user_settings.h"
#include "server/watchdog.h"
#include "server/wiring.h"
#include "ws/conn.h"

#define COMETQL_VERSION "5.7.99-Encke-" ENCKE_VERSION /* drivers parse the number and choose what they may use */

#define ESL_QUEUE 65536 /* output that may wait for an event socket: a few commands */

#define LINGER_MS 2500

#define BRIDGE_QUEUE (UINT64_C(64) << 20) /* output that may wait for the other process of an upgrade, beyond what publishers wait for */

#define TABLE_SHARE 93 /* per cent of a descriptor table that connections may be planned for: the kernel's hashing spreads
                        * them over the listeners unevenly */

/* All that the rooms borrow for as long as the shards run. */
struct server {
    const struct config    *config;
    struct port             ports[PORT_COUNT];
    struct shards_setup     shards;
    struct http_limits      http;
    struct ws_limits        ws;
    struct classic_settings classic;
    struct cometql_settings cometql;
    struct mysql_settings   mysql;
    struct address_set      proxies; /* ws.trusted_proxies */
    struct address_set      exempt;  /* limits.exempt */
    struct refusals         http_refusals, mysql_refusals;
    struct slice           *origins; /* owned */
    struct http_type       *types;   /* owned */
    struct classic_app_readers *app_readers; /* owned */
    bool                    has_store;
    struct tls_context     *ws_tls, *cometql_tls; /* owned; NULL: plain */
    bool                    requires_tls; /* of CometQL's clients */
    struct secret           password;
    struct jwt_keys         jwt; /* for logins */
    struct telephony_setup  telephony;
    struct upgrade_legacy   legacy; /* of the process before; empty once the shards have started */
    bool                    has_successor; /* another process has taken over */
};

static int fail(const struct error *e)
{
    log_error("%s", e->text);
    return 1;
}

/* As many descriptors as the administrator allows. */
static uint32_t raise_descriptor_limit(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0)
        return 1024;
    r.rlim_cur = r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r) < 0)
        getrlimit(RLIMIT_NOFILE, &r);
    return r.rlim_cur > 1u << 23 ? 1u << 23 : (uint32_t)r.rlim_cur;
}

/* One shard for each core, more when the connections wanted need more descriptor tables. */
static enum status count_shards(const struct config *c, uint32_t nofile, unsigned *out_count, struct error *e)
{
    long     cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t count = c->main.shard_count > 0 ? c->main.shard_count : (uint64_t)(cores > 0 ? cores : 1);
    uint64_t for_each = (uint64_t)nofile * TABLE_SHARE / 100;
    uint64_t needed = for_each > 0 ? (c->ws.max_connections + for_each - 1) / for_each : SHARDS_MAX + 1;
    if (c->main.shard_count == 0 && needed > count)
        count = needed;
    if (needed > count || count > SHARDS_MAX)
        return error_set(e, E_CONFIG,
                         "ws.max_connections = %llu needs %llu shards with %u descriptors each, and there are %llu (at most %d): "
                         "raise LimitNOFILE, or lower ws.max_connections",
                         (unsigned long long)c->ws.max_connections, (unsigned long long)needed, nofile,
                         (unsigned long long)(count > SHARDS_MAX ? SHARDS_MAX : count), SHARDS_MAX);
    *out_count = (unsigned)count;
    return OK;
}

static enum status set_ports(struct server *s, const struct privileges *privileges, struct error *e)
{
    const struct config *c = s->config;
    for (unsigned i = 0; i < PORT_COUNT; i++)
        s->ports[i] = wiring_ports[i];
    struct port *ws = &s->ports[PORT_WS], *sql = &s->ports[PORT_COMETQL];
    ws->ip = c->ws.ip;
    ws->port = c->ws.port;
    ws->backlog = (int)c->ws.backlog;
    ws->queue_limit_bytes = c->ws.max_queue_bytes;
    ws->max_connections = c->ws.max_connections;
    sql->max_connections = c->cometql.max_connections;
    ws->refusals = s->http_refusals.texts;
    sql->refusals = s->mysql_refusals.texts;
    ws->tls = s->ws_tls;
    sql->ip = c->cometql.ip;
    sql->port = c->cometql.port;
    sql->backlog = (int)c->cometql.backlog;
    sql->queue_limit_bytes = c->cometql.max_queue_bytes;
    ws->proxies = sql->proxies = &s->proxies;
    ws->expects_proxy = c->ws.has_proxy_protocol;
    ws->proxy_timeout_ms = (uint32_t)c->ws.head_timeout_ms;
    sql->expects_proxy = c->cometql.has_proxy_protocol;
    sql->proxy_timeout_ms = (uint32_t)c->cometql.login_timeout_ms;
    struct port *directory = &s->ports[PORT_DIRECTORY], *esl = &s->ports[PORT_ESL];
    directory->ip = c->freeswitch.ip;
    directory->port = c->freeswitch.port;
    directory->backlog = (int)c->freeswitch.backlog;
    directory->queue_limit_bytes = c->ws.max_queue_bytes;
    directory->is_off = !telephony_is_on(c);
    esl->queue_limit_bytes = ESL_QUEUE;
    s->ports[PORT_BRIDGE].queue_limit_bytes = BRIDGE_QUEUE + c->main.backlog_bytes;
    for (unsigned i = 0; i < PORT_COUNT; i++) {
        s->ports[i].socket_mode = (mode_t)strtoul(c->main.socket_mode, NULL, 8);
        s->ports[i].socket_uid = privileges->uid;
        s->ports[i].socket_gid = privileges->gid;
    }
    upgrade_take_ports(s->ports, PORT_COUNT);
    return upgrade_is_successor() ? OK : activation_take_ports(s->ports, PORT_COUNT, e);
}

static enum status set_http(struct server *s, struct error *e)
{
    const struct config *c = s->config;
    s->http = (struct http_limits){
        .head_bytes = (uint32_t)c->ws.max_head_bytes,
        .header_count = (uint32_t)c->ws.max_headers,
        .body_bytes = (uint32_t)c->ws.max_body_bytes,
        .head_timeout_ms = (uint32_t)c->ws.head_timeout_ms,
        .idle_timeout_ms = (uint32_t)c->ws.keepalive_ms,
    };
    http_setup(wiring_routes, wiring_route_count, &s->http);
    s->types = calloc(c->content_type_count + 1, sizeof *s->types);
    if (s->types == NULL)
        return error_plain(e, E_NO_MEMORY);
    for (uint32_t i = 0; i < c->content_type_count; i++)
        s->types[i] = (struct http_type){ c->content_types[i].name, c->content_types[i].value };
    struct http_static files = {
        .embedded = embedded_files,
        .embedded_count = embedded_file_count,
        .base_dir = c->main.base_dir,
        .types = s->types,
        .type_count = c->content_type_count,
    };
    if (http_static_setup(&files, e) == OK)
        return OK;
    log_warn("%s; only the pages inside the program are served", e->text); /* what is pushed does not depend on it */
    files.base_dir = "";
    return http_static_setup(&files, e);
}

static enum status set_classic(struct server *s, struct error *e)
{
    const struct config *c = s->config;
    s->ws = (struct ws_limits){
        .message_bytes = (uint32_t)c->ws.max_message_bytes,
        .ping_ms = (uint32_t)c->ws.ping_ms,
        .idle_ms = (uint32_t)c->ws.idle_ms,
        .deflate = { c->ws.has_compression, (uint8_t)c->ws.compression_level, (uint32_t)c->ws.compression_min_bytes },
    };
    ws_setup(&s->ws);
    s->origins = calloc(c->ws.hosts.count + 1, sizeof *s->origins);
    if (s->origins == NULL)
        return error_plain(e, E_NO_MEMORY);
    for (uint32_t i = 0; i < c->ws.hosts.count; i++)
        s->origins[i] = slice_str(c->ws.hosts.at[i]);
    s->classic = (struct classic_settings){
        .server = "Encke " ENCKE_VERSION,
        .app_count = (uint32_t)c->main.dev_index_size,
        .max_subscriptions = (uint32_t)c->ws.max_subscriptions,
        .refuses_strangers = !c->users.admits_strangers,
        .origins = s->origins,
        .origin_count = c->ws.hosts.count,
        .droppable = (const char *const *)c->ws.drop_oldest.at,
        .droppable_count = c->ws.drop_oldest.count,
    };
    enum status status = user_readers_from(c, &s->classic.readers, &s->app_readers, &s->classic.app_reader_count, e);
    s->classic.app_readers = s->app_readers;
    s->classic.jwt = &s->jwt;
    classic_setup(&s->classic);
    return status;
}

static void set_cometql(struct server *s)
{
    const struct config *c = s->config;
    s->cometql = (struct cometql_settings){
        .version = COMETQL_VERSION,
        .app_limit = (uint32_t)c->main.dev_index_size,
        .max_packet = (uint32_t)c->cometql.max_packet_bytes,
        .idle_s = (uint32_t)(c->cometql.idle_ms / 1000),
        .ws_statistics_s = (uint32_t)(c->ws.statistics_ms / 1000),
        .cometql_statistics_s = (uint32_t)(c->cometql.statistics_ms / 1000),
        .logs_statements = c->cometql.logs_statements,
        .jwt = &s->jwt,
        .telephony = &s->telephony.telephony,
        .start_ms = clock_mono_ms(),
    };
    cometql_setup(&s->cometql);
    s->mysql = (struct mysql_settings){
        .ops = &cometql_mysql_ops,
        .version = COMETQL_VERSION,
        .password = slice_str(s->password.text),
        .max_packet = (uint32_t)c->cometql.max_packet_bytes,
        .tls = s->cometql_tls,
        .requires_tls = s->requires_tls,
        .login_timeout_ms = (uint32_t)c->cometql.login_timeout_ms,
        .idle_timeout_ms = (uint32_t)c->cometql.idle_ms,
    };
    mysql_setup(&s->mysql);
}

static enum status set_hub(struct server *s, struct error *e)
{
    const struct config   *c = s->config;
    unsigned char          seed[16];
    const struct hub_setup hub = {
        .dialects = wiring_dialects,
        .dialect_count = wiring_dialect_count,
        .shard_count = s->shards.shard_count,
        .max_subscriptions = (uint32_t)c->ws.max_subscriptions,
        .history_bytes = c->main.history_bytes,
        .backlog_bytes = c->main.backlog_bytes,
        .history_age_ms = c->store.history_age_ms,
        .floor_age_ms = c->store.trust_age_ms,
        .history_floor = classic_history_floor,
        .may_drop = c->ws.drop_oldest.count > 0 ? classic_may_drop : NULL,
        .app_count = (uint32_t)c->main.dev_index_size,
        .app_channels = (uint32_t)c->limits.app_channels,
        .app_history_bytes = c->limits.app_history_bytes,
        .app_idle_ms = c->limits.app_idle_ms,
        .has_store = true,
        .app_of_backend = cometql_app_of,
        .stores_history = storage_keeps_history(c),
        .return_ms = (uint32_t)c->main.upgrade_return_ms,
        .floor_prefix = CLASSIC_TRUST,
        .users = user_rules_from(c),
    };
    random_bytes(seed, sizeof seed);
    map_seed_set(seed);
    counter_setup(s->shards.shard_count);
    return hub_setup(&hub) == OK ? OK : error_plain(e, E_NO_MEMORY);
}

static enum status load_certificates(struct server *s, struct error *e)
{
    tls_tickets_begin(s->config->tls.ticket_rotation_ms, clock_mono_ms());
    enum tls_mode mode;
    enum status   status = tls_mode_of(s->config, &mode, e);
    if (status == OK)
        status = tls_files_load(s->config, TLS_PORT_WS, &s->ws_tls, e);
    if (status == OK)
        status = tls_files_load(s->config, TLS_PORT_COMETQL, &s->cometql_tls, e);
    s->requires_tls = status == OK && mode == TLS_REQUIRED;
    return status;
}

/* Everything that can be wrong is found here, before a thread starts. */
static enum status prepare(struct server *s, struct error *e)
{
    const struct config *c = s->config;
    struct privileges    privileges;
    enum status          status;
    s->shards = (struct shards_setup){
        .ports = s->ports,
        .port_count = PORT_COUNT,
        .parts = wiring_parts,
        .part_count = wiring_part_count,
        .nofile = raise_descriptor_limit(),
        .meters = limits_meters(c),
        .kept_bytes = c->limits.kept_bytes,
        .starts_shut = upgrade_is_successor(),
    };
    s->shards.foreign = upgrade_foreign(&s->shards.foreign_count);
    if ((status = privileges_find(c, &privileges, e)) != OK || (status = count_shards(c, s->shards.nofile, &s->shards.shard_count, e)) != OK ||
        (status = secret_open(&s->password, c->main.state_dir, c->main.password, e)) != OK ||
        (status = jwt_keys_load(&s->jwt, c, s->password.text, e)) != OK ||
        (status = proxies_from(c, &s->proxies, e)) != OK ||
        (status = limits_admission(c, &s->shards.admission, &s->exempt, e)) != OK ||
        (status = refusals_http(&s->http_refusals)) != OK || (status = refusals_mysql(&s->mysql_refusals)) != OK ||
        (status = load_certificates(s, e)) != OK ||
        (status = telephony_open(&s->telephony, c, PORT_ESL, e)) != OK)
        return status;
    if ((status = set_ports(s, &privileges, e)) != OK)
        return status;
    api_status_setup(c->main.node_name, s->shards.shard_count);
    set_cometql(s);
    if ((status = set_hub(s, e)) != OK || (status = set_http(s, e)) != OK || (status = set_classic(s, e)) != OK)
        return status;
    for (unsigned i = 0; i < PORT_COUNT; i++)
        if ((status = port_reserve(&s->ports[i], e)) != OK)
            return status;
    if ((status = upgrade_receive(c, &s->legacy, e)) != OK)
        return status;
    if ((status = shards_open_doors(&s->shards, e)) != OK || (status = privileges_drop(&privileges, c, e)) != OK)
        return status;
    status = storage_open(c, s->legacy.rows, e); /* last: it may wait for a database, and only one process has a file */
    s->has_store = status == OK;
    hub_inherit(buf_slice(&s->legacy.records));
    return status;
}

static void drop_legacy(struct server *s)
{
    hub_inherited();
    buf_clear(&s->legacy.records);
    store_rows_free(s->legacy.rows);
    s->legacy.rows = NULL;
}

static void release(struct server *s)
{
    drop_legacy(s);
    for (unsigned i = 0; i < PORT_COUNT; i++)
        port_release(&s->ports[i]);
    if (s->has_store)
        storage_close();
    address_set_clear(&s->proxies);
    address_set_clear(&s->exempt);
    refusals_clear(&s->http_refusals);
    refusals_clear(&s->mysql_refusals);
    free(s->origins);
    free(s->types);
    jwt_keys_clear(&s->jwt);
    tls_context_free(s->ws_tls);
    tls_context_free(s->cometql_tls);
    free(s->app_readers);
    secret_clear(&s->password);
    telephony_close(&s->telephony);
    hub_clear();
}

/* For scripts that were written for CppComet. Not to have it is no reason not to serve. */
static void write_pidfile(const char *path)
{
    FILE *f = path[0] != '\0' ? fopen(path, "we") : NULL;
    if (f != NULL && fprintf(f, "%ld\n", (long)getpid()) > 0 && fclose(f) == 0)
        return;
    if (path[0] != '\0')
        log_warn("main.pidfile: cannot write %s: %s", path, strerror(errno));
}

/* Lets the browsers go at their pace. A second signal ends it early. */
static void drain(const struct server *s, const sigset_t *signals)
{
    uint64_t count = shards_connections(), until = clock_mono_ms() + s->config->main.drain_timeout_ms;
    bool     can_be_paced = !s->has_successor || bridge_is_up(); /* without the bridge they would miss what is said */
    if (count == 0 || s->config->main.drain_timeout_ms == 0 || !can_be_paced)
        return;
    uint64_t takes_ms = count * 1000 / s->config->main.drain_rate + 1;
    log_info("letting %llu connections go, %llu a second; a second signal ends it", (unsigned long long)count,
             (unsigned long long)s->config->main.drain_rate);
    if (takes_ms > s->config->main.drain_timeout_ms) {
        log_warn("that would take %llu s: who is left after main.drain_timeout (%llu s) is dropped; raise it, or main.drain_rate",
                 (unsigned long long)takes_ms / 1000, (unsigned long long)s->config->main.drain_timeout_ms / 1000);
        takes_ms = s->config->main.drain_timeout_ms;
    }
    shards_drain((uint32_t)s->config->main.drain_rate, s->has_successor ? 0 : (uint32_t)takes_ms);
    while (shards_connections() > 0 && clock_mono_ms() < until && (!s->has_successor || bridge_is_up())) {
        const struct timespec moment = { .tv_nsec = 10000000 };
        int                   signal = sigtimedwait(signals, NULL, &moment);
        if (signal == SIGINT || signal == SIGTERM)
            break;
    }
    if ((count = shards_connections()) > 0)
        log_warn("%llu connections have not left in time and are dropped", (unsigned long long)count);
}

/* Those who are not browsers were told to go when the other process took over; their last answers must get there. */
static void linger(void)
{
    uint64_t until_ms = clock_mono_ms() + LINGER_MS;
    while (counter_sum(COUNTER_SQL_ONLINE) + counter_sum(COUNTER_DIRECTORY_ONLINE) > 0 && clock_mono_ms() < until_ms) {
        const struct timespec moment = { .tv_nsec = 5000000 };
        (void)nanosleep(&moment, NULL);
    }
}

/* True: the server is to end, or another process is the server now. */
static bool upgrade(struct server *s)
{
    enum upgrade_result result = upgrade_run(&(struct upgrade_job){
        .config = s->config,
        .ports = s->ports,
        .port_count = PORT_COUNT,
        .shard_count = s->shards.shard_count,
        .bridge_port = PORT_BRIDGE,
    });
    s->has_successor = result == UPGRADE_DONE;
    return result != UPGRADE_FAILED;
}

/* Until somebody wants it to end. */
static void serve(struct server *s, const sigset_t *signals)
{
    struct console *console = console_new(s->config, s->shards.shard_count);
    for (;;) {
        memory_look(clock_mono_ms());
        watchdog_tick(s->shards.shard_count);
        if (tls_tickets_turn(clock_mono_ms()))
            log_debug("tls: tickets have a new key");
        const struct timespec second = { .tv_sec = 1 };
        int                   signal = sigtimedwait(signals, NULL, &second);
        if (signal == SIGINT || signal == SIGTERM) {
            log_info("stopping (%s)", signal == SIGINT ? "interrupted" : "terminated");
            notify_stopping();
            break;
        }
        if (signal == SIGHUP) {
            notify_reloading();
            tls_files_renew(s->config, TLS_PORT_WS, s->ws_tls);
            tls_files_renew(s->config, TLS_PORT_COMETQL, s->cometql_tls);
            notify_ready();
        }
        if (signal == SIGUSR2 && upgrade(s))
            break;
        if (signal < 0 && errno == EAGAIN)
            console_tick(console);
    }
    console_free(console);
    drain(s, signals);
    if (s->has_successor)
        linger();
}

static void watch_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGHUP);
    sigaddset(signals, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, signals, NULL); /* the shards inherit it: signals are main's */
    signal(SIGPIPE, SIG_IGN);
}

int supervise(const struct config *config)
{
    struct server s = { .config = config };
    struct error  e;
    sigset_t      signals;
    watch_signals(&signals);
    memory_setup();
    crypto_count_memory();
    enum status status = prepare(&s, &e);
    if (status == OK)
        status = shards_start(&s.shards, &e);
    if (status != OK) {
        release(&s);
        return fail(&e);
    }
    for (unsigned i = 0; i < PORT_COUNT; i++)
        port_release(&s.ports[i]);
    drop_legacy(&s);
    upgrade_serve(PORT_BRIDGE);
    write_pidfile(config->main.pidfile);
    notify_ready();
    greet(&(struct greeting){ .ws = &s.ports[PORT_WS],
                              .cometql = &s.ports[PORT_COMETQL],
                              .directory = &s.ports[PORT_DIRECTORY],
                              .password = &s.password,
                              .requires_tls = s.requires_tls,
                              .is_short = config->main.is_quiet });
    serve(&s, &signals);
    if (config->main.pidfile[0] != '\0' && !s.has_successor)
        unlink(config->main.pidfile);
    bool has_bridge_broken = s.has_successor && !bridge_is_up();
    shards_stop((uint32_t)config->main.stop_grace_ms);
    shards_join();
    for (unsigned i = 0; i < PORT_COUNT && !s.has_successor; i++)
        port_unlink(&s.ports[i]);
    release(&s);
    if (s.has_successor)
        upgrade_end(has_bridge_broken);
    log_info(s.has_successor ? "stopped: another process serves" : "stopped");
    return 0;
}
