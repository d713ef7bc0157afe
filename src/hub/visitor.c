/* visitor.c: see visitor.h. */
#include "hub/visitor.h"

#include <stdlib.h>

#include "base/counter.h"
#include "base/utf8.h"
#include "hub/internal.h"

#define AGENT_MAX    250
#define ORIGIN_MAX   250
#define LANGUAGE_MAX 64

struct triple {
    struct slice agent, origin, language;
};

struct slice visitor_agent(const struct visitor *v)
{
    return slice_of(v->text, v->agent_len);
}

struct slice visitor_origin(const struct visitor *v)
{
    return slice_of(v->text + v->agent_len, v->origin_len);
}

struct slice visitor_language(const struct visitor *v)
{
    return slice_of(v->text + v->agent_len + v->origin_len, v->language_len);
}

static bool is_visitor(const struct map_link *link, const void *key)
{
    const struct visitor *v = list_object(link, const struct visitor, link);
    const struct triple  *t = key;
    return slice_equal(visitor_agent(v), t->agent) && slice_equal(visitor_origin(v), t->origin) &&
           slice_equal(visitor_language(v), t->language);
}

static struct visitor *visitor_new(const struct triple *t)
{
    struct visitor *v = malloc(sizeof *v + t->agent.len + t->origin.len + t->language.len);
    if (v == NULL)
        return NULL;
    counter_held(COUNTER_MEMORY_SESSIONS, sizeof *v + t->agent.len + t->origin.len + t->language.len);
    *v = (struct visitor){
        .refs = 1,
        .agent_len = (uint16_t)t->agent.len,
        .origin_len = (uint16_t)t->origin.len,
        .language_len = (uint16_t)t->language.len,
    };
    const struct slice parts[] = { t->agent, t->origin, t->language };
    char              *at = v->text;
    for (size_t i = 0; i < 3; i++)
        if (parts[i].len > 0) {
            memcpy(at, parts[i].at, parts[i].len);
            at += parts[i].len;
        }
    return v;
}

static void visitor_free(struct visitor *v)
{
    counter_freed(COUNTER_MEMORY_SESSIONS, sizeof *v + v->agent_len + v->origin_len + v->language_len);
    free(v);
}

struct visitor *visitor_intern(struct slice user_agent, struct slice origin, struct slice language)
{
    struct triple t = { utf8_first(user_agent, AGENT_MAX), utf8_first(origin, ORIGIN_MAX),
                        utf8_first(language, LANGUAGE_MAX) };
    uint64_t      hash = map_hash(map_hash(map_hash(0, t.agent), t.origin), t.language);
    struct map_link *found = map_find(&hub_own.visitors, hash, is_visitor, &t);
    if (found != NULL) {
        struct visitor *v = list_object(found, struct visitor, link);
        v->refs++;
        return v;
    }
    struct visitor *v = visitor_new(&t);
    if (v != NULL && map_put(&hub_own.visitors, &v->link, hash) != OK) {
        visitor_free(v);
        return NULL;
    }
    return v;
}

void visitor_unref(struct visitor *v)
{
    if (v == NULL || --v->refs > 0)
        return;
    map_drop(&hub_own.visitors, &v->link);
    visitor_free(v);
}
