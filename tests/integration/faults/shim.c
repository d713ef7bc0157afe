/* shim: faults inside a real server, put before the C library with LD_PRELOAD and steered from a test through a shared file
 * (../support/faults.js, which has the same fields in the same order, and compiles this).
 *
 *   memory    the allocations numbered refuse_from ... refuse_until - 1 fail, of all threads, libraries' as well
 *   storage   fsync and fdatasync wait while sync_waits is set
 *   clock     CLOCK_REALTIME, time and gettimeofday are clock_s seconds off
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct control {
    atomic_uint_fast64_t allocations; /* asked for until now */
    atomic_uint_fast64_t refuse_from, refuse_until;
    atomic_uint_fast64_t refused;
    atomic_uint_fast64_t sync_waits;
    atomic_uint_fast64_t syncs_waiting;
    atomic_int_fast64_t  clock_s;
};

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static struct control  nobody; /* before the file is there */
static struct control *control = &nobody;

__attribute__((constructor)) static void shim_start(void)
{
    const char *path = getenv("FAULTS_CONTROL");
    int         fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void       *at = fd >= 0 ? (void *)syscall(SYS_mmap, NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (fd >= 0)
        close(fd);
    if (at != MAP_FAILED)
        control = at;
}

static int is_refused(void)
{
    uint64_t n = atomic_fetch_add(&control->allocations, 1);
    if (n < atomic_load(&control->refuse_from) || n >= atomic_load(&control->refuse_until))
        return 0;
    atomic_fetch_add(&control->refused, 1);
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return is_refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
    return is_refused() ? NULL : __libc_realloc(at, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return is_refused() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *at = is_refused() ? NULL : __libc_memalign(alignment, size);
    if (at == NULL)
        return ENOMEM;
    *out = at;
    return 0;
}

void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    if ((flags & MAP_ANONYMOUS) && is_refused())
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
}

static void sync_wait(void)
{
    if (!atomic_load(&control->sync_waits))
        return;
    atomic_fetch_add(&control->syncs_waiting, 1);
    while (atomic_load(&control->sync_waits))
        syscall(SYS_nanosleep, &(struct timespec){ .tv_nsec = 1000000 }, NULL);
    atomic_fetch_sub(&control->syncs_waiting, 1);
}

int fsync(int fd)
{
    sync_wait();
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    sync_wait();
    return (int)syscall(SYS_fdatasync, fd);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    static int (*theirs)(clockid_t, struct timespec *);
    if (theirs == NULL)
        theirs = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = theirs(clock, out);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        out->tv_sec += (time_t)atomic_load(&control->clock_s);
    return result;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
