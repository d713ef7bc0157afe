/* wheel.c: see wheel.h. */
#include "io/wheel.h"


static struct wheel_node *node_of(const struct wheel *w, void *object)
{
    return (struct wheel_node *)(void *)((char *)object + w->node_at);
}

static struct wheel_node *node_at(const struct wheel *w, uint32_t index)
{
    return node_of(w, slab_at(w->slab, index));
}

static uint32_t tick_of(const struct wheel *w, uint64_t now_ms)
{
    return (uint32_t)((now_ms - w->start_ms) / WHEEL_TICK_MS) + 1; /* tick 0 means "not armed" */
}

static uint32_t *slot_of(struct wheel *w, uint32_t due)
{
    return &w->slot[due == WHEEL_EXPIRED ? WHEEL_SLOTS : due % WHEEL_SLOTS];
}

void wheel_init(struct wheel *w, struct slab *slab, size_t node_offset, uint64_t now_ms)
{
    *w = (struct wheel){ .slab = slab, .node_at = node_offset, .start_ms = now_ms, .now = 1 };
    for (uint32_t i = 0; i <= WHEEL_SLOTS; i++)
        w->slot[i] = SLAB_NONE;
}

static void link_in(struct wheel *w, void *object, uint32_t due)
{
    struct wheel_node *n = node_of(w, object);
    uint32_t           index = ((struct slab_head *)object)->index;
    uint32_t          *slot = slot_of(w, due);
    *n = (struct wheel_node){ .next = *slot, .prev = SLAB_NONE, .due = due };
    if (*slot != SLAB_NONE)
        node_at(w, *slot)->prev = index;
    *slot = index;
    w->armed++;
}

void wheel_disarm(struct wheel *w, void *object)
{
    struct wheel_node *n = node_of(w, object);
    if (n->due == 0)
        return;
    if (n->prev != SLAB_NONE)
        node_at(w, n->prev)->next = n->next;
    else
        *slot_of(w, n->due) = n->next;
    if (n->next != SLAB_NONE)
        node_at(w, n->next)->prev = n->prev;
    n->due = 0;
    w->armed--;
}

void wheel_arm(struct wheel *w, void *object, uint64_t now_ms, uint64_t after_ms)
{
    wheel_disarm(w, object);
    /* One tick more than asked, because the present tick has begun already: late by up to one slot, never early. */
    link_in(w, object, tick_of(w, now_ms + after_ms) + 1);
}

/* Moves what is due out of a slot first and calls afterwards: a callback may arm and disarm whatever it likes, and nothing
 * that it arms can fall due within the same turn. */
static void expire_slot(struct wheel *w, uint32_t tick)
{
    uint32_t index = w->slot[tick % WHEEL_SLOTS];
    while (index != SLAB_NONE) {
        void              *object = slab_at(w->slab, index);
        struct wheel_node *n = node_of(w, object);
        index = n->next;
        if ((int32_t)(n->due - tick) <= 0) {
            wheel_disarm(w, object);
            link_in(w, object, WHEEL_EXPIRED);
        }
    }
}

void wheel_turn(struct wheel *w, uint64_t now_ms, void (*due)(void *object), unsigned most)
{
    uint32_t target = tick_of(w, now_ms);
    if (target - w->now > WHEEL_SLOTS) /* a long sleep: every slot once is enough, dues are compared with `target` */
        w->now = target - WHEEL_SLOTS;
    while (w->now != target)
        expire_slot(w, ++w->now);
    while (w->slot[WHEEL_SLOTS] != SLAB_NONE && most-- > 0) {
        void *object = slab_at(w->slab, w->slot[WHEEL_SLOTS]);
        wheel_disarm(w, object);
        due(object);
    }
}

uint32_t wheel_wait_ms(const struct wheel *w, uint64_t now_ms, uint32_t most_ms)
{
    if (w->armed == 0)
        return most_ms;
    if (w->slot[WHEEL_SLOTS] != SLAB_NONE)
        return 0;
    uint32_t now = tick_of(w, now_ms);
    for (uint32_t ahead = 0; ahead * WHEEL_TICK_MS < most_ms && ahead < WHEEL_SLOTS; ahead++)
        if (w->slot[(w->now + 1 + ahead) % WHEEL_SLOTS] != SLAB_NONE) {
            uint64_t due_ms = w->start_ms + (uint64_t)(w->now + ahead) * WHEEL_TICK_MS;
            if (now > w->now || due_ms <= now_ms)
                return 0;
            return due_ms - now_ms < most_ms ? (uint32_t)(due_ms - now_ms) : most_ms;
        }
    return most_ms;
}
