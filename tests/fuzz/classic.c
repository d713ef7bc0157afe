/* A browser that says anything, to a real shard over a real socket: the URL of the upgrade, then commands, each a frame. A zero byte
 * ends the URL and each command. Whatever it says, what it hears is a strict frame of JSON, and the server answers the next one.
 *
 *   "sesion=&myid=&devid=0&v=4.08&uuid=u" 0 "subscription\nweb_a" 0 "web_pipe2\nweb_a\ne\n*\nx" 0 ...
 *
 * v=3.24 is the old library, api=encke our own client. Channels outlive an input, so a crash may need those before it; the keys of
 * tokens are of a known secret, so a seed can log in.
 */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "base/jwt.h"
#include "base/utf8.h"
#include "dialect/classic.h"
#include "http/conn.h"
#include "hub/hub.h"
#include "ws/conn.h"

#define INPUT_MAX 8192
#define HEAR_MAX  (4 << 20)

static struct port port = { .name = "ws", .ip = "127.0.0.1", .backlog = 64, .kind = STREAM_WS, .first_ops = &http_conn_ops,
                            .queue_limit_bytes = 16 << 20, .online = COUNTER_WS_ONLINE, .added = COUNTER_WS_ADDED,
                            .ended = COUNTER_WS_ENDED, .events = COUNTER_WS_EVENTS };

static void end(void)
{
    shards_stop(0);
    shards_join();
    hub_clear();
}

static void start(void)
{
    static const struct http_route       routes[] = { { .method = "GET", .path = "/ws/", .is_prefix = true, .on_upgrade = classic_on_upgrade } };
    static const struct http_limits      http = { INPUT_MAX + 1024, 50, 8192, 60000, 60000 };
    static const struct ws_limits        ws = { .message_bytes = 1 << 20 };
    static const struct dialect *const   dialects[] = { &classic_dialect, &classic_old_dialect, &classic_new_dialect };
    static const struct shard_part *const parts[] = { &http_part, &hub_part, &classic_part };
    static struct jwt_keys               keys;
    static const struct classic_settings classic = { .server = "fuzz", .app_count = 4, .max_subscriptions = 16, .jwt = &keys };
    const struct hub_setup hub = { .dialects = dialects, .dialect_count = 3, .shard_count = 1, .max_subscriptions = 16, .app_count = 4,
                                   .history_bytes = 256 << 10, .backlog_bytes = 1 << 20, .app_channels = 1000, .app_idle_ms = 1000,
                                   .history_floor = classic_history_floor, .users = { .message_bytes = 65536, .cache_count = 16 } };
    static struct shards_setup shards = { .shard_count = 1, .ports = &port, .port_count = 1, .parts = parts, .part_count = 3, .nofile = 1024 };
    struct error e = { 0 };
    counter_setup(1);
    assert(jwt_keys_add_secret(&keys, SLICE("CometQLPassword"), true, &(struct jwt_scope){ 0 }, &e) == OK);
    http_setup(routes, 1, &http);
    ws_setup(&ws);
    classic_setup(&classic);
    assert(hub_setup(&hub) == OK);
    assert(port_reserve(&port, &e) == OK && shards_start(&shards, &e) == OK);
    port_release(&port);
    atexit(end);
}

static void say(int fd, const void *bytes, size_t len)
{
    for (const char *at = bytes; len > 0;) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* it has ended the connection, as it may */
        at += n;
        len -= (size_t)n;
    }
}

/* One frame with a mask of zeros. */
static void say_frame(int fd, unsigned char opcode, struct slice text)
{
    unsigned char bytes[8 + INPUT_MAX] = { (unsigned char)(0x80 | opcode), 0x80 };
    size_t        head = text.len < 126 ? 6 : 8;
    bytes[1] |= (unsigned char)(text.len < 126 ? text.len : 126);
    if (head == 8) {
        bytes[2] = (unsigned char)(text.len >> 8);
        bytes[3] = (unsigned char)text.len;
    }
    memset(bytes + head - 4, 0, 4);
    memcpy(bytes + head, text.at, text.len);
    say(fd, bytes, head + text.len);
}

static void say_hello(int fd, struct slice url)
{
    static const char before[] = "GET /ws/", after[] = " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    char              head[INPUT_MAX + sizeof before + sizeof after];
    size_t            n = sizeof before - 1;
    memcpy(head, before, n);
    for (size_t i = 0; i < url.len; i++)
        head[n++] = url.at[i] > ' ' && url.at[i] < 0x7f ? url.at[i] : '_';
    memcpy(head + n, after, sizeof after - 1);
    say(fd, head, n + sizeof after - 1);
}

static void check_frame(unsigned opcode, struct slice payload)
{
    struct json *doc;
    struct error e = { 0 };
    assert(opcode == 1 || opcode == 8 || opcode == 10);
    if (opcode != 1)
        return;
    assert(utf8_is_valid(payload));
    if (json_parse(payload, &(struct json_limits){ .bytes = HEAR_MAX, .depth = 64 }, &doc, &e) != OK) {
        fprintf(stderr, "no JSON: %.*s\n", (int)payload.len, payload.at);
        abort();
    }
    assert(json_kind(doc) == JSON_KIND_OBJECT);
    json_free(doc);
}

/* All that is heard up to the answer to the ping, or the end. Returns with the answer's frame taken. */
static void hear_all(int fd)
{
    static unsigned char heard[HEAR_MAX];
    size_t               len = 0, at = 0;
    bool                 has_head = false, is_over = false;
    while (!is_over && len < sizeof heard) {
        ssize_t n = recv(fd, heard + len, sizeof heard - len, 0);
        if (n <= 0)
            return;
        len += (size_t)n;
        if (!has_head) {
            unsigned char *body = memmem(heard, len, "\r\n\r\n", 4);
            if (body == NULL)
                continue;
            has_head = true;
            if (memcmp(heard, "HTTP/1.1 101", 12) != 0)
                return;
            at = (size_t)(body - heard) + 4;
        }
        while (len - at >= 2 && !is_over) {
            uint64_t size = heard[at + 1];
            size_t   head = size < 126 ? 2 : size == 126 ? 4 : 10;
            assert(size <= 127); /* a server does not mask */
            if (len - at < head)
                break;
            for (size_t i = 2, first = head > 2; i < head; i++, first = 0)
                size = (first ? 0 : size << 8) | heard[at + i];
            if (len - at - head < size)
                break;
            is_over = (heard[at] & 15) == 10;
            check_frame(heard[at] & 15u, slice_of(heard + at + head, (size_t)size));
            at += head + (size_t)size;
        }
    }
    assert(is_over);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool        is_started;
    struct slice       in = slice_of(data, size), url;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (!is_started)
        start();
    is_started = true;
    a.sin_port = htons(port.port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (size > INPUT_MAX || fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        assert(size > INPUT_MAX);
        close(fd);
        return 0;
    }
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger)); /* no ports in TIME_WAIT */
    url = slice_cut(&in, '\0');
    say_hello(fd, url);
    while (in.len > 0)
        say_frame(fd, 1, slice_cut(&in, '\0'));
    say_frame(fd, 9, SLICE("over"));
    hear_all(fd);
    close(fd);
    return 0;
}
