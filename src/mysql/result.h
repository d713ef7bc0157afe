/* result: the packets that answer a command, appended to a buf.
 *
 *   OK | ERR | column count, one definition for each column, EOF, rows, EOF | ERR
 *   COM_STMT_PREPARE: head | ERR; definitions of the parameters, EOF; definitions of the columns, EOF
 *
 * Text and binary rows, always with EOF packets (DEPRECATE_EOF is not offered). Every column is a VAR_STRING, as
 * applications written for CometQL expect. Each writer appends whole packets and counts *sequence on. Pure; failures
 * stay in the buf.
 */
#ifndef ENCKE_MYSQL_RESULT_H
#define ENCKE_MYSQL_RESULT_H

#include "base/buf.h"
#include "base/status.h"

#define MYSQL_STATUS_AUTOCOMMIT 0x0002u
#define MYSQL_STATUS_MORE 0x0008u /* another answer follows, to the query's next statement */
#define MYSQL_CHARSET_UTF8MB4 45u

/* `status`: MYSQL_STATUS_MORE or 0; autocommit is always on. */
void mysql_result_ok(struct buf *out, uint8_t *sequence, unsigned status, uint64_t affected, uint64_t insert_id);
void mysql_result_error(struct buf *out, uint8_t *sequence, const struct error *error);
void mysql_result_eof(struct buf *out, uint8_t *sequence, unsigned status);

/* Count, definitions, EOF. */
void mysql_result_columns(struct buf *out, uint8_t *sequence, unsigned status, const struct slice *names, size_t count);

/* A cell with at == NULL is the SQL NULL. */
void mysql_result_row(struct buf *out, uint8_t *sequence, const struct slice *cells, size_t count);

/* The same in binary form, for a statement that was prepared. */
void mysql_result_binary_row(struct buf *out, uint8_t *sequence, const struct slice *cells, size_t count);

/* The answer to COM_STMT_PREPARE. */
void mysql_result_prepared(struct buf *out, uint8_t *sequence, uint32_t id, unsigned parameters,
                           const struct slice *names, size_t count);

/* The answer to COM_FIELD_LIST: definitions with a default value, EOF. */
void mysql_result_fields(struct buf *out, uint8_t *sequence, const struct slice *names, size_t count);

/* A packet that is only text (COM_STATISTICS). */
void mysql_result_text(struct buf *out, uint8_t *sequence, struct slice text);

#endif
