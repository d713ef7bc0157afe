/* channel: where order and truth live, in the home shard.
 *
 * home = hash(app, name) % shards. The home gives each message its offset, keeps the history, the settings, and how many
 * subscribers each shard has, and which dialects they speak.
 *
 *   channel (app 0, "web_chat")  epoch 7f3a.., last offset 41
 *     shard 0: 1,204 subscribers, dialects 0b01        history: [ 38 39 40 41 ]   setting: length 4
 *     shard 3:     7 subscribers, dialects 0b11
 *
 * A channel exists while it has subscribers, a setting or history; then it is freed, and a later one of the same name starts
 * with a new epoch.
 *
 * Thread: the home shard.
 */
#ifndef ENCKE_HUB_CHANNEL_H
#define ENCKE_HUB_CHANNEL_H

#include "base/list.h"
#include "base/map.h"
#include "hub/message.h"

#define CHANNEL_NAME_MAX    64
#define CHANNEL_HISTORY_MAX 1000

struct channel_interest {
    uint16_t shard;
    uint8_t  dialects; /* mask */
    uint32_t count;    /* subscribers there */
};

struct history_entry {
    struct list           age;     /* in the shard's list of all entries of its class, oldest first */
    struct channel       *channel;
    struct history_entry *next;    /* younger, in the channel */
    const struct message *message; /* counted */
};

struct ask;

struct channel {
    struct map_link          link;
    uint32_t                 app;
    uint32_t                 history_limit; /* 0 = off */
    uint32_t                 floor;         /* the limit without a setting */
    bool                     has_setting;
    bool                     has_elders; /* history of an earlier life, with another epoch, was loaded */
    bool                     is_cold;    /* the store may hold older messages than memory does */
    bool                     is_loading; /* they are being read */
    uint32_t                 evicted;    /* messages that left memory and not the store since it was last trimmed */
    uint32_t                 drops;      /* times the history was forgotten: what was read before is not true any more */
    struct ask              *waiting, **waiting_last; /* owned list, linked by letter.next: questions for when it is loaded */
    uint8_t                  name_len;
    char                     name[CHANNEL_NAME_MAX];
    uint64_t                 epoch;
    uint64_t                 offset; /* of the last message */
    uint64_t                 messages; /* texts published since it exists: offsets without those of presence */
    uint64_t                 lost_offset; /* of the last text of this epoch that history does not hold: who has heard less than that has
                                           * missed something for good */
    struct channel_interest *interests; /* owned; one for each shard with subscribers */
    unsigned                 interest_count;
    unsigned                 interest_cap;
    struct history_entry    *oldest; /* owned list */
    struct history_entry    *newest;
    uint32_t                 history_count;
    struct expected         *expected; /* owned: members whose connections the process before has (bridge.h) */
};

static inline struct slice channel_name(const struct channel *c)
{
    return (struct slice){ c->name, c->name_len };
}

/* Which shard is home. */
unsigned channel_home(uint64_t hash);
uint64_t channel_hash(uint32_t app, struct slice name);

/* Of this shard, or NULL. */
struct channel *channel_find(uint32_t app, struct slice name, uint64_t hash);

/* Found or made. NULL when there is no memory. */
struct channel *channel_get(uint32_t app, struct slice name, uint64_t hash);

/* Frees it when nothing holds it any more. */
void channel_let_go(struct channel *c);

/* A shard says how many subscribers it has now, and which dialects they speak. */
enum status channel_interest_set(struct channel *c, unsigned shard, uint32_t count, uint8_t dialects);

uint64_t channel_count(const struct channel *c);
uint8_t channel_dialects(const struct channel *c);

/* The setting: how much history is kept. channel_unset goes back to what the name alone gives (hub.h, history_floor). */
void channel_set(struct channel *c, uint64_t history_limit);
void channel_unset(struct channel *c);

/* Keeps a message and trims to the limit, in memory; what is trimmed is forgotten by the store, too. history.c. */
void history_add(struct channel *c, const struct message *m);
void history_drop(struct channel *c); /* in memory */
bool history_drop_one(struct channel *c, uint64_t epoch, uint64_t offset); /* in memory */

/* Takes a question that needs the whole history of a cold channel: the store is read, then the question answered. */
void history_load(struct channel *c, struct ask *given);

/* The oldest entry that a listener has missed who heard all up to that position; NULL: none. False: there was more than what history
 * holds (`*out_first` is its oldest entry then). */
bool history_after(const struct channel *c, uint64_t epoch, uint64_t offset, const struct history_entry **out_first);

/* Valid names: `min` to 64 characters of A-Z a-z 0-9 - _ */
bool channel_name_is_valid(struct slice name, size_t min);

#endif
