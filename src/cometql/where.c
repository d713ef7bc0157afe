/* where: column lists and conditions, checked in the order that the reference of errors promises:
 *   SELECT list (unknown 14, twice 13) -> ORDER BY 2 -> each condition in turn (unknown 14, twice 13, OR 2) -> key
 * missing 13. Conditions on the key give the values to look up; all others are filters on the rows found.
 */
#include "cometql/internal.h"
#include "cometql/query/query.h"

int table_column(const struct table *t, struct slice name)
{
    for (int i = 0; i < t->column_count; i++)
        if (slice_is_nocase(name, t->columns[i].name))
            return i;
    return -1;
}

unsigned table_star(const struct table *t)
{
    return t->star_count > 0 ? t->star_count : t->column_count;
}

bool where_key_is_optional(const struct cometql *q)
{
    const struct table *t = q->table;
    return t->key < 0 || t->is_searched || (t->key_is_optional && q->st.kind == STATEMENT_SELECT);
}

bool where_names_column(const struct cometql *q, unsigned column)
{
    if (q->st.query != NULL)
        return query_names_column(q->st.query, column);
    for (uint32_t i = 0; i < q->st.condition_count; i++)
        if ((unsigned)q->condition_column[i] == column)
            return true;
    return false;
}

static enum status unknown_column(struct slice name, struct error *error)
{
    return error_set(error, E_COLUMN, "Not a specific column `%.*s`", SLICE_ARG(name));
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

enum status where_check_list(struct cometql *q, struct error *error)
{
    const struct table *t = q->table;
    uint32_t            seen = 0;
    if (q->st.is_star) {
        q->pick_count = (uint8_t)table_star(t);
        for (uint8_t i = 0; i < q->pick_count; i++)
            q->picks[i] = i;
        return OK;
    }
    for (uint32_t i = 0; i < q->st.item_count; i++) {
        int column = table_column(t, q->st.items[i].text);
        if (column < 0)
            return unknown_column(q->st.items[i].text, error);
        if (seen & 1u << column)
            return error_set(error, E_WHERE, "Each column in the select used only once");
        seen |= 1u << column;
        q->picks[i] = (uint8_t)column;
    }
    q->pick_count = (uint8_t)q->st.item_count;
    return OK;
}

static enum status place_all(struct cometql *q, struct error *error)
{
    unsigned count = table_star(q->table);
    if (q->st.row_width != count)
        return error_set(error, E_COLUMN, "Error in columns list: `%s` has %u columns, %u values are given",
                         q->table->name, count, q->st.row_width);
    memset(q->place, -1, sizeof q->place);
    for (int8_t i = 0; i < (int8_t)count; i++)
        q->place[i] = i;
    return OK;
}

enum status where_check_insert_list(struct cometql *q, struct error *error)
{
    if (q->st.has_uneven_rows)
        return error_set(error, E_COLUMN, "Error in columns list: the rows differ in length");
    if (!q->st.has_column_list)
        return place_all(q, error);
    memset(q->place, -1, sizeof q->place);
    for (uint32_t i = 0; i < q->st.column_count; i++)
        if (table_column(q->table, q->st.columns[i]) < 0)
            return unknown_column(q->st.columns[i], error);
    if (q->st.column_count != q->st.row_width)
        return error_set(error, E_COLUMN, "Error in columns list: %u columns, %u values", q->st.column_count,
                         q->st.row_width);
    for (uint32_t i = 0; i < q->st.column_count; i++) {
        int column = table_column(q->table, q->st.columns[i]);
        if (q->place[column] >= 0)
            return error_set(error, E_WHERE, "Each column in the insert used only once");
        q->place[column] = (int8_t)i;
    }
    return OK;
}

/* --- conditions --------------------------------------------------------------------------------------------------- */

/* The key is looked up, so only equality can be asked of it. LIKE counts as that when it has no % (an underscore is a
 * letter of channel names). */
static bool is_equality(const struct cometql *q, const struct condition *c)
{
    if (c->compare == COMPARE_EQUAL || c->compare == COMPARE_IN)
        return true;
    return c->compare == COMPARE_LIKE && slice_find(statement_value(&q->st, c->first)->text, '%') == SIZE_MAX;
}

static enum status check_condition(struct cometql *q, uint32_t i, uint32_t *seen, struct error *error)
{
    const struct condition *c = &q->st.conditions[i];
    int                     column = table_column(q->table, c->column);
    if (column < 0)
        return unknown_column(c->column, error);
    if (q->st.kind == STATEMENT_DELETE && q->table->not_in_delete & 1u << column)
        return error_set(error, E_COLUMN, "Not a specific column `%.*s` for DELETE", SLICE_ARG(c->column));
    if (*seen & 1u << column)
        return error_set(error, E_WHERE, "Each column in the conditions used only once");
    *seen |= 1u << column;
    q->condition_column[i] = (int8_t)column;
    if (column == q->table->key)
        q->key_condition = (int8_t)i;
    else if (column == q->table->id)
        q->id_condition = (int8_t)i;
    return OK;
}

/* A DELETE may name rows by id where the table has one: then the id is the key. */
static enum status choose_key(struct cometql *q, struct error *error)
{
    if (q->key_condition < 0 && q->id_condition >= 0 && q->st.kind == STATEMENT_DELETE && !q->table->id_needs_key) {
        if (q->st.condition_count > 1)
            return error_set(error, E_WHERE, "Deleting by `%s` with further conditions needs one on `%s` as well",
                             q->table->columns[q->table->id].name, q->table->columns[q->table->key].name);
        return is_equality(q, &q->st.conditions[q->id_condition]) ? OK : error_plain(error, E_WHERE);
    }
    q->id_condition = -1;
    if (q->key_condition >= 0 && is_equality(q, &q->st.conditions[q->key_condition]))
        return OK;
    if (q->table->is_searched && q->st.kind == STATEMENT_DELETE && q->st.condition_count == 0)
        return error_set(error, E_WHERE, "A DELETE of `%s` needs a WHERE that says which", q->table->name);
    if (q->table->is_searched)
        q->key_condition = -1; /* a filter like the others */
    return q->key_condition < 0 && where_key_is_optional(q) ? OK : error_plain(error, E_WHERE);
}

enum status where_check_conditions(struct cometql *q, struct error *error)
{
    uint32_t seen = 0;
    q->key_condition = q->id_condition = -1;
    for (uint32_t i = 0; i < q->st.condition_count; i++) {
        enum status status = check_condition(q, i, &seen, error);
        if (status != OK)
            return status;
    }
    q->has_filters = q->st.condition_count > (q->key_condition >= 0 ? 1u : 0u);
    return choose_key(q, error);
}

/* --- filters ------------------------------------------------------------------------------------------------------ */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The usual two-pointer walk: after a mismatch the last % takes one more byte. */
bool like_is_met(struct slice pattern, struct slice text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_text = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.at[p] == '%') {
            star = p++;
            star_text = t;
            continue;
        }
        bool   is_escaped = p + 1 < pattern.len && pattern.at[p] == '\\';
        size_t at = is_escaped ? p + 1 : p;
        if (at < pattern.len &&
            ((!is_escaped && pattern.at[at] == '_') || lower(pattern.at[at]) == lower(text.at[t]))) {
            p = at + 1;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '%')
        p++;
    return p == pattern.len;
}

int64_t value_number(struct slice text)
{
    bool    is_negative = text.len > 0 && text.at[0] == '-';
    int64_t value = 0;
    for (size_t i = is_negative ? 1 : 0; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++) {
        int digit = text.at[i] - '0';
        value = value > (INT64_MAX - digit) / 10 ? INT64_MAX : value * 10 + digit;
    }
    return is_negative ? -value : value;
}

static bool is_integer(struct slice text)
{
    uint64_t ignored;
    if (text.len > 0 && text.at[0] == '-')
        text = slice_skip(text, 1);
    return slice_u64(text, INT64_MAX, &ignored);
}

int value_compare(struct slice a, struct slice b)
{
    if (is_integer(a) && is_integer(b)) {
        int64_t x = value_number(a), y = value_number(b);
        return (x > y) - (x < y);
    }
    size_t shorter = a.len < b.len ? a.len : b.len;
    int    first = shorter > 0 ? memcmp(a.at, b.at, shorter) : 0;
    return first != 0 ? first : (a.len > b.len) - (a.len < b.len);
}

static bool value_is_met(enum compare compare, struct slice cell, struct slice value)
{
    switch (compare) {
    case COMPARE_EQUAL:
    case COMPARE_IN:
        return value_compare(cell, value) == 0;
    case COMPARE_LIKE:
        return like_is_met(value, cell);
    case COMPARE_LESS:
        return value_compare(cell, value) < 0;
    case COMPARE_MORE:
        return value_compare(cell, value) > 0;
    case COMPARE_LESS_EQUAL:
        return value_compare(cell, value) <= 0;
    case COMPARE_MORE_EQUAL:
        return value_compare(cell, value) >= 0;
    case COMPARE_NOT_EQUAL:
        return value_compare(cell, value) != 0;
    }
    return false;
}

bool where_is_met(const struct cometql *q, const struct slice *cells)
{
    for (uint32_t i = 0; i < q->st.condition_count; i++) {
        const struct condition *c = &q->st.conditions[i];
        if ((int8_t)i == q->key_condition)
            continue;
        bool is_met = false;
        for (uint32_t v = 0; v < c->count && !is_met; v++) {
            const struct value *value = statement_value(&q->st, c->first + v);
            is_met = value->kind != VALUE_NULL && value_is_met(c->compare, cells[q->condition_column[i]], value->text);
        }
        if (!is_met)
            return false;
    }
    return true;
}
