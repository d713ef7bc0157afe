/* list: a circular doubly linked list of intrusive links.
 *
 * The head is a link itself; an empty list points to itself. A link that is in no list points to itself too, so unlinking it
 * twice is harmless.
 */
#ifndef ENCKE_BASE_LIST_H
#define ENCKE_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev;
    struct list *next;
};

/* The object around a link: list_object(link, struct thing, link_member). */
#define list_object(link, type, member) ((type *)(void *)((char *)(link) - offsetof(type, member)))

static inline void list_init(struct list *head)
{
    head->prev = head->next = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_add_last(struct list *head, struct list *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

static inline void list_unlink(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->prev = link->next = link;
}

/* Takes the first link off, or returns NULL. */
static inline struct list *list_take_first(struct list *head)
{
    struct list *first = head->next;
    if (first == head)
        return NULL;
    list_unlink(first);
    return first;
}

#endif
