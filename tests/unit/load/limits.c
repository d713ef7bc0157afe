/* What a machine lacks is said before a run, and nothing when it lacks nothing. */
#include "load/limits.h"

#include <stdio.h>

#include "unit/test.h"

static const struct limits ample = {
    .memory_free = UINT64_C(64) << 30, .ports = 55000, .descriptors = 20000, .files = 10000000, .watches = 10000000, .tracked = 0,
};

static struct plan *plan_for(const char *host, uint32_t connections)
{
    static struct plan p;
    memset(&p, 0, sizeof p);
    snprintf(p.targets[0].host, sizeof p.targets[0].host, "%s", host);
    p.target_count = 1;
    p.connections = connections;
    return &p;
}

static void assert_says(const struct plan *p, const struct limits *have, const char *wanted)
{
    struct buf b = { 0 };
    limits_check(p, have, &b);
    buf_byte(&b, 0);
    if (wanted == NULL)
        assert_string_equal(b.at, "");
    else if (strstr(b.at, wanted) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", b.at, wanted);
    buf_clear(&b);
}

TEST(a_machine_that_suffices_is_not_complained_about)
{
    UNUSED_STATE;
    assert_says(plan_for("127.0.0.1", 1000000), &ample, NULL);
    assert_says(plan_for("192.0.2.1", 55000), &ample, NULL);
    assert_says(plan_for("192.0.2.1", 0), &(struct limits){ .descriptors = 1024 }, NULL);
}

TEST(each_lack_is_told_with_what_to_do)
{
    UNUSED_STATE;
    struct limits l = ample;
    assert_says(plan_for("192.0.2.1", 55001), &l, "Ports: 1 pair of addresses carries 55000 connections");
    struct plan *p = plan_for("192.0.2.1", 110000);
    p->source_count = 2;
    assert_says(p, &l, NULL);
    p->connections++;
    assert_says(p, &l, "--source");
    l.ports = 4000;
    assert_says(plan_for("127.0.0.1", 10), &l, "ip_local_port_range='1024 65535'");
    l = ample;
    l.memory_free = UINT64_C(8) << 30;
    assert_says(plan_for("127.0.0.1", 1000000), &l, "with the server on this machine, and 8192 MB are free");
    assert_says(plan_for("192.0.2.1", 50000), &l, NULL);
    p = plan_for("127.0.0.1", 500000);
    p->targets[0].is_tls = true;
    assert_says(p, &l, "Memory: 500000 connections");
    l = ample;
    l.files = 1500000;
    assert_says(plan_for("127.0.0.1", 1000000), &l, "sysctl -w fs.file-max=2500000");
    l = ample;
    l.watches = 400000;
    assert_says(plan_for("127.0.0.1", 250000), &l, "fs.epoll.max_user_watches");
    l = ample;
    l.tracked = 262144;
    assert_says(plan_for("127.0.0.1", 1000000), &l, "nf_conntrack_max=1250000");
    l = ample;
    l.descriptors = 1024;
    assert_says(plan_for("127.0.0.1", 1000000), &l, "977 threads would be needed");
}

TESTS(RUN(a_machine_that_suffices_is_not_complained_about), RUN(each_lack_is_told_with_what_to_do))
