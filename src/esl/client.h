/* client: asks the configured FreeSWITCH servers who is in their conferences.
 *
 *   door: esl_ask_new -> esl_ask_send ---> shard of server 0 ---> shard of server 1 ... ---> on_answer at the door
 *                                              |   api conference xml_list
 *                                              v
 *                              one connection, opened on first use, kept open
 *
 *   AWAY --dial--> DIALLING --connected--> GREETING --auth/request--> LOGGING_IN --+OK--> READY <--> ASKING
 *     ^----------------------------- anything that goes wrong ------------------------------------------'
 *
 * A server belongs to one shard (its number modulo the shards), which holds the one connection. Those who ask while a
 * request is under way wait for the next one, and share its answer. A request has ESL_TIMEOUT_MS from the first byte of
 * the connection to the last of the answer. A server that failed is left alone for a pause (250 ms, doubling up to 5
 * s); who asks meanwhile, or while it fails, gets nobody from it: the question is answered in any case. A connection
 * that broke while it was idle is not a failure: the request is sent once more over a new one. The log says once when a
 * server is away, and once when it is back.
 *
 * Nothing is asked of FreeSWITCH but this one command; no event is subscribed to.
 */
#ifndef ENCKE_ESL_CLIENT_H
#define ENCKE_ESL_CLIENT_H

#include "esl/members.h"
#include "io/dial.h"
#include "io/shard.h"

#define ESL_SERVERS_MAX 64 /* a set of them fits a 64-bit mask */
#define ESL_TIMEOUT_MS 5000
#define ESL_WAITING_MAX 10000 /* questions that wait for one server; further ones are answered with nobody */
#define ESL_BODY_MAX (8u << 20)

struct esl_server {
    const char         *id; /* "host:7443", for the log */
    const char         *password;
    struct dial_address address; /* of the event socket; len 0: its name could not be resolved */
};

struct esl_setup {
    const struct esl_server *servers; /* borrowed for ever */
    unsigned                 count;   /* 0: there is no telephony */
    unsigned                 port;    /* index of the port its connections are counted under (io/dial.h) */
};

/* Once, before the shards start. */
void esl_setup(const struct esl_setup *setup);

/* A question about one room, or all rooms of an app. One allocation that travels. */
struct esl_ask {
    struct letter letter;
    uint64_t      asker; /* stream id */
    void (*on_answer)(struct stream *asker, const struct esl_ask *answered);
    uint32_t app;
    uint8_t  room_len; /* 0: all rooms */
    char     room[ESL_ROOM_MAX];
    uint64_t servers; /* those that are still to be asked, a bit each */

    struct esl_members members;      /* the answer */
    unsigned           failed_count; /* servers that did not answer */
};

/* `servers`: a bit for each to be asked. NULL when there is no memory. */
struct esl_ask *esl_ask_new(uint32_t app, struct slice room, uint64_t servers);

/* Sends it; on_answer is called in the asking shard, perhaps before this returns, if the asker still lives. */
void esl_ask_send(struct esl_ask *given, struct stream *asker,
                  void (*on_answer)(struct stream *asker, const struct esl_ask *answered));

extern const struct shard_part esl_part;

#endif
