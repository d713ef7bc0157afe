/* target.c: see target.h. */
#include "bench/target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define START_MS 10000
#define STOP_MS 15000
#define GUARDED_MAX 8

static volatile pid_t guarded[GUARDED_MAX]; /* 0: free */
static pid_t          owner;
static char           state_dir[64]; /* "": none */
static bool           is_running;

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fputs("encke-bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

/* --- children that must not outlive us ------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static void remove_state(void)
{
    if (state_dir[0] != '\0')
        nftw(state_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    state_dir[0] = '\0';
}

static void kill_guarded(void)
{
    for (unsigned i = 0; i < GUARDED_MAX; i++)
        if (guarded[i] > 0)
            kill(guarded[i], SIGKILL);
}

static void clean_up(void)
{
    if (getpid() != owner) /* a forked raw loop that fails */
        return;
    kill_guarded();
    remove_state();
}

/* Walking a directory is not for a signal handler: another program removes it. */
static void on_signal(int number)
{
    kill_guarded();
    if (getpid() == owner && state_dir[0] != '\0' && fork() == 0)
        execl("/bin/rm", "rm", "-rf", "--", state_dir, (char *)NULL);
    _exit(128 + number);
}

void target_guard(pid_t pid)
{
    if (owner == 0) {
        atexit(clean_up);
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        owner = getpid();
    }
    for (unsigned i = 0; i < GUARDED_MAX; i++)
        if (guarded[i] == 0) {
            guarded[i] = pid;
            return;
        }
    die("too many children");
}

void target_unguard(pid_t pid)
{
    for (unsigned i = 0; i < GUARDED_MAX; i++)
        if (guarded[i] == pid)
            guarded[i] = 0;
}

/* --- start and stop -------------------------------------------------------------------------------------- */

static void run_server(const char *program, const char *const *options, int out)
{
    const char *arguments[TARGET_OPTIONS + 8] = {
        program,  "--ws.ip=127.0.0.1", "--ws.port=0", "--cometql.port=0", "--main.password=bench", "--log.level=warn",
        "--quiet"
    };
    unsigned    count = 7;
    static char state[96];
    snprintf(state, sizeof state, "--main.state_dir=%s", state_dir);
    arguments[count++] = state;
    while (*options != NULL && count < TARGET_OPTIONS + 7)
        arguments[count++] = *options++;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    execv(program, (char *const *)(uintptr_t)arguments);
    fprintf(stderr, "encke-bench: %s: %s\n", program, strerror(errno));
    _exit(127);
}

/* "encke: ready ws=IP:PORT cometql=IP:PORT" */
static bool read_ready(int fd, struct target *t)
{
    char          text[256];
    size_t        len = 0;
    struct pollfd p = { .fd = fd, .events = POLLIN };
    while (len < sizeof text - 1 && memchr(text, '\n', len) == NULL) {
        if (poll(&p, 1, START_MS) <= 0)
            return false;
        ssize_t n = read(fd, text + len, sizeof text - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
    }
    text[len] = '\0';
    return sscanf(text, "encke: ready ws=%*[^:]:%hu cometql=%*[^:]:%hu", &t->ws_port, &t->sql_port) == 2;
}

static void make_state(void)
{
    snprintf(state_dir, sizeof state_dir, "/tmp/encke-bench-XXXXXX");
    if (mkdtemp(state_dir) == NULL)
        die("cannot make a state directory: %s", strerror(errno));
}

struct target target_start(const char *program, const char *const *options)
{
    struct target t = { 0 };
    int           out[2];
    if (is_running)
        die("one server at a time");
    if (state_dir[0] == '\0')
        make_state();
    if (pipe2(out, O_CLOEXEC) < 0)
        die("cannot start the server: %s", strerror(errno));
    t.pid = fork();
    if (t.pid < 0)
        die("fork: %s", strerror(errno));
    if (t.pid == 0)
        run_server(program, options, out[1]);
    is_running = true;
    target_guard(t.pid);
    close(out[1]);
    if (!read_ready(out[0], &t))
        die("%s did not become ready", program);
    close(out[0]);
    return t;
}

void target_pause(struct target *t)
{
    int      status = 0;
    uint64_t until = clock_mono_ms() + STOP_MS;
    kill(t->pid, SIGTERM);
    while (waitpid(t->pid, &status, WNOHANG) == 0) {
        if (clock_mono_ms() > until) {
            fprintf(stderr, "encke-bench: the server did not stop within %d s\n", STOP_MS / 1000);
            kill(t->pid, SIGKILL);
            until = UINT64_MAX;
        }
        usleep(5000);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fprintf(stderr, "encke-bench: the server ended with status %d\n", status);
    target_unguard(t->pid);
    is_running = false;
    t->pid = 0;
}

void target_forget(void)
{
    remove_state();
}

void target_stop(struct target *t)
{
    target_pause(t);
    target_forget();
}

/* --- what it uses ---------------------------------------------------------------------------------------- */

static bool read_text(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, out, size - 1);
    close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* In nanoseconds; /proc/PID/stat knows hundredths of a second only. */
double target_cpu_us(pid_t pid)
{
    char           path[320], text[128];
    double         us = 0;
    struct dirent *entry;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return 0;
    while ((entry = readdir(tasks)) != NULL) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, entry->d_name);
        if (entry->d_name[0] != '.' && read_text(path, text, sizeof text))
            us += (double)strtoull(text, NULL, 10) / 1000;
    }
    closedir(tasks);
    return us;
}

unsigned target_threads(pid_t pid)
{
    char  path[64], text[4096];
    char *line;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if (!read_text(path, text, sizeof text) || (line = strstr(text, "\nThreads:")) == NULL)
        return 0;
    return (unsigned)strtoul(line + 9, NULL, 10);
}

uint64_t target_rss_bytes(pid_t pid)
{
    char     path[64], text[256];
    uint64_t resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    if (!read_text(path, text, sizeof text) || sscanf(text, "%*u %lu", &resident) != 1)
        return 0;
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t target_pss_bytes(pid_t pid)
{
    char  path[64], text[4096];
    char *line;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    if (!read_text(path, text, sizeof text) || (line = strstr(text, "\nPss:")) == NULL)
        return 0;
    return strtoull(line + 5, NULL, 10) * 1024;
}

bool target_settle(pid_t pid)
{
    uint64_t until = clock_mono_ms() + 10000;
    double   before = target_cpu_us(pid);
    for (;;) {
        usleep(100000);
        double now = target_cpu_us(pid);
        if (now - before < 1000)
            return true;
        if (clock_mono_ms() > until)
            return false;
        before = now;
    }
}
