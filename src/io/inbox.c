/* inbox.c: see inbox.h. */
#include "io/inbox.h"

#include <stddef.h>

void inbox_init(struct inbox *in)
{
    atomic_init(&in->newest, NULL);
    atomic_init(&in->asleep, 0);
    in->taken = NULL;
}

bool inbox_post(struct inbox *in, struct letter *given)
{
    struct letter *head = atomic_load_explicit(&in->newest, memory_order_relaxed);
    do
        given->next = head;
    while (!atomic_compare_exchange_weak(&in->newest, &head, given));
    /* Pairs with inbox_sleep: either this load sees `asleep`, or the sleeper's second look sees the letter. */
    return atomic_load(&in->asleep) != 0 && atomic_exchange(&in->asleep, 0) != 0;
}

struct letter *inbox_take(struct inbox *in)
{
    if (in->taken == NULL) {
        if (atomic_load_explicit(&in->newest, memory_order_relaxed) == NULL)
            return NULL;
        struct letter *l = atomic_exchange(&in->newest, NULL);
        while (l != NULL) {
            struct letter *older = l->next;
            l->next = in->taken;
            in->taken = l;
            l = older;
        }
    }
    struct letter *first = in->taken;
    in->taken = first->next;
    return first;
}

bool inbox_sleep(struct inbox *in)
{
    if (in->taken != NULL)
        return false;
    atomic_store(&in->asleep, 1);
    if (atomic_load(&in->newest) == NULL)
        return true;
    atomic_store(&in->asleep, 0);
    return false;
}

void inbox_awake(struct inbox *in)
{
    atomic_store_explicit(&in->asleep, 0, memory_order_relaxed);
}
