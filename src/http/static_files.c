/* static_files.c: see static_files.h. */
#include "http/static_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "http/conn.h"
#include "http/path.h"
#include "http/reply.h"

#define ETAG_SIZE    64
#define HEADERS_SIZE 256

/* Set once before the shards start. */
static struct http_static setup_kept;
static int                root_fd = -1;

static const struct http_type built_in_types[] = {
    { "html", "text/html; charset=utf-8" },
    { "htm", "text/html; charset=utf-8" },
    { "css", "text/css; charset=utf-8" },
    { "js", "text/javascript; charset=utf-8" },
    { "mjs", "text/javascript; charset=utf-8" },
    { "json", "application/json" },
    { "map", "application/json" },
    { "txt", "text/plain; charset=utf-8" },
    { "xml", "application/xml" },
    { "svg", "image/svg+xml" },
    { "png", "image/png" },
    { "jpg", "image/jpeg" },
    { "jpeg", "image/jpeg" },
    { "gif", "image/gif" },
    { "ico", "image/x-icon" },
    { "webp", "image/webp" },
    { "woff", "font/woff" },
    { "woff2", "font/woff2" },
    { "wasm", "application/wasm" },
};

static struct slice find_type(const struct http_type *types, size_t count, struct slice extension)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_is_nocase(extension, types[i].extension))
            return slice_str(types[i].content_type);
    }
    return (struct slice){ NULL, 0 };
}

struct slice http_static_type(struct slice name)
{
    struct slice extension = http_name_extension(name);
    struct slice type = find_type(setup_kept.types, setup_kept.type_count, extension);

    if (type.len > 0 || extension.len == 0)
        return type;
    return find_type(built_in_types, sizeof built_in_types / sizeof built_in_types[0], extension);
}

enum status http_static_setup(const struct http_static *setup, struct error *out_error)
{
    setup_kept = *setup;
    if (root_fd >= 0)
        close(root_fd);
    root_fd = -1;
    if (setup->base_dir == NULL || setup->base_dir[0] == '\0')
        return OK;
    root_fd = open(setup->base_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return error_set(out_error, E_CONFIG, "the directory of static files, %s, cannot be opened: %s", setup->base_dir,
                         strerror(errno));
    return OK;
}

/* --- answers ----------------------------------------------------------------------------------------------------------- */

/* The lines every file has. Scripts are fetched by pages of other origins too; nothing served here is private. */
static struct slice file_headers(char out[HEADERS_SIZE], const char *etag)
{
    int len = snprintf(out, HEADERS_SIZE,
                       "ETag: %s\r\n"
                       "Cache-Control: no-cache\r\n"
                       "Access-Control-Allow-Origin: *\r\n"
                       "X-Content-Type-Options: nosniff\r\n",
                       etag);
    return slice_of(out, len > 0 && len < HEADERS_SIZE ? (size_t)len : 0);
}

static bool is_unchanged(const struct http_request *r, const char *etag)
{
    return http_etag_matches(http_head_get(r->head, "if-none-match"), slice_str(etag));
}

static void answer_unchanged(struct stream *s, struct slice headers)
{
    http_answer(s, &(struct http_response){ .status = 304, .headers = headers });
}

static void answer_missing(struct stream *s)
{
    http_answer(s, &(struct http_response){
        .status = 404,
        .content_type = SLICE("text/plain; charset=utf-8"),
        .body = SLICE("404 Not Found\nThere is no such file.\n"),
        .is_static = true,
    });
}

/* --- from inside the binary -------------------------------------------------------------------------------------------- */

static const struct http_embedded *find_embedded(const char *name)
{
    for (size_t i = 0; i < setup_kept.embedded_count; i++) {
        if (strcmp(setup_kept.embedded[i].path + 1, name) == 0)
            return &setup_kept.embedded[i];
    }
    return NULL;
}

static bool try_embedded(struct stream *s, const struct http_request *r, const char *name)
{
    const struct http_embedded *file = find_embedded(name);
    char                        lines[HEADERS_SIZE];

    if (file == NULL)
        return false;
    struct slice headers = file_headers(lines, file->etag);
    if (is_unchanged(r, file->etag)) {
        answer_unchanged(s, headers);
        return true;
    }
    http_answer(s, &(struct http_response){
        .status = 200,
        .content_type = slice_str(file->content_type),
        .headers = headers,
        .body = slice_of(file->bytes, file->len),
        .is_static = true,
    });
    return true;
}

/* --- from the document root -------------------------------------------------------------------------------------------- */

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) /* a FIFO must not block the shard */

/* For kernels and containers without openat2: part by part, following no link at all. */
static int open_by_parts(const char *name)
{
    char        part[HTTP_NAME_SIZE];
    int         dir = root_fd;
    const char *slash;

    while ((slash = strchr(name, '/')) != NULL) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - name), name);
        int next = openat(dir, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir != root_fd)
            close(dir);
        if (next < 0)
            return -1;
        dir = next;
        name = slash + 1;
    }
    int fd = openat(dir, name, OPEN_FLAGS | O_NOFOLLOW);
    if (dir != root_fd)
        close(dir);
    return fd;
}

static int open_beneath(const char *name)
{
    struct open_how how = { .flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
    int             fd = (int)syscall(SYS_openat2, root_fd, name, &how, sizeof how);

    return fd < 0 && (errno == ENOSYS || errno == EPERM) ? open_by_parts(name) : fd;
}

static void answer_file(struct stream *s, const struct http_request *r, int fd, const struct stat *st, struct slice type)
{
    char etag[ETAG_SIZE], lines[HEADERS_SIZE];

    snprintf(etag, sizeof etag, "\"%llx-%lx-%llx\"", (unsigned long long)st->st_mtim.tv_sec, (unsigned long)st->st_mtim.tv_nsec,
             (unsigned long long)st->st_size);
    struct slice headers = file_headers(lines, etag);
    if (is_unchanged(r, etag)) {
        close(fd);
        answer_unchanged(s, headers);
        return;
    }
    http_answer(s, &(struct http_response){
        .status = 200,
        .content_type = type,
        .headers = headers,
        .has_file = true,
        .given_fd = fd,
        .file_bytes = (uint64_t)st->st_size,
    });
}

static bool try_root(struct stream *s, const struct http_request *r, const char *name)
{
    struct slice type = http_static_type(slice_str(name));
    struct stat  st;

    if (root_fd < 0 || type.len == 0)
        return false;
    int fd = open_beneath(name);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
        http_refuse(s, 503, "The server has too many files open; try again later");
        return true;
    }
    if (fd < 0)
        return false;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return false;
    }
    answer_file(s, r, fd, &st, type);
    return true;
}

/* --- routes ------------------------------------------------------------------------------------------------------------ */

void http_static_request(struct stream *s, const struct http_request *r)
{
    char name[HTTP_NAME_SIZE];

    if (!http_path_to_name(r->path, name) || (!try_root(s, r, name) && !try_embedded(s, r, name)))
        answer_missing(s);
}

void http_embedded_request(struct stream *s, const struct http_request *r)
{
    char name[HTTP_NAME_SIZE];

    if (!http_path_to_name(r->path, name) || !try_embedded(s, r, name))
        answer_missing(s);
}
