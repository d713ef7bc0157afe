/* deflate: the payloads of RFC 7692, compressed and not. The only file that knows zlib.
 *
 *   frame   81 0e {"data":"aaaa...   --deflate_frame-->    c1 09 aa 56 4a ...      RSV1 says that it is compressed
 *   payload of c1, unmasked          --inflate_message-->  {"data":"aaaa...        never longer than its bound
 *
 * Each message is compressed alone (no context takeover), so that one compressed frame serves all its receivers and no connection has
 * a window of its own: a shard has one state for compressing (32 KB) and one for inflating (40 KB), each made when it is first needed
 * and kept.
 *
 * Thread: each function works with the state of the shard that calls it.
 */
#ifndef ENCKE_WS_DEFLATE_H
#define ENCKE_WS_DEFLATE_H

#include "base/buf.h"
#include "io/shard.h"

struct ws_deflate_rules {
    bool     is_on;     /* offers of clients are accepted */
    uint8_t  level;     /* 1 to 9, as zlib counts */
    uint32_t min_bytes; /* payloads below are sent as they are */
};

/* Borrowed for ever; called once before the shards start. Until then nothing is compressed. */
void deflate_setup(const struct ws_deflate_rules *rules);
bool deflate_is_on(void);

/* Appends the compressed form of a whole data frame as the server makes it (frame.h). False: nothing was appended, because it is
 * small, would not get smaller, or there is no memory: then it is sent as it is, which the receiver understands as well. */
bool deflate_frame(struct buf *out, struct slice frame);

enum inflated { INFLATED, INFLATE_BAD, INFLATE_TOO_BIG, INFLATE_NO_MEMORY };

/* Appends what `packed`, the payload of a whole message, was before it was compressed. Looks at the bound while it inflates: never
 * more than `limit` bytes and a little are written, whatever the payload promises, and blocks beyond the first few count as bytes, so
 * that the time it takes is bounded as well. After a failure *out has what came before it. */
enum inflated inflate_message(struct slice packed, size_t limit, struct buf *out);

/* Gives the shard's states back when it ends. */
extern const struct shard_part deflate_part;

#endif
