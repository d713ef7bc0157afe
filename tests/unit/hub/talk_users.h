/* talk_users: what talkers say about users (talk.h). */
#ifndef ENCKE_TESTS_UNIT_HUB_TALK_USERS_H
#define ENCKE_TESTS_UNIT_HUB_TALK_USERS_H

#include "unit/hub/talk_talker.h"

static void talk_about_user(struct stream *s, const struct ask *a)
{
    switch (a->kind) {
    case ASK_USER_LOGIN:
        if (a->status == OK)
            session_identify(&((struct talker *)s->owner)->session, a->user_id);
        talk_say(s, a->status == OK ? "l %u\n" : "l no\n", a->user_id);
        break;
    case ASK_USER_TELL:
        talk_say(s, a->status == OK ? "w %d\n" : "w -%d\n", a->status == OK ? (int)a->number : (int)a->status);
        break;
    case ASK_USER_QUEUE:
        for (size_t i = 0; i < a->message_count; i++)
            talk_say(s, "g %.*s\n", SLICE_ARG(a->messages[i]->draft->payload));
        talk_say(s, "g.\n");
        break;
    case ASK_USER_SEEN:
        talk_say(s, "b %lld\n", (long long)a->number);
        break;
    default:
        talk_say(s, "%s\n", a->status == OK ? "+" : "-");
    }
}

static void talk_ask_user(struct stream *s, enum ask_kind kind, uint32_t user_id, struct slice text, uint64_t number)
{
    struct ask *a = ask_user_new(kind, 0, user_id, SLICE("e"), text, SLICE(""));
    assert_non_null(a);
    a->number = number;
    a->has_token = number > 0;
    ask_send(a, s, talk_about_user);
}

static void talk_user_line(struct stream *s, char verb, struct slice name, struct slice rest)
{
    static const struct {
        char          verb;
        enum ask_kind kind;
    } verbs[] = { { 'N', ASK_USER_LOGIN }, { 'K', ASK_USER_HASH_PUT }, { 'k', ASK_USER_HASH_DROP }, { 'W', ASK_USER_TELL },
                  { 'G', ASK_USER_QUEUE }, { 'g', ASK_USER_QUEUE_DROP }, { 'B', ASK_USER_SEEN }, { 'r', ASK_TOKEN_DROP } };
    uint64_t id = 0, until_s = 0;
    (void)slice_u64(name, UINT32_MAX, &id);
    if (verb == 'V') {
        struct slice key = slice_cut(&rest, ' ');
        (void)slice_u64(rest, UINT32_MAX, &until_s);
        talk_ask_user(s, ASK_USER_LOGIN, (uint32_t)id, key, shard_wall_s() + until_s);
    } else if (verb == 'R') {
        talk_ask_user(s, ASK_TOKEN_PUT, (uint32_t)id, rest, shard_wall_s() + 1000);
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (verbs[i].verb == verb)
            talk_ask_user(s, verbs[i].kind, (uint32_t)id, rest, 0);
}

#endif
