/* limits.c: see limits.h. */
#include "load/limits.h"

#include <stdio.h>
#include <string.h>

#define THREADS_MANY 256u /* more are needed when tables are small; it works, and is slow */

static bool is_loopback(const struct target_address *t)
{
    return strcmp(t->host, "localhost") == 0 || strcmp(t->host, "::1") == 0 || strncmp(t->host, "127.", 4) == 0;
}

/* On the loopback network encke-load takes as many source addresses as it needs. */
static bool has_all_sources(const struct plan *p)
{
    for (unsigned i = 0; i < p->target_count; i++)
        if (strncmp(p->targets[i].host, "127.", 4) != 0 && strcmp(p->targets[i].host, "localhost") != 0)
            return false;
    return p->source_count == 0;
}

static void check_memory(const struct plan *p, const struct limits *have, bool is_here, struct buf *out)
{
    uint64_t each = LIMITS_KERNEL_BYTES + LIMITS_OUR_BYTES + (p->targets[0].is_tls ? LIMITS_TLS_BYTES : 0);
    if (is_here)
        each += LIMITS_KERNEL_BYTES + LIMITS_SERVER_BYTES + (p->targets[0].is_tls ? LIMITS_TLS_BYTES : 0);
    uint64_t wanted = each * p->connections;
    if (wanted > have->memory_free)
        buf_printf(out, "Memory: %u connections want about %llu MB%s, and %llu MB are free. ", p->connections,
                   (unsigned long long)(wanted >> 20), is_here ? " with the server on this machine" : "",
                   (unsigned long long)(have->memory_free >> 20));
}

static void check_ports(const struct plan *p, const struct limits *have, struct buf *out)
{
    uint64_t pairs = (uint64_t)(p->source_count > 0 ? p->source_count : 1) * p->target_count, most = pairs * have->ports;
    if (has_all_sources(p)) {
        if (have->ports < 8000)
            buf_printf(out, "Ports: a source address has %u of them: sysctl -w net.ipv4.ip_local_port_range='1024 65535'. ", have->ports);
        return;
    }
    if (p->connections > most)
        buf_printf(out, "Ports: %llu pair%s of addresses carr%s %llu connections (%u ports each): name more addresses of this machine "
                        "with --source, more targets, or sysctl -w net.ipv4.ip_local_port_range='1024 65535'. ",
                   (unsigned long long)pairs, pairs > 1 ? "s" : "", pairs > 1 ? "y" : "ies", (unsigned long long)most, have->ports);
}

void limits_check(const struct plan *p, const struct limits *have, struct buf *out)
{
    bool     is_here = p->target_count > 0 && is_loopback(&p->targets[0]);
    uint64_t ends = (uint64_t)p->connections * (is_here ? 2 : 1);
    if (p->connections == 0)
        return;
    check_memory(p, have, is_here, out);
    check_ports(p, have, out);
    if (p->connections / have->descriptors >= THREADS_MANY)
        buf_printf(out, "Descriptors: a thread may have %u, so %u threads would be needed: ulimit -n 1048576 (as root, or in "
                        "/etc/security/limits.conf). ",
                   have->descriptors, p->connections / have->descriptors + 1);
    if (have->files > 0 && ends > have->files)
        buf_printf(out, "Files: %llu are wanted, and the system opens %llu: sysctl -w fs.file-max=%llu. ", (unsigned long long)ends,
                   (unsigned long long)have->files, (unsigned long long)(ends + ends / 4));
    if (have->watches > 0 && ends > have->watches)
        buf_printf(out, "Epoll: %llu watches are wanted, and a user has %llu: sysctl -w fs.epoll.max_user_watches=%llu. ",
                   (unsigned long long)ends, (unsigned long long)have->watches, (unsigned long long)(ends + ends / 4));
    if (have->tracked > 0 && p->connections > have->tracked)
        buf_printf(out, "Firewall: it follows each connection, and no more than %llu: sysctl -w net.netfilter.nf_conntrack_max=%u. ",
                   (unsigned long long)have->tracked, p->connections + p->connections / 4);
}
