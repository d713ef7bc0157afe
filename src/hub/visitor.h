/* visitor: what a browser said about itself, kept once.
 *
 * A million browsers have few user agents: the triple (User-Agent, Origin, Accept-Language) is interned in each shard and
 * counted. Lengths are cut at 250, 250 and 64 bytes.
 */
#ifndef ENCKE_HUB_VISITOR_H
#define ENCKE_HUB_VISITOR_H

#include "base/map.h"

struct visitor {
    struct map_link link;
    uint32_t        refs;
    uint16_t        agent_len, origin_len, language_len;
    char            text[]; /* the three, one after the other */
};

/* Found or made, with a reference for the caller. NULL when there is no memory. */
struct visitor *visitor_intern(struct slice user_agent, struct slice origin, struct slice language);
void visitor_unref(struct visitor *v); /* NULL is allowed */

struct slice visitor_agent(const struct visitor *v);
struct slice visitor_origin(const struct visitor *v);
struct slice visitor_language(const struct visitor *v);

#endif
