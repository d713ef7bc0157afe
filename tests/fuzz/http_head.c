/* The parser of request heads: whole, split in two and byte by byte, with the same outcome; what it found lies in the bytes. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "http/head.h"
#include "http/path.h"
#include "http/upgrade.h"

#define HEAD_BYTES 2048
#define FIELDS     16

static void check(int holds)
{
    if (!holds)
        abort();
}

static void check_inside(struct slice part, struct slice all)
{
    if (part.len > 0 && !slice_is(part, "/")) /* "/" may stand for an empty path */
        check(part.at >= all.at && part.at + part.len <= all.at + all.len);
}

static void check_whole(const struct http_head *h, struct slice all)
{
    char name[HTTP_NAME_SIZE];

    check(h->len <= all.len && h->len <= HEAD_BYTES && h->field_count <= FIELDS);
    check_inside(h->method, all);
    check_inside(h->path, all);
    check_inside(h->query, all);
    for (uint32_t i = 0; i < h->field_count; i++) {
        check(http_head_name(h, i).len > 0);
        check_inside(http_head_name(h, i), all);
        check_inside(http_head_value(h, i), all);
    }
    struct http_upgrade u = http_upgrade_check(h);
    check(u.status == 101 ? u.key.len == 24 : u.status >= 400);
    if (http_path_to_name(h->path, name))
        check(name[0] != '/' && name[0] != '\0' && strncmp(name, "../", 3) != 0 && strstr(name, "/../") == NULL);
}

static enum feed parse(struct http_head *h, struct slice all, size_t step)
{
    enum feed fed = FEED_MORE;
    size_t    len = 0;

    http_head_init(h, HEAD_BYTES, FIELDS);
    while (fed == FEED_MORE && len < all.len) {
        len = all.len - len < step ? all.len : len + step;
        fed = http_head_feed(h, slice_first(all, len));
    }
    return fed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice            all = slice_of(data, size);
    static struct http_head whole, split, single;
    enum feed               fed = parse(&whole, all, size > 0 ? size : 1);

    check(fed == parse(&split, all, size / 2 + 1));
    check(fed == parse(&single, all, 1));
    if (fed == FEED_BAD) {
        check(whole.status >= 400 && whole.status == split.status && whole.status == single.status && whole.sentence != NULL);
        return 0;
    }
    if (fed != FEED_DONE)
        return 0;
    check(whole.len == split.len && whole.len == single.len);
    check_whole(&whole, all);
    check(http_head_feed(&single, all) == FEED_DONE);
    check_whole(&single, all);
    return 0;
}
