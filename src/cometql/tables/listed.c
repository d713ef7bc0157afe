/* listed: tables whose rows come in slices (hub/listing.h): the next slice is asked for when the client has read the one before, or
 * a DELETE has done with it. */
#include "cometql/internal.h"

static void on_answer(struct stream *s, struct listing *given)
{
    struct cometql *q = cometql_of(s);
    if (q->walk == WALK_NONE || given->status != OK) {
        enum status status = given->status;
        listing_free(given);
        if (q->walk != WALK_NONE)
            cometql_fail_plain(q, status);
        return;
    }
    q->affected += given->number;
    if (given->kind != LISTING_DISCONNECT)
        q->table->listed_rows(q, given);
    if (given->is_one || given->kind == LISTING_DISCONNECT)
        listing_free(given);
    else
        q->listing = given;
    cometql_answered(q);
}

struct listing *listed_new(struct cometql *q, enum listing_kind kind)
{
    struct listing *l = listing_new(kind, q->app);
    if (l == NULL)
        cometql_fail_plain(q, E_NO_MEMORY);
    return l;
}

void listed_ask(struct cometql *q, struct listing *given)
{
    q->is_asking = true;
    listing_send(given, mysql_stream(q->conn), on_answer);
}

bool listed_more(struct cometql *q, struct listing *begin(struct cometql *q))
{
    struct listing *l = q->listing;
    if (l != NULL && l->is_over)
        return false;
    q->listing = NULL;
    if (l == NULL)
        l = begin(q);
    if (l != NULL)
        listed_ask(q, l);
    return true; /* or the statement has failed */
}

const struct condition *listed_condition(const struct cometql *q, unsigned column)
{
    for (uint32_t i = 0; q->st.query == NULL && i < q->st.condition_count; i++)
        if ((unsigned)q->condition_column[i] == column)
            return &q->st.conditions[i];
    return NULL;
}
