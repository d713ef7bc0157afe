/* slow: do subscribers that stopped reading delay the others, and what do they cost? */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/stage.h"
#include "ws/frame.h"

#define SLEEPERS 100  /* subscribers that never read */
#define FILLING  400  /* messages of 16 KB that fill the kernel's buffers of a sleeper, so that the server has to keep the rest */
#define BLOCKS   6    /* half of them with sleepers, in turns */
#define EACH     40   /* messages of a block */

static const struct linger reset_at_close = { .l_onoff = 1 };

static int sleeper_open(uint16_t port, unsigned number)
{
    static const unsigned char mask[4] = { 5, 6, 7, 8 };
    struct sockaddr_in         to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct buf                 b = { 0 };
    int                        least = 4096, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset_at_close, sizeof reset_at_close);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        die("connect: %s", strerror(errno));
    buf_printf(&b,
               "GET /comet-server/ws/sesion=&myid=&devid=0&v=4.08&uuid=sleeper%025u&api=js HTTP/1.1\r\nHost: 127.0.0.1\r\n"
               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
               number);
    ws_frame_make_masked(&b, WS_TEXT, true, SLICE("subscription\n" BENCH_CHANNEL), mask);
    if (send(fd, b.at, b.len, MSG_NOSIGNAL) != (ssize_t)b.len)
        die("a sleeper could not ask: %s", strerror(errno));
    buf_clear(&b);
    return fd;
}

static void wait_count(struct stage *s, unsigned count)
{
    uint64_t until = clock_mono_ms() + 30000;
    for (unsigned seen; (seen = publisher_count(&s->publisher)) != count; usleep(1000))
        if (clock_mono_ms() > until)
            die("%u subscribers were to be there, and the server counts %u", count, seen);
}

static void sleepers_come(struct stage *s, int fds[SLEEPERS])
{
    for (unsigned i = 0; i < SLEEPERS; i++)
        fds[i] = sleeper_open(s->target.ws_port, i);
    wait_count(s, s->count + SLEEPERS);
    for (unsigned i = 0; i < FILLING; i++) /* one after the other: joined ones would be fewer sends */
        stage_deliver_one(s, 16384);
}

static void sleepers_go(struct stage *s, int fds[SLEEPERS])
{
    for (unsigned i = 0; i < SLEEPERS; i++)
        close(fds[i]);
    wait_count(s, s->count);
    target_settle(s->target.pid);
}

static void block(struct stage *s, struct series *out)
{
    stage_deliver_one(s, 1024);
    for (unsigned i = 0; i < EACH; i++) {
        uint64_t next = clock_mono_ns() + 10000000;
        series_add(out, stage_deliver_one(s, 1024) * 1000);
        stage_wait_until(next);
    }
}

void bench_slow(const struct bench *b)
{
    static struct stage  s;
    static struct series with, without, memory;
    struct series        figure[4] = { 0 };
    int                  fds[SLEEPERS];
    if (!bench_wants(b, "slow"))
        return;
    stage_open(&s, b, 1000);
    for (unsigned i = 0; i < (b->is_quick ? 2 : BLOCKS); i++) {
        bool   has_sleepers = i % 2 == 1;
        double before = (double)target_rss_bytes(s.target.pid);
        if (has_sleepers)
            sleepers_come(&s, fds);
        block(&s, has_sleepers ? &with : &without);
        if (has_sleepers) {
            series_add(&memory, ((double)target_rss_bytes(s.target.pid) - before) / SLEEPERS / 1024);
            sleepers_go(&s, fds);
        }
    }
    stage_close(&s);
    series_add(&figure[0], series_median(&with));
    series_add(&figure[1], series_median(&without));
    series_add(&figure[2], series_part(&with, 0.99));
    series_add(&figure[3], series_part(&without, 0.99));
    report_section(b->report, "1 KB to 1000 subscribers with 100 more that do not read, until the last reader has it, ms (raw: without them)");
    report_row(b->report, &(struct row){ .id = "slow.median", .what = "median", .unit = "ms", .ours = &figure[0], .raw = &figure[1] });
    report_row(b->report, &(struct row){ .id = "slow.p99",
                                         .what = "p99",
                                         .unit = "ms",
                                         .ours = &figure[2],
                                         .raw = &figure[3],
                                         .target_name = "P9",
                                         .target_kind = RATIO_AT_MOST,
                                         .target = 1.1 });
    report_row(b->report, &(struct row){ .id = "slow.memory", .what = "memory for each that does not read, KB", .unit = "KB", .ours = &memory });
}
