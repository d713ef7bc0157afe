/* greeting: what the server says when it is ready. Programs wait for the first line; people read the others. */
#ifndef ENCKE_SERVER_GREETING_H
#define ENCKE_SERVER_GREETING_H

#include "io/listener.h"
#include "server/secret.h"

struct greeting {
    const struct port   *ws, *cometql, *directory;
    const struct secret *password;
    bool                 requires_tls; /* of CometQL's clients */
    bool                 is_short;     /* the first line only */
};

/* On standard output. */
void greet(const struct greeting *g);

#endif
