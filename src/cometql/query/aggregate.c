/* aggregate: COUNT, SUM, AVG, MIN, MAX and GROUP_CONCAT over the rows of a group. */
#include <stdlib.h>

#include "cometql/query/functions.h"
#include "cometql/query/run.h"

/* What has been seen of the group so far. */
struct sum {
    uint64_t      count;
    double        total;
    struct slice  least, most, joined;
    struct slice *seen; /* DISTINCT: values, as many as there may be */
};

static bool is_seen(struct run *r, struct sum *sum, struct slice value)
{
    for (uint64_t i = 0; i < sum->count && evaluate_goes_on(r); i++)
        if (evaluate_compare(r, sum->seen[i], value) == 0)
            return true;
    sum->seen[sum->count] = value;
    return false;
}

static struct slice joined(struct run *r, struct slice a, struct slice b)
{
    if (a.at == NULL)
        return b;
    char *at = arena_take(&r->query->arena, a.len + b.len + 1, 1);
    if (at == NULL)
        return SQL_NULL;
    memcpy(at, a.at, a.len);
    at[a.len] = ',';
    if (b.len > 0)
        memcpy(at + a.len + 1, b.at, b.len);
    return slice_of(at, a.len + 1 + b.len);
}

static void sum_add(struct run *r, const struct node *n, struct sum *sum, struct slice value)
{
    if (value.at == NULL || (n->is_distinct && is_seen(r, sum, value)))
        return;
    if (sum->count == 0 || evaluate_compare(r, value, sum->least) < 0)
        sum->least = value;
    if (sum->count == 0 || evaluate_compare(r, value, sum->most) > 0)
        sum->most = value;
    if (slice_is_nocase(n->text, "GROUP_CONCAT"))
        sum->joined = joined(r, sum->joined, value);
    sum->total += (double)value_number(value);
    sum->count++;
}

static struct slice sum_value(struct run *r, const struct node *n, const struct sum *sum)
{
    if (slice_is_nocase(n->text, "COUNT"))
        return evaluate_number(r, (int64_t)sum->count);
    if (sum->count == 0)
        return SQL_NULL;
    if (slice_is_nocase(n->text, "SUM"))
        return evaluate_decimal(r, sum->total);
    if (slice_is_nocase(n->text, "AVG"))
        return evaluate_decimal(r, sum->total / (double)sum->count);
    if (slice_is_nocase(n->text, "GROUP_CONCAT"))
        return sum->joined;
    return slice_is_nocase(n->text, "MIN") ? sum->least : sum->most;
}

struct slice evaluate_aggregate(struct run *r, const struct node *n)
{
    struct sum           sum = { 0 };
    struct tuple         outside = r->now;
    const struct tuple **group = r->group;
    if (group == NULL) /* an alias led into another aggregate, or there is no GROUP to speak of */
        return SQL_NULL;
    if (n->first == NULL)
        return evaluate_number(r, (int64_t)r->group_count);
    if (n->is_distinct) {
        sum.seen = arena_take(&r->query->arena, r->group_count + 1, sizeof *sum.seen);
        if (sum.seen == NULL)
            return SQL_NULL;
    }
    r->group = NULL;
    for (size_t i = 0; i < r->group_count && evaluate_goes_on(r); i++) {
        r->now = *group[i];
        sum_add(r, n, &sum, evaluate(r, n->first));
    }
    r->group = group;
    r->now = outside;
    return sum_value(r, n, &sum);
}

bool function_is_aggregate(struct slice name)
{
    static const char *const names[] = { "COUNT", "SUM", "AVG", "MIN", "MAX", "GROUP_CONCAT" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (slice_is_nocase(name, names[i]))
            return true;
    return false;
}
