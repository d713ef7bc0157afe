/* user_secret: what a user's telephone registers with, instead of what he logs in with (spec cometql.md REC 17).
 *
 * 128 random bits, made when he logs in and has none, one for all his connections. It holds while he has a connection
 * and for user_rules.sip_secret_age_ms after the last one; it ends at once when what he logged in with is revoked. In
 * memory only: after a restart his browsers come back, and get another.
 */
#include <stdlib.h>

#include "base/crypto.h"
#include "hub/user_internal.h"

#define WHILE_HERE UINT64_MAX

static bool holds(const struct user *u)
{
    return u->sip_until_ms == WHILE_HERE || shard_here.now_ms < u->sip_until_ms;
}

static void say(const struct user *u, struct ask *a)
{
    static const char digits[] = "0123456789abcdef";
    char             *text = malloc(2 * USER_SIP_SECRET);
    if (text == NULL) {
        a->status = E_NO_MEMORY;
        return;
    }
    for (unsigned i = 0; i < USER_SIP_SECRET; i++) {
        text[2 * i] = digits[u->sip_secret[i] >> 4];
        text[2 * i + 1] = digits[u->sip_secret[i] & 15];
    }
    a->found = true;
    a->answer = slice_of(text, 2 * USER_SIP_SECRET);
}

void user_secret_login(struct user *u, struct ask *a)
{
    if (hub_shared.setup.users.sip_secret_age_ms == 0)
        return;
    if (!holds(u))
        random_bytes(u->sip_secret, sizeof u->sip_secret);
    u->sip_until_ms = WHILE_HERE;
    say(u, a);
}

void user_secret_left(struct user *u)
{
    if (u->sip_until_ms == WHILE_HERE)
        u->sip_until_ms = shard_here.now_ms + hub_shared.setup.users.sip_secret_age_ms;
}

void user_secret_drop(struct user *u)
{
    explicit_bzero(u->sip_secret, sizeof u->sip_secret);
    u->sip_until_ms = 0;
}

/* Without waiting: whoever is not in memory has none. */
void user_secret_ask(struct ask *a)
{
    const struct user *u = user_find(a->app, a->user_id);
    if (u != NULL && holds(u))
        say(u, a);
    ask_answer(a);
}
