/* raw: what the kernel alone costs, measured with the same crowd in the same run.
 *
 * A child process with as many threads as the server has shards, each with a listener of its own (SO_REUSEPORT) and an
 * epoll set. To a connection it answers with a fixed 101 and a first frame, as many bytes as the server's, without
 * looking at what was asked. On command each thread sends a frame to each of its sockets, in a plain loop: no protocol,
 * no queues, no channels, no timers, nothing shared.
 */
#ifndef ENCKE_BENCH_RAW_H
#define ENCKE_BENCH_RAW_H

#include <stdint.h>
#include <sys/types.h>

#define RAW_THREADS_MAX 64

struct raw {
    pid_t    pid;
    uint16_t port;
    unsigned threads;
    int      orders[RAW_THREADS_MAX]; /* pipes, one to each thread */
    uint32_t number;                  /* of the next message */
};

/* Call it while this process has one thread: it forks. */
void raw_start(struct raw *r, unsigned threads, uint32_t head_bytes, uint32_t hello_bytes);
void raw_stop(struct raw *r);

/* Every thread sends `count` messages, frames of frame_bytes, to each of its sockets; returns at once. As many as fit
 * into join_bytes go with one send; 0: one message, one send. */
void raw_send(struct raw *r, unsigned count, uint32_t frame_bytes, uint32_t join_bytes);

/* Every thread sends a ping to each of its sockets, and reads the answers as they come. */
void raw_ping(struct raw *r);

#endif
