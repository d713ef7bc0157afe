/* classic_internal: what the files of the classic dialect share. Included nowhere else. */
#ifndef ENCKE_DIALECT_CLASSIC_INTERNAL_H
#define ENCKE_DIALECT_CLASSIC_INTERNAL_H

#include "base/buf.h"
#include "dialect/classic.h"
#include "hub/ask.h"
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

static inline bool classic_is_new(const struct classic *c)
{
    return c->session.dialect == classic_new_dialect.index || c->session.dialect == classic_new_deflated_dialect.index;
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
    const struct message *position; /* whose epoch and offset are told; NULL: none */
    bool         has_no_marker; /* of an answer: the question has none */
    bool         has_time;
    uint64_t     time_s;
    unsigned     error;        /* top level: the library stops reconnecting; 0: left out */
    int          authorized;   /* 0, 1; -1: left out */
    bool         from_queue;   /* fromQueue */
    bool         is_history;   /* history: it comes from the channel's history */
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

/* classic_commands.c: what commands share. */
#define CLASSIC_NAME_MIN 2
#define CLASSIC_MARKER_MAX 64
#define CLASSIC_BAD_NAME "{\"error\":\"The channel name can only contain characters A-Za-z0-9_-\",\"number_messages\":-1}"
#define CLASSIC_BAD_MARKER "{\"error\":\"The marker can only contain up to 64 printable characters\",\"number_messages\":-1}"
#define CLASSIC_NO_MEMORY "{\"error\":\"The server is out of memory, try again later\",\"number_messages\":-1}"
struct classic *classic_of(struct stream *s);
void classic_announced(struct stream *s);
bool classic_is_marker(struct slice marker);
bool classic_is_name(struct slice text); /* made of the bytes of names, whatever its length */
void classic_ask(struct classic *c, struct ask *given, void (*on_answer)(struct stream *asker, const struct ask *a));
void classic_answered(struct classic *c); /* reads on */
void classic_say_answer(struct stream *asker, const struct ask *a, struct classic_frame f, struct buf *data);

/* classic_history.c: what was said before, on its way to one client. */
void classic_do_pipe_log(struct classic *c, struct slice rest);
void classic_do_recover(struct classic *c, struct slice rest);

/* classic_users.c */
void classic_login(struct classic *c, uint32_t user_id, struct slice key);
void classic_say_server_info(struct classic *c, bool is_authorized, struct slice sip_secret);
bool classic_may_hear(const struct classic *c, struct slice channel); /* may he subscribe, and read its history? */
void classic_do_login(struct classic *c, struct slice rest);
void classic_do_user_data(struct classic *c, struct slice rest);
void classic_do_user_status(struct classic *c, struct slice rest);
bool classic_tell(struct stream *s, const struct message *m, bool is_from_queue);
void classic_end(struct stream *s, enum leave_reason why);
void classic_finish(struct classic *c, enum ws_close_code code, struct slice reason); /* once all that was said has left; the code is for
                                                                                        * our own client only */
void classic_end_stranger(struct classic *c); /* anonymous visitors are not admitted */
void classic_end_with_error(struct classic *c, unsigned code, const char *text);

/* One message from the browser. */
void classic_command(struct classic *c, struct slice text);

#endif
