/* raw.c: see raw.h. */
#include "bench/raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/buf.h"
#include "bench/target.h"
#include "bench/walker.h"
#include "ws/frame.h"

#define EVENTS 256
#define ACCEPTS 256
#define LISTENER -1
#define ORDERS -2
#define REQUEST_MAX 2048
#define PING_BYTES 2 /* an empty ping; no message is so short */

struct order {
    uint32_t first, count, frame_bytes, join_bytes;
};

struct thread {
    pthread_t thread;
    uint16_t  port;
    int       orders_fd, epoll_fd, listen_fd;
    int      *sockets; /* owned; -1: a hole */
    uint32_t  count, cap;
};

static struct buf answer; /* set once, before the threads start */

/* --- what is sent ---------------------------------------------------------------------------------------- */

static void make_answer(uint32_t head_bytes, uint32_t hello_bytes)
{
    static const char head[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    buf_text(&answer, head);
    if (head_bytes >= answer.len + 4 + 4) {
        buf_text(&answer, "\r\nX:");
        while (answer.len + 4 < head_bytes)
            buf_byte(&answer, 'x');
    }
    buf_text(&answer, "\r\n\r\n");
    struct buf payload = { 0 };
    while (payload.len + (hello_bytes > 127 ? 4 : 2) < hello_bytes)
        buf_byte(&payload, '-');
    ws_frame_make(&answer, WS_TEXT, buf_slice(&payload));
    buf_clear(&payload);
}

/* `count` messages, numbered from `first`; all frames have frame_bytes. */
static void make_messages(struct buf *out, uint32_t first, uint32_t count, uint32_t frame_bytes)
{
    struct buf payload = { 0 };
    size_t     head = frame_bytes > 127 ? 4 : 2;
    if (frame_bytes == PING_BYTES) {
        ws_frame_make(out, WS_PING, SLICE(""));
        return;
    }
    buf_text(&payload, WALKER_PREFIX "00000000");
    while (payload.len + head < frame_bytes)
        buf_byte(&payload, 'x');
    for (uint32_t i = 0; i < count; i++) {
        walker_label(payload.at + sizeof(WALKER_PREFIX) - 1, WALKER_WEBSOCKET, (first + i) % WALKER_NUMBERS);
        ws_frame_make(out, WS_TEXT, buf_slice(&payload));
    }
    buf_clear(&payload);
}

/* --- a thread -------------------------------------------------------------------------------------------- */

static int listen_shared(uint16_t *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(*port) };
    socklen_t          len = sizeof a;
    int                on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        die("raw loop: cannot listen: %s", strerror(errno));
    *port = ntohs(a.sin_port);
    return fd;
}

static void watch(const struct thread *t, int fd, int mark)
{
    struct epoll_event e = { .events = EPOLLIN, .data.u64 = (uint32_t)fd | (uint64_t)(uint32_t)mark << 32 };
    if (epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
        die("raw loop: epoll: %s", strerror(errno));
}

static void accept_all(struct thread *t)
{
    for (unsigned i = 0; i < ACCEPTS; i++) {
        int fd = accept4(t->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (!array_room(&t->sockets, &t->cap, t->count + 1, sizeof *t->sockets))
            die("no memory");
        watch(t, fd, (int)t->count);
        t->sockets[t->count++] = fd;
    }
}

/* A request comes in one piece here. */
static void serve(struct thread *t, int fd, int index)
{
    char    request[REQUEST_MAX];
    ssize_t n = recv(fd, request, sizeof request, 0);
    if (n > 0) {
        if (memcmp(request, "GET ", 4) == 0 && send(fd, answer.at, answer.len, MSG_NOSIGNAL) != (ssize_t)answer.len)
            die("raw loop: %s", strerror(errno));
    } else if (n == 0 || errno != EAGAIN) {
        close(fd);
        t->sockets[index] = -1;
    }
}

static void send_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t       n = send(fd, at, len, MSG_NOSIGNAL);
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        if (n < 0 && errno != EAGAIN)
            return; /* the crowd says that it was closed */
        if (n < 0)
            poll(&p, 1, 1000);
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

static void carry_out(struct thread *t)
{
    struct order o;
    struct buf   bytes = { 0 };
    if (read(t->orders_fd, &o, sizeof o) != sizeof o)
        _exit(0);
    uint32_t together = o.join_bytes / o.frame_bytes > 0 ? o.join_bytes / o.frame_bytes : 1;
    for (uint32_t done = 0, n; done < o.count; done += n) {
        n = o.count - done < together ? o.count - done : together;
        buf_reset(&bytes);
        make_messages(&bytes, o.first + done, n, o.frame_bytes);
        for (uint32_t i = 0; i < t->count; i++)
            if (t->sockets[i] >= 0)
                send_all(t->sockets[i], bytes.at, bytes.len);
    }
    buf_clear(&bytes);
}

static void *thread_run(void *argument)
{
    struct thread     *t = argument;
    struct epoll_event events[EVENTS];
    t->epoll_fd = -1;
    if (unshare(CLONE_FILES) < 0 || (t->epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
        die("raw loop: %s", strerror(errno));
    watch(t, t->listen_fd, LISTENER);
    watch(t, t->orders_fd, ORDERS);
    for (;;) {
        int n = epoll_wait(t->epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = (int)(uint32_t)events[i].data.u64, mark = (int)(events[i].data.u64 >> 32);
            if (mark == LISTENER)
                accept_all(t);
            else if (mark == ORDERS)
                carry_out(t);
            else
                serve(t, fd, mark);
        }
    }
    return NULL;
}

/* --- the process ----------------------------------------------------------------------------------------- */

static void child(const struct raw *r, const int *orders, int say_port)
{
    static struct thread threads[RAW_THREADS_MAX];
    uint16_t             port = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned i = 0; i < r->threads; i++)
        threads[i] = (struct thread){ .orders_fd = orders[i], .listen_fd = listen_shared(&port) };
    for (unsigned i = 0; i < r->threads; i++)
        if (pthread_create(&threads[i].thread, NULL, thread_run, &threads[i]) != 0)
            die("raw loop: cannot start a thread");
    if (write(say_port, &port, sizeof port) != sizeof port)
        _exit(1);
    for (;;)
        pause();
}

void raw_start(struct raw *r, unsigned threads, uint32_t head_bytes, uint32_t hello_bytes)
{
    int say[2], orders[RAW_THREADS_MAX][2], inner[RAW_THREADS_MAX];
    *r = (struct raw){ .threads = threads < RAW_THREADS_MAX ? threads : RAW_THREADS_MAX };
    buf_reset(&answer);
    make_answer(head_bytes, hello_bytes);
    if (!buf_ok(&answer) || pipe2(say, O_CLOEXEC) < 0)
        die("raw loop: %s", strerror(errno));
    for (unsigned i = 0; i < r->threads; i++) {
        if (pipe2(orders[i], O_CLOEXEC) < 0)
            die("raw loop: %s", strerror(errno));
        inner[i] = orders[i][0];
        r->orders[i] = orders[i][1];
    }
    fflush(stdout);
    r->pid = fork();
    if (r->pid < 0)
        die("fork: %s", strerror(errno));
    if (r->pid == 0)
        child(r, inner, say[1]);
    target_guard(r->pid);
    close(say[1]);
    if (read(say[0], &r->port, sizeof r->port) != sizeof r->port)
        die("the raw loop did not start");
    close(say[0]);
    for (unsigned i = 0; i < r->threads; i++)
        close(inner[i]);
}

void raw_stop(struct raw *r)
{
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
    target_unguard(r->pid);
    for (unsigned i = 0; i < r->threads; i++)
        close(r->orders[i]);
    r->pid = 0;
}

static void give_order(const struct raw *r, const struct order *o)
{
    for (unsigned i = 0; i < r->threads; i++)
        if (write(r->orders[i], o, sizeof *o) != sizeof *o)
            die("the raw loop is gone: %s", strerror(errno));
}

void raw_send(struct raw *r, unsigned count, uint32_t frame_bytes, uint32_t join_bytes)
{
    const struct order o = { r->number, count, frame_bytes, join_bytes };
    r->number = (r->number + count) % WALKER_NUMBERS;
    give_order(r, &o);
}

void raw_ping(struct raw *r)
{
    const struct order o = { .count = 1, .frame_bytes = PING_BYTES };
    give_order(r, &o);
}
