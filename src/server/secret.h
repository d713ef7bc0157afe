/* secret: the CometQL password, and what else must be secret without anybody having to think of one.
 *
 * The one that was configured; otherwise the one in a file of state_dir (cometql.password), which is made on the first start: 24
 * random letters and digits, in a file of mode 0600, written whole or not at all. It is never logged.
 *
 * Thread: main, before the shards start.
 */
#ifndef ENCKE_SERVER_SECRET_H
#define ENCKE_SERVER_SECRET_H

#include <limits.h>

#include "base/slice.h"
#include "base/status.h"

#define SECRET_FILE_NAME "cometql.password"
#define SECRET_SALT_NAME "sip.pipesalt"
#define SECRET_MADE_LEN 24
#define SECRET_MAX_LEN 128

struct secret {
    char text[SECRET_MAX_LEN + 1];
    char file[PATH_MAX]; /* where it is kept; "" when it was configured */
    bool was_made;       /* just now */
};

/* Makes the directory (mode 0700, and those above it) as well, whether the password is needed from it or not. A file
 * that others can read is used, with a warning in the log. */
enum status secret_open(struct secret *out, const char *state_dir, const char *configured, struct error *out_error)
    __attribute__((warn_unused_result));

/* The same with another name of the file; the directory is there. */
enum status secret_open_file(struct secret *out, const char *state_dir, const char *file_name, const char *configured,
                             struct error *out_error) __attribute__((warn_unused_result));

/* Wipes it. */
void secret_clear(struct secret *s);

#endif
