/* visitors: the classic dialect on real shards, and browsers that speak to it over real sockets.
 *
 *   visitors_up(2, 4096);
 *   int fd = visitor_on(1);              connects until the kernel gives the connection to shard 1
 *   visitor_say(fd, "pipe_count\nweb_a\nm\n");
 *   visitor_hears(fd, "\"user_in_pipe\":1");      reads frames up to one that contains this
 *   close(fd);
 *   visitors_down();
 */
#ifndef ENCKE_TESTS_UNIT_DIALECT_VISITORS_H
#define ENCKE_TESTS_UNIT_DIALECT_VISITORS_H

#include "base/map.h"
#include "dialect/classic_internal.h"
#include "http/conn.h"
#include "hub/channel.h"
#include "hub/hub.h"
#include "unit/peer.h"

static const struct http_route            visitors_routes[] = { { .method = "GET", .path = "/ws/", .is_prefix = true,
                                                                  .on_upgrade = classic_on_upgrade } };
static const struct http_limits           visitors_http = { 8192, 50, 8192, 60000, 60000 };
static const struct ws_limits             visitors_ws = { .message_bytes = 1 << 20 };
static const struct classic_settings      visitors_classic = { .server = "test", .app_count = 10, .max_subscriptions = 128 };
static const struct dialect *const        visitors_dialects[] = { &classic_dialect, &classic_old_dialect };
static struct port                        visitors_port;
static struct shards_setup                visitors_shards;
static unsigned                           visitors_count; /* shards */

/* While it is set, shard 1 does nothing at all. */
static atomic_bool shard_1_sleeps;

static uint32_t sleeper_turn(void)
{
    while (shard_here.index == 1 && atomic_load(&shard_1_sleeps))
        usleep(1000);
    return SHARD_ANY_TIME;
}

static const struct shard_part        sleeper_part = { .name = "sleeper", .on_turn = sleeper_turn };
static const struct shard_part *const visitors_parts[] = { &http_part, &sleeper_part, &hub_part, &classic_part };

static inline void visitors_up(unsigned shard_count, uint64_t backlog_bytes)
{
    struct error           e = { 0 };
    const struct hub_setup hub = { .dialects = visitors_dialects, .dialect_count = 2, .shard_count = shard_count,
                                   .max_subscriptions = 128, .history_bytes = 64 << 20, .backlog_bytes = backlog_bytes };
    static bool            is_counting;
    if (!is_counting)
        counter_setup(4);
    is_counting = true;
    visitors_count = shard_count;
    http_setup(visitors_routes, 1, &visitors_http);
    ws_setup(&visitors_ws);
    classic_setup(&visitors_classic);
    assert_int_equal(hub_setup(&hub), OK);
    visitors_port = (struct port){
        .name = "ws", .ip = "127.0.0.1", .backlog = 512, .first_ops = &http_conn_ops, .queue_limit_bytes = 16 << 20,
        .online = COUNTER_WS_ONLINE, .added = COUNTER_WS_ADDED, .ended = COUNTER_WS_ENDED, .events = COUNTER_WS_EVENTS,
    };
    visitors_shards = (struct shards_setup){ .shard_count = shard_count, .ports = &visitors_port, .port_count = 1,
                                             .parts = visitors_parts, .part_count = 4, .nofile = 1024 };
    if (port_reserve(&visitors_port, &e) != OK || shards_start(&visitors_shards, &e) != OK)
        fail_msg("%s", e.text);
    port_release(&visitors_port);
}

static inline void visitors_down(void)
{
    shards_stop(0);
    shards_join();
    hub_clear();
}

static inline void visitor_say_bytes(int fd, struct slice text)
{
    unsigned char head[14] = { 0x81 };
    size_t        n = 2;
    if (text.len < 126) {
        head[1] = (unsigned char)(0x80 | text.len);
    } else if (text.len < 65536) {
        head[1] = 0x80 | 126;
        for (int i = 1; i >= 0; i--)
            head[n++] = (unsigned char)(text.len >> 8 * i);
    } else {
        head[1] = 0x80 | 127;
        for (int i = 7; i >= 0; i--)
            head[n++] = (unsigned char)(text.len >> 8 * i);
    }
    struct buf frame = { 0 };
    buf_append(&frame, head, n + 4); /* the mask is four zeros, so the payload goes as it is */
    buf_slice_append(&frame, text);
    peer_send(fd, buf_slice(&frame)); /* at once: two small pieces would wait for an acknowledgement */
    buf_clear(&frame);
}

static inline void visitor_say(int fd, const char *text)
{
    visitor_say_bytes(fd, slice_str(text));
}

/* The next text frame, cut to size - 1 bytes. */
static inline void visitor_frame(int fd, char *out, size_t size)
{
    unsigned char head[8];
    char          rest[256];
    assert_int_equal(peer_read(fd, (char *)head, 2), 2);
    size_t len = head[1];
    if (len >= 126) {
        size_t more = len == 126 ? 2 : 8;
        assert_int_equal(peer_read(fd, (char *)head, more), more);
        len = 0;
        for (size_t i = 0; i < more; i++)
            len = len << 8 | head[i];
    }
    size_t kept = len < size - 1 ? len : size - 1;
    assert_int_equal(peer_read(fd, out, kept), kept);
    out[kept] = '\0';
    for (size_t left = len - kept, n; left > 0; left -= n) {
        n = left < sizeof rest ? left : sizeof rest;
        assert_int_equal(peer_read(fd, rest, n), n);
    }
}

static inline void visitor_hears(int fd, const char *wanted)
{
    char line[2048] = "";
    while (strstr(line, wanted) == NULL)
        visitor_frame(fd, line, sizeof line);
}

static inline int visitor_connect(void)
{
    const struct peer p = { .port = &visitors_port };
    int               fd = peer_connect(&p);
    char              c = 0;
    peer_send(fd, SLICE("GET /ws/sesion=&myid=&devid=0&v=4.08&uuid=u&api=js HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
    for (int newlines = 0; newlines < 2;) { /* to the empty line */
        assert_int_equal(peer_read(fd, &c, 1), 1);
        newlines = c == '\n' ? newlines + 1 : c == '\r' ? newlines : 0;
    }
    visitor_hears(fd, "serverInfo");
    return fd;
}

static inline int visitor_on(unsigned shard)
{
    for (;;) {
        uint64_t before = counter_of(shard, COUNTER_WS_ADDED);
        int      fd = visitor_connect();
        if (counter_of(shard, COUNTER_WS_ADDED) > before)
            return fd;
        close(fd);
    }
}

/* Waits until the home of a channel knows of so many subscribers. */
static inline void await_count(int fd, const char *channel, unsigned count)
{
    char question[100], wanted[40], line[512] = "";
    snprintf(question, sizeof question, "pipe_count\n%s\nm\n", channel);
    snprintf(wanted, sizeof wanted, "{\"user_in_pipe\":%u}", count);
    while (strstr(line, wanted) == NULL) {
        visitor_say(fd, question);
        do
            visitor_frame(fd, line, sizeof line);
        while (strstr(line, "_answer_pipe_count") == NULL);
    }
}

/* A name that begins so, of a channel whose home is the shard. */
static inline void channel_at(unsigned shard, const char *prefix, char out[CHANNEL_NAME_MAX])
{
    int i = 0;
    do
        snprintf(out, CHANNEL_NAME_MAX, "%s%d", prefix, i++);
    while (channel_home(channel_hash(0, slice_str(out))) != shard);
}

#endif
