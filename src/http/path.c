/* path.c: see path.h. */
#include "http/path.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Returns the length of the decoded text, or SIZE_MAX. */
static size_t decode(struct slice in, char *out, size_t size)
{
    size_t len = 0;

    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.at[i];
        if (c == '%') {
            int high = in.len - i > 2 ? hex_digit(in.at[i + 1]) : -1;
            int low = in.len - i > 2 ? hex_digit(in.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return SIZE_MAX;
            c = (unsigned char)(high << 4 | low);
            i += 2;
        }
        if (c < 0x20 || c == 0x7f || c == '\\' || len == size)
            return SIZE_MAX;
        out[len++] = (char)c;
    }
    return len;
}

static bool is_allowed(struct slice part)
{
    return part.at[0] != '.' || slice_is(part, ".well-known");
}

static bool append(char out[HTTP_NAME_SIZE], size_t *len, struct slice part)
{
    size_t slash = *len > 0;

    if (part.len + slash >= HTTP_NAME_SIZE - *len)
        return false;
    if (slash)
        out[(*len)++] = '/';
    memcpy(out + *len, part.at, part.len);
    *len += part.len;
    return true;
}

bool http_path_to_name(struct slice path, char out[HTTP_NAME_SIZE])
{
    char         decoded[HTTP_NAME_SIZE];
    size_t       decoded_len = decode(path, decoded, sizeof decoded), len = 0;
    bool         is_first = true, ends_with_slash = true;
    struct slice rest = { decoded, decoded_len };

    if (decoded_len == SIZE_MAX || decoded_len == 0 || decoded[0] != '/')
        return false;
    ends_with_slash = decoded[decoded_len - 1] == '/';
    while (rest.len > 0) {
        struct slice part = slice_cut(&rest, '/');
        if (part.len == 0 || slice_is(part, "."))
            continue;
        if (is_first && slice_is(part, "comet-server")) {
            is_first = false;
            ends_with_slash = ends_with_slash || rest.len == 0;
            continue;
        }
        is_first = false;
        if (!is_allowed(part) || !append(out, &len, part))
            return false;
    }
    if ((ends_with_slash || len == 0) && !append(out, &len, SLICE("index.html")))
        return false;
    out[len] = '\0';
    return true;
}

struct slice http_name_extension(struct slice name)
{
    for (size_t i = name.len; i > 0 && name.at[i - 1] != '/'; i--) {
        if (name.at[i - 1] == '.')
            return slice_skip(name, i);
    }
    return (struct slice){ "", 0 };
}
