/* publish: the threads that publish, over CometQL or over WebSocket, at the plan's rate; each waits for the answer to one message before the
 * next, and counts how long it took. What the server refuses is counted, and its number given again: who listens does not miss it. Stream s belongs to publisher s % publishers, so each stream's numbers come in order.
 *
 * Thread: publish_* from main.
 */
#ifndef ENCKE_LOAD_PUBLISH_H
#define ENCKE_LOAD_PUBLISH_H

#include "load/crew.h"

struct publishers;
struct tls_client;

struct publish_counts {
    uint64_t         published, refused;
    struct histogram answer_us;
    char             first_error[256];
    bool             has_failed; /* a connection broke, or the server refused many in a row: there is no point in going on */
};

/* Connects (and, for personal messages, lets the users in). The error says what could not be done. */
enum status publishers_new(const struct plan *plan, const struct streams *streams, struct tls_client *tls, struct publishers **out,
                           struct error *out_error) __attribute__((warn_unused_result));
void publishers_start(struct publishers *p);
void publishers_take(struct publishers *p, struct publish_counts *out);
void publishers_stop(struct publishers *p); /* at once; the answers under way may still come */
bool publishers_are_done(const struct publishers *p);
void publishers_free(struct publishers *p); /* stops them, and waits */

#endif
