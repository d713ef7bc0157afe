/* tls_client: TLS for connections of this side: the only file that knows OpenSSL.
 *
 * A tls_client is what all connections share: settings, and the last session that the server gave, with which whoever comes back
 * resumes. A tls_line is one connection: about 16 KB of OpenSSL, and its buffers only while a record is incomplete.
 *
 * Thread: a client, any; a line, one at a time. A line neither opens nor closes its descriptor. The
 * process ignores SIGPIPE.
 */
#ifndef ENCKE_LOAD_TLS_CLIENT_H
#define ENCKE_LOAD_TLS_CLIENT_H

#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"

struct tls_client;
struct tls_line;

/* ca: a file with the certificates of those who may sign the server's, "system" for those that the system trusts, NULL: nothing is
 * checked. */
enum status tls_client_new(const char *ca, struct tls_client **out, struct error *out_error) __attribute__((warn_unused_result));
void        tls_client_free(struct tls_client *c);

/* NULL: no memory. */
struct tls_line *tls_line_new(struct tls_client *c, int fd, const char *host);
void             tls_line_bye(struct tls_line *l);  /* tells the other side that nothing follows, where that needs no waiting */
void             tls_line_free(struct tls_line *l); /* without a word */

enum tls_line_state { TLS_LINE_READY, TLS_LINE_MORE, TLS_LINE_FAILED };

/* The handshake, as far as it goes. MORE: again when the descriptor can be read or written. */
enum tls_line_state tls_line_greet(struct tls_line *l);

/* As send and recv: -1 with errno EAGAIN, or EPROTO when TLS broke. After a short read more may be there. */
ssize_t tls_line_send(struct tls_line *l, const void *bytes, size_t len);
ssize_t tls_line_recv(struct tls_line *l, void *to, size_t size);

bool        tls_line_was_resumed(const struct tls_line *l);
const char *tls_line_error(struct tls_line *l); /* why TLS_LINE_FAILED: valid until the next call in this thread */

#endif
