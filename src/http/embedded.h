/* embedded: the files of web/ and client/js that the build put into the binary.
 *
 * Defined in a file that cmake/embed.cmake generates (target `embedded`), not in the room: wiring.c hands the table to
 * http_static_setup. web/x is "/x", client/js/x is "/js/x".
 */
#ifndef ENCKE_HTTP_EMBEDDED_H
#define ENCKE_HTTP_EMBEDDED_H

#include "http/static_files.h"

extern const struct http_embedded embedded_files[]; /* one more than counted, so that it is never empty */
extern const size_t               embedded_file_count;

#endif
