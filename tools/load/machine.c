/* machine.c: see machine.h. */
#include "load/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"

uint64_t machine_memory_free(void)
{
    char               line[128];
    unsigned long long kb = 0;
    FILE              *f = fopen("/proc/meminfo", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "MemAvailable: %llu", &kb) == 1)
            break;
    if (f != NULL)
        fclose(f);
    return kb * 1024;
}

void machine_name(char *out, size_t size)
{
    struct utsname u = { 0 };
    (void)uname(&u);
    long     cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    snprintf(out, size, "%.32s %.64s, %ld cores, %llu GB", u.sysname, u.release, cores, (unsigned long long)(memory >> 30));
}

static void look_at_cores(struct machine *m, uint8_t *out_percent)
{
    char  line[512];
    FILE *f = fopen("/proc/stat", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        unsigned           core;
        unsigned long long t[8] = { 0 };
        if (sscanf(line, "cpu%u %llu %llu %llu %llu %llu %llu %llu %llu", &core, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6],
                   &t[7]) < 5 || core >= MACHINE_CORES_MAX)
            continue;
        uint64_t all = 0, busy;
        for (unsigned i = 0; i < 8; i++)
            all += t[i];
        busy = all - t[3] - t[4];
        uint64_t passed = all - m->core_all[core];
        out_percent[core] = passed > 0 ? (uint8_t)((busy - m->core_busy[core]) * 100 / passed) : 0;
        m->core_all[core] = all;
        m->core_busy[core] = busy;
        m->core_count = core + 1 > m->core_count ? core + 1 : m->core_count;
    }
    if (f != NULL)
        fclose(f);
}

/* User and system time of a process in ticks; 0: it is gone. */
static uint64_t ticks_of(int pid)
{
    char               path[64], line[1024] = "";
    unsigned long long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    const char *from = fgets(line, sizeof line, f) != NULL ? strrchr(line, ')') : NULL;
    if (from == NULL || sscanf(from, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
        user = system = 0;
    fclose(f);
    return user + system;
}

void machine_look(struct machine *m, int server_pid, uint8_t *out_core_percent, double *out_server_cores)
{
    uint64_t now = clock_mono_ns(), ticks = server_pid > 0 ? ticks_of(server_pid) : 0;
    double   seconds = (double)(now - m->at_ns) / 1e9;
    look_at_cores(m, out_core_percent);
    *out_server_cores = -1;
    if (ticks > 0 && m->server_ticks > 0 && seconds > 0)
        *out_server_cores = (double)(ticks - m->server_ticks) / (double)sysconf(_SC_CLK_TCK) / seconds;
    m->server_ticks = ticks;
    m->at_ns = now;
}

uint64_t machine_rss(int pid)
{
    char               path[64] = "/proc/self/statm";
    unsigned long long pages = 0;
    if (pid > 0)
        snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *f = fopen(path, "re");
    if (f != NULL && fscanf(f, "%*u %llu", &pages) != 1)
        pages = 0;
    if (f != NULL)
        fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint32_t machine_descriptors(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0)
        return 1024;
    r.rlim_cur = r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r) < 0)
        getrlimit(RLIMIT_NOFILE, &r);
    return r.rlim_cur > 1u << 20 ? 1u << 20 : (uint32_t)r.rlim_cur;
}

uint64_t machine_number(const char *path)
{
    unsigned long long number = 0;
    FILE              *f = fopen(path, "re");
    if (f != NULL && fscanf(f, "%llu", &number) != 1)
        number = 0;
    if (f != NULL)
        fclose(f);
    return number;
}

uint32_t machine_ports(void)
{
    unsigned from = 32768, to = 60999;
    FILE    *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    if (f != NULL && fscanf(f, "%u %u", &from, &to) != 2)
        from = 32768, to = 60999;
    if (f != NULL)
        fclose(f);
    return to >= from ? to - from + 1 : 0;
}
