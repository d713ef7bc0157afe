/* proxies: the setting ws.trusted_proxies, understood, and other sets of addresses. Thread: main, before the shards start. */
#ifndef ENCKE_SERVER_PROXIES_H
#define ENCKE_SERVER_PROXIES_H

#include "base/address.h"
#include "server/config.h"

/* E_CONFIG names the element that is no address, no range and not the word loopback. `out` is zeroed by the caller and must be
 * cleared in any case. */
enum status addresses_from(const struct config_list *names, const char *setting, struct address_set *out,
                           struct error *out_error) __attribute__((warn_unused_result));
enum status proxies_from(const struct config *c, struct address_set *out, struct error *out_error)
    __attribute__((warn_unused_result));

#endif
