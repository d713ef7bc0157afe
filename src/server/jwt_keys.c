/* jwt_keys.c: see jwt_keys.h. */
#include "server/jwt_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 16384 /* bytes; a public key of 8192 bits has 1400 */
#define SECRET_MIN 16
#define KID_MAX 256

/* One element of jwt.keys, taken apart; borrowed from it. */
struct element {
    unsigned         number; /* from 1, for a person */
    struct slice     file, secret_file, secret;
    struct jwt_scope scope;
};

static enum status bad(const struct element *el, struct error *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum status bad(const struct element *el, struct error *e, const char *format, ...)
{
    char    text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(e, E_CONFIG, "jwt.keys, key %u: %s", el->number, text);
}

/* "Name=value". Names are compared without case, as people write them. */
static enum status field_set(struct element *el, struct slice field, struct error *e)
{
    struct slice value = field, name = slice_trim(slice_cut(&value, '='));
    uint64_t     app;
    value = slice_trim(value);
    if (value.len == 0)
        return bad(el, e, "expected Name=value between commas; the names are File, SecretFile, Secret, App and Kid");
    if (slice_is_nocase(name, "file"))
        el->file = value;
    else if (slice_is_nocase(name, "secretfile"))
        el->secret_file = value;
    else if (slice_is_nocase(name, "secret"))
        el->secret = value;
    else if (slice_is_nocase(name, "kid") && value.len <= KID_MAX)
        el->scope.kid = value;
    else if (slice_is_nocase(name, "kid"))
        return bad(el, e, "Kid is longer than %d bytes", KID_MAX);
    else if (slice_is_nocase(name, "app") && slice_u64(value, UINT32_MAX, &app))
        el->scope = (struct jwt_scope){ .is_for_one_app = true, .app = (uint32_t)app, .kid = el->scope.kid };
    else if (slice_is_nocase(name, "app"))
        return bad(el, e, "App is no dev id");
    else
        return bad(el, e, "a name is none of File, SecretFile, Secret, App and Kid");
    return OK;
}

static enum status element_parse(struct element *el, struct slice text, struct error *e)
{
    while (text.len > 0) {
        enum status status = field_set(el, slice_cut(&text, ','), e);
        if (status != OK)
            return status;
    }
    if ((el->file.len > 0) + (el->secret_file.len > 0) + (el->secret.len > 0) != 1)
        return bad(el, e, "expected exactly one of File=, SecretFile= and Secret=");
    return OK;
}

/* The whole of a small file in `bytes`. */
static enum status file_read(const struct element *el, struct slice path, char bytes[FILE_MAX + 1],
                             struct slice *out_text, struct error *e)
{
    char        name[PATH_MAX];
    struct stat st;
    if (path.len >= sizeof name)
        return bad(el, e, "the path is too long");
    memcpy(name, path.at, path.len);
    name[path.len] = '\0';
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return bad(el, e, "cannot read %.100s: %s", name, strerror(errno));
    bool    is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    ssize_t len = is_file ? read(fd, bytes, FILE_MAX + 1) : 0;
    int     reason = errno;
    close(fd);
    if (!is_file)
        return bad(el, e, "%.100s is not a file", name);
    if (len < 0)
        return bad(el, e, "cannot read %.100s: %s", name, strerror(reason));
    if (len > FILE_MAX)
        return bad(el, e, "%.100s is longer than %d bytes; is it a key?", name, FILE_MAX);
    *out_text = slice_of(bytes, (size_t)len);
    return OK;
}

static enum status explained(const struct element *el, struct slice what, const struct error *why, enum status status,
                             struct error *e)
{
    if (status == OK || status == E_NO_MEMORY)
        return status == OK ? OK : error_plain(e, E_NO_MEMORY);
    if (what.len == 0)
        return bad(el, e, "%s", why->text);
    return bad(el, e, "%.*s: %s", SLICE_ARG(slice_first(what, 80)), why->text);
}

static enum status secret_add(struct jwt_keys *keys, const struct element *el, struct slice secret, struct error *e)
{
    struct error why;
    if (secret.len < SECRET_MIN)
        return bad(el, e, "the secret has fewer than %d bytes; make one with: openssl rand -hex 32", SECRET_MIN);
    return explained(el, el->secret_file, &why, jwt_keys_add_secret(keys, secret, false, &el->scope, &why), e);
}

static enum status element_load(struct jwt_keys *keys, const struct element *el, struct error *e)
{
    char         bytes[FILE_MAX + 1];
    struct slice text;
    struct error why;
    if (el->secret.len > 0)
        return secret_add(keys, el, el->secret, e);
    bool        is_secret = el->secret_file.len > 0;
    enum status status = file_read(el, is_secret ? el->secret_file : el->file, bytes, &text, e);
    if (status != OK)
        return status;
    if (!is_secret)
        return explained(el, el->file, &why, jwt_keys_add_public(keys, text, &el->scope, &why), e);
    while (text.len > 0 && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r'))
        text.len--;
    status = secret_add(keys, el, text, e);
    explicit_bzero(bytes, sizeof bytes);
    return status;
}

/* CppComet's rule: the password with the app id behind it. */
static enum status password_add(struct jwt_keys *keys, const char *password, struct error *e)
{
    static const struct jwt_scope every_app = { 0 };
    if (*password == '\0')
        return OK;
    return jwt_keys_add_secret(keys, slice_str(password), true, &every_app, e);
}

enum status jwt_keys_load(struct jwt_keys *out_keys, const struct config *c, const char *password,
                          struct error *out_error)
{
    enum status status = OK;
    if (c->jwt.password_signs)
        status = password_add(out_keys, password, out_error);
    if (status == OK && c->jwt.password_signs)
        status = password_add(out_keys, c->jwt.previous_password, out_error);
    for (uint32_t i = 0; status == OK && i < c->jwt.keys.count; i++) {
        struct element el = { .number = i + 1 };
        status = element_parse(&el, slice_str(c->jwt.keys.at[i]), out_error);
        if (status == OK)
            status = element_load(out_keys, &el, out_error);
    }
    if (status == E_FULL)
        return error_set(out_error, E_CONFIG, "jwt.keys lists more than %d keys", JWT_KEYS_MAX - 2);
    return status;
}
