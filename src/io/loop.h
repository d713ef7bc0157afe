/* loop: one turn of a shard.
 *
 * 1. The time is read once: shard_here.now_ms and wall_ms.
 * 2. The inbox is drained, at most LOOP_LETTERS letters.
 * 3. Each part has its on_turn; the hub's goes on with its walks. io does not know what a walk is.
 * 4. The wheel: due timers call on_quiet, at most LOOP_TIMERS.
 * 5. epoll_wait: 0 ms when a letter, a walk, a timer or a grave is left, else until the next timer.
 * 6. Events: one read of at most LOOP_READ bytes for each ready stream; stale generations are ignored.
 * 7. Streams that have more to read without a new event have one more read each.
 * 8. Newcomers (io/admission.h) that have said something have one read each, for as long as their share of a turn lasts.
 * 9. Graves: of what was closed at most LOOP_GRAVES are freed. Nothing is freed anywhere else.
 */
#ifndef ENCKE_IO_LOOP_H
#define ENCKE_IO_LOOP_H

#define LOOP_LETTERS 4096
#define LOOP_READ    65536
#define LOOP_EVENTS  512
#define LOOP_TIMERS  512 /* timers of a turn that call on_quiet; the others come in the next turns */
#define LOOP_GRAVES  512 /* as many as can close in a turn by themselves, so that only what one word closes waits */

struct shard;

/* Turns until the shard is told to stop. */
void loop_run(struct shard *shard);

#endif
