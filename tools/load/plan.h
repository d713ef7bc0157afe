/* plan: what encke-load was asked to do.
 *
 *   encke-load ws://127.0.0.1:8087 -c 64000 -r 2500 --hold 60
 *   encke-load ws://host:8087 --classic -c 10000 --workload broadcast --rate 100 --size 64 --publish sql --sql host:3307
 *
 * plan_parse is pure but for reading files that it is told to read (--send @file, --password-file) and ENCKE_PASSWORD. Thread: main.
 */
#ifndef ENCKE_LOAD_PLAN_H
#define ENCKE_LOAD_PLAN_H

#include <stdbool.h>
#include <stdio.h>

#include "base/slice.h"
#include "base/status.h"

#define PLAN_TARGETS_MAX 64
#define PLAN_SOURCES_MAX 256
#define PLAN_SENDS_MAX   16
#define PLAN_HTTP_BODY   "{\"channel\":\"{channel}\",\"data\":\"{message}\"}" /* unless told otherwise */

enum workload {
    WORKLOAD_IDLE,      /* connect, subscribe, stay */
    WORKLOAD_BROADCAST, /* one publisher, all subscribe to one channel */
    WORKLOAD_ROOMS,     /* `rooms` channels, connections spread over them, each room hears its publications */
    WORKLOAD_PRIVATE,   /* personal messages to users (classic preset with users; needs SQL) */
    WORKLOAD_BROWSERS,  /* connections publish themselves (web_pipe2), `rate` messages a second in all */
    WORKLOAD_CHURN,     /* as broadcast, and `churn_percent` of the connections reconnect each second */
    WORKLOAD_STORM,     /* as broadcast; after half of the hold all connections are cut at once and come back */
    WORKLOAD_SLOW,      /* as broadcast, and `slow_percent` of the connections do not read */
    WORKLOAD_PUBLISH,   /* no subscribers: how many publications a second through `publishers` connections */
};

enum publish_way { PUBLISH_SQL, PUBLISH_WEBSOCKET, PUBLISH_HTTP };

/* Where to. */
struct target_address {
    char     host[256]; /* as given */
    uint16_t port;
    bool     is_tls;
    char     path[1024]; /* with placeholders: {n} number of the connection, {uuid} 32 random characters, {room} */
};

struct plan {
    struct target_address targets[PLAN_TARGETS_MAX]; /* connections are spread over them in turn */
    unsigned              target_count;
    char                  sources[PLAN_SOURCES_MAX][46]; /* numeric source addresses; none: chosen on loopback, the kernel's otherwise */
    unsigned              source_count;
    bool                  is_classic; /* preset: path, subscription, first frame and checks of the classic protocol */
    uint32_t              connections;
    uint32_t              ramp_per_s; /* 0 = as fast as possible */
    uint32_t              settle_s; /* silence between the last connection and the workload */
    uint32_t              hold_s;
    unsigned              threads; /* 0 = as many as the descriptor limit and cores ask for */
    enum workload         workload;
    enum publish_way      publish_way;
    uint32_t              publishers; /* connections that publish */
    double                rate;       /* publications per second, in all; 0 = as fast as the answers come */
    uint32_t              message_bytes;
    uint32_t              rooms;
    double                churn_percent, slow_percent;
    bool                  comes_back; /* whom the server lets go connects again, and is no loss */
    char                  channel[65];
    char                  subprotocol[65];
    char                  header_lines[16][512];
    unsigned              header_count;
    char                 *sends[PLAN_SENDS_MAX]; /* owned: texts to send after opening, with placeholders */
    unsigned              send_count;
    char                 *await_text; /* owned: a frame that holds this makes the connection complete; NULL: the 101 does */
    char                  sql_host[256], sql_user[64], sql_password[129];
    uint16_t              sql_port;
    struct target_address http;              /* PUBLISH_HTTP: where to POST; its path with placeholders, {message} too */
    char                 *http_body;         /* owned: with placeholders; NULL: PLAN_HTTP_BODY */
    char                  http_headers[8][512];
    unsigned              http_header_count;
    struct target_address metrics;           /* the figures of a server elsewhere; port 0: unknown */
    const char           *ca_path;           /* borrowed from argv: who signs certificates, "system", or NULL: they are not checked */
    int                   server_pid;        /* 0: unknown; its memory and CPU are shown and recorded */
    uint32_t              connect_timeout_s;
    const char           *json_path, *html_path; /* borrowed from argv; NULL: none; "-" is the standard output */
    const char           *inputs[2];         /* borrowed from argv: the files of compare and report */
    bool                  is_quiet;          /* no live screen */
};

enum plan_action { PLAN_RUN, PLAN_HELP, PLAN_VERSION, PLAN_COMPARE, PLAN_REPORT };

/* The error names the option and says what would be right. A password in argv is overwritten there. *out is to be cleared in any case. */
enum status plan_parse(int argc, char **argv, struct plan *out, enum plan_action *out_action, struct error *out_error)
    __attribute__((warn_unused_result));
void plan_clear(struct plan *p);
void plan_help(FILE *out);

/* What it amounts to in a sentence: "64,000 connections at 2,500 a second to ws://..., held for 60 s". */
const char *plan_sentence(const struct plan *p, char *out, size_t size);

#endif
