/* publish: the one way a message enters, whoever sends it.
 *
 *   SQL INSERT / HTTP / web_pipe2 -> publish(draft) -> home shard: offset, history, encode -> DELIVER to interested shards
 *                                                        \-> report to the shard that asked -> on_done
 *
 * The report means done: the message has its place in the channel's order, is in the history where there is one, and is on its
 * way to every subscriber. It is held back while a shard that must deliver has more than backlog_bytes before it, which is
 * what slows publishers down to the pace of the sockets. The publisher's door bounds how many reports it awaits.
 */
#ifndef ENCKE_HUB_PUBLISH_H
#define ENCKE_HUB_PUBLISH_H

#include "base/status.h"
#include "hub/message.h"

struct publish_report {
    struct letter   letter;
    uint64_t        asker; /* stream id */
    void          (*on_done)(struct stream *asker, const struct publish_report *r);
    enum status     status;  /* OK, or why it was not published */
    uint64_t        offset;  /* 0: the channel keeps no state */
    uint64_t        epoch;
    uint64_t        reached; /* subscribers that it is on its way to, the sender left out */
    uint64_t        note;    /* the asker's own */
    uint64_t        waits_for;  /* internal: shards whose backlog must shrink first */
    const struct message *message; /* counted; NULL on failure */
};

/* Takes the draft. `on_done` is called exactly once in this shard, perhaps before publish returns, unless the asking stream
 * has gone by then. `asker` NULL: nobody waits. E_NO_MEMORY: not published, on_done is not called. */
enum status publish(struct draft *given, struct stream *asker, uint64_t note,
                    void (*on_done)(struct stream *asker, const struct publish_report *r)) __attribute__((warn_unused_result));

#endif
