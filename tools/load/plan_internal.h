/* plan_internal: what the files of plan_*.c share.
 *
 *   plan.c          the words of the command line -> options, targets -> the whole is checked
 *   plan_options.c  the table of options and what each takes
 *   plan_address.c  ws://host:port/path, host:port, source addresses
 */
#ifndef ENCKE_LOAD_PLAN_INTERNAL_H
#define ENCKE_LOAD_PLAN_INTERNAL_H

#include "load/plan.h"

/* What was said, beyond the values: defaults depend on it. */
struct plan_reading {
    struct plan *plan;
    struct error *error;
    const char  *path; /* of --path; borrowed */
    bool         has_workload, has_publish, has_rate, has_rooms, has_sql, has_churn, has_slow;
};

struct plan_option {
    const char *name;  /* without the dashes */
    char        letter; /* 0: none */
    const char *value;  /* what is expected behind it, for the help; NULL: nothing */
    const char *help;   /* lines are broken by \n */
    enum status (*take)(struct plan_reading *r, char *value);
};

/* In the order of the help; a row with only `help` is a heading. */
extern const struct plan_option plan_options[];
extern const unsigned           plan_option_count;

enum status plan_take_target(struct plan_reading *r, const char *url);
enum status plan_take_http(struct plan_reading *r, const char *option, const char *url, struct target_address *out); /* http(s)://... */
enum status plan_take_sources(struct plan_reading *r, const char *list);

/* host:port, [v6]:port or host: fills `host` and, where there is one, the port. False: it is none of these. */
bool plan_host_port(struct slice text, char *host, size_t host_size, uint16_t *port);

/* The text of a path: begins with a slash, without blanks, controls and a fragment. */
enum status plan_check_path(struct plan_reading *r, const char *path);

#endif
