/* main: what was asked for? */
#include <stdio.h>

#include "base/log.h"
#include "server/config.h"
#include "server/storage.h"
#include "server/supervise.h"
#include "server/upgrade.h"

static int act(const struct config *c)
{
    switch (c->action) {
    case CONFIG_VERSION:
        puts("encke " ENCKE_VERSION);
        return 0;
    case CONFIG_HELP:
        config_help(stdout);
        return 0;
    case CONFIG_PRINT:
        config_report(c, stderr);
        config_print(c, stdout);
        return 0;
    case CONFIG_CHECK:
        config_report(c, stderr);
        puts("configuration is valid");
        return 0;
    case CONFIG_MIGRATE:
        config_report(c, stderr);
        return storage_migrate(c);
    case CONFIG_RUN:
        break;
    }
    config_report(c, stderr);
    log_setup(c->log.level);
    return supervise(c);
}

int main(int argc, char **argv)
{
    struct config config;
    upgrade_note_start(argc, argv);
    struct error  error;
    enum status   s = config_load(&config, argc, argv, &error);
    if (s != OK)
        config_report(&config, stderr);
    int exit_code = s == OK ? act(&config) : 1;
    config_free(&config);
    return exit_code;
}
