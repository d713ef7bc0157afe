/* tls_files: the certificates of the two ports, from the configuration.
 *
 *   [ws]
 *   tls_certificate = /etc/encke/example.org.pem, /etc/encke/example.net.pem
 *   tls_key         = /etc/encke/example.org.key, /etc/encke/example.net.key      unset: each in its certificate's file
 *
 * Thread: main.
 */
#ifndef ENCKE_SERVER_TLS_FILES_H
#define ENCKE_SERVER_TLS_FILES_H

#include "io/tls.h"
#include "server/config.h"

enum tls_port { TLS_PORT_WS, TLS_PORT_COMETQL };
enum tls_mode { TLS_OFF, TLS_OPTIONAL, TLS_REQUIRED };

/* cometql.tls. E_CONFIG: it is none of the three words. */
enum status tls_mode_of(const struct config *c, enum tls_mode *out_mode, struct error *out_error)
    __attribute__((warn_unused_result));

/* *out_context is the caller's to free; NULL when the port has no certificate, or shall not use it. E_CONFIG names the
 * setting and the file, and says what to do. */
enum status tls_files_load(const struct config *c, enum tls_port port, struct tls_context **out_context,
                           struct error *out_error) __attribute__((warn_unused_result));

/* Reads the files of the port again and lets `context` show what is in them; what is wrong is logged, and the old ones stay. NULL:
 * does nothing. */
void tls_files_renew(const struct config *c, enum tls_port port, struct tls_context *context);

/* The settings that go together, and the files, as remarks for a person. */
void tls_files_check(struct config *c, enum tls_port port);

#endif
