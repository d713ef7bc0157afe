/* classic: CppComet's protocol, as its browser library speaks it (spec classic-protocol.md).
 *
 *   classic.c           a browser connects: the URL, the opening frame, its end
 *   classic_commands.c  what it may say: subscription, web_pipe2, pipe_count, pipe_log, track_pipe_users ...
 *   classic_encode.c    what it hears: one line of JSON in one text frame
 *
 * There are two dialects for the hub: libraries before version 4 want the same content in a slightly different shape.
 */
#ifndef ENCKE_DIALECT_CLASSIC_H
#define ENCKE_DIALECT_CLASSIC_H

#include "hub/dialect.h"
#include "http/route.h"
#include "io/shard.h"

struct classic_settings {
    const char         *server;         /* "Encke 0.1", in serverInfo */
    uint32_t            app_count;      /* apps (dev ids) are 0 ... app_count - 1 */
    uint32_t            max_subscriptions; /* for each connection */
    const struct slice *origins;        /* allowed Origin hosts; ".example.com" allows subdomains */
    size_t              origin_count;   /* 0: any */
};

/* Borrowed for ever; called once before the shards start. */
void classic_setup(const struct classic_settings *settings);

extern const struct dialect    classic_dialect;     /* version 4 and later; index 0 */
extern const struct dialect    classic_old_dialect; /* before version 4; index 1 */
extern const struct shard_part classic_part;

/* The routes of the four URL prefixes. */
void classic_on_upgrade(struct stream *s, const struct http_request *r);

#endif
