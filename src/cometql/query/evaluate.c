/* evaluate: the value of a node in the row that is looked at. Three-valued, as SQL is: NULL when it cannot be said. */
#include <stdio.h>
#include <stdlib.h>

#include "cometql/query/functions.h"
#include "cometql/query/run.h"

#define NUMBER_BYTES 32

bool evaluate_goes_on(struct run *r)
{
    if (++r->query->work > QUERY_WORK_MAX && r->query->arena.status == OK)
        r->query->arena.status = E_MANY_ROWS;
    return r->query->arena.status == OK;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

struct slice evaluate_number(struct run *r, int64_t number)
{
    char text[NUMBER_BYTES];
    snprintf(text, sizeof text, "%lld", (long long)number);
    return arena_text(&r->query->arena, slice_str(text));
}

struct slice evaluate_decimal(struct run *r, double number)
{
    char text[NUMBER_BYTES];
    if (number > -9e15 && number < 9e15 && (double)(int64_t)number == number)
        return evaluate_number(r, (int64_t)number);
    snprintf(text, sizeof text, "%.10g", number);
    return arena_text(&r->query->arena, slice_str(text));
}

/* As strtod reads it; 0 when there is no number. */
static double decimal_of(struct slice text)
{
    char room[NUMBER_BYTES] = { 0 };
    if (text.len > 0)
        memcpy(room, text.at, text.len < sizeof room - 1 ? text.len : sizeof room - 1);
    return strtod(room, NULL);
}

int evaluate_compare(const struct run *r, struct slice a, struct slice b)
{
    int order = value_compare(a, b);
    if (order == 0 || !r->is_nocase)
        return order;
    return slice_equal_nocase(a, b) ? 0 : order;
}

/* --- operators ---------------------------------------------------------------------------------------------------- */

static bool order_fits(enum compare compare, int order)
{
    switch (compare) {
    case COMPARE_LESS:
        return order < 0;
    case COMPARE_MORE:
        return order > 0;
    case COMPARE_LESS_EQUAL:
        return order <= 0;
    case COMPARE_MORE_EQUAL:
        return order >= 0;
    case COMPARE_NOT_EQUAL:
        return order != 0;
    default:
        return order == 0;
    }
}

static struct slice of_compare(struct run *r, const struct node *n)
{
    struct slice a = evaluate(r, n->first), b = evaluate(r, n->first->next);
    if (a.at == NULL || b.at == NULL)
        return SQL_NULL;
    return run_bool(order_fits(n->compare, evaluate_compare(r, a, b)));
}

static struct slice of_like(struct run *r, const struct node *n)
{
    struct slice a = evaluate(r, n->first), b = evaluate(r, n->first->next);
    if (a.at == NULL || b.at == NULL)
        return SQL_NULL;
    return run_bool(like_is_met(b, a) != n->is_negated);
}

/* The rows of (SELECT ...), which does not depend on the row outside: run once. */
static const struct relation *rows_of(struct run *r, const struct node *n)
{
    struct select *s = n->select;
    if (!s->is_run) {
        s->is_run = true;
        select_run(r->q, s, &s->result);
    }
    return &s->result;
}

static struct slice of_rows(struct run *r, const struct node *n)
{
    const struct relation *rows = rows_of(r, n);
    if (n->is_exists)
        return run_bool(rows->row_count > 0);
    return rows->row_count > 0 && rows->column_count > 0 ? rows->rows[0][0] : SQL_NULL;
}

static struct slice of_in_rows(struct run *r, const struct node *n, struct slice value)
{
    const struct relation *rows = rows_of(r, n->first->next);
    bool                   is_found = false;
    for (size_t i = 0; i < rows->row_count && !is_found && evaluate_goes_on(r); i++)
        is_found = rows->rows[i][0].at != NULL && evaluate_compare(r, value, rows->rows[i][0]) == 0;
    return run_bool(is_found != n->is_negated);
}

static struct slice of_in(struct run *r, const struct node *n)
{
    struct slice value = evaluate(r, n->first);
    bool         is_found = false, has_null = false;
    if (value.at == NULL)
        return SQL_NULL;
    if (n->first->next->kind == NODE_ROWS)
        return of_in_rows(r, n, value);
    for (const struct node *i = n->first->next; i != NULL && !is_found; i = i->next) {
        struct slice other = evaluate(r, i);
        has_null = has_null || other.at == NULL;
        is_found = other.at != NULL && evaluate_compare(r, value, other) == 0;
    }
    return !is_found && has_null ? SQL_NULL : run_bool(is_found != n->is_negated);
}

static struct slice of_between(struct run *r, const struct node *n)
{
    struct slice value = evaluate(r, n->first), low = evaluate(r, n->first->next);
    struct slice high = evaluate(r, n->first->next->next);
    if (value.at == NULL || low.at == NULL || high.at == NULL)
        return SQL_NULL;
    bool is_between = evaluate_compare(r, value, low) >= 0 && evaluate_compare(r, value, high) <= 0;
    return run_bool(is_between != n->is_negated);
}

static bool is_true(struct slice value)
{
    return value.at != NULL && decimal_of(value) != 0.0;
}

static struct slice of_logic(struct run *r, const struct node *n)
{
    struct slice a = evaluate(r, n->first);
    bool         decides = n->kind == NODE_OR; /* the value that settles it without the other side */
    if (n->kind != NODE_XOR && a.at != NULL && is_true(a) == decides)
        return run_bool(decides);
    struct slice b = evaluate(r, n->first->next);
    if (n->kind != NODE_XOR && b.at != NULL && is_true(b) == decides)
        return run_bool(decides);
    if (a.at == NULL || b.at == NULL)
        return SQL_NULL;
    return run_bool(n->kind == NODE_XOR ? is_true(a) != is_true(b) : !decides);
}

static struct slice of_not(struct run *r, const struct node *n)
{
    struct slice value = evaluate(r, n->first);
    return value.at == NULL ? SQL_NULL : run_bool(!is_true(value));
}

static struct slice of_arithmetic(struct run *r, const struct node *n)
{
    struct slice left = evaluate(r, n->first), right = evaluate(r, n->first->next);
    if (left.at == NULL || right.at == NULL)
        return SQL_NULL;
    double a = decimal_of(left), b = decimal_of(right);
    switch (n->sign) {
    case '+':
        return evaluate_decimal(r, a + b);
    case '-':
        return evaluate_decimal(r, a - b);
    case '*':
        return evaluate_decimal(r, a * b);
    case '/':
        return b == 0.0 ? SQL_NULL : evaluate_decimal(r, a / b);
    default: /* DIV and % are for whole numbers; larger ones than a double holds exactly are none */
        if (a < -9e15 || a > 9e15 || b < -9e15 || b > 9e15 || (int64_t)b == 0)
            return SQL_NULL;
        return evaluate_number(r, n->sign == 'd' ? (int64_t)a / (int64_t)b : (int64_t)a % (int64_t)b);
    }
}

static struct slice of_case(struct run *r, const struct node *n)
{
    const struct node *i = n->first;
    struct slice       base = n->has_base ? evaluate(r, i) : SQL_NULL;
    if (n->has_base)
        i = i->next;
    for (; i != NULL && i->next != NULL; i = i->next->next) {
        struct slice when = evaluate(r, i);
        bool         is_met =
            n->has_base ? base.at != NULL && when.at != NULL && evaluate_compare(r, base, when) == 0 : is_true(when);
        if (is_met)
            return evaluate(r, i->next);
    }
    return i != NULL && n->has_else ? evaluate(r, i) : SQL_NULL;
}

static struct slice of_column(struct run *r, const struct node *n)
{
    const struct slice *row = r->now.rows[n->source];
    return row != NULL ? row[n->column] : SQL_NULL;
}

static struct slice of_function(struct run *r, const struct node *n)
{
    struct slice args[QUERY_ARGUMENTS_MAX];
    unsigned     count = 0;
    for (const struct node *i = n->first; i != NULL && count < QUERY_ARGUMENTS_MAX; i = i->next) {
        args[count] = evaluate(r, i);
        if (args[count++].at == NULL && !n->function->takes_null)
            return SQL_NULL;
    }
    return n->function->call(r, n, args, count);
}

static struct slice of_system(struct run *r, const struct node *n)
{
    char text[GREETING_BYTES];
    return greeting_variable(r->q, n->text, text) ? arena_text(&r->query->arena, slice_str(text)) : SQL_NULL;
}

static struct slice of_integer(struct run *r, const struct node *n)
{
    struct slice value = evaluate(r, n->first);
    return value.at == NULL ? SQL_NULL : evaluate_number(r, value_number(value));
}

static struct slice of_is_null(struct run *r, const struct node *n)
{
    return run_bool((evaluate(r, n->first).at == NULL) != n->is_negated);
}

static struct slice of_literal(struct run *r, const struct node *n)
{
    (void)r;
    return n->text;
}

struct slice evaluate(struct run *r, const struct node *n)
{
    static struct slice (*const kinds[])(struct run * r, const struct node *n) = {
        [NODE_LITERAL] = of_literal, [NODE_COLUMN] = of_column,
        [NODE_SYSTEM] = of_system,   [NODE_FUNCTION] = of_function,
        [NODE_NOT] = of_not,         [NODE_AND] = of_logic,
        [NODE_OR] = of_logic,        [NODE_XOR] = of_logic,
        [NODE_COMPARE] = of_compare, [NODE_LIKE] = of_like,
        [NODE_IN] = of_in,           [NODE_BETWEEN] = of_between,
        [NODE_IS_NULL] = of_is_null, [NODE_ARITHMETIC] = of_arithmetic,
        [NODE_INTEGER] = of_integer, [NODE_CASE] = of_case,
        [NODE_ROWS] = of_rows,       [NODE_AGGREGATE] = evaluate_aggregate,
    };
    return evaluate_goes_on(r) ? kinds[n->kind](r, n) : SQL_NULL;
}

bool evaluate_is_true(struct run *r, const struct node *n)
{
    return is_true(evaluate(r, n));
}
