/* route.c: the first route whose path and method fit. */
#include "http/route.h"

#include "http/internal.h"

/* Set once before the shards start. */
static const struct http_route *routes_set;
static size_t                   routes_count;

void http_routes_set(const struct http_route *routes, size_t count)
{
    routes_set = routes;
    routes_count = count;
}

static bool is_path(const struct http_route *r, unsigned kind, struct slice path)
{
    if (r->kind != kind)
        return false;
    return r->is_prefix ? slice_starts(path, r->path) : slice_is(path, r->path);
}

/* CppComet's library doubles the leading slash behind some proxies. */
static struct slice without_doubled_slash(struct slice path)
{
    while (path.len > 1 && path.at[0] == '/' && path.at[1] == '/')
        path = slice_skip(path, 1);
    return path;
}

static bool is_method(const struct http_route *r, struct slice method)
{
    return r->method == NULL || slice_is(method, r->method) || (slice_is(method, "HEAD") && strcmp(r->method, "GET") == 0);
}

struct http_match http_route_find(unsigned kind, struct slice method, struct slice path)
{
    struct http_match m = { 0 };

    path = without_doubled_slash(path);
    for (size_t i = 0; i < routes_count; i++) {
        if (!is_path(&routes_set[i], kind, path))
            continue;
        m.is_path_known = true;
        if (is_method(&routes_set[i], method)) {
            m.route = &routes_set[i];
            return m;
        }
    }
    return m;
}

void http_route_methods(unsigned kind, struct slice path, struct buf *out)
{
    path = without_doubled_slash(path);
    for (size_t i = 0; i < routes_count; i++) {
        const struct http_route *r = &routes_set[i];
        bool                     is_new = is_path(r, kind, path) && r->method != NULL;
        for (size_t k = 0; k < i && is_new; k++)
            is_new = !is_path(&routes_set[k], kind, path) || routes_set[k].method == NULL ||
                     strcmp(routes_set[k].method, r->method) != 0;
        if (!is_new)
            continue;
        if (out->len > 0)
            buf_text(out, ", ");
        buf_text(out, r->method);
        if (strcmp(r->method, "GET") == 0 && r->on_request != NULL)
            buf_text(out, ", HEAD");
    }
}
