/* limits.c: see limits.h. */
#include "server/limits.h"

#include "server/proxies.h"

enum status limits_admission(const struct config *c, struct admission *out, struct address_set *out_exempt,
                             struct error *out_error)
{
    *out = (struct admission){
        .rate = (uint32_t)c->limits.rate,
        .address_connections = (uint32_t)c->limits.address_connections,
        .address_rate = (uint32_t)c->limits.address_rate,
        .handshakes = (uint32_t)c->limits.handshakes,
        .patience_ms = (uint32_t)c->limits.patience_ms,
        .turn_us = (uint32_t)c->limits.turn_ms * 1000,
        .exempt = out_exempt,
    };
    return addresses_from(&c->limits.exempt, "limits.exempt", out_exempt, out_error);
}

struct meter_rules limits_meters(const struct config *c)
{
    return (struct meter_rules){ .most = {
        [METER_MESSAGES] = (uint32_t)c->limits.messages,
        [METER_BYTES] = (uint32_t)c->limits.bytes,
        [METER_SUBSCRIPTIONS] = (uint32_t)c->limits.subscriptions,
    } };
}
