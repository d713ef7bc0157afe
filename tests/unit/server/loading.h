/* loading: a configuration from a text and a command line, for the tests of the room server. */
#ifndef ENCKE_TESTS_UNIT_SERVER_LOADING_H
#define ENCKE_TESTS_UNIT_SERVER_LOADING_H

#include <stdio.h>
#include <unistd.h>

#include "server/config.h"
#include "unit/test.h"

struct loading {
    struct config config;
    struct error  error;
    enum status   status;
    char          path[64];    /* of the file; removed at the end */
    char          words[1024]; /* the command line, writable as main's is */
};

/* Writes `len` bytes of `text` into a fresh file. */
static inline void file_make(char path[64], const char *text, size_t len)
{
    snprintf(path, 64, "/tmp/encke-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
}

/* `arguments` are separated by '|'; the file may be NULL. */
static inline void load_bytes(struct loading *l, const char *file, size_t file_len, const char *arguments)
{
    memset(l, 0, sizeof *l);
    char  *argv[32] = { "encke" };
    int    argc = 1;
    size_t used = 0;
    if (file != NULL) {
        file_make(l->path, file, file_len);
        used = (size_t)snprintf(l->words, sizeof l->words, "--config=%s|", l->path);
    }
    snprintf(l->words + used, sizeof l->words - used, "%s", arguments);
    for (char *word = l->words, *next; word != NULL && *word != '\0' && argc < 32; word = next) {
        next = strchr(word, '|');
        if (next != NULL)
            *next++ = '\0';
        argv[argc++] = word;
    }
    l->status = config_load(&l->config, argc, argv, &l->error);
}

static inline void load(struct loading *l, const char *file, const char *arguments)
{
    load_bytes(l, file, file ? strlen(file) : 0, arguments);
}

static inline void unload(struct loading *l)
{
    config_free(&l->config);
    if (l->path[0] != '\0')
        unlink(l->path);
}

/* Is there a remark of this weight that ends like this? */
static inline bool has_remark(const struct loading *l, enum config_weight weight, const char *part)
{
    for (uint32_t i = 0; i < l->config.remark_count; i++)
        if (l->config.remarks[i].weight == weight && strstr(l->config.remarks[i].text, part) != NULL)
            return true;
    return false;
}

static inline unsigned count_remarks(const struct loading *l, enum config_weight weight)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < l->config.remark_count; i++)
        count += l->config.remarks[i].weight == weight;
    return count;
}

/* What config_print writes; to be freed. */
static inline char *printed(const struct config *c)
{
    char  *text = NULL;
    size_t len;
    FILE  *out = open_memstream(&text, &len);
    config_print(c, out);
    fclose(out);
    return text;
}

#endif
