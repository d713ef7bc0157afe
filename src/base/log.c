#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

enum { LINE_BYTES = 2048 };

/* Set once before threads start. */
static enum log_level highest = LOG_INFO;

static _Atomic uint64_t line_count;

uint64_t log_line_count(void)
{
    return atomic_load_explicit(&line_count, memory_order_relaxed);
}

void log_setup(enum log_level level)
{
    highest = level;
    tzset(); /* localtime_r need not look at the time zone of its own accord */
}

/* The time and the level; returns its length. */
static size_t line_begin(char *line, size_t size, enum log_level level)
{
    static const char *const names[] = {
        [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"
    };
    uint64_t  now_ms = clock_wall_ms();
    time_t    now = (time_t)(now_ms / 1000);
    struct tm local = { 0 };
    localtime_r(&now, &local);
    size_t len = strftime(line, size, "%Y-%m-%d %H:%M:%S", &local);
    int    more = snprintf(line + len, size - len, ".%03u %-5s ", (unsigned)(now_ms % 1000), names[level]);
    return len + (size_t)more;
}

static void line_write(enum log_level level, uint32_t left_out, const char *format, va_list arguments)
{
    char   line[LINE_BYTES];
    size_t len = line_begin(line, sizeof line, level);
    /* 64 bytes stay free for what follows the text. */
    size_t room = sizeof line - len - 64;
    int    made = vsnprintf(line + len, room, format, arguments);
    if (made > 0)
        len += utf8_first(slice_of(line + len, (size_t)made < room ? (size_t)made : room - 1), room - 4).len;
    if (left_out > 0)
        len += (size_t)snprintf(line + len, sizeof line - len, " (and %u more like this)", (unsigned)left_out);
    line[len++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, len); /* there is nowhere left to complain */
    (void)ignored;
    atomic_fetch_add_explicit(&line_count, 1, memory_order_relaxed);
}

void log_line(enum log_level level, const char *format, ...)
{
    if (level > highest)
        return;
    va_list arguments;
    va_start(arguments, format);
    line_write(level, 0, format, arguments);
    va_end(arguments);
}

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
    if (level > highest)
        return;
    uint64_t now_ms = clock_mono_ms();
    uint64_t next_ms = atomic_load_explicit(&limit->next_ms, memory_order_relaxed);
    /* Of several threads that come at once, one moves the time and writes. */
    if (now_ms < next_ms || !atomic_compare_exchange_strong(&limit->next_ms, &next_ms, now_ms + limit->every_ms)) {
        atomic_fetch_add_explicit(&limit->left_out, 1, memory_order_relaxed);
        return;
    }
    uint32_t left_out = atomic_exchange_explicit(&limit->left_out, 0, memory_order_relaxed);
    va_list  arguments;
    va_start(arguments, format);
    line_write(level, left_out, format, arguments);
    va_end(arguments);
}

/* Bytes of the character in front that a terminal shows and does not obey; 0 for everything else. U+0080 to U+009F (0xC2,
 * then below 0xA0) are commands to a terminal as well. A backslash counts as unsafe, so that what is shown is unambiguous. */
static size_t safe_char(struct slice text)
{
    unsigned char first = (unsigned char)text.at[0];
    if (first < 0x80)
        return first >= 0x20 && first != 0x7F && first != '\\' ? 1 : 0;
    size_t len = utf8_char(text);
    return len == 2 && first == 0xC2 && (unsigned char)text.at[1] < 0xA0 ? 0 : len;
}

const char *log_text(char *out, size_t size, struct slice text)
{
    size_t len = 0;
    while (text.len > 0) {
        char        escaped[5];
        size_t      take = safe_char(text);
        const char *from = text.at;
        size_t      put = take;
        if (take == 0) {
            put = (size_t)snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned)(unsigned char)text.at[0]);
            from = escaped;
            take = 1;
        }
        if (len + put + 1 > size)
            break;
        memcpy(out + len, from, put);
        len += put;
        text = slice_skip(text, take);
    }
    if (size > 0)
        out[len] = '\0';
    return out;
}
