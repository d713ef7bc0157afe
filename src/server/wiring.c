/* wiring.c: see wiring.h. */
#include "server/wiring.h"

#include "api/directory.h"
#include "api/metrics.h"
#include "api/status.h"
#include "cometql/exec.h"
#include "dialect/classic.h"
#include "esl/client.h"
#include "http/conn.h"
#include "http/static_files.h"
#include "hub/hub.h"
#include "mysql/conn.h"
#include "ws/deflate.h"

static const char speaks_tls[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 45\r\nConnection: close\r\n\r\n"
                                 "This port speaks TLS: use https:// or wss://\n";

const struct port wiring_ports[PORT_COUNT] = {
    [PORT_WS] = {
        .name = "ws",
        .kind = STREAM_WS,
        .first_ops = &http_conn_ops,
        .is_counted = true,
        .is_guarded = true,
        .tls_hint = { speaks_tls, sizeof speaks_tls - 1 },
        .online = COUNTER_WS_ONLINE,
        .added = COUNTER_WS_ADDED,
        .ended = COUNTER_WS_ENDED,
        .events = COUNTER_WS_EVENTS,
    },
    [PORT_COMETQL] = {
        .name = "cometql",
        .kind = STREAM_SQL,
        .first_ops = &mysql_conn_ops,
        .is_guarded = true,
        .online = COUNTER_SQL_ONLINE,
        .added = COUNTER_SQL_ADDED,
        .ended = COUNTER_SQL_ENDED,
        .events = COUNTER_SQL_EVENTS,
    },
    [PORT_DIRECTORY] = {
        .name = "freeswitch",
        .kind = STREAM_DIRECTORY,
        .first_ops = &http_conn_ops,
        .online = COUNTER_DIRECTORY_ONLINE,
        .added = COUNTER_DIRECTORY_ADDED,
        .ended = COUNTER_DIRECTORY_ENDED,
        .events = COUNTER_DIRECTORY_EVENTS,
    },

    /* Connections to FreeSWITCH's event sockets; nobody comes in there. */
    [PORT_ESL] = {
        .name = "esl",
        .kind = STREAM_ESL,
        .is_dialled = true,
        .online = COUNTER_ESL_ONLINE,
        .added = COUNTER_ESL_ADDED,
        .ended = COUNTER_ESL_ENDED,
        .events = COUNTER_ESL_EVENTS,
    },

    /* Between the two processes of an upgrade; nobody comes in there either. */
    [PORT_BRIDGE] = {
        .name = "bridge",
        .kind = STREAM_BRIDGE,
        .is_dialled = true,
        .online = COUNTER_BRIDGE_ONLINE,
        .added = COUNTER_BRIDGE_ADDED,
        .ended = COUNTER_BRIDGE_ENDED,
        .events = COUNTER_BRIDGE_EVENTS,
    },
};

const struct http_route wiring_routes[] = {
    { .method = "OPTIONS", .path = "/", .is_prefix = true, .on_request = api_options_request },

    /* The classic protocol, below its own prefix and CppComet's. A doubled slash before them is one (http/route.c). */
    { .method = "GET", .path = "/ws/", .is_prefix = true, .on_upgrade = classic_on_upgrade },
    { .method = "GET", .path = "/comet-server/ws/", .is_prefix = true, .on_upgrade = classic_on_upgrade },

    { .method = "GET", .path = "/api/status", .on_request = api_status_request },
    { .method = "GET", .path = "/metrics", .on_request = api_metrics_request },
    { .method = "GET", .path = "/info", .on_request = api_info_request },
    { .method = "GET", .path = "/comet-server/info", .on_request = api_info_request },
    { .method = "GET", .path = "/favicon.ico", .on_request = api_favicon_request },
    { .method = "GET", .path = "/comet-server/favicon.ico", .on_request = api_favicon_request },

    /* The users of the telephones, on a port of their own. */
    { .method = "GET", .path = "/directory", .is_prefix = true, .kind = STREAM_DIRECTORY, .on_request = api_directory_request },
    { .method = "POST", .path = "/directory", .is_prefix = true, .kind = STREAM_DIRECTORY, .on_request = api_directory_request },
    { .method = "GET", .path = "/comet-server-com/directory", .is_prefix = true, .kind = STREAM_DIRECTORY,
      .on_request = api_directory_request },
    { .method = "POST", .path = "/comet-server-com/directory", .is_prefix = true, .kind = STREAM_DIRECTORY,
      .on_request = api_directory_request },
    { .method = "OPTIONS", .path = "/", .is_prefix = true, .kind = STREAM_DIRECTORY, .on_request = api_options_request },
    { .method = "GET", .path = "/", .is_prefix = true, .kind = STREAM_DIRECTORY, .on_request = api_directory_page_request },

    /* Everything else is a page: of main.base_dir, or one from inside the binary. */
    { .method = "GET", .path = "/", .is_prefix = true, .on_request = http_static_request },
};
const size_t wiring_route_count = sizeof wiring_routes / sizeof wiring_routes[0];

/* Their order is their index. */
const struct dialect *const wiring_dialects[] = { &classic_dialect, &classic_old_dialect, &classic_new_dialect,
                                                  &classic_deflated_dialect, &classic_new_deflated_dialect };
const unsigned              wiring_dialect_count = sizeof wiring_dialects / sizeof wiring_dialects[0];

/* In the order in which they start in each shard, and take their turns. */
const struct shard_part *const wiring_parts[] = { &http_part, &mysql_part, &esl_part, &deflate_part, &hub_part,
                                                  &classic_part, &cometql_part };
const unsigned                 wiring_part_count = sizeof wiring_parts / sizeof wiring_parts[0];
