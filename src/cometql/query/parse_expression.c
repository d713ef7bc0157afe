/* parse_expression: by precedence, the loosest first, as MySQL has it:
 *
 *   OR ||  >  XOR  >  AND &&  >  NOT  >  = < > <= >= <> IS LIKE IN BETWEEN  >  + -  >  * / % DIV MOD  >  - ! BINARY
 *
 * Each function parses what binds tighter than its own operator, and recurses no deeper than QUERY_DEPTH_MAX.
 */
#include "cometql/query/functions.h"
#include "cometql/query/parse.h"

static enum status node_new(struct parser *p, enum node_kind kind, struct node **out)
{
    struct node *n = parse_take(p, sizeof *n);
    if (n == NULL)
        return E_NO_MEMORY;
    n->kind = kind;
    *out = n;
    return OK;
}

/* A node over what is in *io, and `second` when there is one. */
static enum status node_over(struct parser *p, enum node_kind kind, struct node **io, struct node *second)
{
    struct node *n, *first = *io;
    if (++parse_query_of(p)->operator_count > QUERY_OPERATORS_MAX) /* each may be one more call deep to evaluate */
        return error_set(p->error, E_MANY_CONDITIONS, "Too many conditions: at most %d operators are taken",
                         QUERY_OPERATORS_MAX);
    TRY(node_new(p, kind, &n));
    n->first = first;
    first->next = second;
    *io = n;
    return OK;
}

bool parse_is_reserved(const struct parser *p)
{
    static const char *const words[] = {
        "FROM", "WHERE", "GROUP", "HAVING", "ORDER",  "LIMIT", "UNION", "JOIN", "LEFT", "INNER",   "CROSS",  "ON",
        "AS",   "ASC",   "DESC",  "AND",    "OR",     "XOR",   "NOT",   "IN",   "LIKE", "BETWEEN", "IS",     "WHEN",
        "THEN", "ELSE",  "END",   "USING",  "OFFSET", "INTO",  "FOR",   "DIV",  "MOD",  "COLLATE", "ESCAPE",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (parsing_is_word(p, words[i]))
            return true;
    return false;
}

/* --- what stands for itself --------------------------------------------------------------------------------------- */

static enum status literal(struct parser *p, struct slice text, struct node **out)
{
    TRY(node_new(p, NODE_LITERAL, out));
    (*out)->text = text;
    return OK;
}

/* Whatever a value may be in the plain grammar: text, number, NULL, X'...', a parameter. */
static enum status parse_value(struct parser *p, struct node **out)
{
    bool     is_quoted = p->now.kind == TOKEN_QUOTED;
    uint32_t before = p->out->value_count;
    TRY(parsing_need_value(p, STATEMENT_LIST_MAX));
    struct value v = *statement_value(p->out, before);
    p->out->value_count = before;
    TRY(literal(p, v.kind == VALUE_NULL ? (struct slice){ NULL, 0 } : v.text.len > 0 ? v.text : SLICE(""), out));
    (*out)->is_quoted = is_quoted;
    return OK;
}

/* name, table.name, database.table.name; `first` has been taken. */
static enum status parse_column(struct parser *p, struct slice first, struct node **out)
{
    TRY(node_new(p, NODE_COLUMN, out));
    (*out)->text = first;
    while (parsing_take_mark(p, '.')) {
        (*out)->qualifier = (*out)->text;
        TRY(parsing_need_name(p, &(*out)->text));
    }
    return OK;
}

static enum status parse_rows(struct parser *p, struct node **out)
{
    TRY(parsing_need_word(p, "SELECT"));
    TRY(node_new(p, NODE_ROWS, out));
    TRY(parse_select_rest(p, &(*out)->select));
    return parsing_need_mark(p, ')');
}

/* ( has been taken. */
static enum status parse_parenthesis(struct parser *p, struct node **out)
{
    if (parsing_is_word(p, "SELECT"))
        return parse_rows(p, out);
    TRY(parse_expression(p, out));
    return parsing_need_mark(p, ')');
}

static enum status parse_case(struct parser *p, struct node **out)
{
    TRY(node_new(p, NODE_CASE, out));
    struct node *n = *out, **tail = &n->first;
    n->has_base = !parsing_is_word(p, "WHEN");
    if (n->has_base) {
        TRY(parse_expression(p, tail));
        tail = &(*tail)->next;
    }
    while (parsing_take_word(p, "WHEN")) {
        TRY(parse_expression(p, tail));
        tail = &(*tail)->next;
        TRY(parsing_need_word(p, "THEN"));
        TRY(parse_expression(p, tail));
        tail = &(*tail)->next;
    }
    n->has_else = parsing_take_word(p, "ELSE");
    if (n->has_else)
        TRY(parse_expression(p, tail));
    return parsing_need_word(p, "END");
}

/* --- functions ---------------------------------------------------------------------------------------------------- */

/* CHAR(10) CHARACTER SET utf8 ...: only whether it is a whole number matters. */
static enum status parse_type(struct parser *p, struct node **io)
{
    bool is_integer = parsing_is_word(p, "SIGNED") || parsing_is_word(p, "UNSIGNED");
    bool has_word = false;
    while (p->now.kind == TOKEN_WORD || p->now.kind == TOKEN_QUOTED || parsing_is_mark(p, '(')) {
        has_word = true;
        if (parsing_take_mark(p, '(')) {
            while (p->now.kind == TOKEN_NUMBER || parsing_is_mark(p, ','))
                parsing_next(p);
            TRY(parsing_need_mark(p, ')'));
        } else {
            parsing_next(p);
        }
    }
    if (!has_word)
        return parsing_bad(p);
    return is_integer ? node_over(p, NODE_INTEGER, io, NULL) : OK;
}

/* CAST(x AS type), CONVERT(x, type), CONVERT(x USING charset); the parenthesis has been taken. */
static enum status parse_cast(struct parser *p, struct node **out)
{
    TRY(parse_expression(p, out));
    if (!parsing_take_word(p, "AS") && !parsing_take_word(p, "USING"))
        TRY(parsing_need_mark(p, ','));
    TRY(parse_type(p, out));
    return parsing_need_mark(p, ')');
}

static enum status parse_arguments(struct parser *p, struct node *n, unsigned *out_count)
{
    struct node **tail = &n->first;
    *out_count = 0;
    if (parsing_take_mark(p, ')'))
        return OK;
    do {
        if (*out_count >= QUERY_ARGUMENTS_MAX)
            return error_set(p->error, E_MANY_VALUES, "Too many values: a function has at most %d",
                             QUERY_ARGUMENTS_MAX);
        TRY(parse_expression(p, tail));
        tail = &(*tail)->next;
        ++*out_count;
    } while (parsing_take_mark(p, ','));
    return parsing_need_mark(p, ')');
}

static enum status unknown_function(struct parser *p, struct slice name, bool is_known)
{
    return error_set(p->error, E_SYNTAX, "Syntax error in query near '%.*s(': %s", SLICE_ARG(name),
                     is_known ? "this function takes another number of arguments" : "there is no such function");
}

static enum status parse_aggregate(struct parser *p, struct node *n)
{
    n->kind = NODE_AGGREGATE;
    if (parsing_take_mark(p, '*')) { /* COUNT(*): an aggregate without an operand */
        if (!slice_is_nocase(n->text, "COUNT"))
            return unknown_function(p, n->text, true);
        return parsing_need_mark(p, ')');
    }
    unsigned count;
    n->is_distinct = parsing_take_word(p, "DISTINCT");
    TRY(parse_arguments(p, n, &count));
    return count == 1 ? OK : unknown_function(p, n->text, true);
}

/* The parenthesis has been taken. */
static enum status parse_call(struct parser *p, struct slice name, struct node **out)
{
    if (slice_is_nocase(name, "CAST") || slice_is_nocase(name, "CONVERT"))
        return parse_cast(p, out);
    TRY(node_new(p, NODE_FUNCTION, out));
    struct node *n = *out;
    n->text = name;
    if (slice_is_nocase(name, "EXISTS")) {
        TRY(parse_rows(p, out));
        (*out)->is_exists = true;
        return OK;
    }
    if (function_is_aggregate(name))
        return parse_aggregate(p, n);
    unsigned count;
    TRY(parse_arguments(p, n, &count));
    n->function = function_find(name, count);
    return n->function != NULL ? OK : unknown_function(p, name, function_is_known(name));
}

/* --- words -------------------------------------------------------------------------------------------------------- */

static bool is_text_prefix(const struct parser *p, const struct token *word)
{
    struct slice name = word->text;
    return p->now.kind == TOKEN_QUOTED && p->now.mark != '`' &&
           (name.at[0] == '_' || slice_is_nocase(name, "n") || (slice_is_nocase(name, "x") && p->now.at == word->end));
}

static enum status parse_word(struct parser *p, struct node **out)
{
    struct parser before = *p;
    struct token  word = p->now;
    if (parse_is_reserved(p) && !parsing_is_word(p, "LEFT") && !parsing_is_word(p, "MOD"))
        return parsing_bad(p);
    parsing_next(p);
    if (is_text_prefix(p, &word) || slice_is_nocase(word.text, "NULL")) {
        *p = before;
        return parse_value(p, out);
    }
    if (slice_is_nocase(word.text, "TRUE") || slice_is_nocase(word.text, "FALSE"))
        return literal(p, slice_is_nocase(word.text, "TRUE") ? SLICE("1") : SLICE("0"), out);
    if (slice_is_nocase(word.text, "CASE"))
        return parse_case(p, out);
    if (slice_is_nocase(word.text, "EXISTS") || parsing_is_mark(p, '(')) {
        TRY(parsing_need_mark(p, '('));
        return parse_call(p, word.text, out);
    }
    if (slice_is_nocase(word.text, "CURRENT_USER") || slice_is_nocase(word.text, "CURRENT_TIMESTAMP")) {
        TRY(node_new(p, NODE_FUNCTION, out));
        (*out)->text = word.text;
        (*out)->function = function_find(word.text, 0);
        return OK;
    }
    return parse_column(p, word.text, out);
}

static enum status parse_quoted(struct parser *p, struct node **out)
{
    struct token quoted = p->now;
    if (quoted.mark != '`') {
        TRY(parse_value(p, out));
        if (!parsing_is_mark(p, '.')) /* "table"."column": the original took any quote around a name */
            return OK;
    } else {
        parsing_next(p);
    }
    return parse_column(p, quoted.text, out);
}

static enum status parse_variable(struct parser *p, enum node_kind kind, struct node **out)
{
    TRY(node_new(p, kind, out)); /* @name is NULL: SET has no effect */
    if (kind == NODE_SYSTEM)
        (*out)->text = parsing_variable_name(p->now.text);
    parsing_next(p);
    return OK;
}

static enum status parse_primary(struct parser *p, struct node **out)
{
    switch (p->now.kind) {
    case TOKEN_WORD:
        return parse_word(p, out);
    case TOKEN_QUOTED:
        return parse_quoted(p, out);
    case TOKEN_SYSTEM:
        return parse_variable(p, NODE_SYSTEM, out);
    case TOKEN_VARIABLE:
        return parse_variable(p, NODE_LITERAL, out);
    default:
        return parsing_take_mark(p, '(') ? parse_parenthesis(p, out) : parse_value(p, out);
    }
}

/* --- operators ---------------------------------------------------------------------------------------------------- */

static enum status parse_minus(struct parser *p, struct node **out)
{
    struct node *operand;
    TRY(parse_primary(p, &operand));
    TRY(literal(p, SLICE("0"), out));
    TRY(node_over(p, NODE_ARITHMETIC, out, operand));
    (*out)->sign = '-';
    return OK;
}

static bool is_sign_of_number(const struct parser *p)
{
    return p->now.end < p->lexer.sql.len && p->lexer.sql.at[p->now.end] >= '0' && p->lexer.sql.at[p->now.end] <= '9';
}

/* - ! BINARY before, COLLATE behind. */
static enum status parse_unary(struct parser *p, struct node **out)
{
    bool is_not = false;
    for (;;) {
        if (parsing_take_mark(p, '!'))
            is_not = !is_not;
        else if (!parsing_take_word(p, "BINARY"))
            break;
    }
    if (parsing_is_mark(p, '-') && !is_sign_of_number(p)) {
        parsing_next(p);
        TRY(parse_minus(p, out));
    } else {
        TRY(parse_primary(p, out));
    }
    while (parsing_take_word(p, "COLLATE")) {
        struct slice ignored;
        TRY(parsing_need_name(p, &ignored));
    }
    return is_not ? node_over(p, NODE_NOT, out, NULL) : OK;
}

static char take_sign(struct parser *p, const char *signs)
{
    for (const char *sign = signs; *sign != '\0'; sign++)
        if (parsing_take_mark(p, *sign))
            return *sign;
    bool is_product = signs[0] == '*';
    if (is_product && parsing_take_word(p, "DIV"))
        return 'd';
    return is_product && parsing_take_word(p, "MOD") ? '%' : '\0';
}

typedef enum status parse_function(struct parser *p, struct node **out);

static enum status parse_signs(struct parser *p, const char *signs, parse_function *tighter, struct node **out)
{
    TRY(tighter(p, out));
    for (char sign; (sign = take_sign(p, signs)) != '\0';) {
        struct node *right;
        TRY(tighter(p, &right));
        TRY(node_over(p, NODE_ARITHMETIC, out, right));
        (*out)->sign = sign;
    }
    return OK;
}

static enum status parse_product(struct parser *p, struct node **out)
{
    return parse_signs(p, "*/%", parse_unary, out);
}

static enum status parse_sum(struct parser *p, struct node **out)
{
    return parse_signs(p, "+-", parse_product, out);
}

/* --- conditions --------------------------------------------------------------------------------------------------- */

static enum status count_condition(struct parser *p)
{
    struct query *query = parse_query_of(p);
    if (++query->condition_count <= QUERY_CONDITIONS_MAX)
        return OK;
    return error_set(p->error, E_MANY_CONDITIONS, "Too many conditions: at most %d are taken", QUERY_CONDITIONS_MAX);
}

static enum status parse_in(struct parser *p, struct node **io)
{
    struct node *first;
    uint32_t     count = 0;
    TRY(parsing_need_mark(p, '('));
    if (parsing_is_word(p, "SELECT")) {
        TRY(parse_rows(p, &first));
        return node_over(p, NODE_IN, io, first);
    }
    for (struct node **tail = &first;; tail = &(*tail)->next) {
        if (++count > STATEMENT_LIST_MAX)
            return error_set(p->error, E_MANY_VALUES, "Too many values: at most %d are taken", STATEMENT_LIST_MAX);
        TRY(parse_expression(p, tail));
        if (!parsing_take_mark(p, ','))
            break;
    }
    TRY(node_over(p, NODE_IN, io, first));
    return parsing_need_mark(p, ')');
}

static enum status parse_like(struct parser *p, struct node **io)
{
    struct node *pattern, *escape;
    TRY(parse_sum(p, &pattern));
    TRY(node_over(p, NODE_LIKE, io, pattern));
    if (!parsing_take_word(p, "ESCAPE")) /* the backslash is the escape anyway */
        return OK;
    return parse_primary(p, &escape);
}

static enum status parse_between(struct parser *p, struct node **io)
{
    struct node *low, *high;
    TRY(parse_sum(p, &low));
    TRY(parsing_need_word(p, "AND"));
    TRY(parse_sum(p, &high));
    TRY(node_over(p, NODE_BETWEEN, io, low));
    low->next = high;
    return OK;
}

/* IS [NOT] NULL; IS TRUE and IS FALSE are not asked by anybody. IS has been taken. */
static enum status parse_is(struct parser *p, struct node **io)
{
    bool is_negated = parsing_take_word(p, "NOT");
    TRY(parsing_need_word(p, "NULL"));
    TRY(node_over(p, NODE_IS_NULL, io, NULL));
    (*io)->is_negated = is_negated;
    return OK;
}

static enum status parse_compared(struct parser *p, enum compare compare, struct node **io)
{
    struct node *right;
    TRY(parse_sum(p, &right));
    TRY(node_over(p, NODE_COMPARE, io, right));
    (*io)->compare = compare;
    return OK;
}

static enum status parse_predicate(struct parser *p, struct node **out)
{
    TRY(parse_sum(p, out));
    for (;;) {
        enum compare compare;
        if (parsing_take_compare(p, &compare)) {
            TRY(parse_compared(p, compare, out));
        } else if (parsing_take_word(p, "IS")) {
            TRY(parse_is(p, out));
        } else {
            bool is_negated = parsing_take_word(p, "NOT");
            if (parsing_take_word(p, "LIKE"))
                TRY(parse_like(p, out));
            else if (parsing_take_word(p, "IN"))
                TRY(parse_in(p, out));
            else if (parsing_take_word(p, "BETWEEN"))
                TRY(parse_between(p, out));
            else
                return is_negated ? parsing_bad(p) : OK;
            (*out)->is_negated = is_negated;
        }
        TRY(count_condition(p));
    }
}

static enum status parse_not(struct parser *p, struct node **out)
{
    bool is_not = false;
    while (parsing_take_word(p, "NOT"))
        is_not = !is_not;
    TRY(parse_predicate(p, out));
    return is_not ? node_over(p, NODE_NOT, out, NULL) : OK;
}

static enum status parse_and(struct parser *p, struct node **out)
{
    TRY(parse_not(p, out));
    while (parsing_take_word(p, "AND") || parsing_take_mark(p, MARK_AND)) {
        struct node *right;
        TRY(parse_not(p, &right));
        TRY(node_over(p, NODE_AND, out, right));
    }
    return OK;
}

enum status parse_expression(struct parser *p, struct node **out)
{
    TRY(parse_enter(p));
    TRY(parse_and(p, out));
    for (;;) {
        struct node   *right;
        bool           is_xor = parsing_take_word(p, "XOR");
        enum node_kind kind = is_xor ? NODE_XOR : NODE_OR;
        if (!is_xor && !parsing_take_word(p, "OR") && !parsing_take_mark(p, MARK_OR))
            break;
        TRY(parse_and(p, &right));
        TRY(node_over(p, kind, out, right));
    }
    parse_leave(p);
    return OK;
}
