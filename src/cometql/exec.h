/* exec: CometQL on a MySQL connection.
 *
 *   mysql/conn -> on_login: user -> app
 *              -> on_query: statement_parse -> greetings.c | show.c | status.c      answered at once
 *                                          -> walk.c -> tables/<table>.c -> hub     answered when the hub has
 *              -> on_prepare: the same up to where something would happen; on_execute: the same with values bound
 *
 * Every app (dev id) is reached with the one password; the user's name says which: `root` and `0` are app 0, `15` is
 * app 15.
 */
#ifndef ENCKE_COMETQL_EXEC_H
#define ENCKE_COMETQL_EXEC_H

#include "mysql/conn.h"

struct jwt_keys;
struct telephony;

struct cometql_settings {
    const char *version;    /* the one of the greeting */
    uint32_t    app_limit;  /* apps 0 ... app_limit - 1 (dev_index_size) */
    uint32_t    max_packet; /* for @@max_allowed_packet */
    uint32_t    idle_s;     /* for @@wait_timeout */
    uint32_t    ws_statistics_s, cometql_statistics_s; /* of the configuration, for SHOW GLOBAL STATUS; 0 = never */
    const struct jwt_keys *jwt; /* what tokens are checked with; NULL: none are accepted */
    const struct telephony *telephony; /* FreeSWITCH servers (invitation.h); NULL: none */
    bool        logs_statements; /* to the store */
    uint64_t    start_ms;   /* clock_mono_ms when the process started */
};

/* Borrowed for ever; once, before the shards start. */
void cometql_setup(const struct cometql_settings *settings);

/* For the hub (hub_setup): the app of a connection that has logged in. */
bool cometql_app_of(struct stream *s, uint32_t *out_app);

extern const struct mysql_ops  cometql_mysql_ops;
extern const struct shard_part cometql_part; /* rates for SHOW GLOBAL STATUS */

#endif
