/* prepared: the prepared statements of one connection.
 *
 * A statement is its text and the number of its parameters; it is understood anew each time it is executed, which is
 * cheaper than keeping what was understood. The set is made with the first statement and freed with the last, so a
 * connection that prepares nothing has none.
 *
 *   prepared_add -> id -> [prepared_long_data ...] -> values of execute.h -> prepared_rest -> ... -> prepared_drop
 *
 * Bounds: MYSQL_PREPARED_MAX statements, MYSQL_PREPARED_BYTES of texts and of values sent ahead. Inside the room only.
 */
#ifndef ENCKE_MYSQL_PREPARED_H
#define ENCKE_MYSQL_PREPARED_H

#include "base/buf.h"
#include "base/map.h"
#include "base/status.h"
#include "mysql/execute.h"

#define MYSQL_PREPARED_MAX 1000u
#define MYSQL_PREPARED_BYTES (16u << 20)

struct mysql_prepared {
    struct map_link         link;
    uint32_t                id; /* never 0 */
    uint16_t                parameters;
    bool                    has_types;
    enum status             sent_status; /* OK, or why what was sent ahead cannot be used: told by the next execution */
    unsigned char          *types;       /* owned; NULL before the first execution */
    struct mysql_long_data *sent;        /* owned; one for each parameter; NULL while nothing was sent ahead */
    size_t                  sent_bytes;
    struct buf              sql; /* owned */
};

struct mysql_prepared_set {
    struct map             statements;
    uint32_t               id_last;
    size_t                 bytes;
    struct mysql_prepared *current; /* being prepared or executed; borrowed; NULL: none */
    struct mysql_values    values;  /* of the execution that is being answered */
};

/* E_MANY_STATEMENTS, E_NO_MEMORY; makes the set when *set is NULL. */
enum status prepared_add(struct mysql_prepared_set **set, struct slice sql, struct mysql_prepared **out,
                         struct error *error) __attribute__((warn_unused_result));

/* NULL: there is none; `set` may be NULL. */
struct mysql_prepared *prepared_find(const struct mysql_prepared_set *set, uint32_t id);

/* Frees one, and the set with the last: *set is then NULL. */
void prepared_drop(struct mysql_prepared_set **set, struct mysql_prepared *p);

/* Frees all and the set; *set may be NULL and is NULL afterwards. */
void prepared_clear(struct mysql_prepared_set **set);

/* Adds a piece to a parameter's value, which may be as long as `max_bytes`. What goes wrong is told by the next
 * execution. */
void prepared_long_data(struct mysql_prepared_set *set, struct mysql_prepared *p, unsigned parameter,
                        struct slice piece, size_t max_bytes);

/* Forgets what was sent ahead. */
void prepared_reset(struct mysql_prepared_set *set, struct mysql_prepared *p);

/* Reads the values of an execution into set->values; they stay until prepared_rest. */
enum status prepared_bind(struct mysql_prepared_set *set, struct mysql_prepared *p, struct slice body,
                          struct error *error) __attribute__((warn_unused_result));

/* The answer is complete: frees the values. `set` may be NULL. */
void prepared_rest(struct mysql_prepared_set *set);

#endif
