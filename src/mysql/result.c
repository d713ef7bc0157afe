/* result: see result.h. */
#include "mysql/result.h"

#include "mysql/packet.h"

enum { TYPE_VAR_STRING = 0xFD, FLAG_NOT_NULL = 0x0001, CELL_NULL = 0xFB, COLUMN_BYTES = 65532, DECIMALS_ANY = 0x1F };
enum { NULL_BITS_UNUSED = 2 };

static void put_u16(struct buf *out, unsigned value)
{
    buf_byte(out, (unsigned char)(value & 0xFF));
    buf_byte(out, (unsigned char)(value >> 8 & 0xFF));
}

void mysql_result_ok(struct buf *out, uint8_t *sequence, unsigned status, uint64_t affected, uint64_t insert_id)
{
    size_t begin = mysql_packet_begin(out);
    buf_byte(out, 0x00);
    mysql_put_number(out, affected);
    mysql_put_number(out, insert_id);
    put_u16(out, MYSQL_STATUS_AUTOCOMMIT | status);
    put_u16(out, 0); /* warnings */
    mysql_packet_end(out, begin, sequence);
}

void mysql_result_error(struct buf *out, uint8_t *sequence, const struct error *error)
{
    const struct error_row *row = status_row(error->code);
    size_t                  begin = mysql_packet_begin(out);
    buf_byte(out, 0xFF);
    put_u16(out, row->mysql_code);
    buf_byte(out, '#');
    buf_append(out, row->sqlstate, 5);
    buf_text(out, error->text[0] ? error->text : row->sentence);
    mysql_packet_end(out, begin, sequence);
}

void mysql_result_eof(struct buf *out, uint8_t *sequence, unsigned status)
{
    size_t begin = mysql_packet_begin(out);
    buf_byte(out, 0xFE);
    put_u16(out, 0);
    put_u16(out, MYSQL_STATUS_AUTOCOMMIT | status);
    mysql_packet_end(out, begin, sequence);
}

static void put_definition(struct buf *out, struct slice name)
{
    mysql_put_text(out, SLICE("def"));
    mysql_put_text(out, SLICE("")); /* schema */
    mysql_put_text(out, SLICE("")); /* table */
    mysql_put_text(out, SLICE("")); /* original table */
    mysql_put_text(out, name);
    mysql_put_text(out, SLICE("")); /* original name */
    buf_byte(out, 0x0C);            /* the length of what follows */
    put_u16(out, MYSQL_CHARSET_UTF8MB4);
    put_u16(out, COLUMN_BYTES & 0xFFFF);
    put_u16(out, COLUMN_BYTES >> 16);
    buf_byte(out, TYPE_VAR_STRING);
    put_u16(out, FLAG_NOT_NULL);
    buf_byte(out, DECIMALS_ANY);
    put_u16(out, 0); /* filler */
}

static void put_definition_packet(struct buf *out, uint8_t *sequence, struct slice name)
{
    size_t begin = mysql_packet_begin(out);
    put_definition(out, name);
    mysql_packet_end(out, begin, sequence);
}

static void put_definitions(struct buf *out, uint8_t *sequence, unsigned status, const struct slice *names,
                            size_t count)
{
    for (size_t i = 0; i < count; i++)
        put_definition_packet(out, sequence, names[i]);
    mysql_result_eof(out, sequence, status);
}

void mysql_result_columns(struct buf *out, uint8_t *sequence, unsigned status, const struct slice *names, size_t count)
{
    size_t begin = mysql_packet_begin(out);
    mysql_put_number(out, count);
    mysql_packet_end(out, begin, sequence);
    put_definitions(out, sequence, status, names, count);
}

void mysql_result_prepared(struct buf *out, uint8_t *sequence, uint32_t id, unsigned parameters,
                           const struct slice *names, size_t count)
{
    size_t begin = mysql_packet_begin(out);
    buf_byte(out, 0x00);
    put_u16(out, id & 0xFFFF);
    put_u16(out, id >> 16);
    put_u16(out, (unsigned)count);
    put_u16(out, parameters);
    buf_byte(out, 0); /* filler */
    put_u16(out, 0);  /* warnings */
    mysql_packet_end(out, begin, sequence);
    for (unsigned i = 0; i < parameters; i++)
        put_definition_packet(out, sequence, SLICE("?"));
    if (parameters > 0)
        mysql_result_eof(out, sequence, 0);
    if (count > 0)
        put_definitions(out, sequence, 0, names, count);
}

void mysql_result_row(struct buf *out, uint8_t *sequence, const struct slice *cells, size_t count)
{
    size_t begin = mysql_packet_begin(out);
    for (size_t i = 0; i < count; i++) {
        if (cells[i].at == NULL)
            buf_byte(out, CELL_NULL);
        else
            mysql_put_text(out, cells[i]);
    }
    mysql_packet_end(out, begin, sequence);
}

/* 0x00, a bit for each NULL (the first two bits are not used), the cells that are not NULL. */
void mysql_result_binary_row(struct buf *out, uint8_t *sequence, const struct slice *cells, size_t count)
{
    size_t begin = mysql_packet_begin(out);
    size_t bitmap_len = (count + 7 + NULL_BITS_UNUSED) / 8;
    buf_byte(out, 0x00);
    unsigned char *bitmap = (unsigned char *)buf_reserve(out, bitmap_len);
    if (bitmap == NULL)
        return;
    memset(bitmap, 0, bitmap_len);
    for (size_t i = 0; i < count; i++)
        if (cells[i].at == NULL)
            bitmap[(i + NULL_BITS_UNUSED) / 8] |= (unsigned char)(1u << (i + NULL_BITS_UNUSED) % 8);
    out->len += bitmap_len;
    for (size_t i = 0; i < count; i++)
        if (cells[i].at != NULL)
            mysql_put_text(out, cells[i]);
    mysql_packet_end(out, begin, sequence);
}

void mysql_result_fields(struct buf *out, uint8_t *sequence, const struct slice *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t begin = mysql_packet_begin(out);
        put_definition(out, names[i]);
        mysql_put_text(out, SLICE("")); /* default value */
        mysql_packet_end(out, begin, sequence);
    }
    mysql_result_eof(out, sequence, 0);
}

void mysql_result_text(struct buf *out, uint8_t *sequence, struct slice text)
{
    size_t begin = mysql_packet_begin(out);
    buf_slice_append(out, text);
    mysql_packet_end(out, begin, sequence);
}
