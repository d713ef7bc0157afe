/* replay.c: main for a fuzz target without libFuzzer: feeds it every file of the directories and files named. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

#define LARGEST (4 << 20)

static int replay_file(const char *path)
{
    FILE    *f = fopen(path, "rb");
    uint8_t *bytes = f != NULL ? malloc(LARGEST) : NULL;

    if (bytes == NULL) {
        fprintf(stderr, "replay: cannot read %s\n", path);
        if (f != NULL)
            fclose(f);
        return -1;
    }
    size_t   len = fread(bytes, 1, LARGEST, f);
    uint8_t *exact = malloc(len + (len == 0)); /* no slack behind it, so that ASan sees every overrun */
    fclose(f);
    if (exact == NULL) {
        free(bytes);
        return -1;
    }
    for (size_t i = 0; i < len; i++)
        exact[i] = bytes[i];
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    free(bytes);
    return 1;
}

static int replay(const char *path)
{
    struct stat    st;
    struct dirent *entry;
    int            count = 0;

    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return replay_file(path);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return -1;
    while ((entry = readdir(dir)) != NULL && count >= 0) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        count = replay_file(name) < 0 ? -1 : count + 1;
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++) {
        int n = replay(argv[i]);
        if (n < 0)
            return 1;
        count += n;
    }
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
