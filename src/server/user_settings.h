/* user_settings: the section [users], as the hub and the classic dialect want it. Thread: main, before the shards start. */
#ifndef ENCKE_SERVER_USER_SETTINGS_H
#define ENCKE_SERVER_USER_SETTINGS_H

#include "dialect/classic.h"
#include "hub/hub.h"
#include "server/config.h"

struct user_rules user_rules_from(const struct config *c);

/* Who may read of whom. The array is the caller's to free. */
enum status user_readers_from(const struct config *c, enum classic_readers *out_all, struct classic_app_readers **out_apps,
                              size_t *out_count, struct error *out_error) __attribute__((warn_unused_result));

#endif
