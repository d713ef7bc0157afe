/* secret.c: see secret.h. */
#include "server/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"

/* mkdir -p, with what is made open to the owner only. */
static enum status directory_make(const char *path, struct error *e)
{
    char   part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return error_set(e, E_CONFIG, "main.state_dir: the path is empty or too long");
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char kept = part[i];
        part[i] = '\0';
        struct stat st;
        if (mkdir(part, 0700) != 0 && !(stat(part, &st) == 0 && S_ISDIR(st.st_mode))) {
            errno = errno == EEXIST ? ENOTDIR : errno;
            return error_set(
                e, E_CONFIG,
                "cannot make the state directory %s: %s; make it, or name another with --main.state_dir=DIR", path,
                strerror(errno));
        }
        part[i] = kept;
    }
    return OK;
}

/* Letters and digits, each as likely as the next: bytes past the last whole 62 are thrown away. */
static void make_text(char out[SECRET_MADE_LEN + 1])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < SECRET_MADE_LEN;) {
        unsigned char byte;
        random_bytes(&byte, 1);
        if (byte < 62 * 4)
            out[i++] = letters[byte % 62];
    }
    out[SECRET_MADE_LEN] = '\0';
}

static enum status file_error(const char *what, const char *path, struct error *e)
{
    const char *advice = errno == ENOSPC  ? "make room on the disk"
                         : errno == EROFS ? "name a writable directory with --main.state_dir=DIR"
                                          : "give its directory to the user who runs encke, or name another with "
                                            "--main.state_dir=DIR";
    return error_set(e, E_CONFIG, "cannot %s %s: %s; %s", what, path, strerror(errno), advice);
}

/* Reads an open file into s->text. */
static enum status read_text(struct secret *s, int fd, struct error *e)
{
    char    bytes[SECRET_MAX_LEN + 3]; /* a line end, and one byte more than is allowed */
    ssize_t len = read(fd, bytes, sizeof bytes);
    if (len < 0)
        return file_error("read", s->file, e);
    struct slice text = { bytes, (size_t)len };
    while (text.len > 0 && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r'))
        text.len--;
    bool is_right = text.len > 0 && text.len <= SECRET_MAX_LEN;
    for (size_t i = 0; i < text.len; i++)
        is_right = is_right && (unsigned char)text.at[i] >= ' ' && text.at[i] != 0x7f;
    if (is_right) {
        memcpy(s->text, text.at, text.len);
        s->text[text.len] = '\0';
    }
    explicit_bzero(bytes, sizeof bytes);
    if (!is_right)
        return error_set(e, E_CONFIG,
                         "%s: expected a password of 1 to %d bytes on one line; remove the file to get a new one",
                         s->file, SECRET_MAX_LEN);
    return OK;
}

static enum status read_file(struct secret *s, bool *out_exists, struct error *e)
{
    int fd = open(s->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *out_exists = fd >= 0 || errno != ENOENT;
    if (fd < 0)
        return *out_exists ? file_error("read", s->file, e) : OK;
    struct stat st;
    enum status status = OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        status = error_set(e, E_CONFIG, "%s is not a file; remove it to get a new password", s->file);
    } else {
        if ((st.st_mode & 077) != 0)
            log_warn("%s can be read or changed by other users; run: chmod 600 '%s'", s->file, s->file);
        status = read_text(s, fd, e);
    }
    close(fd);
    return status;
}

/* All bytes on the disk, or false and errno. */
static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t sent = write(fd, text, len);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        text += sent;
        len -= (size_t)sent;
    }
    return fsync(fd) == 0;
}

/* link() and not rename(): of two servers that start at once, the second must find the password of the first. Where a
 * file system has no links, the race is accepted. */
static bool put_in_place(const char *made, const char *path)
{
    if (link(made, path) == 0 || errno == EEXIST)
        return unlink(made) == 0;
    return rename(made, path) == 0;
}

static enum status write_file(struct secret *s, struct error *e)
{
    char made[PATH_MAX + 32];
    char line[SECRET_MADE_LEN + 2];
    snprintf(made, sizeof made, "%s.%ld.new", s->file, (long)getpid());
    unlink(made); /* of a process that died */
    int fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return file_error("write", s->file, e);
    make_text(line);
    line[SECRET_MADE_LEN] = '\n';
    bool written = write_all(fd, line, SECRET_MADE_LEN + 1);
    int  reason = errno;
    close(fd);
    explicit_bzero(line, sizeof line);
    errno = reason;
    if (written && put_in_place(made, s->file))
        return OK;
    reason = errno;
    unlink(made);
    errno = reason;
    return file_error("write", s->file, e);
}

enum status secret_open_file(struct secret *out, const char *state_dir, const char *file_name, const char *configured,
                             struct error *out_error)
{
    *out = (struct secret){ 0 };
    size_t len = strlen(configured);
    if (len > SECRET_MAX_LEN)
        return error_set(out_error, E_CONFIG, "a configured secret is longer than %d bytes", SECRET_MAX_LEN);
    memcpy(out->text, configured, len);
    if (len > 0)
        return OK;

    int path_len = snprintf(out->file, sizeof out->file, "%s/%s", state_dir, file_name);
    if (path_len < 0 || (size_t)path_len >= sizeof out->file)
        return error_set(out_error, E_CONFIG, "main.state_dir: the path is too long");
    bool        exists;
    enum status status = read_file(out, &exists, out_error);
    if (status != OK || exists)
        return status;
    status = write_file(out, out_error);
    if (status != OK)
        return status;
    out->was_made = true;
    status = read_file(out, &exists, out_error);
    if (status == OK && !exists)
        return error_set(out_error, E_CONFIG, "%s vanished while it was made", out->file);
    return status;
}

enum status secret_open(struct secret *out, const char *state_dir, const char *configured, struct error *out_error)
{
    *out = (struct secret){ 0 };
    enum status status = directory_make(state_dir, out_error);
    if (status != OK)
        return status;
    if (strlen(configured) > SECRET_MAX_LEN)
        return error_set(out_error, E_CONFIG, "main.password is longer than %d bytes", SECRET_MAX_LEN);
    return secret_open_file(out, state_dir, SECRET_FILE_NAME, configured, out_error);
}

void secret_clear(struct secret *s)
{
    explicit_bzero(s->text, sizeof s->text);
}
