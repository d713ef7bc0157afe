/* static_files: pages from inside the binary and from a directory.
 *
 *   GET /js/encke.js -> path.h -> "js/encke.js" -> document root, if there is one and it has the file
 *                                               -> else the table of embedded files
 *                                               -> else 404
 *
 * Every file is served byte for byte with an ETag; a matching If-None-Match is answered 304. Cache-Control is no-cache: kept,
 * but asked for each time.
 *
 * The document root: only names with a known content type, only regular files, nothing that resolves outside of the root,
 * whatever links stand in it. Reading happens in the shard, in pieces (see answer.c): meant for the files of pages.
 */
#ifndef ENCKE_HTTP_STATIC_FILES_H
#define ENCKE_HTTP_STATIC_FILES_H

#include "base/status.h"
#include "http/route.h"

struct http_embedded {
    const char          *path;         /* "/index.html" */
    const char          *content_type;
    const char          *etag;         /* with its quotes */
    const unsigned char *bytes;
    size_t               len;
};

struct http_type {
    const char *extension; /* "html", without a dot, lower case */
    const char *content_type;
};

struct http_static {
    const struct http_embedded *embedded; /* may be NULL when the count is 0; so may `types` */
    size_t                      embedded_count;
    const char                 *base_dir; /* the document root; NULL or "": none */
    const struct http_type     *types;    /* before, and instead of, the built-in ones */
    size_t                      type_count;
};

/* Everything is borrowed for ever. Called once, in main, before the shards start (they inherit the root's descriptor). Fails
 * when base_dir cannot be opened. */
enum status http_static_setup(const struct http_static *setup, struct error *out_error) __attribute__((warn_unused_result));

/* on_request of a route: the document root, then the embedded files. */
void http_static_request(struct stream *s, const struct http_request *r);

/* on_request: the embedded files only. */
void http_embedded_request(struct stream *s, const struct http_request *r);

/* The content type for a file name, or an empty slice. */
struct slice http_static_type(struct slice name);

#endif
