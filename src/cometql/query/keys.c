/* keys: which values of the key a WHERE asks for.
 *
 *   name = 'a' AND event = 'x' OR name IN ('b', 'a')   ->  a, b
 *
 * The rows of a table are looked up, never searched, so every branch of an OR must name the key. The list may hold more
 * than is wanted: the whole condition is asked again of each row.
 */
#include "cometql/query/run.h"

#define SLOTS (4u * STATEMENT_LIST_MAX)

struct keys {
    struct run    run;
    struct parser values; /* adds to the statement's values */
    uint16_t     *slots;  /* an open hash: index + 1 into the values */
    int           key;    /* column */
    enum status   status;
};

static bool is_constant(const struct node *n)
{
    if (n->kind == NODE_COLUMN || n->kind == NODE_AGGREGATE || n->kind == NODE_ROWS)
        return false;
    for (const struct node *i = n->first; i != NULL; i = i->next)
        if (!is_constant(i))
            return false;
    return true;
}

static uint32_t hash_of(struct slice text)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * 16777619u;
    return hash;
}

static void add_value(struct keys *k, struct slice value)
{
    if (value.at == NULL || k->status != OK)
        return;
    uint32_t slot = hash_of(value) % SLOTS;
    for (; k->slots[slot] != 0; slot = (slot + 1) % SLOTS)
        if (slice_equal(statement_value(k->values.out, k->slots[slot] - 1u)->text, value))
            return;
    k->status = parsing_add_value(&k->values, (struct value){ value, VALUE_TEXT }, STATEMENT_LIST_MAX);
    k->slots[slot] = (uint16_t)k->values.out->value_count;
}

static bool is_key(const struct keys *k, const struct node *n)
{
    return n->kind == NODE_COLUMN && n->column == k->key;
}

/* All values from `n` on. */
static bool add_values(struct keys *k, const struct node *n)
{
    for (const struct node *i = n; i != NULL; i = i->next)
        if (!is_constant(i))
            return false;
    for (; n != NULL; n = n->next)
        add_value(k, evaluate(&k->run, n));
    return true;
}

/* key = 'a', 'a' = key, key IN (...), key LIKE 'a' where there is no % (an underscore is a letter of channel names). */
static bool add_condition(struct keys *k, const struct node *n)
{
    const struct node *left = n->first, *right = n->first->next;
    if (n->is_negated)
        return false;
    if (n->kind == NODE_COMPARE && n->compare == COMPARE_EQUAL && is_key(k, right) && is_constant(left)) {
        add_value(k, evaluate(&k->run, left));
        return true;
    }
    if (!is_key(k, left))
        return false;
    if (n->kind == NODE_LIKE)
        return is_constant(right) && slice_find(evaluate(&k->run, right), '%') == SIZE_MAX && add_values(k, right);
    return (n->kind == NODE_IN || (n->kind == NODE_COMPARE && n->compare == COMPARE_EQUAL)) && add_values(k, right);
}

/* Does every row that meets `n` have one of the values that were added? */
static bool add_keys(struct keys *k, const struct node *n)
{
    if (n->kind == NODE_AND || n->kind == NODE_OR) {
        bool left = add_keys(k, n->first), right = add_keys(k, n->first->next);
        return n->kind == NODE_AND ? left || right : left && right;
    }
    bool is_condition = n->kind == NODE_COMPARE || n->kind == NODE_IN || n->kind == NODE_LIKE;
    return is_condition && add_condition(k, n);
}

static bool names_column(const struct node *n, unsigned column)
{
    if (n->kind == NODE_COLUMN && n->column == column)
        return true;
    for (const struct node *i = n->first; i != NULL; i = i->next)
        if (names_column(i, column))
            return true;
    return false;
}

bool query_names_column(const struct query *query, unsigned column)
{
    return query->select->where != NULL && names_column(query->select->where, column);
}

enum status query_find_keys(struct cometql *q, struct error *error)
{
    struct query      *query = q->st.query;
    const struct node *where = query->select->where;
    bool               is_optional = where_key_is_optional(q);
    struct keys        k = { .run = { .q = q, .query = query, .select = query->select },
                             .values = { .out = &q->st, .error = error },
                             .slots = arena_take(&query->arena, SLOTS, sizeof *k.slots),
                             .key = q->table->key };
    if (k.slots == NULL)
        return error_plain(error, E_NO_MEMORY);
    q->key_condition = q->id_condition = -1;
    q->has_filters = where != NULL;
    q->st.condition_count = 0;
    bool is_bound = where != NULL && q->table->key >= 0 && add_keys(&k, where);
    if (k.status != OK)
        return k.status;
    if (!is_bound)
        return is_optional ? OK : error_plain(error, E_WHERE);
    q->st.conditions[0] = (struct condition){ .compare = COMPARE_IN, .count = q->st.value_count };
    q->st.condition_count = 1;
    q->key_condition = 0;
    q->condition_column[0] = q->table->key;
    return OK;
}
