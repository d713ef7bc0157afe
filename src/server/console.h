/* console: the statistics on standard output (spec classic-protocol.md section 8.1).
 *
 *   ----------------server_id(1)ws----------------
 *   Online now              6000
 *   Add clients             6062            2000.00
 *   Delete clients          62              0.00
 *   Handle messages         6097            1999.33
 *   work time               267
 *   [S]     C       PsC
 *   [1]     6062    2000.00          one row for each shard: its state, its events in total, and a second
 *   ---------------------------------------------
 *
 * On a terminal the blocks are redrawn in place, in colour; elsewhere they are plain lines. A block counts what
 * happened since it was printed before. States: 0 = nothing to do in that time, 1 = has worked.
 *
 * Thread: main.
 */
#ifndef ENCKE_SERVER_CONSOLE_H
#define ENCKE_SERVER_CONSOLE_H

#include "base/buf.h"
#include "server/config.h"

#define CONSOLE_SHARDS_MAX 64

enum console_service { CONSOLE_WS, CONSOLE_COMETQL, CONSOLE_SERVICES };

/* The figures of one listener at one moment. */
struct console_sample {
    uint64_t at_ms; /* monotonic */
    uint64_t uptime_ms;
    uint64_t online, added, ended, events;
    unsigned shard_count;
    uint64_t shard_events[CONSOLE_SHARDS_MAX];
};

/* How it is to look. */
struct console_look {
    bool     is_terminal; /* colour, and no line wraps */
    unsigned rows_max;    /* rows of shards to show; the rest is one line; 0 = all */
};

/* Appends one block. Pure. `before` is the sample of the block before, or of the start. */
void console_render(struct buf *out, enum console_service service, const struct console_sample *before,
                    const struct console_sample *now, const struct console_look *look);

void console_sample(struct console_sample *out, enum console_service service, unsigned shard_count, uint64_t now_ms,
                    uint64_t start_ms);

/* The time between two prints of a block; 0 = none. Without a terminal, and unless somebody set it, a minute. */
uint64_t console_every_ms(const struct config *config, enum console_service service, bool is_terminal);

struct console;

/* NULL without memory, or when there is nothing to print; the others take NULL. */
struct console *console_new(const struct config *config, unsigned shard_count);
void            console_free(struct console *c);

/* Prints what is due; called once a second. Never waits for a terminal that is stopped: what is due is left out then.
 */
void console_tick(struct console *c);

#endif
