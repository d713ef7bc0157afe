/* stream_leave: connections of a shard go all together, at a pace or at once. */
#include "io/internal.h"
#include "io/stream.h"

void stream_leave(struct stream *s, uint32_t back_ms)
{
    if (s->flags & (STREAM_LEAVING | STREAM_CLOSED))
        return;
    s->flags |= STREAM_LEAVING;
    if (s->ops->on_leave != NULL && stream_is_open(s))
        s->ops->on_leave(s, back_ms);
    else
        stream_finish(s);
}

/* Tells `most` connections that they have to leave. The walk goes on where the last one ended, and around once, for those that
 * came to a place it had passed. */
void streams_leave(struct shard *shard, uint64_t most, uint32_t back_ms)
{
    bool has_turned = false;
    while (most > 0) {
        struct stream *s = slab_next(&shard->streams, shard->drain_next);
        if (s == NULL && has_turned)
            return;
        if (s == NULL) {
            has_turned = true;
            shard->drain_next = 0;
            continue;
        }
        shard->drain_next = s->head.index + 1;
        if (!stream_port(s)->is_counted || s->flags & (STREAM_LEAVING | STREAM_CLOSED))
            continue;
        stream_leave(s, back_ms);
        shard->drained++;
        most--;
    }
}

void streams_close_all(struct shard *shard)
{
    for (struct stream *s = slab_next(&shard->streams, 0); s != NULL; s = slab_next(&shard->streams, s->head.index + 1))
        stream_close(s);
}

void streams_leave_but_guests(struct shard *shard)
{
    for (struct stream *s = slab_next(&shard->streams, 0); s != NULL; s = slab_next(&shard->streams, s->head.index + 1))
        if (!s->ops->stays_as_guest)
            stream_leave(s, 0);
}

/* What came while nobody read gave its edge then. */
void streams_read_again(struct shard *shard)
{
    for (struct stream *s = slab_next(&shard->streams, 0); s != NULL; s = slab_next(&shard->streams, s->head.index + 1))
        if ((s->flags & STREAM_DIALLING) == 0)
            stream_mark_ready(shard, s);
}
