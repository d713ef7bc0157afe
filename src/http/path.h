/* path: from the path of a request to the name of a file below a root. Pure.
 *
 *   "/comet-server/a%20b/"  ->  "a b/index.html"
 *
 * Refuses what could leave the root or surprise a file system: "..", NUL and other control characters, backslashes, wrong
 * percent-encoding, names that begin with a dot (but for .well-known).
 */
#ifndef ENCKE_HTTP_PATH_H
#define ENCKE_HTTP_PATH_H

#include "base/slice.h"

#define HTTP_NAME_SIZE 1024 /* with the NUL */

/* `path` is raw, without the query. A leading /comet-server is left out, "//" counts as "/", "." as nothing, and a directory
 * stands for its index.html. The result is relative and NUL-terminated. False: there can be no such file. */
bool http_path_to_name(struct slice path, char out[HTTP_NAME_SIZE]);

/* What stands behind the last dot of the last part; empty when there is none. */
struct slice http_name_extension(struct slice name);

#endif
