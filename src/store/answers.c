/* answers.c: the way back into the shards.
 *
 *   worker: push on the shard's answers ── first one? post the shard's one letter ──> shard: on_done of each
 *
 * One letter for all answers of a shard, and a list of our own behind it: a commit of 4,096 operations wakes a shard once, and
 * when the shard leaves, what has not been delivered is known here and can be freed.
 */
#include "store/internal.h"

#include "io/shard.h"

enum { ANSWERS_A_TURN = 1024 };

struct answers {
    struct inbox    inbox;
    struct letter   letter;    /* in the shard's inbox while is_posted; whoever sets that owns it */
    atomic_bool     is_posted;
    pthread_mutex_t lock;      /* between posting and leaving */
    bool            has_left;
};

static struct answers answers[SHARDS_MAX]; /* all zero is a valid state of every member */

/* What only the shard's own thread touches. */
static _Thread_local struct {
    uint32_t outstanding;
    bool     is_here; /* this thread has taken its place in `answers` */
} own;

static void drop_all(struct answers *a)
{
    for (struct letter *l; (l = inbox_take(&a->inbox)) != NULL;)
        store_op_free(list_object(l, struct store_op, answer));
}

static void post(struct answers *a, unsigned shard);
static void answers_deliver(struct letter *given)
{
    struct answers *a = list_object(given, struct answers, letter);
    atomic_store(&a->is_posted, false); /* before the look: who pushes after it posts again */
    for (int i = 0; i < ANSWERS_A_TURN; i++) {
        struct letter *l = inbox_take(&a->inbox);
        if (l == NULL)
            return;
        struct store_op *op = list_object(l, struct store_op, answer);
        own.outstanding--;
        op->on_done(op);
    }
    post(a, shard_here.index);
}

static void post(struct answers *a, unsigned shard)
{
    if (atomic_exchange(&a->is_posted, true))
        return;
    a->letter.deliver = answers_deliver;
    shard_post(shard, &a->letter);
}

void answers_give(struct store_op *op)
{
    unsigned        shard = op->shard; /* once it is pushed the op is the shard's, which may free it */
    struct answers *a = &answers[shard];
    pthread_mutex_lock(&a->lock);
    bool has_left = a->has_left;
    if (!has_left) {
        (void)inbox_post(&a->inbox, &op->answer);
        post(a, shard);
    }
    pthread_mutex_unlock(&a->lock);
    if (has_left)
        store_op_free(op);
}

void answers_expect(void)
{
    struct answers *a = &answers[shard_here.index];
    own.outstanding++;
    if (own.is_here)
        return;
    own.is_here = true;
    pthread_mutex_lock(&a->lock);
    drop_all(a); /* of a shard of this number that ended without leaving */
    atomic_store(&a->is_posted, false);
    a->has_left = false;
    pthread_mutex_unlock(&a->lock);
}

uint32_t store_outstanding(void)
{
    return own.outstanding;
}

void store_leave(void)
{
    struct answers *a = &answers[shard_here.index];
    own.is_here = true;
    own.outstanding = 0;
    pthread_mutex_lock(&a->lock);
    a->has_left = true; /* whoever had the lock before has posted while this shard's inbox still existed */
    drop_all(a);
    pthread_mutex_unlock(&a->lock);
}
