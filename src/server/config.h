/* config: what the server was told.
 *
 *   defaults  <-  file (encke.ini, or an existing comet.ini)  <-  environment (ENCKE_WS_PORT)  <-  command line (--ws.port=1)
 *
 * Later sources override earlier ones; each value remembers where it came from. The settings stand in settings.def; the file
 * dialect is described in config_file.c.
 *
 *   struct config config;
 *   struct error  e;
 *   enum status   s = config_load(&config, argc, argv, &e);
 *   config_report(&config, stderr);               warnings and errors, one a line
 *   switch (config.action) ...
 *   config_free(&config);                         also after a failure
 *
 * Thread: main, before the shards start; read only afterwards.
 */
#ifndef ENCKE_SERVER_CONFIG_H
#define ENCKE_SERVER_CONFIG_H

#include <stdio.h>

#include "base/log.h"
#include "base/status.h"
#include "server/settings.h"

enum config_action { CONFIG_RUN, CONFIG_MIGRATE, CONFIG_CHECK, CONFIG_PRINT, CONFIG_VERSION, CONFIG_HELP };

struct config_list {
    char   **at; /* owned */
    uint32_t count, cap;
};

/* A name and a value of the section [content-type]: "webmanifest", "application/manifest+json". */
struct config_pair {
    char *name, *value; /* owned */
};

enum config_source { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_COMMAND_LINE };

/* Where a value came from: the last assignment counts. */
struct config_origin {
    enum config_source source;
    unsigned           line; /* in the file; 0 otherwise */
};

/* What there is to say about the configuration. */
enum config_weight { CONFIG_NOTE, CONFIG_WARNING, CONFIG_ERROR };

struct config_remark {
    enum config_weight weight;
    char              *text; /* owned; begins with where: "encke.ini:12: " */
};

struct config {
    enum config_action action;
    bool               is_dry_run; /* of a migration */
    char              *file; /* owned; the file that was read, or NULL */

#define SETTING_C_TEXT    char *
#define SETTING_C_SECRET  char *
#define SETTING_C_BOOL    bool
#define SETTING_C_NUMBER  uint64_t
#define SETTING_C_BYTES   uint64_t
#define SETTING_C_TIME    uint64_t
#define SETTING_C_PORT    uint16_t
#define SETTING_C_ADDRESS char *
#define SETTING_C_LEVEL   enum log_level
#define SETTING_C_NAMES   struct config_list
#define SETTING_C_LIST    struct config_list
#define SETTING_SECTION(section, sentence) struct {
#define SETTING_ROW(section, key, field, kind, fallback, min, max, sentence) SETTING_C_##kind field;
#define SETTING_SECTION_END(section) } section;
#include "server/settings.def"

    struct config_pair *content_types; /* owned; further MIME types for static files */
    uint32_t            content_type_count, content_type_cap;

    struct config_origin  origin[SETTING_COUNT];
    struct config_remark *remarks; /* owned */
    uint32_t              remark_count, remark_cap;
    bool                  is_out_of_memory; /* while it was read */
};

/* Reads all sources. argv[0] is the program; a secret on the command line is overwritten there (argv must be writable), so that
 * other users do not see it in the list of processes. On failure the error is the first one found, `out` holds all of them as
 * remarks, and must be freed as well. For CONFIG_VERSION and CONFIG_HELP only the command line is looked at. */
enum status config_load(struct config *out, int argc, char **argv, struct error *out_error)
    __attribute__((warn_unused_result));

void config_free(struct config *c);

/* Was the setting given by somebody? */
bool config_is_set(const struct config *c, enum setting_id id);

/* The warnings and errors, one a line. Notes (keys without effect) only with config_print. */
void config_report(const struct config *c, FILE *out);

/* Every setting with its value, where it came from and what it means, as a file that encke reads; secrets are left out. */
void config_print(const struct config *c, FILE *out);

void config_help(FILE *out);

#endif
