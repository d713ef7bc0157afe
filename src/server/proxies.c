/* proxies.c: see proxies.h. */
#include "server/proxies.h"

enum status addresses_from(const struct config_list *names, const char *setting, struct address_set *out,
                           struct error *out_error)
{
    for (uint32_t i = 0; i < names->count; i++) {
        enum status status = address_set_add(out, slice_str(names->at[i]));
        if (status == E_INVALID)
            return error_set(out_error, E_CONFIG,
                             "%s: %s is no address (192.0.2.7, 2001:db8::7), no range (10.0.0.0/8) and "
                             "neither the word loopback nor the word unix",
                             setting, names->at[i]);
        if (status != OK)
            return error_plain(out_error, status);
    }
    return OK;
}

enum status proxies_from(const struct config *c, struct address_set *out, struct error *out_error)
{
    return addresses_from(&c->ws.trusted_proxies, "ws.trusted_proxies", out, out_error);
}
