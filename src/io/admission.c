/* admission.c: see admission.h. The accounts of addresses; newcomers.c has the rest. */
#include "io/admission.h"

#include <stdlib.h>

#include "base/log.h"
#include "io/internal.h"

#define ACCOUNTS    (1u << 18) /* 2 MB where all are used */
#define COUNT_ONE   (UINT64_C(1) << 40)
#define TIME_MASK   (COUNT_ONE - 1)
#define TICKS_A_MS  250u /* of 4 us */
#define TICKS_A_S   (1000u * TICKS_A_MS)
#define BURST_TICKS ((uint64_t)ADMISSION_BURST_S * TICKS_A_S)

static const struct refusal_row {
    enum status  status;
    enum counter counter;
    const char  *advice; /* for the log */
} rows[REFUSAL_COUNT] = {
    [REFUSE_FULL] = { E_MANY_CONNECTIONS, COUNTER_REFUSED, "max_connections is reached" },
    [REFUSE_BUSY] = { E_BUSY, COUNTER_REFUSED_BUSY, "newcomers wait longer than limits.patience" },
    [REFUSE_RATE] = { E_BUSY, COUNTER_REFUSED_RATE, "limits.rate is reached" },
    [REFUSE_ADDRESS] = { E_ADDRESS_FULL, COUNTER_REFUSED_ADDRESS, "the address has limits.address_connections" },
    [REFUSE_ADDRESS_RATE] = { E_ADDRESS_RATE, COUNTER_REFUSED_ADDRESS_RATE, "the address has reached limits.address_rate" },
};

enum status refusal_status(enum refusal why)
{
    return rows[why].status;
}

void refusal_note(enum refusal why, const char *port, const struct address *from)
{
    static struct log_limit limits[REFUSAL_COUNT] = {
        { .every_ms = 10000 }, { .every_ms = 10000 }, { .every_ms = 10000 }, { .every_ms = 10000 }, { .every_ms = 10000 }
    };
    char text[ADDRESS_TEXT_MAX];
    counter_add(rows[why].counter, 1);
    address_text(from, text);
    log_limited(&limits[why], LOG_WARN, "%s: a connection of %s was refused: %s", port, text, rows[why].advice);
}

/* --- accounts ---------------------------------------------------------------------------------------------------------- */

bool accounts_open(const struct admission *rules)
{
    if (rules->address_connections == 0 && rules->address_rate == 0)
        return true;
    shards.accounts = calloc(ACCOUNTS, sizeof *shards.accounts);
    return shards.accounts != NULL;
}

void accounts_close(void)
{
    free((void *)shards.accounts);
    shards.accounts = NULL;
}

static uint32_t account_of(const struct address *a)
{
    size_t len = address_is_ipv4(a) ? sizeof a->bytes : 8;
    return (uint32_t)map_hash(len, slice_of(a->bytes, len)) & (ACCOUNTS - 1);
}

static uint64_t ticks_now(void)
{
    return shard_here.now_ms * TICKS_A_MS & TIME_MASK;
}

/* When the next may come after one that comes now. `next` in the past, or further ahead than it can be (the 50 days of 40 bits are
 * over), is now. False: it comes too early. */
static bool rate_take(uint64_t *next, uint64_t now, uint32_t rate, uint64_t burst)
{
    uint64_t ahead = (*next - now) & TIME_MASK;
    if (ahead > burst + TICKS_A_S)
        ahead = 0;
    if (ahead >= burst)
        return false;
    *next = (now + ahead + TICKS_A_S / rate) & TIME_MASK;
    return true;
}

/* One connection more for the account. */
static bool account_take(_Atomic uint64_t *account, const struct admission *rules, enum refusal *out_why)
{
    uint64_t now = ticks_now(), old = atomic_load_explicit(account, memory_order_relaxed), next, word;
    do {
        next = old & TIME_MASK;
        *out_why = REFUSE_ADDRESS;
        if (rules->address_connections > 0 && old >> 40 >= rules->address_connections)
            return false;
        *out_why = REFUSE_ADDRESS_RATE;
        if (rules->address_rate > 0 && !rate_take(&next, now, rules->address_rate, BURST_TICKS))
            return false;
        word = ((old & ~TIME_MASK) + COUNT_ONE) | next;
    } while (!atomic_compare_exchange_weak_explicit(account, &old, word, memory_order_relaxed, memory_order_relaxed));
    return true;
}

void account_give(uint32_t account)
{
    if (account != ACCOUNT_NONE)
        atomic_fetch_sub_explicit(&shards.accounts[account], COUNT_ONE, memory_order_relaxed);
}

void stream_take_guest(struct stream *s, struct guest given)
{
    s->flags = (uint16_t)(given.is_limited ? s->flags | STREAM_LIMITED : s->flags & ~STREAM_LIMITED);
    if (given.account == ACCOUNT_NONE)
        return;
    shard_own->account_of[s->head.index] = given.account;
    s->flags |= STREAM_ACCOUNTED;
}

void stream_unaccount(struct stream *s)
{
    if ((s->flags & STREAM_ACCOUNTED) == 0)
        return;
    account_give(shard_own->account_of[s->head.index]);
    s->flags &= (uint16_t)~STREAM_ACCOUNTED;
}

/* False: refused. */
static bool address_take(const struct address *a, struct guest *out, enum refusal *out_why)
{
    const struct admission *rules = &shard_own->setup->admission;
    *out = (struct guest){ .account = ACCOUNT_NONE };
    if (rules->exempt != NULL && address_set_has(rules->exempt, a))
        return true;
    out->is_limited = true;
    if (shards.accounts == NULL)
        return true;
    uint32_t account = account_of(a);
    if (!account_take(&shards.accounts[account], rules, out_why))
        return false;
    out->account = account;
    return true;
}

bool admission_address(const struct port *p, const struct address *from, struct guest *out, enum refusal *out_why)
{
    bool is_proxy = p->expects_proxy || (p->proxies != NULL && address_set_has(p->proxies, from));
    *out = (struct guest){ .account = ACCOUNT_NONE };
    return is_proxy || address_take(from, out, out_why);
}

bool stream_admit(struct stream *s, enum refusal *out_why)
{
    struct address a;
    struct guest   guest;
    stream_unaccount(s);
    if (!stream_port(s)->is_guarded || (s->flags & STREAM_TOLD) == 0 || !stream_peer_address(s, &a))
        return true; /* a proxy that speaks for itself does not count */
    if (!address_take(&a, &guest, out_why)) {
        refusal_note(*out_why, stream_port(s)->name, &a);
        return false;
    }
    stream_take_guest(s, guest);
    return true;
}

/* --- all of them ------------------------------------------------------------------------------------------------------- */

/* A tenth of a second's worth at once: the shards look at different milliseconds. */
bool admission_in_all(void)
{
    uint32_t rate = shard_own->setup->admission.rate;
    uint64_t now = ticks_now(), old, next;
    if (rate == 0)
        return true;
    old = atomic_load_explicit(&shards.next_at, memory_order_relaxed);
    do {
        next = old;
        if (!rate_take(&next, now, rate, TICKS_A_S / 10 + TICKS_A_S / rate))
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&shards.next_at, &old, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}
