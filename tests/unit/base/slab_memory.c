/* The slab when the kernel says no. This program has an mmap and a munmap of its own, which the room's code calls too.
 * ThreadSanitizer keeps its own books on mmap and cannot bear that: under it the program skips its tests. */
#include "unit/test.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/slab.h"

static bool refuses_map, refuses_unmap;

#ifdef __SANITIZE_THREAD__
#define SKIP_UNDER_TSAN skip()
#else
#define SKIP_UNDER_TSAN ((void)0)

void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    if (refuses_map) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
}

int munmap(void *at, size_t len)
{
    if (refuses_unmap) {
        errno = ENOMEM;
        return -1;
    }
    return (int)syscall(SYS_munmap, at, len);
}
#endif

struct thing {
    struct slab_head head;
    char             filling[1016];
};

TEST(without_memory_a_take_fails_and_the_next_one_may_work)
{
    UNUSED_STATE;
    SKIP_UNDER_TSAN;
    struct slab s;
    slab_init(&s, sizeof(struct thing), 1000);
    refuses_map = true;
    assert_null(slab_take(&s));
    assert_null(slab_take(&s));
    assert_int_equal(slab_bytes(&s), 0);
    slab_validate(&s);
    refuses_map = false;
    struct thing *first = slab_take(&s);
    assert_non_null(first);
    for (uint32_t i = 1; i < s.per_chunk; i++)
        assert_non_null(slab_take(&s));
    refuses_map = true;
    assert_null(slab_take(&s));
    slab_give(&s, first);
    assert_ptr_equal(slab_take(&s), first);
    slab_validate(&s);
    refuses_map = false;
    slab_clear(&s);
}

TEST(a_chunk_that_the_kernel_does_not_take_back_is_used_again)
{
    UNUSED_STATE;
    SKIP_UNDER_TSAN;
    struct slab   s;
    struct thing *all[64 * 3];
    slab_init(&s, sizeof(struct thing), 1000);
    assert_int_equal(s.per_chunk, 64);
    for (int i = 0; i < 64 * 3; i++)
        all[i] = slab_take(&s);
    refuses_unmap = true;
    for (int i = 64 * 3 - 1; i >= 0; i--)
        slab_give(&s, all[i]);
    refuses_unmap = false;
    slab_validate(&s);
    assert_int_equal(s.mapped, 3);
    refuses_map = true;
    for (int i = 0; i < 64 * 3; i++) {
        struct thing *t = slab_take(&s);
        assert_non_null(t);
        assert_int_equal(t->filling[0], 0);
        memset(t->filling, 1, sizeof t->filling);
    }
    assert_null(slab_take(&s));
    slab_validate(&s);
    refuses_map = false;
    slab_clear(&s);
}

TESTS(RUN(without_memory_a_take_fails_and_the_next_one_may_work),
      RUN(a_chunk_that_the_kernel_does_not_take_back_is_used_again))
