/* limits: the section [limits], understood. Thread: main, before the shards start. */
#ifndef ENCKE_SERVER_LIMITS_H
#define ENCKE_SERVER_LIMITS_H

#include "io/admission.h"
#include "io/meter.h"
#include "server/config.h"

/* E_CONFIG names the element of limits.exempt that is no address, no range and not the word loopback. `out_exempt` is zeroed by
 * the caller, must be cleared in any case, and is borrowed by the rules. */
enum status limits_admission(const struct config *c, struct admission *out, struct address_set *out_exempt,
                             struct error *out_error) __attribute__((warn_unused_result));

struct meter_rules limits_meters(const struct config *c);

#endif
