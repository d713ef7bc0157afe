/* classic_internal: what the files of the classic dialect share. Included nowhere else. */
#ifndef ENCKE_DIALECT_CLASSIC_INTERNAL_H
#define ENCKE_DIALECT_CLASSIC_INTERNAL_H

#include "base/buf.h"
#include "dialect/classic.h"
#include "hub/message.h"
#include "hub/session.h"
#include "ws/conn.h"

struct classic_log;

struct classic {
    struct slab_head    head;
    struct ws_conn      ws;
    struct session      session;
    struct classic_log *log; /* owned: a history on its way; NULL: none */
};

_Static_assert(sizeof(struct classic) <= 144, "one for every browser");

extern const struct classic_settings *classic_settings;

static inline bool classic_is_old(const struct classic *c)
{
    return c->session.dialect == classic_old_dialect.index;
}

/* Does the name begin so? */
static inline bool classic_is_class(struct slice channel, const char *prefix)
{
    return slice_starts(channel, prefix);
}

/* One server-made frame. Members with at == NULL are left out; they leave sorted by name, as the reference sends them. */
struct classic_frame {
    struct slice data;         /* JSON text, ready */
    bool         data_is_text; /* `data` is a JSON string or number: old libraries take it as it is */
    struct slice info;         /* _info */
    struct slice event, pipe, marker, server;
    bool         has_time;
    uint64_t     time_s;
    unsigned     error;        /* top level: the library stops reconnecting; 0: left out */
    int          authorized;   /* 0, 1; -1: left out */
    bool         from_queue;   /* fromQueue and history */
    bool         has_user;
    uint32_t     user_id;
};

/* Appends the frame, WebSocket header included. */
void classic_encode(struct buf *out, const struct classic_frame *f, bool is_old);

/* Sends it to one client. */
void classic_say(struct classic *c, const struct classic_frame *f);

/* An error frame; `data` is the JSON object. */
void classic_say_error(struct classic *c, const char *data);

/* Frees what the encoder keeps for the next line. */
void classic_buffers_clear(void);

/* Goes on with a history, when the client has taken the piece before. */
void classic_log_go_on(struct classic *c);
void classic_log_drop(struct classic *c);

/* One message from the browser. */
void classic_command(struct classic *c, struct slice text);

#endif
