/* Random takes, gives, finds and walks against a table that remembers everything that ever lived. */
#include "unit/test.h"

#include "model/seed.h"

#include "base/slab.h"

enum { MOST = 3000, STEPS = 200000 };

struct thing {
    struct slab_head head;
    uint64_t         stamp;
    char             filling[480];
};

/* The twin: the living, and a ring of those that died. */
struct twin {
    struct thing *at[MOST];
    uint32_t      index[MOST], generation[MOST];
    uint64_t      stamp[MOST];
    uint32_t      count;
    uint32_t      dead_index[MOST], dead_generation[MOST];
    uint32_t      dead;
};

static struct twin twin;

static void take(struct slab *s)
{
    struct thing *t = slab_take(s);
    if (twin.count == MOST) {
        assert_null(t);
        return;
    }
    assert_non_null(t);
    assert_true(t->stamp == 0 && t->filling[0] == 0 && t->filling[479] == 0);
    memset(t->filling, 0x5A, sizeof t->filling);
    uint32_t i = twin.count++;
    t->stamp = twin.stamp[i] = seed_next();
    twin.at[i] = t;
    twin.index[i] = t->head.index;
    twin.generation[i] = t->head.generation;
}

static void check_alive(const struct slab *s, uint32_t i)
{
    assert_ptr_equal(slab_find(s, twin.index[i], twin.generation[i]), twin.at[i]);
    assert_ptr_equal(slab_at(s, twin.index[i]), twin.at[i]);
    assert_true(twin.at[i]->stamp == twin.stamp[i]);
}

static void give(struct slab *s, uint32_t i)
{
    check_alive(s, i);
    slab_give(s, twin.at[i]);
    uint32_t grave = twin.dead++ % MOST;
    twin.dead_index[grave] = twin.index[i];
    twin.dead_generation[grave] = twin.generation[i];
    uint32_t last = --twin.count;
    twin.at[i] = twin.at[last];
    twin.index[i] = twin.index[last];
    twin.generation[i] = twin.generation[last];
    twin.stamp[i] = twin.stamp[last];
}

static void check_all(const struct slab *s)
{
    slab_validate(s);
    assert_int_equal(s->live, twin.count);
    for (uint32_t i = 0; i < twin.count; i++)
        check_alive(s, i);
    for (uint32_t i = 0; i < MOST && i < twin.dead; i++)
        assert_null(slab_find(s, twin.dead_index[i], twin.dead_generation[i]));
    uint32_t met = 0;
    for (struct thing *t = slab_next(s, 0); t != NULL; t = slab_next(s, t->head.index + 1))
        met++;
    assert_int_equal(met, twin.count);
    /* Nothing but living chunks and one spare is mapped: at worst every living object has a chunk of its own. */
    assert_true(s->mapped <= twin.count + 1);
}

TEST(a_slab_agrees_with_a_table_that_remembers_everything)
{
    UNUSED_STATE;
    seed_start();
    struct slab s;
    slab_init(&s, sizeof(struct thing), MOST);
    uint32_t tide = 50; /* per cent of takes; changes, so that the slab fills up and empties */
    for (int step = 0; step < STEPS; step++) {
        if (step % 5000 == 0) {
            tide = (uint32_t)seed_below(101);
            check_all(&s);
        }
        if (seed_below(100) < tide)
            take(&s);
        else if (twin.count > 0)
            give(&s, (uint32_t)seed_below(twin.count));
        (void)slab_find(&s, (uint32_t)seed_next(), (uint32_t)seed_next());
    }
    while (twin.count > 0)
        give(&s, (uint32_t)seed_below(twin.count));
    check_all(&s);
    assert_true(s.mapped <= 1);
    slab_clear(&s);
}

TESTS(RUN(a_slab_agrees_with_a_table_that_remembers_everything))
