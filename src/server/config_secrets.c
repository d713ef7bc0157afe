/* config_secrets.c: secrets that stand in files of their own, such as those of `docker secret`, Kubernetes or systemd's LoadCredential. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config_parts.h"

#define FILE_MAX_BYTES 4096

static const struct {
    enum setting_id secret, file;
} pairs[] = {
    { SETTING_ID_main_password, SETTING_ID_main_password_file },
    { SETTING_ID_jwt_previous_password, SETTING_ID_jwt_previous_password_file },
    { SETTING_ID_sip_pipesalt, SETTING_ID_sip_pipesalt_file },
    { SETTING_ID_freeswitch_password, SETTING_ID_freeswitch_password_file },
    { SETTING_ID_db_password, SETTING_ID_db_password_file },
};

static void take(struct config *c, enum setting_id secret, enum setting_id file, const char *path, int fd)
{
    const struct setting     *row = setting_row(file);
    const struct config_place place = { c->origin[file].source, c->origin[file].line, path };
    char                      bytes[FILE_MAX_BYTES];
    struct stat               st;
    ssize_t                   len = read(fd, bytes, sizeof bytes);
    struct slice              text = { bytes, len > 0 ? (size_t)len : 0 };
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 007) != 0)
        config_remark(c, CONFIG_WARNING, &place, "%s.%s: every user of this machine can read or change %s; run: chmod o= '%s'",
                      row->section, row->key, path, path);
    while (text.len > 0 && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r'))
        text.len--;
    if (len < 0)
        config_remark(c, CONFIG_ERROR, &place, "%s.%s: cannot read %s: %s", row->section, row->key, path, strerror(errno));
    else if (text.len == 0)
        config_remark(c, CONFIG_ERROR, &place, "%s.%s: %s is empty; expected the secret on one line", row->section, row->key, path);
    else
        config_assign(c, secret, text, false, &place); /* what is wrong with it is said without showing it */
    explicit_bzero(bytes, sizeof bytes);
}

void config_read_secrets(struct config *c)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const struct setting *row = setting_row(pairs[i].file), *secret = setting_row(pairs[i].secret);
        const char           *path = *(char *const *)(const void *)((const char *)c + row->offset);
        struct config_place   place = { c->origin[pairs[i].file].source, c->origin[pairs[i].file].line, c->file };
        if (place.source == CONFIG_ENVIRONMENT)
            place.source = CONFIG_DEFAULT;
        if (path == NULL || *path == '\0')
            continue;
        if (c->origin[pairs[i].secret].source != CONFIG_DEFAULT) {
            config_remark(c, CONFIG_ERROR, &place, "%s.%s and %s.%s are both set; leave one of them out", row->section, row->key,
                          secret->section, secret->key);
            continue;
        }
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0) {
            config_remark(c, CONFIG_ERROR, &place, "%s.%s: cannot read %s: %s", row->section, row->key, path, strerror(errno));
            continue;
        }
        take(c, pairs[i].secret, pairs[i].file, path, fd);
        close(fd);
    }
}
