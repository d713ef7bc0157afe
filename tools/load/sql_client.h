/* sql_client: a blocking connection to a MySQL server, as far as a publisher needs it: log in, run a statement, wait for its OK. */
#ifndef ENCKE_LOAD_SQL_CLIENT_H
#define ENCKE_LOAD_SQL_CLIENT_H

#include "base/buf.h"
#include "base/status.h"

struct sql_client {
    int        fd;
    struct buf in, out; /* owned */
    size_t     taken;   /* of `in` */
};

enum status sql_client_open(struct sql_client *c, const char *host, uint16_t port, const char *user, const char *password,
                            struct error *out_error) __attribute__((warn_unused_result));

/* Several may be sent before their answers are waited for. E_IO: the connection broke; others: what the server said. */
enum status sql_client_send(struct sql_client *c, struct slice statement);
enum status sql_client_wait(struct sql_client *c, struct error *out_error);
void        sql_client_close(struct sql_client *c);

#endif
