/* client: whom a request came from, when a proxy passes it on.
 *
 * Headers are believed only when they come from a proxy that the setting ws.trusted_proxies names. Then X-Real-IP is the client,
 * otherwise the right-most address of X-Forwarded-For that is no trusted proxy itself:
 *
 *   X-Forwarded-For: 203.0.113.9, 192.0.2.7, 10.0.0.4        trusted: 10.0.0.0/8
 *                    ^ what the client   ^ who came to 10.0.0.4: the client
 *                      says itself
 *
 * When all of them are trusted the left-most one began it. What is malformed is ignored: an X-Real-IP that is no address, or is
 * there twice; all of X-Forwarded-For when something else than an address stands in it before the client is found.
 *
 * Thread: the functions are pure, http_client_tell is the shard's.
 */
#ifndef ENCKE_HTTP_CLIENT_H
#define ENCKE_HTTP_CLIENT_H

#include "base/address.h"
#include "http/head.h"

struct stream;

/* The client that the headers of a trusted proxy name. False: they name none, the peer is the client. */
bool http_client_address(const struct http_head *h, const struct address_set *trusted, struct address *out);

/* For a connection that from here on belongs to one client (an upgrade, a stream of events): stream_peer tells his address from
 * now on. Other requests must not do this: a proxy sends those of many clients over one connection. True: a proxy has told an
 * address that was not known before. */
bool http_client_tell(struct stream *s, const struct http_head *h);

#endif
