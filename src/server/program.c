/* program.c: see program.h. */
#include "server/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

#define VARIABLE "ENCKE_SUCCESSOR"

struct given program_given = { .pair_fd = -1 };

static struct {
    char     path[PATH_MAX];
    char   **argv; /* owned copies, NULL at the end */
    sigset_t mask;
} start;

/* --- what was given ---------------------------------------------------------------------------------------------------- */

static bool is_listening(int fd)
{
    int       on = 0;
    socklen_t len = sizeof on;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

static void keep_to_ourselves(int fd)
{
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void take_door(struct slice word)
{
    struct slice       rest = word, name = slice_cut(&rest, ':');
    struct given_door *d = &program_given.doors[program_given.door_count];
    uint64_t           fd;
    if (program_given.door_count == PROGRAM_DOORS || name.len >= sizeof d->name || !slice_u64(rest, INT_MAX, &fd) ||
        !is_listening((int)fd))
        return;
    *d = (struct given_door){ .fd = (int)fd };
    memcpy(d->name, name.at, name.len);
    keep_to_ourselves(d->fd);
    program_given.door_count++;
}

static void take_given(const char *value)
{
    struct slice rest = slice_str(value), parent = slice_cut(&rest, ' '), first = slice_cut(&parent, '/');
    uint64_t     fd, pid;
    program_given.is_given = true;
    if (slice_u64(first, INT_MAX, &fd) && slice_u64(parent, INT_MAX, &pid)) {
        program_given.pair_fd = (int)fd;
        program_given.parent = (pid_t)pid;
        keep_to_ourselves(program_given.pair_fd);
    }
    while (rest.len > 0)
        take_door(slice_cut(&rest, ' '));
}

bool program_has_parent(void)
{
    return program_given.parent > 0 && getppid() == program_given.parent; /* orphans have another */
}

/* A path that was named is looked up anew, so that a link may point to a newer program by then; what was found by a search is taken
 * where it was found. */
static bool note_path(const char *name)
{
    if (strchr(name, '/') != NULL)
        return snprintf(start.path, sizeof start.path, "%s", name) < (int)sizeof start.path;
    ssize_t n = readlink("/proc/self/exe", start.path, sizeof start.path - 1);
    start.path[n > 0 ? n : 0] = '\0';
    return n > 0;
}

void program_note_start(int argc, char **argv)
{
    const char *value = getenv(VARIABLE);
    sigprocmask(SIG_SETMASK, NULL, &start.mask);
    if (value != NULL) {
        take_given(value);
        unsetenv(VARIABLE);
    }
    start.argv = argc > 0 && note_path(argv[0]) ? calloc((size_t)argc + 1, sizeof *start.argv) : NULL;
    for (int i = 0; start.argv != NULL && i < argc; i++)
        if ((start.argv[i] = strdup(argv[i])) == NULL)
            start.argv = NULL; /* it cannot be started again, which is said when somebody asks for it */
}

/* --- once more --------------------------------------------------------------------------------------------------------- */

extern char **environ;

/* The environment with our variable in front. NULL: no memory. Freed by nobody: it belongs to the program that comes. */
static char **environment_with(char *variable)
{
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    char **all = calloc(count + 2, sizeof *all);
    if (all == NULL)
        return NULL;
    all[0] = variable;
    memcpy(all + 1, environ, count * sizeof *all);
    return all;
}

static char *variable_of(int pair_fd, const struct given_door *doors, unsigned count)
{
    struct buf b = { 0 };
    size_t     len;
    if (pair_fd >= 0)
        buf_printf(&b, VARIABLE "=%d/%ld", pair_fd, (long)getpid());
    else
        buf_text(&b, VARIABLE "=-");
    for (unsigned i = 0; i < count; i++)
        buf_printf(&b, " %s:%d", doors[i].name, doors[i].fd);
    buf_byte(&b, '\0');
    if (buf_ok(&b))
        return buf_take(&b, &len);
    buf_clear(&b);
    return NULL;
}

/* Only what may be called between fork and exec in a program with threads. */
static void run(int pair_fd, const struct given_door *doors, unsigned count, char **environment)
{
    for (unsigned i = 0; i < count; i++)
        (void)fcntl(doors[i].fd, F_SETFD, 0);
    if (pair_fd >= 0)
        (void)fcntl(pair_fd, F_SETFD, 0);
    (void)sigprocmask(SIG_SETMASK, &start.mask, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)execve(start.path, start.argv, environment);
}

pid_t program_start(int pair_fd, const struct given_door *doors, unsigned count)
{
    char  *variable = start.argv != NULL ? variable_of(pair_fd, doors, count) : NULL;
    char **environment = variable != NULL ? environment_with(variable) : NULL;
    pid_t  pid = -1;
    if (environment == NULL)
        errno = ENOMEM;
    else if ((pid = fork()) == 0) {
        static const char words[] = "encke: the program cannot be started, is it where it was?\n";
        run(pair_fd, doors, count, environment);
        (void)!write(STDERR_FILENO, words, sizeof words - 1);
        _exit(127);
    }
    free(environment);
    free(variable);
    return pid;
}

void program_become(const struct given_door *doors, unsigned count)
{
    char  *variable = start.argv != NULL ? variable_of(-1, doors, count) : NULL;
    char **environment = variable != NULL ? environment_with(variable) : NULL;
    if (environment != NULL)
        run(-1, doors, count, environment);
    log_error("cannot start %s again: %s", start.path, strerror(errno));
    free(environment);
    free(variable);
}
