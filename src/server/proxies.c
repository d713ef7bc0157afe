/* proxies.c: see proxies.h. */
#include "server/proxies.h"

enum status proxies_from(const struct config *c, struct address_set *out, struct error *out_error)
{
    const struct config_list *names = &c->ws.trusted_proxies;
    for (uint32_t i = 0; i < names->count; i++) {
        enum status status = address_set_add(out, slice_str(names->at[i]));
        if (status == E_INVALID)
            return error_set(out_error, E_CONFIG,
                             "ws.trusted_proxies: %s is no address (192.0.2.7, 2001:db8::7), no range (10.0.0.0/8) and "
                             "not the word loopback",
                             names->at[i]);
        if (status != OK)
            return error_plain(out_error, status);
    }
    return OK;
}
