#include "unit/peer.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "http/conn.h"
#include "http/static_files.h"

#define LARGE_BYTES 3000000

static const struct http_embedded embedded[] = {
    { "/index.html", "text/html; charset=utf-8", "\"abc\"", (const unsigned char *)"<p>inside</p>", 13 },
    { "/js/encke.js", "text/javascript; charset=utf-8", "\"def\"", (const unsigned char *)"js\0bytes", 8 },
    { "/empty.css", "text/css; charset=utf-8", "\"ghi\"", (const unsigned char *)"", 0 },
};

static const struct http_type types[] = { { "cfg", "text/x-config" }, { "txt", "text/x-own" } };

static const struct http_limits limits = { 2048, 16, 4096, 60000, 60000 };
static const struct http_route  routes[] = {
    { "GET", "/inside/", true, STREAM_WS, http_embedded_request, NULL },
    { "GET", "/", true, STREAM_WS, http_static_request, NULL },
};

static char root[] = "/tmp/encke-static-XXXXXX";

static void make_file(const char *name, const char *text, size_t len)
{
    char  path[200];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", root, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static struct peer start(const char *base_dir)
{
    struct error       e = { 0 };
    struct http_static setup = { embedded, 3, base_dir, types, 2 };

    if (http_static_setup(&setup, &e) != OK)
        fail_msg("%s", e.text);
    http_setup(routes, 2, &limits);
    return peer_start(&http_conn_ops, &http_part, 1 << 20);
}

/* Everything the server says to one request, until it closes. */
static struct buf ask(const struct peer *p, const char *method, const char *path, const char *lines)
{
    struct buf request = { 0 }, answer = { 0 };
    int        fd = peer_connect(p);
    size_t     got;

    buf_printf(&request, "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", method, path, lines);
    peer_send(fd, buf_slice(&request));
    do {
        char *room = buf_reserve(&answer, 65536);
        assert_non_null(room);
        got = peer_read(fd, room, 65536);
        answer.len += got;
    } while (got > 0);
    buf_byte(&answer, 0);
    answer.len--;
    buf_clear(&request);
    close(fd);
    return answer;
}

static void assert_answer_at(struct buf answer, unsigned status, const char *line_wanted, const char *body, int line)
{
    char begin[40];

    snprintf(begin, sizeof begin, "HTTP/1.1 %u ", status);
    const char *at = strstr(answer.at, "\r\n\r\n");
    if (!slice_starts(buf_slice(&answer), begin) || at == NULL || strstr(answer.at, line_wanted) == NULL ||
        (body != NULL && strcmp(at + 4, body) != 0)) {
        print_error("%s\n", answer.at);
        _fail(__FILE__, line);
    }
    buf_clear(&answer);
}

#define assert_answer(answer, status, line_wanted, body) assert_answer_at((answer), (status), (line_wanted), (body), __LINE__)

TEST(embedded_files_are_served_byte_for_byte)
{
    UNUSED_STATE;
    struct peer p = start(NULL);

    assert_answer(ask(&p, "GET", "/", ""), 200, "Content-Type: text/html; charset=utf-8\r\n", "<p>inside</p>");
    assert_answer(ask(&p, "GET", "/index.html?x", ""), 200, "ETag: \"abc\"\r\nCache-Control: no-cache\r\n", "<p>inside</p>");
    assert_answer(ask(&p, "GET", "/comet-server/", ""), 200, "X-Content-Type-Options: nosniff\r\n", "<p>inside</p>");
    assert_answer(ask(&p, "GET", "/empty.css", ""), 200, "Content-Length: 0\r\n", "");
    assert_answer(ask(&p, "HEAD", "/", ""), 200, "Content-Length: 13\r\n", "");
    assert_answer(ask(&p, "GET", "/nothing.html", ""), 404, "Content-Length: ", NULL);
    assert_answer(ask(&p, "GET", "/js/", ""), 404, "", NULL);
    struct buf answer = ask(&p, "GET", "/js/encke.js", "");
    assert_true(answer.len > 8);
    assert_memory_equal(answer.at + answer.len - 8, "js\0bytes", 8);
    buf_clear(&answer);
    peer_stop(&p);
}

TEST(an_unchanged_file_is_not_sent_again)
{
    UNUSED_STATE;
    struct peer p = start(root);

    assert_answer(ask(&p, "GET", "/", "If-None-Match: \"x\", \"abc\"\r\n"), 304, "ETag: \"abc\"\r\n", "");
    assert_answer(ask(&p, "GET", "/", "If-None-Match: \"abcd\"\r\n"), 200, "ETag", "<p>inside</p>");
    make_file("a.html", "one", 3);
    struct buf answer = ask(&p, "GET", "/a.html", "");
    char       line[200] = "If-None-Match: ";
    struct slice etag = slice_str(strstr(answer.at, "ETag: ") + 6);
    etag = slice_first(etag, slice_find(etag, '\r'));
    snprintf(line + 15, sizeof line - 15, "%.*s\r\n", SLICE_ARG(etag));
    assert_answer(answer, 200, "Content-Type: text/html", "one");
    assert_answer(ask(&p, "GET", "/a.html", line), 304, "ETag", "");
    make_file("a.html", "other", 5);
    assert_answer(ask(&p, "GET", "/a.html", line), 200, "ETag", "other");
    peer_stop(&p);
}

TEST(the_document_root_wins_over_what_is_inside)
{
    UNUSED_STATE;
    struct peer p = start(root);

    make_file("index.html", "outside", 7);
    assert_answer(ask(&p, "GET", "/", ""), 200, "ETag", "outside");
    assert_answer(ask(&p, "GET", "/comet-server/index.html?v=1", ""), 200, "ETag", "outside");
    assert_answer(ask(&p, "HEAD", "/", ""), 200, "Content-Length: 7\r\n", "");
    assert_answer(ask(&p, "GET", "/js/encke.js", ""), 200, "ETag: \"def\"", NULL);
    peer_stop(&p);
}

TEST(types_come_from_the_settings_first)
{
    UNUSED_STATE;
    struct peer p = start(root);

    make_file("a.cfg", "x", 1);
    make_file("a.TXT", "x", 1);
    make_file("a b.svg", "x", 1);
    make_file("secret.php", "x", 1);
    make_file("noextension", "x", 1);
    assert_answer(ask(&p, "GET", "/a.cfg", ""), 200, "Content-Type: text/x-config\r\n", "x");
    assert_answer(ask(&p, "GET", "/a.TXT", ""), 200, "Content-Type: text/x-own\r\n", "x");
    assert_answer(ask(&p, "GET", "/a%20b.svg", ""), 200, "Content-Type: image/svg+xml\r\n", "x");
    assert_answer(ask(&p, "GET", "/secret.php", ""), 404, "", NULL);
    assert_answer(ask(&p, "GET", "/noextension", ""), 404, "", NULL);
    peer_stop(&p);
}

TEST(nothing_outside_of_the_root_is_served)
{
    UNUSED_STATE;
    struct peer p = start(root);
    char        path[200], outside[200];

    snprintf(outside, sizeof outside, "%s.txt", root);
    FILE *f = fopen(outside, "w");
    fputs("secret", f);
    fclose(f);
    snprintf(path, sizeof path, "%s/link.txt", root);
    assert_int_equal(symlink(outside, path), 0);
    snprintf(path, sizeof path, "%s/up", root);
    assert_int_equal(symlink("..", path), 0);
    snprintf(path, sizeof path, "%s/fifo.txt", root);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/dir.txt", root);
    assert_int_equal(mkdir(path, 0700), 0);

    assert_answer(ask(&p, "GET", "/link.txt", ""), 404, "", NULL);
    snprintf(path, sizeof path, "/up/%s", strrchr(outside, '/') + 1);
    assert_answer(ask(&p, "GET", path, ""), 404, "", NULL);
    snprintf(path, sizeof path, "/../%s", strrchr(outside, '/') + 1);
    assert_answer(ask(&p, "GET", path, ""), 404, "", NULL);
    snprintf(path, sizeof path, "/%%2e%%2e/%s", strrchr(outside, '/') + 1);
    assert_answer(ask(&p, "GET", path, ""), 404, "", NULL);
    assert_answer(ask(&p, "GET", "/fifo.txt", ""), 404, "", NULL);
    assert_answer(ask(&p, "GET", "/dir.txt", ""), 404, "", NULL);
    assert_answer(ask(&p, "GET", "/%00.txt", ""), 404, "", NULL);
    unlink(outside);
    peer_stop(&p);
}

TEST(a_large_file_leaves_in_pieces)
{
    UNUSED_STATE;
    struct peer p = start(root);
    char       *text = malloc(LARGE_BYTES);

    for (size_t i = 0; i < LARGE_BYTES; i++)
        text[i] = (char)(i * 2654435761u >> 13);
    make_file("large.wasm", text, LARGE_BYTES);
    struct buf answer = ask(&p, "GET", "/large.wasm", "");
    assert_true(answer.len > LARGE_BYTES);
    assert_memory_equal(answer.at + answer.len - LARGE_BYTES, text, LARGE_BYTES);
    assert_answer(ask(&p, "HEAD", "/large.wasm", ""), 200, "Content-Length: 3000000\r\n", "");
    buf_clear(&answer);
    free(text);
    peer_stop(&p);
}

TEST(a_root_that_is_not_there_is_said)
{
    UNUSED_STATE;
    struct error       e = { 0 };
    struct http_static setup = { .base_dir = "/nonexistent/directory" };

    assert_int_equal(http_static_setup(&setup, &e), E_CONFIG);
    assert_non_null(strstr(e.text, "/nonexistent/directory"));
}

static int make_root(void **state)
{
    (void)state;
    return mkdtemp(root) == NULL ? -1 : 0;
}

static int remove_root(void **state)
{
    char command[200];

    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(embedded_files_are_served_byte_for_byte),
        RUN(an_unchanged_file_is_not_sent_again),
        RUN(the_document_root_wins_over_what_is_inside),
        RUN(types_come_from_the_settings_first),
        RUN(nothing_outside_of_the_root_is_served),
        RUN(a_large_file_leaves_in_pieces),
        RUN(a_root_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
