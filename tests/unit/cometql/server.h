/* server: CometQL on three shards behind a real port; the client is that of unit/mysql/client.h. */
#ifndef ENCKE_TESTS_UNIT_COMETQL_SERVER_H
#define ENCKE_TESTS_UNIT_COMETQL_SERVER_H

#include "base/clock.h"
#include "cometql/exec.h"
#include "hub/hub.h"
#include "unit/mysql/client.h"

#define SHARDS 3

static struct mysql_settings   mysql = { .ops = &cometql_mysql_ops, .version = "5.7.99-test", .max_packet = 1 << 20,
                                         .login_timeout_ms = 60000 };
static struct cometql_settings cometql = { .version = "5.7.99-test", .app_limit = 100, .max_packet = 1 << 20 };

static inline struct peer begin(void)
{
    static bool is_set_up;
    struct peer p = { calloc(1, sizeof *p.port), calloc(1, sizeof *p.setup), calloc(3, sizeof *p.parts) };
    struct error e = { 0 };
    const struct hub_setup hub = { .app_of_backend = cometql_app_of, .shard_count = SHARDS, .max_subscriptions = 10, .history_bytes = 256 << 20, .backlog_bytes = 1 << 20 };
    if (!is_set_up)
        counter_setup(SHARDS);
    is_set_up = true;
    mysql.password = SLICE(CLIENT_PASSWORD);
    cometql.start_ms = clock_mono_ms();
    mysql_setup(&mysql);
    cometql_setup(&cometql);
    assert_int_equal(hub_setup(&hub), OK);
    *p.port = (struct port){
        .name = "test", .ip = "127.0.0.1", .backlog = 64, .kind = STREAM_SQL, .first_ops = &mysql_conn_ops,
        .queue_limit_bytes = 1 << 20, .online = COUNTER_WS_ONLINE, .added = COUNTER_WS_ADDED, .ended = COUNTER_WS_ENDED,
        .events = COUNTER_WS_EVENTS,
    };
    p.parts[0] = &mysql_part;
    p.parts[1] = &hub_part;
    p.parts[2] = &cometql_part;
    *p.setup = (struct shards_setup){ .shard_count = SHARDS, .ports = p.port, .port_count = 1, .parts = p.parts,
                                      .part_count = 3, .nofile = 1024 };
    if (port_reserve(p.port, &e) != OK || shards_start(p.setup, &e) != OK)
        fail_msg("%s", e.text);
    port_release(p.port);
    return p;
}

static inline void end(struct peer *p, struct client *c)
{
    client_close(c);
    peer_stop(p);
    hub_clear();
}

#endif
