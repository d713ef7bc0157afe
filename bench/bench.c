/* bench.c: the options, the machine, and the sections one after the other. README.md says how to read it. */
#include "bench/bench.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/target.h"
#include "bench/walker.h"
#include "ws/frame.h"

static const char usage[] =
    "encke-bench: measures encke against raw loops in the same run\n"
    "  --server=FILE        the program under test; unless given, the encke beside this program\n"
    "  --quick              one run of each figure, fewer subscribers: does it work?\n"
    "  --runs=N             runs of each figure (3)\n"
    "  --connections=N      connections of the memory and connection rows (10000)\n"
    "  --only=SECTION       memory, connect, single, latency, flow, burst, slow, silence, start or sql,\n"
    "                       or growth: the costs at 1,000, 10,000 ... up to --connections\n"
    "  --json=FILE          the same figures as JSON\n";

void bench_subscribe(struct crowd *c, struct publisher *p, unsigned count)
{
    static const unsigned char mask[4] = { 9, 8, 7, 6 };
    struct buf                 b = { 0 };
    uint64_t                   until = clock_mono_ms() + 30000 + count / 5;
    ws_frame_make_masked(&b, WS_TEXT, true, SLICE("subscription\n" BENCH_CHANNEL), mask);
    crowd_say(c, buf_slice(&b));
    for (unsigned seen; (seen = publisher_count(p)) != count; usleep(10000))
        if (clock_mono_ms() > until)
            die("%u subscribed, and the server counts %u", count, seen);
    buf_clear(&b);
}

static unsigned number_option(const char *text)
{
    uint64_t n;
    if (!slice_u64(slice_str(text), 10000000, &n) || n == 0)
        die("'%s' is no number\n%s", text, usage);
    return (unsigned)n;
}

static const char *beside_us(void)
{
    static char path[PATH_MAX + 16];
    ssize_t     n = readlink("/proc/self/exe", path, PATH_MAX);
    char       *slash = n > 0 ? memrchr(path, '/', (size_t)n) : NULL;
    if (slash == NULL)
        die("--server=FILE is missing");
    memcpy(slash + 1, "encke", sizeof "encke");
    return path;
}

/* A name that nothing has would measure nothing, and call that a success. */
static const char *section_option(const char *name)
{
    static const char *const sections[] = { "memory", "connect", "single", "latency", "flow",  "burst",
                                            "slow",   "silence", "start",  "sql",     "growth" };
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (strcmp(sections[i], name) == 0)
            return name;
    fprintf(stderr, "encke-bench: there is no section \"%s\"\n%s", name, usage);
    exit(2);
}

static struct bench read_options(int argc, char **argv, const char **out_json)
{
    static const struct option options[] = {
        { "server", required_argument, NULL, 's' },
        { "quick", no_argument, NULL, 'q' },
        { "runs", required_argument, NULL, 'r' },
        { "only", required_argument, NULL, 'o' },
        { "connections", required_argument, NULL, 'c' },
        { "json", required_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct bench b = { .runs = 3, .connections = 10000 };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
        switch (c) {
        case 's':
            b.server = optarg;
            break;
        case 'q':
            b.is_quick = true;
            break;
        case 'r':
            b.runs = number_option(optarg);
            break;
        case 'o':
            b.only = section_option(optarg);
            break;
        case 'c':
            b.connections = number_option(optarg);
            break;
        case 'j':
            *out_json = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (b.is_quick)
        b.runs = 1, b.connections = b.connections > 2000 ? 2000 : b.connections;
    if (b.connections < 1000)
        b.connections = 1000;
    if (b.server == NULL)
        b.server = beside_us();
    return b;
}

static void raise_descriptor_limit(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

static void describe(const struct bench *b)
{
    struct utsname system;
    double         load[1] = { 0 };
    uname(&system);
    (void)!getloadavg(load, 1);
    printf("encke-bench %s: medians of %u runs\n", ENCKE_VERSION, b->runs);
    report_note(b->report, "%ld cores, %.0f GB, Linux %.8s, load before it began %.2f", sysconf(_SC_NPROCESSORS_ONLN),
                (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 1e9, system.release, load[0]);
    report_note(b->report, "server, raw loops and clients share the cores: read ratios, not figures");
}

int main(int argc, char **argv)
{
    const char  *json = NULL;
    struct bench b = read_options(argc, argv, &json);
    uint64_t     begin = clock_mono_ms();
    raise_descriptor_limit();
    walker_check();
    b.report = report_new(json);
    describe(&b);
    bench_connections(&b);
    bench_broadcast(&b);
    bench_slow(&b);
    bench_silence(&b);
    bench_start(&b);
    bench_growth(&b);
    bench_statements(&b);
    printf("\n%.0f s in all", (double)(clock_mono_ms() - begin) / 1000);
    return report_end(b.report) ? 0 : 1;
}
