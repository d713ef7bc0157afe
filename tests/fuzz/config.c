/* A configuration file of any bytes: every complaint has its words; what is printed is read again without one. */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config.h"

/* A file without a place on a disk, with a name that can be opened. */
static int file_holding(const void *bytes, size_t len, char path[64])
{
    int fd = memfd_create("encke.ini", MFD_CLOEXEC);
    assert(fd >= 0 && (len == 0 || write(fd, bytes, len) == (ssize_t)len));
    assert(fchmod(fd, 0600) == 0);
    snprintf(path, 64, "--config=/proc/self/fd/%d", fd);
    return fd;
}

static enum status load(struct config *c, const void *bytes, size_t len)
{
    char         path[64], name[] = "encke";
    char        *words[] = { name, path, NULL };
    struct error e = { 0 };
    int          fd = file_holding(bytes, len, path);
    enum status  status = config_load(c, 2, words, &e);
    close(fd);
    assert(status == OK || (e.code != OK && e.text[0] != '\0'));
    return status;
}

static void print_and_read_again(const struct config *c)
{
    char         *text = NULL;
    size_t        len = 0;
    FILE         *out = open_memstream(&text, &len);
    struct config again;
    assert(out != NULL);
    config_print(c, out);
    fclose(out);
    if (load(&again, text, len) != OK) {
        config_report(&again, stderr);
        abort();
    }
    config_free(&again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE  *nowhere;
    struct config c;
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    assert(nowhere != NULL);
    if (load(&c, data, size) == OK)
        print_and_read_again(&c);
    config_report(&c, nowhere);
    for (uint32_t i = 0; i < c.remark_count; i++)
        assert(c.remarks[i].text != NULL && c.remarks[i].text[0] != '\0');
    config_free(&c);
    return 0;
}
