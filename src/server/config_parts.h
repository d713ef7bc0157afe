/* config_parts: what the files of the configuration share. Inside the room only. */
#ifndef ENCKE_SERVER_CONFIG_PARTS_H
#define ENCKE_SERVER_CONFIG_PARTS_H

#include "base/buf.h"
#include "server/config.h"

/* Longest line of the file and longest value. */
#define CONFIG_LINE_MAX 4096

/* Where an assignment stands. */
struct config_place {
    enum config_source source;
    unsigned           line; /* of the file */
    const char        *name; /* of the file or of the environment variable; borrowed */
};

void config_remark(struct config *c, enum config_weight weight, const struct config_place *place, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

/* Turns `text` into the value of a setting; what is wrong becomes a remark and the value stays. `appends`: []value. */
void config_assign(struct config *c, enum setting_id id, struct slice text, bool appends,
                   const struct config_place *place);

/* The value as it would be written in the file, without quotes. */
void config_value_text(const struct config *c, enum setting_id id, struct buf *out);

/* What is allowed, for a person: "a number from 1 to 64". */
void config_allowed_text(const struct setting *row, struct buf *out);

/* The sources. The file: `path` must exist when is_required. */
void config_read_file(struct config *c, const char *path, bool is_required);
void config_read_environment(struct config *c, char *const *environment);
void config_read_arguments(struct config *c, int argc, char **argv);

/* Secrets whose files are named (main.password_file); after all sources. */
void config_read_secrets(struct config *c);

/* The first look at the command line: what to do, and which file was named (borrowed from argv; NULL when none was). */
const char *config_read_action(struct config *c, int argc, char **argv);

/* A copy of the slice with a NUL behind it, to be freed; NULL without memory. */
char *config_copy(struct slice text);

#endif
