/* The SQLite backend: the suite, what it does with files that are not as they should be, and real trouble: a locked file, a full
 * disk, a process that is killed. */
#include "unit/store/suite.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* --- a directory of its own for each test ------------------------------------------------------------------------------ */

static char directory[256];

static void clean(void)
{
    DIR *d = opendir(directory);
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(d), entry->d_name, 0);
    closedir(d);
    assert_int_equal(rmdir(directory), 0);
}

static void prepare(struct store_setup *setup)
{
    const char *top = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/encke-store-XXXXXX", top != NULL ? top : "/tmp");
    assert_non_null(mkdtemp(directory));
    setup->backend = "sqlite";
    setup->directory = directory;
}

static const struct suite suite = { .prepare = prepare, .clean = clean, .keeps = true };

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

/* What somebody does with the shell of SQLite. */
static void shell(const char *sql)
{
    char command[1024];
    snprintf(command, sizeof command, "sqlite3 %s \"%s\" >/dev/null", path_of("encke.db"), sql);
    assert_int_equal(system(command), 0);
}

static void prepare_closed(void)
{
    suite_setup = (struct store_setup){ .durability = STORE_BATCH, .queue_bytes = 64 << 20, .patience_ms = 60000 };
    prepare(&suite_setup);
}

static void cannot_open(const char *because)
{
    struct error e = { 0 };
    assert_int_not_equal(store_open(&suite_setup, &e), OK);
    if (strstr(e.text, because) == NULL || strstr(e.text, "encke.db") == NULL)
        fail_msg("\"%s\" does not say \"%s\" and name the file", e.text, because);
}

/* --- the file ---------------------------------------------------------------------------------------------------------- */

TEST(the_file_is_for_the_server_alone)
{
    UNUSED_STATE;
    struct stat st;
    suite_begin();
    tell(op_text(STORE_HASH_PUT, 1, 2, "secret"));
    static const char *const names[] = { "encke.db", "encke.db-wal", "encke.db-shm", "encke.lock" };
    for (int i = 0; i < 4; i++) {
        assert_int_equal(stat(path_of(names[i]), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    assert_int_equal(shop_close(), 0);
    assert_int_equal(stat(path_of("encke.db-wal"), &st), -1); /* one file is left, easy to copy */
    clean();
}

TEST(a_second_process_is_refused_until_the_first_has_ended)
{
    UNUSED_STATE;
    char         pid[32];
    void        *second = NULL;
    struct error e = { 0 };
    suite_begin();
    snprintf(pid, sizeof pid, "in use by process %ld:", (long)getpid());
    assert_int_equal(store_sqlite.open(&second, &suite_setup, &e), E_IO);
    assert_non_null(strstr(e.text, pid));
    tell(op_text(STORE_HASH_PUT, 1, 2, "still works"));
    suite_again();
    suite_end();
}

TEST(a_damaged_file_is_named_with_what_to_do)
{
    UNUSED_STATE;
    prepare_closed();
    FILE *f = fopen(path_of("encke.db"), "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database, ", f);
    fclose(f);
    cannot_open("is damaged");
    cannot_open("restore a backup");
    f = fopen(path_of("encke.db"), "r");
    assert_int_equal(fgetc(f), 't'); /* it was left alone */
    fclose(f);
    clean();
}

TEST(a_file_whose_pages_are_damaged_is_noticed_when_it_is_loaded)
{
    UNUSED_STATE;
    struct store_row *rows = NULL;
    struct error      e = { 0 };
    suite_begin();
    for (unsigned i = 1; i <= 500; i++)
        tell(op_published(1, "channel", 5, i));
    assert_int_equal(shop_close(), 0);
    FILE *f = fopen(path_of("encke.db"), "r+");
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    fseek(f, 4096 * 12, SEEK_SET); /* behind the schema: twelve empty tables and indexes */
    for (long i = 4096 * 12; i < size; i++)
        fputc(0xA5, f);
    fclose(f);
    shop_open(&suite_setup);
    assert_int_not_equal(store_load(&rows, &e), OK);
    assert_non_null(strstr(e.text, "is damaged"));
    suite_end();
}

TEST(a_database_of_others_and_one_of_a_later_version_are_left_alone)
{
    UNUSED_STATE;
    prepare_closed();
    shell("CREATE TABLE mine (a)");
    cannot_open("of another program");
    unlink(path_of("encke.db"));
    shop_open(&suite_setup);
    assert_int_equal(shop_close(), 0);
    shell("PRAGMA user_version = 99");
    cannot_open("later version");
    shell("PRAGMA user_version = 2");
    shop_open(&suite_setup);
    suite_end();
}

TEST(a_directory_that_is_not_there_is_an_error)
{
    UNUSED_STATE;
    struct error e = { 0 };
    prepare_closed();
    clean();
    assert_int_equal(store_open(&suite_setup, &e), E_IO);
    assert_non_null(strstr(e.text, "No such file"));
}

TEST(a_backup_can_be_made_while_the_store_works)
{
    UNUSED_STATE;
    suite_begin();
    tell(op_text(STORE_HASH_PUT, 1, 2, "before"));
    char backup[600];
    snprintf(backup, sizeof backup, ".backup %s", path_of("copy.db"));
    shell(backup);
    tell(op_text(STORE_HASH_PUT, 1, 2, "after"));
    assert_int_equal(shop_close(), 0);
    assert_int_equal(unlink(path_of("encke.db")), 0);
    char from[512];
    snprintf(from, sizeof from, "%s", path_of("copy.db"));
    assert_int_equal(rename(from, path_of("encke.db")), 0);
    shop_open(&suite_setup);
    struct store_op *op = ask(op_user(STORE_USER, 1, 2));
    assert_slice(op->text, "before");
    store_op_free(op);
    suite_end();
}

/* --- trouble ----------------------------------------------------------------------------------------------------------- */

static void await_away(void)
{
    for (uint64_t until_ms = clock_mono_ms() + 60000; !store_figures().is_away;) {
        assert_true(clock_mono_ms() < until_ms);
        sched_yield();
    }
}

static void queue_has(unsigned count)
{
    struct store_op *op = ask(op_user(STORE_USER, 1, 2));
    uint64_t         offset = 1;
    assert_int_equal(op->status, OK);
    for (const struct store_row *row = op->rows; row != NULL; row = row->next)
        assert_int_equal(row->offset, offset++);
    assert_int_equal(offset, count + 1);
    store_op_free(op);
}

/* Another process that holds the writer's lock until it is told otherwise. */
static FILE *lock_file(void)
{
    struct stat st;
    char        command[600];
    snprintf(command, sizeof command, "sqlite3 %s", path_of("encke.db"));
    FILE *other = popen(command, "w");
    assert_non_null(other);
    fprintf(other, "BEGIN IMMEDIATE;\n.once %s\nSELECT 'locked';\n", path_of("locked"));
    fflush(other);
    for (uint64_t until_ms = clock_mono_ms() + 60000; stat(path_of("locked"), &st) < 0 || st.st_size == 0;) {
        assert_true(clock_mono_ms() < until_ms);
        sched_yield();
    }
    return other;
}

/* The log has one line more when trouble begins, and one when it is over. */
TEST(a_file_that_another_process_locks_gets_everything_once_when_it_is_free)
{
    UNUSED_STATE;
    enum { COUNT = 500 };
    struct store_op *ops[COUNT];
    struct asking    a;
    suite_begin();
    tell(op_queued(1, 2, 1));
    FILE    *other = lock_file();
    uint64_t lines = log_line_count();
    for (unsigned i = 0; i < COUNT; i++)
        ops[i] = op_queued(1, 2, i + 2);
    ask_begin(&a, 0, ops, COUNT);
    await_away();
    fputs("ROLLBACK;\n", other);
    assert_int_equal(pclose(other), 0);
    ask_end(&a);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(ops[i]->status, OK);
        store_op_free(ops[i]);
    }
    assert_int_equal(log_line_count() - lines, 2);
    queue_has(COUNT + 1);
    suite_end();
}

static bool fill(const char *path)
{
    static const char zeros[65536];
    FILE             *f = fopen(path, "w");
    if (f == NULL)
        return false;
    setvbuf(f, NULL, _IONBF, 0);
    while (fwrite(zeros, 1, sizeof zeros, f) == sizeof zeros)
        ;
    fclose(f);
    return true;
}

/* A small file system that only this process sees and that goes with it. False without the right to mount. */
static bool mount_small(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("encke-test", directory, "tmpfs", 0, "size=4m") == 0;
}

TEST(a_full_disk_loses_nothing_that_waits_and_reorders_nothing)
{
    UNUSED_STATE;
    enum { COUNT = 4000 };
    static struct store_op *ops[COUNT];
    struct asking           a;
    prepare_closed();
    if (!mount_small()) {
        rmdir(directory);
        skip();
    }
    shop_open(&suite_setup);
    tell(op_queued(1, 2, 1));
    uint64_t lines = log_line_count();
    assert_true(fill(path_of("ballast")));
    for (unsigned i = 0; i < COUNT; i++)
        ops[i] = op_queued(1, 2, i + 2);
    ask_begin(&a, 0, ops, COUNT);
    await_away();
    assert_int_equal(unlink(path_of("ballast")), 0);
    ask_end(&a);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(ops[i]->status, OK);
        store_op_free(ops[i]);
    }
    queue_has(COUNT + 1);
    assert_int_equal(log_line_count() - lines, 2);
    suite_again();
    queue_has(COUNT + 1);
    assert_int_equal(shop_close(), 0);
    assert_int_equal(umount2(directory, MNT_DETACH), 0); /* a thread that has ended closes its descriptors a moment later */
    assert_int_equal(rmdir(directory), 0);
}

/* --- sudden death ------------------------------------------------------------------------------------------------------ */

static struct {
    struct letter letter;
    int           fd; /* where the offsets of answered messages are told */
    uint64_t      next;
} flooding;

static void flood_done(struct store_op *op)
{
    uint64_t offset = op->offset;
    if (op->status == OK)
        (void)!write(flooding.fd, &offset, sizeof offset);
    store_op_free(op);
}

/* Messages without end, at most some thousand of them under way. */
static void flood(struct letter *l)
{
    while (store_outstanding() < 2000)
        store_send(op_queued(1, 2, ++flooding.next), flood_done);
    shard_post(0, l);
}

/* In a process of its own, which its parent kills. */
_Noreturn static void flood_forever(int fd, uint64_t last)
{
    flooding.letter.deliver = flood;
    flooding.fd = fd;
    flooding.next = last;
    shop_open(&suite_setup);
    shard_post(0, &flooding.letter);
    for (;;)
        pause();
}

/* The last offset that was answered, of a child that is killed after `count` answers. */
static uint64_t flood_and_kill(uint64_t last, unsigned count)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        flood_forever(ends[1], last);
    close(ends[1]);
    for (uint64_t offset; read(ends[0], &offset, sizeof offset) == sizeof offset;) {
        assert_int_equal(offset, last + 1); /* in order, none left out */
        last = offset;
        if (count-- == 0)
            kill(child, SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);
    return last;
}

TEST(what_was_answered_is_there_after_the_process_was_killed)
{
    UNUSED_STATE;
    prepare_closed();
    suite_setup.patience_ms = 10000;
    uint64_t last = 0;
    unsigned seed = (unsigned)getpid();
    print_message("seed %u\n", seed);
    for (int round = 0; round < 20; round++) {
        uint64_t answered = flood_and_kill(last, (unsigned)rand_r(&seed) % 5000);
        shop_open(&suite_setup);
        struct store_op *op = ask(op_user(STORE_USER, 1, 2));
        uint64_t         stored = last;
        for (const struct store_row *row = op->rows; row != NULL; row = row->next)
            assert_int_equal(row->offset, ++stored);
        store_op_free(op);
        assert_true(stored >= answered);
        tell(with_place(op_user(STORE_QUEUE_DROP, 1, 2), 0, stored, 0));
        assert_int_equal(shop_close(), 0);
        last = stored;
    }
    clean();
}

TESTS(SUITE_TESTS, RUN(the_file_is_for_the_server_alone), RUN(a_second_process_is_refused_until_the_first_has_ended),
      RUN(a_damaged_file_is_named_with_what_to_do), RUN(a_file_whose_pages_are_damaged_is_noticed_when_it_is_loaded),
      RUN(a_database_of_others_and_one_of_a_later_version_are_left_alone), RUN(a_directory_that_is_not_there_is_an_error),
      RUN(a_backup_can_be_made_while_the_store_works), RUN(a_file_that_another_process_locks_gets_everything_once_when_it_is_free),
      RUN(a_full_disk_loses_nothing_that_waits_and_reorders_nothing),
      RUN(what_was_answered_is_there_after_the_process_was_killed))
