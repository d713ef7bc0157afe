/* Login packets of both ages, and COM_CHANGE_USER: every slice must lie inside the packet. */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <assert.h>

#include "mysql/login.h"

static void inside(struct slice body, struct slice part)
{
    if (part.len > 0)
        assert(part.at >= body.at && part.at + part.len <= body.at + body.len);
}

static void check(struct slice body, const struct mysql_login_packet *said)
{
    static const unsigned char salt[MYSQL_SALT_BYTES] = "12345678901234567890";
    inside(body, said->user);
    inside(body, said->answer);
    inside(body, said->database);
    inside(body, said->plugin);
    mysql_password_is_right(MYSQL_NATIVE, SLICE("secret"), salt, said->answer);
    mysql_password_is_right(MYSQL_SHA2, SLICE("secret"), salt, said->answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice              body = slice_of(data, size);
    struct mysql_login_packet said;
    struct error              error;
    if (mysql_login_parse(body, &said, &error) == OK)
        check(body, &said);
    for (int knows_plugins = 0; knows_plugins < 2; knows_plugins++)
        if (mysql_change_user_parse(body, knows_plugins, &said, &error) == OK)
            check(body, &said);
    return 0;
}
