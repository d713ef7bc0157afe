/* peer.c: whose connection it is: the socket's peer, or who a proxy said it is. See stream.h.
 *
 * What a proxy said stands in a map of the shard, by the stream's index, as long as the stream lives: a stream whose
 * peer speaks for itself has one flag that is not set, and no byte more. */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "io/internal.h"

struct told {
    struct map_link link;
    uint32_t        index; /* of the stream */
    struct address  peer;
};

static uint64_t hash_of(const struct stream *s)
{
    return map_hash(s->head.index, SLICE(""));
}

static bool is_of(const struct map_link *link, const void *key)
{
    return list_object(link, const struct told, link)->index == *(const uint32_t *)key;
}

static struct told *told_of(const struct stream *s)
{
    if ((s->flags & STREAM_TOLD) == 0)
        return NULL;
    uint32_t         index = s->head.index;
    struct map_link *link = map_find(&shard_own->told, hash_of(s), is_of, &index);
    return link != NULL ? list_object(link, struct told, link) : NULL;
}

bool stream_tell_peer(struct stream *s, const struct address *peer)
{
    struct told *t = told_of(s);
    if (t == NULL) {
        t = malloc(sizeof *t);
        if (t == NULL)
            return false;
        t->index = s->head.index;
        if (map_put(&shard_own->told, &t->link, hash_of(s)) != OK) {
            free(t);
            return false;
        }
        s->flags |= STREAM_TOLD;
    }
    t->peer = *peer;
    return true;
}

void stream_forget_peer(struct stream *s)
{
    struct told *t = told_of(s);
    if (t == NULL)
        return;
    map_drop(&shard_own->told, &t->link);
    free(t);
    s->flags &= (uint16_t)~STREAM_TOLD;
}

bool peer_of_socket(const struct sockaddr_storage *from, struct address *out)
{
    if (from->ss_family == AF_INET)
        *out = address_of_ipv4(&((const struct sockaddr_in *)(const void *)from)->sin_addr);
    else if (from->ss_family == AF_INET6)
        memcpy(out->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, sizeof out->bytes);
    else if (from->ss_family == AF_UNIX)
        *out = (struct address){ { 0 } };
    return from->ss_family == AF_INET || from->ss_family == AF_INET6 || from->ss_family == AF_UNIX;
}

static bool socket_peer(const struct stream *s, struct address *out)
{
    struct sockaddr_storage a;
    socklen_t               len = sizeof a;
    return s->fd >= 0 && getpeername(s->fd, (struct sockaddr *)&a, &len) == 0 && peer_of_socket(&a, out);
}

bool stream_peer_address(const struct stream *s, struct address *out)
{
    const struct told *t = told_of(s);
    if (t == NULL)
        return socket_peer(s, out);
    *out = t->peer;
    return true;
}

void stream_peer(const struct stream *s, char *out, size_t size)
{
    char           text[ADDRESS_TEXT_MAX] = "";
    struct address a;
    if (size == 0)
        return;
    if (stream_peer_address(s, &a))
        address_text(&a, text);
    size_t len = strlen(text) < size ? strlen(text) : 0;
    memcpy(out, text, len);
    out[len] = '\0';
}

const struct address_set *stream_trusts(const struct stream *s)
{
    const struct address_set *proxies = stream_port(s)->proxies;
    struct address            a;
    if (proxies == NULL || proxies->count == 0 || !stream_peer_address(s, &a))
        return NULL;
    return address_set_has(proxies, &a) ? proxies : NULL;
}
