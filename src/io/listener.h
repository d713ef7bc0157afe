/* listener: where connections come in (door.c: main's part of it; listener.c: the shards').
 *
 * Each shard has a listener of its own on every port (SO_REUSEPORT); the kernel spreads the connections. main first finds out
 * whether the port is free, by binding it without SO_REUSEPORT, because two servers that share a port by accident would each
 * get half of the clients.
 *
 * main makes the sockets (doors) before the tables split, and each shard closes those of the others: so main can give them to the
 * process that takes over (docs/internals/upgrade.md), and what waits in a backlog waits for that one.
 *
 * A unix socket, and one that a service manager has made, is a single one: every shard has a copy, and they take turns (decision 040).
 *
 * Near the limit of its descriptor table a shard pauses its listeners: what waits in the backlog stays there, and it looks
 * again each second whether descriptors are free. Who may not come in (io/admission.h) is accepted and refused with a text.
 */
#ifndef ENCKE_IO_LISTENER_H
#define ENCKE_IO_LISTENER_H

#include "base/counter.h"
#include "base/status.h"
#include "io/place.h"
#include "io/stream.h"

struct port {
    const char              *name;       /* "ws" */
    const char              *ip;         /* where, in words: place.h */
    uint16_t                 port;       /* 0: any; port_reserve fills in which */
    int                      backlog;
    enum stream_kind         kind;
    const struct stream_ops *first_ops;  /* of a fresh connection */
    uint64_t                 queue_limit_bytes; /* output that may wait for one connection */
    bool                     expects_proxy;    /* each connection must begin with a PROXY header (io/proxy.h) */
    uint32_t                 proxy_timeout_ms; /* for that header to come */
    const struct address_set *proxies;   /* who is believed about a client's address; borrowed; NULL or empty: nobody */
    uint64_t                 max_connections; /* in all shards; 0 = no bound */
    bool                     is_counted; /* its connections are let go one after the other when the server drains (shards_drain) */
    bool                     is_guarded; /* its connections are newcomers first, and addresses have limits (io/admission.h) */
    bool                     is_off;     /* nothing listens there */
    bool                     is_dialled; /* the same: its connections are made by dial (io/dial.h) */
    const struct slice      *refusals;   /* borrowed: REFUSAL_COUNT texts for those that are refused; not over TLS; NULL: none */
    struct slice             tls_hint;   /* sent to who speaks plain HTTP where `tls` is set; may be empty */
    struct tls_context      *tls;        /* borrowed; NULL: plain. Otherwise all it says is TLS */
    enum counter             online, added, ended, events;
    mode_t                   socket_mode; /* of unix sockets; 0: 0660 */
    uid_t                    socket_uid; /* whom they belong to, when root makes them; 0: root */
    gid_t                    socket_gid;
    unsigned                 place_count; /* from here on port_reserve fills in */
    struct place             places[PLACES_MAX];
    int                      held[PLACES_MAX]; /* main's, bound but not listening; -1: none, or released */
    const int               *inherited;   /* borrowed: listening sockets of the process before, to be taken over; NULL: none */
    unsigned                 inherited_count;
    bool                     is_given;    /* ... by a service manager: they are where they are, and their files are its own */
};

static inline bool port_listens(const struct port *p)
{
    return !p->is_off && !p->is_dialled;
}

/* Finds out whether the port can be had and holds it. In main, before the shards start. Does nothing for one that does not
 * listen. */
enum status port_reserve(struct port *p, struct error *out_error) __attribute__((warn_unused_result));
void port_release(struct port *p);

/* Removes the files of unix sockets that the server has made. At the end, when nobody serves there any more. */
void port_unlink(const struct port *p);

/* Does this listening socket listen where the port is to? */
bool port_fits(const struct port *p, int fd);

#endif
