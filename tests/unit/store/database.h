/* database: a MariaDB for the tests of a file.
 *
 *   database_start();          once; in a new temporary directory, on a socket there, gone when the test program ends
 *   database_new();            an empty database `encke_test`
 *   database_do("INSERT ..."); what somebody does with the shell
 *   database_says("SELECT ..."), its answer: cells separated by tabs, rows by newlines
 *
 * ENCKE_TEST_MARIADB may name the socket of a server whose root has no password; then that one is used. */
#ifndef ENCKE_TESTS_UNIT_STORE_DATABASE_H
#define ENCKE_TESTS_UNIT_STORE_DATABASE_H

#include "unit/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store.h"

static char  database_directory[128], database_socket[192];
static pid_t database_pid;

static inline int database_shell(const char *input, char *out, size_t size)
{
    char  command[1024], script[256];
    FILE *f;
    snprintf(script, sizeof script, "%s/script.sql", database_directory);
    f = fopen(script, "we");
    assert_non_null(f);
    fputs(input, f);
    fclose(f);
    snprintf(command, sizeof command, "mariadb --no-defaults --default-character-set=utf8mb4 -BN -uroot -S %s <%s 2>&1", database_socket,
             script);
    f = popen(command, "re");
    assert_non_null(f);
    size_t len = fread(out, 1, size - 1, f);
    out[len] = '\0';
    return pclose(f);
}

static inline void database_launch(void)
{
    char datadir[192], socket[224], tmpdir[192];
    snprintf(datadir, sizeof datadir, "--datadir=%s/data", database_directory);
    snprintf(socket, sizeof socket, "--socket=%s", database_socket);
    snprintf(tmpdir, sizeof tmpdir, "--tmpdir=%s", database_directory); /* it removes what others have in theirs */
    pid_t parent = getpid();
    database_pid = fork();
    assert_true(database_pid >= 0);
    if (database_pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    char log[192];
    snprintf(log, sizeof log, "%s/log", database_directory);
    if (freopen("/dev/null", "r", stdin) == NULL || freopen(log, "a", stdout) == NULL || freopen(log, "a", stderr) == NULL)
        _exit(1);
    execl("/usr/sbin/mariadbd", "mariadbd", "--no-defaults", datadir, socket, "--skip-networking", "--innodb-buffer-pool-size=32M",
          "--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=2", tmpdir, "--performance-schema=OFF",
          geteuid() == 0 ? "--user=root" : "--skip-external-locking", (char *)NULL);
    _exit(1);
}

/* Waits until it answers. */
static inline void database_await(void)
{
    char     out[256] = "";
    uint64_t until_ms = clock_mono_ms() + 60000;
    while (database_shell("SELECT 1;", out, sizeof out) != 0) {
        if (clock_mono_ms() > until_ms)
            fail_msg("MariaDB does not answer: %s", out);
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    }
}

static inline void database_stop(void)
{
    if (database_pid > 0) {
        kill(database_pid, SIGKILL);
        waitpid(database_pid, NULL, 0);
    }
    database_pid = 0;
}

static inline void database_remove(void)
{
    char command[256];
    database_stop();
    snprintf(command, sizeof command, "rm -rf %s", database_directory);
    (void)!system(command);
}

static inline void database_start(void)
{
    char        command[1024];
    const char *given = getenv("ENCKE_TEST_MARIADB"), *top = getenv("TMPDIR");
    if (database_socket[0] != '\0')
        return;
    snprintf(database_directory, sizeof database_directory, "%.90s/encke-mariadb-XXXXXX", top != NULL ? top : "/tmp");
    assert_non_null(mkdtemp(database_directory));
    atexit(database_remove);
    if (given != NULL) {
        snprintf(database_socket, sizeof database_socket, "%s", given);
        return;
    }
    snprintf(database_socket, sizeof database_socket, "%s/socket", database_directory);
    snprintf(command, sizeof command,
             "TMPDIR=%s mariadb-install-db --no-defaults --datadir=%s/data --auth-root-authentication-method=normal --skip-test-db"
             " %s >%s/install 2>&1 || { cat %s/install; exit 1; }",
             database_directory, database_directory, geteuid() == 0 ? "--user=root" : "", database_directory, database_directory);
    assert_int_equal(system(command), 0);
    database_launch();
    database_await();
}

static inline const char *database_says(const char *sql)
{
    static char out[65536];
    char        script[16384];
    assert_true(snprintf(script, sizeof script, "USE encke_test;\n%s\n", sql) < (int)sizeof script);
    if (database_shell(script, out, sizeof out) != 0)
        fail_msg("the database says: %s", out);
    size_t len = strlen(out);
    while (len > 0 && out[len - 1] == '\n')
        out[--len] = '\0';
    return out;
}

static inline void database_do(const char *sql)
{
    assert_string_equal(database_says(sql), "");
}

static inline void database_new(void)
{
    char out[1024];
    database_start();
    if (database_shell("DROP DATABASE IF EXISTS encke_test; CREATE DATABASE encke_test;", out, sizeof out) != 0)
        fail_msg("%s", out);
}

static inline void database_setup(struct store_setup *setup)
{
    setup->backend = "mariadb";
    setup->server = (struct store_server){
        .host = database_socket, .user = "root", .password = "", .name = "encke_test", .connections = 2, .attempts = 1, .retry_ms = 50,
        .timeout_ms = 5000,
    };
}

#endif
