/* status: SHOW STATUS in its six forms, SHOW PROCESSLIST, COM_STATISTICS.
 *
 * Rates per second are taken against a sample of the counters that is at least RATE_MS old. Each shard samples for
 * itself, in passing, so nothing wakes up for it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/counter.h"
#include "base/memory.h"
#include "cometql/internal.h"

#define RATE_MS 5000u

enum { RATE_WS_EVENTS, RATE_SQL_EVENTS, RATE_WS_ADDED, RATE_SQL_ADDED, RATE_WS_ENDED, RATE_SQL_ENDED, RATES };

static const enum counter rate_counters[RATES] = {
    [RATE_WS_EVENTS] = COUNTER_WS_EVENTS, [RATE_SQL_EVENTS] = COUNTER_SQL_EVENTS, [RATE_WS_ADDED] = COUNTER_WS_ADDED,
    [RATE_SQL_ADDED] = COUNTER_SQL_ADDED, [RATE_WS_ENDED] = COUNTER_WS_ENDED,     [RATE_SQL_ENDED] = COUNTER_SQL_ENDED,
};

struct sample {
    uint64_t at_ms;
    uint64_t value[RATES];
};

static _Thread_local struct sample samples[2]; /* the older, the younger */

static struct sample sample_now(void)
{
    struct sample s = { .at_ms = shard_here.now_ms };
    for (int i = 0; i < RATES; i++)
        s.value[i] = counter_sum(rate_counters[i]);
    return s;
}

static enum status part_on_start(void)
{
    samples[0] = samples[1] = sample_now();
    return OK;
}

static uint32_t part_on_turn(void)
{
    if (shard_here.now_ms - samples[1].at_ms >= RATE_MS) {
        samples[0] = samples[1];
        samples[1] = sample_now();
    }
    return SHARD_ANY_TIME;
}

const struct shard_part cometql_part = { .name = "cometql", .on_start = part_on_start, .on_turn = part_on_turn };

static double rate(const struct sample *now, int which)
{
    uint64_t ms = now->at_ms - samples[0].at_ms;
    return ms > 0 ? (double)(now->value[which] - samples[0].value[which]) * 1000.0 / (double)ms : 0.0;
}

static uint64_t uptime_s(void)
{
    return (shard_here.now_ms - cometql_own_settings->start_ms) / 1000;
}

static unsigned long long sum(enum counter c)
{
    return counter_sum(c);
}

/* What tools for MySQL look for, as far as there is such a thing here: phpMyAdmin divides by Uptime. */
static void status_of_mysql(struct cometql *q)
{
    show_pair(q, "Uptime", "%llu", (unsigned long long)uptime_s());
    show_pair(q, "Uptime_since_flush_status", "%llu", (unsigned long long)uptime_s());
    show_pair(q, "Connections", "%llu", sum(COUNTER_SQL_ADDED));
    show_pair(q, "Threads_connected", "%llu", sum(COUNTER_SQL_ONLINE));
    show_pair(q, "Queries", "%llu", sum(COUNTER_QUERIES));
    show_pair(q, "Questions", "%llu", sum(COUNTER_QUERIES));
}

/* --- the six forms ------------------------------------------------------------------------------------------------ */

static void status_global(struct cometql *q)
{
    struct sample now = sample_now();
    double        uptime = (double)uptime_s();
    show_pair(q, "flag", "global");
    show_pair(q, "uptime", "%llu", (unsigned long long)uptime_s());
    show_pair(q, "uptime_in_hours", "%.2f", uptime / 3600);
    show_pair(q, "uptime_in_days", "%.2f", uptime / 86400);
    show_pair(q, "frontend_name", "ws");
    show_pair(q, "backend_name", "cometql");
    show_pair(q, "frontend_stat_interval", "%u", cometql_own_settings->ws_statistics_s);
    show_pair(q, "backend_stat_interval", "%u", cometql_own_settings->cometql_statistics_s);
    show_pair(q, "frontend_online", "%llu", sum(COUNTER_WS_ONLINE));
    show_pair(q, "backend_online", "%llu", sum(COUNTER_SQL_ONLINE));
    show_pair(q, "frontend_messages", "%llu", sum(COUNTER_WS_EVENTS));
    show_pair(q, "backend_messages", "%llu", sum(COUNTER_SQL_EVENTS));
    show_pair(q, "frontend_add_client", "%llu", sum(COUNTER_WS_ADDED));
    show_pair(q, "backend_add_client", "%llu", sum(COUNTER_SQL_ADDED));
    show_pair(q, "frontend_delete_client", "%llu", sum(COUNTER_WS_ENDED));
    show_pair(q, "backend_delete_client", "%llu", sum(COUNTER_SQL_ENDED));
    show_pair(q, "frontend_messages_ps", "%.2f", rate(&now, RATE_WS_EVENTS));
    show_pair(q, "backend_messages_ps", "%.2f", rate(&now, RATE_SQL_EVENTS));
    show_pair(q, "frontend_add_client_ps", "%.2f", rate(&now, RATE_WS_ADDED));
    show_pair(q, "backend_add_client_ps", "%.2f", rate(&now, RATE_SQL_ADDED));
    show_pair(q, "frontend_delete_client_ps", "%.2f", rate(&now, RATE_WS_ENDED));
    show_pair(q, "backend_delete_client_ps", "%.2f", rate(&now, RATE_SQL_ENDED));
    show_pair(q, "network_events", "%llu", sum(COUNTER_EVENTS));
    for (enum counter c = 0; c < COUNTER_COUNT; c++)
        show_pair(q, counter_row(c)->key, "%llu", sum(c));
    struct memory_sums m = memory_sums();
    show_pair(q, "memory_rest_bytes", "%llu", (unsigned long long)m.rest);
    show_pair(q, "memory_other_bytes", "%llu", (unsigned long long)m.other);
    status_of_mysql(q);
}

/* "12.3G": as people read sizes. */
static void show_size(struct cometql *q, const char *name, double bytes)
{
    static const char units[] = { 'B', 'K', 'M', 'G', 'T', 'P' };
    size_t            unit = 0;
    for (; bytes >= 1024 && unit + 1 < sizeof units; unit++)
        bytes /= 1024;
    show_pair(q, name, unit == 0 ? "%.0f%c" : "%.1f%c", bytes, units[unit]);
}

static void status_filesystem(struct cometql *q)
{
    struct statvfs fs;
    show_pair(q, "flag", "filesystem");
    if (statvfs("/", &fs) != 0 || fs.f_blocks == 0)
        return;
    double unit = (double)fs.f_frsize, used = (double)(fs.f_blocks - fs.f_bfree);
    show_pair(q, "filesystem", "/");
    show_size(q, "size", (double)fs.f_blocks * unit);
    show_size(q, "used", used * unit);
    show_size(q, "available", (double)fs.f_bavail * unit);
    show_pair(q, "use", "%.0f%%", 100.0 * used / (used + (double)fs.f_bavail));
}

/* A small file of /proc, which never makes anybody wait. */
static struct slice read_proc(const char *path, char *out, size_t size)
{
    int     fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, out, size - 1) : 0;
    if (fd >= 0)
        close(fd);
    out[len > 0 ? len : 0] = '\0';
    return slice_str(out);
}

static void status_ram(struct cometql *q)
{
    char         text[4096];
    struct slice rest = read_proc("/proc/meminfo", text, sizeof text);
    show_pair(q, "flag", "ram");
    while (rest.len > 0) {
        struct slice line = slice_cut(&rest, '\n');
        struct slice name = slice_cut(&line, ':');
        char         key[64];
        snprintf(key, sizeof key, "%.*s", SLICE_ARG(name));
        show_pair(q, key, "%lld", (long long)value_number(slice_trim(line)));
    }
}

static void status_avg(struct cometql *q)
{
    char   text[128];
    double load[3] = { 0 };
    int    running = 0, total = 0;
    read_proc("/proc/loadavg", text, sizeof text);
    int known = sscanf(text, "%lf %lf %lf %d/%d", &load[0], &load[1], &load[2], &running, &total);
    show_pair(q, "flag", "avg");
    if (known != 5)
        return;
    show_pair(q, "load_avg_1", "%.2f", load[0]);
    show_pair(q, "load_avg_2", "%.2f", load[1]);
    show_pair(q, "load_avg_3", "%.2f", load[2]);
    show_pair(q, "running_processes", "%d", running);
    show_pair(q, "total_processes", "%d", total);
}

static void status_uptime(struct cometql *q)
{
    char   text[128];
    double up = 0, idle = 0;
    read_proc("/proc/uptime", text, sizeof text);
    int known = sscanf(text, "%lf %lf", &up, &idle);
    show_pair(q, "flag", "uptime");
    if (known != 2)
        return;
    show_pair(q, "os_uptime", "%.6f", up);
    show_pair(q, "os_idle", "%.6f", idle);
}

void cometql_status_app(struct cometql *q, const struct ask *answered)
{
    show_columns(q, (const char *const[]){ "Variable_name", "Value" }, 2);
    show_pair(q, "flag", "session");
    show_pair(q, "id", "%u", q->app);
    show_pair(q, "user_online", "%llu", (unsigned long long)answered->app_online);
    show_pair(q, "server_online", "%llu", (unsigned long long)answered->app_backends);
    show_pair(q, "messages", "%llu", (unsigned long long)answered->app_messages);
    cometql_end(q);
}

void cometql_status(struct cometql *q)
{
    static void (*const forms[])(struct cometql * q) = {
        [SHOW_GLOBAL] = status_global, [SHOW_FILESYSTEM] = status_filesystem, [SHOW_RAM] = status_ram,
        [SHOW_AVG] = status_avg,       [SHOW_UPTIME] = status_uptime,
    };
    if (q->st.show_flag == SHOW_SESSION) {
        q->walk = WALK_STATUS;
        cometql_ask_send(q, ask_new(ASK_APP, q->app, SLICE(""), SLICE("")));
        return;
    }
    show_columns(q, (const char *const[]){ "Variable_name", "Value" }, 2);
    forms[q->st.show_flag](q);
    cometql_end(q);
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

static void show_service(struct cometql *q, const char *name, enum counter events)
{
    for (unsigned i = 0; i < shard_here.count; i++) {
        char id[16], count[24];
        snprintf(id, sizeof id, "%u", i);
        snprintf(count, sizeof count, "%llu", (unsigned long long)counter_of(i, events));
        bool is_here = i == shard_here.index; /* the one that answers; what the others do is not known from here */
        mysql_row(
            q->conn,
            (struct slice[]){ slice_str(name), slice_str(id), is_here ? SLICE("M") : SLICE("0"), slice_str(count) }, 4);
    }
}

void cometql_processlist(struct cometql *q)
{
    show_columns(q, (const char *const[]){ "ServiceName", "id", "status", "count" }, 4);
    show_service(q, "cometql", COUNTER_SQL_EVENTS);
    show_service(q, "ws", COUNTER_WS_EVENTS);
    cometql_end(q);
}

void cometql_statistics(struct buf *out)
{
    uint64_t uptime = uptime_s();
    buf_printf(
        out,
        "Uptime: %llu  Threads: %u  Questions: %llu  Slow queries: 0  Opens: 0  Flush tables: 0  Open tables: %u  "
        "Queries per second avg: %.3f",
        (unsigned long long)uptime, shard_here.count, sum(COUNTER_QUERIES), table_count,
        uptime > 0 ? (double)sum(COUNTER_QUERIES) / (double)uptime : 0.0);
}
