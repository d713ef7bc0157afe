/* Listings over several shards: whole, in slices, while others come and go. A talker says
 *   "lists c <prefix>" or "lists o"   -> "<slices> <rows> <sum of subscribers or subscriptions>"
 *   "lists x"                         -> "x <connections ended>": everybody's but his own
 */
#include "hub/listing.h"

#include "unit/hub/client.h"

#define OTHERS 600

struct tally {
    unsigned slices, rows, sum, ended;
    bool     ends_them;
    struct listing *walk; /* rests while a slice of it is disconnected */
};

static _Thread_local struct tally tally; /* one talker lists at a time */

static void on_slice(struct stream *s, struct listing *given);

static void go_on(struct stream *s, struct listing *l)
{
    if (!l->is_over) {
        listing_send(l, s, on_slice);
        return;
    }
    if (tally.ends_them)
        talk_say(s, "x %u\n", tally.ended);
    else
        talk_say(s, "%u %u %u\n", tally.slices, tally.rows, tally.sum);
    listing_free(l);
}

static void end_them(struct stream *s, struct listing *l)
{
    struct listing *d = listing_new(LISTING_DISCONNECT, 0);
    assert_non_null(d);
    for (; d->count < l->count; d->count++)
        d->ids[d->count] = l->connections[d->count].id;
    tally.walk = l;
    listing_send(d, s, on_slice);
}

static void on_slice(struct stream *s, struct listing *given)
{
    assert_int_equal(given->status, OK);
    if (given->kind == LISTING_DISCONNECT) {
        tally.ended += (unsigned)given->number;
        listing_free(given);
        go_on(s, tally.walk);
        return;
    }
    assert_true(given->count <= LISTING_ROWS && (given->count > 0 || given->is_over));
    tally.slices++;
    tally.rows += given->count;
    for (unsigned i = 0; i < given->count; i++)
        tally.sum += given->kind == LISTING_CHANNELS ? (unsigned)given->channels[i].subscribers : given->connections[i].subscriptions;
    if (tally.ends_them)
        end_them(s, given);
    else
        go_on(s, given);
}

static size_t lister_bytes(struct stream *s, char *at, size_t len)
{
    struct slice text = slice_of(at, len);
    if (!slice_starts(text, "lists "))
        return talk_bytes(s, at, len);
    struct slice    prefix = len > 8 ? slice_of(at + 8, len - 9) : SLICE("");
    struct listing *l = listing_new(at[6] == 'c' ? LISTING_CHANNELS : LISTING_CONNECTIONS, 0);
    assert_non_null(l);
    memcpy(l->prefix, prefix.at, prefix.len);
    l->prefix_len = (uint8_t)prefix.len;
    tally = (struct tally){ .ends_them = at[6] == 'x' };
    listing_send(l, s, on_slice);
    return len;
}

static void lister_open(struct stream *s);

static const struct stream_ops lister_ops = {
    .name = "lister", .on_open = lister_open, .on_bytes = lister_bytes, .on_gone = talk_gone
};

static void lister_open(struct stream *s)
{
    talk_open(s);
    stream_become(s, &lister_ops, s->owner);
}

static struct client boss, others[OTHERS];

/* Everybody listens to "all" and to a channel of his own. */
static void everybody_comes(unsigned shards)
{
    talk_first_ops = &lister_ops;
    talk_up(shards, 1 << 20, 1 << 20);
    client_open(&boss);
    client_asks(&boss, "S all", "+");
    for (unsigned i = 0; i < OTHERS; i++) {
        client_open(&others[i]);
        client_say(&others[i], "S all");
        client_hears(&others[i], "+");
        client_say(&others[i], "S own%u", i);
        client_hears(&others[i], "+");
    }
}

static void everybody_goes(void)
{
    for (unsigned i = 0; i < OTHERS; i++)
        if (others[i].fd >= 0)
            client_close(&others[i]);
    client_close(&boss);
    talk_down();
}

static void expect(const char *question, unsigned rows, unsigned sum)
{
    char     line[128];
    unsigned seen_slices, seen_rows, seen_sum;
    client_say(&boss, "%s", question);
    client_line(&boss, line, sizeof line);
    assert_int_equal(sscanf(line, "%u %u %u", &seen_slices, &seen_rows, &seen_sum), 3);
    assert_int_equal(seen_rows, rows);
    assert_int_equal(seen_sum, sum);
    assert_true(seen_slices >= rows / LISTING_ROWS);
}

TEST(all_channels_and_connections_of_all_shards_are_listed_once)
{
    UNUSED_STATE;
    for (unsigned shards = 1; shards <= 4; shards += 3) {
        everybody_comes(shards);
        expect("lists c ", 1 + OTHERS, 1 + 2 * OTHERS);
        expect("lists c own", OTHERS, OTHERS);
        expect("lists c OWN59", 11, 11);
        expect("lists c nobody", 0, 0);
        expect("lists o ", 1 + OTHERS, 1 + 2 * OTHERS);
        everybody_goes();
    }
}

TEST(everybody_but_the_one_who_asks_is_disconnected_and_hears_why)
{
    UNUSED_STATE;
    char kicked[16];
    snprintf(kicked, sizeof kicked, "end %d", LEAVE_KICKED);
    everybody_comes(3);
    client_asks(&boss, "lists x", "x 600");
    for (unsigned i = 0; i < OTHERS; i++)
        client_hears(&others[i], kicked);
    expect("lists o ", 1, 1); /* those who are leaving are not listed */
    everybody_goes();
}

TEST(who_stays_is_listed_while_others_come_and_go)
{
    UNUSED_STATE;
    char     line[128];
    unsigned slices, rows, sum;
    everybody_comes(3);
    for (unsigned round = 0; round < 5; round++) {
        client_say(&boss, "lists c own");
        for (unsigned i = 0; i < OTHERS / 2; i++) {
            client_say(&others[i], "U own%u", i);
            client_say(&others[i], "S new%u", i);
        }
        client_line(&boss, line, sizeof line);
        assert_int_equal(sscanf(line, "%u %u %u", &slices, &rows, &sum), 3);
        assert_true(rows >= OTHERS / 2 && rows <= OTHERS);
        for (unsigned i = 0; i < OTHERS / 2; i++) {
            client_hears(&others[i], "+");
            client_hears(&others[i], "+");
            client_say(&others[i], "U new%u", i);
            client_hears(&others[i], "+");
            client_say(&others[i], "S own%u", i);
            client_hears(&others[i], "+");
        }
    }
    everybody_goes();
}

TEST(who_hangs_up_while_he_lists_leaves_nothing_behind)
{
    UNUSED_STATE;
    everybody_comes(2);
    client_say(&others[0], "lists o ");
    client_close(&others[0]);
    client_say(&boss, "C own0");
    char line[128];
    client_line(&boss, line, sizeof line);
    everybody_goes();
}

TESTS(RUN(all_channels_and_connections_of_all_shards_are_listed_once),
      RUN(everybody_but_the_one_who_asks_is_disconnected_and_hears_why), RUN(who_stays_is_listed_while_others_come_and_go),
      RUN(who_hangs_up_while_he_lists_leaves_nothing_behind))
