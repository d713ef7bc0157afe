/* privileges.c: see privileges.h. */
#include "server/privileges.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define USUAL_USER "encke"

/* NULL: nobody has this name. */
static const struct passwd *user_named(const char *name)
{
    errno = 0;
    return getpwnam(name); /* one thread yet */
}

static enum status find_as_root(const char *wanted, struct privileges *out, struct error *e)
{
    const struct passwd *user = user_named(*wanted != '\0' ? wanted : USUAL_USER);
    if (user == NULL && *wanted != '\0')
        return error_set(e, E_CONFIG, "main.user: there is no user %s; make one: useradd --system --shell /usr/sbin/nologin %s", wanted,
                         wanted);
    if (user == NULL)
        log_warn("serving as root: make a user " USUAL_USER " (useradd --system " USUAL_USER "), or name another in main.user; "
                 "main.user = root if it is meant");
    if (user == NULL || user->pw_uid == 0)
        return OK;
    *out = (struct privileges){ .must_drop = true, .uid = user->pw_uid, .gid = user->pw_gid };
    snprintf(out->name, sizeof out->name, "%s", user->pw_name);
    return OK;
}

enum status privileges_find(const struct config *c, struct privileges *out, struct error *out_error)
{
    const char *wanted = c->main.user;
    *out = (struct privileges){ 0 };
    if (geteuid() == 0)
        return find_as_root(wanted, out, out_error);
    if (*wanted == '\0')
        return OK;
    const struct passwd *user = user_named(wanted);
    if (user != NULL && user->pw_uid == geteuid())
        return OK;
    return error_set(out_error, E_CONFIG, "main.user: only root can become %s; start as root, or leave main.user out", wanted);
}

/* Plain files of root with one name only: whoever owned the directory before cannot have put a link to somebody else's file there. */
static void give_files(DIR *d, const struct privileges *p)
{
    int            fd = dirfd(d);
    struct dirent *entry;
    struct stat    st;
    while ((entry = readdir(d)) != NULL) {
        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_uid != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
            continue;
        if (fchownat(fd, entry->d_name, p->uid, p->gid, AT_SYMLINK_NOFOLLOW) != 0)
            log_warn("%s in main.state_dir cannot be given to %s: %s", entry->d_name, p->name, strerror(errno));
    }
}

static enum status give_directory(const char *path, const struct privileges *p, struct error *e)
{
    int         fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    DIR        *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL || fstat(fd, &st) != 0 || (st.st_uid == 0 && fchown(fd, p->uid, p->gid) != 0)) {
        enum status s = error_set(e, E_CONFIG, "the state directory %s cannot be given to %s: %s", path, p->name, strerror(errno));
        if (d != NULL)
            closedir(d);
        else if (fd >= 0)
            close(fd);
        return s;
    }
    give_files(d, p);
    closedir(d);
    return OK;
}

/* Every id, real, effective and saved, and none of root's groups; then it is tried whether there is a way back. */
static enum status become(const struct privileges *p, struct error *e)
{
    uid_t r, eff, saved;
    gid_t rg, eg, sg;
    if (initgroups(p->name, p->gid) != 0 || setresgid(p->gid, p->gid, p->gid) != 0 || setresuid(p->uid, p->uid, p->uid) != 0)
        return error_set(e, E_CONFIG, "main.user: cannot become %s: %s", p->name, strerror(errno));
    if (getresuid(&r, &eff, &saved) != 0 || getresgid(&rg, &eg, &sg) != 0 || r != p->uid || eff != p->uid || saved != p->uid ||
        rg != p->gid || eg != p->gid || sg != p->gid || setuid(0) == 0 || seteuid(0) == 0)
        return error_set(e, E_CONFIG, "main.user: this process has become %s, but not for good; it ends", p->name);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_set(e, E_CONFIG, "prctl(PR_SET_NO_NEW_PRIVS): %s", strerror(errno));
    return OK;
}

static void warn_of_files(const struct config_list *files, const char *setting, const struct privileges *p)
{
    for (uint32_t i = 0; i < files->count; i++)
        if (access(files->at[i], R_OK) != 0)
            log_warn("%s: %s has been read as root and cannot be read again as %s (%s): SIGHUP and an upgrade would fail; give its "
                     "group to %s",
                     setting, files->at[i], p->name, strerror(errno), p->name);
}

enum status privileges_drop(const struct privileges *p, const struct config *c, struct error *out_error)
{
    if (!p->must_drop)
        return OK;
    enum status s = give_directory(c->main.state_dir, p, out_error);
    if (s == OK)
        s = become(p, out_error);
    if (s != OK)
        return s;
    if (access(c->main.state_dir, R_OK | W_OK | X_OK) != 0)
        return error_set(out_error, E_CONFIG,
                         "main.user: %s cannot use the state directory %s: %s; give it and the way to it to %s, or name another "
                         "with --main.state_dir=DIR",
                         p->name, c->main.state_dir, strerror(errno), p->name);
    warn_of_files(&c->ws.tls_certificates, "ws.tls_certificate", p);
    warn_of_files(&c->ws.tls_keys, "ws.tls_key", p);
    warn_of_files(&c->cometql.tls_certificates, "cometql.tls_certificate", p);
    warn_of_files(&c->cometql.tls_keys, "cometql.tls_key", p);
    log_info("serving as %s (uid %lu), not as root", p->name, (unsigned long)p->uid);
    return OK;
}
