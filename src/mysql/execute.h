/* execute: the values that COM_STMT_EXECUTE brings, as text.
 *
 *   [ NULL bitmap | 1, a type for each parameter | values ]      the first time, and when a type has changed
 *   [ NULL bitmap | 0                            | values ]      the types are those of the time before
 *
 * Every type becomes the text that it would have in a statement: -7, 0.1, 2026-01-02 03:04:05. Texts and blobs are not
 * copied: they point into the packet. Pure; every length is checked.
 */
#ifndef ENCKE_MYSQL_EXECUTE_H
#define ENCKE_MYSQL_EXECUTE_H

#include "base/buf.h"
#include "base/status.h"

#define MYSQL_TYPE_BYTES 2u /* of one type on the wire: the type, and a flag: unsigned */

struct mysql_values {
    struct slice *at;    /* owned; at[i].at == NULL: the SQL NULL */
    struct buf    texts; /* of numbers and times; owned; reserved once, so slices into it stay */
};

/* One parameter's value that was sent ahead of the rest, in pieces. */
struct mysql_long_data {
    struct buf text; /* owned */
    bool       is_sent;
};

/* Reads `count` values from `body` (what follows the iteration count). `types`, MYSQL_TYPE_BYTES for each parameter,
 * are those of the time before and are set when the packet brings others; *has_types says whether there are any yet.
 * `sent` is NULL or has one entry for each parameter; what was sent ahead is not in the packet. Clear `out` in either
 * case. E_MALFORMED, E_INVALID (a time or number that does not exist), E_NO_MEMORY. */
enum status mysql_values_read(struct slice body, unsigned count, unsigned char *types, bool *has_types,
                              const struct mysql_long_data *sent, struct mysql_values *out, struct error *error)
    __attribute__((warn_unused_result));

void mysql_values_clear(struct mysql_values *v);

#endif
