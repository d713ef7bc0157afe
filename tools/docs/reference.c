/* reference: writes the reference pages that come from tables: settings, errors and counters.
 *
 *   reference settings > docs/reference/settings.md
 *
 * The tables are included as they are, so a page cannot say anything else than the program does; a lint compares the
 * pages in the tree with what this program writes.
 */
#include <stdio.h>
#include <string.h>

#include "base/counter.h"
#include "base/status.h"
#include "server/settings.h"

static const char note[] = "<!-- Written by tools/docs/reference.c (`make docs`) from %s; change it there. -->\n\n";

/* --- settings
 * ----------------------------------------------------------------------------------------------------------- */

/* A bound in the largest unit that leaves no rest. */
static void amount_print(uint64_t amount, uint64_t small, const char *const units[], const uint64_t factors[])
{
    unsigned best = 0;
    for (unsigned i = 0; units[i] != NULL; i++)
        if (amount != 0 && amount % factors[i] == 0)
            best = i;
    if (amount == 0 || amount % factors[best] != 0)
        printf("%llu", (unsigned long long)(amount / small));
    else
        printf("%llu%s", (unsigned long long)(amount / factors[best]), units[best]);
}

static void bytes_print(uint64_t bytes)
{
    amount_print(bytes, 1, (const char *const[]){ "K", "M", "G", NULL },
                 (const uint64_t[]){ 1 << 10, 1 << 20, 1 << 30 });
}

static void time_print(uint64_t ms)
{
    amount_print(ms, 1000, (const char *const[]){ "ms", "s", "m", "h", NULL },
                 (const uint64_t[]){ 1, 1000, 60000, 3600000 });
}

static void allowed_print(enum setting_kind kind, uint64_t min, uint64_t max)
{
    switch (kind) {
    case SETTING_TEXT:
    case SETTING_SECRET:
        printf("text of %llu to %llu bytes", (unsigned long long)min, (unsigned long long)max);
        break;
    case SETTING_BOOL:
        printf("true, false");
        break;
    case SETTING_NUMBER:
    case SETTING_PORT:
        printf("%llu to %llu", (unsigned long long)min, (unsigned long long)max);
        break;
    case SETTING_BYTES:
        bytes_print(min);
        printf(" to ");
        bytes_print(max);
        break;
    case SETTING_TIME:
        time_print(min);
        printf(" to ");
        time_print(max);
        break;
    case SETTING_ADDRESS:
        printf("numeric IPv4 or IPv6 addresses, and unix:/path, separated by commas");
        break;
    case SETTING_LEVEL:
        printf("error, warn, info, debug");
        break;
    case SETTING_NAMES:
        printf("names, separated by commas");
        break;
    case SETTING_LIST:
        printf("`[]value` for each");
        break;
    }
}

static void section_print(const char *name, const char *sentence)
{
    printf("\n## [%s]\n\n%s.\n\n| Key | Default | Allowed | Meaning |\n|---|---|---|---|\n", name, sentence);
}

static void setting_print(const char *key, const char *fallback, enum setting_kind kind, uint64_t min, uint64_t max,
                          const char *sentence)
{
    printf("| `%s` | ", key);
    printf(*fallback != '\0' ? "`%s`" : "%s", fallback);
    printf(" | ");
    allowed_print(kind, min, max);
    printf(" | %s |\n", sentence);
}

static void settings_page(void)
{
    printf("# Settings\n\n");
    printf(note, "src/server/settings.def");
    fputs(
        "Encke reads its settings from four places; the later override the earlier:\n\n"
        "1. the defaults below;\n"
        "2. a file: `--config FILE`, or `$ENCKE_CONFIG`, or `./encke.ini`, or `/etc/encke/encke.ini`, whichever comes "
        "first;\n"
        "3. the environment: `ENCKE_WS_PORT=8087` is the setting `port` of the section `[ws]`;\n"
        "4. the command line: `--ws.port=8087` or `--ws.port 8087`; `--quiet` is `--main.quiet=true`.\n\n"
        "`encke --check-config` says what is wrong, with file and line. `encke --print-config` prints every setting, "
        "its "
        "value and where it came from, in a form that can be used as a file.\n\n"
        "## The file\n\n"
        "```ini\n"
        "[ws]\n"
        "port = 8087            ; a comment, here or on a line of its own, with ; or #\n"
        "host = example.org, www.example.org\n\n"
        "[main]\n"
        "password = \"a;b\"       ; quotes keep ; and #; a quote inside them is doubled\n"
        "cometql.port = 3307    ; a full name works in any section\n"
        "```\n\n"
        "- A line `key =` with nothing behind the sign is ignored; `key = \"\"` is the empty text.\n"
        "- `key = []value` appends to a list.\n"
        "- Sizes take `K`, `M` or `G` (times 1024); times take `ms`, `s`, `m` or `h`, and are seconds without.\n"
        "- Booleans are `true`, `yes`, `on`, `1` and `false`, `no`, `off`, `0`, in capitals or not.\n"
        "- An unknown key is a warning. A wrong value is an error, and the server does not start.\n"
        "- A line has at most 4096 bytes.\n\n"
        "The comet.ini of an existing CppComet is read as it is; see the [end of this page](#keys-of-cometini).\n",
        stdout);
#define SETTING_SECTION(section, sentence) section_print(#section, sentence);
#define SETTING_ROW(section, key, field, kind, fallback, min, max, sentence)                                           \
    setting_print(#key, fallback, SETTING_##kind, min, max, sentence);
#include "server/settings.def"
    fputs("\n## [content-type]\n\nFurther MIME types for the files of `main.base_dir`, by extension: "
          "`webmanifest = application/manifest+json`.\n",
          stdout);
    fputs("\n## Keys of comet.ini\n\nOlder names that mean the same:\n\n| Key | Setting |\n|---|---|\n", stdout);
#define SETTING_ALIAS(section, key, real_section, real_key)                                                            \
    printf("| `%s.%s` | `%s.%s` |\n", #section, #key, #real_section, #real_key);
#include "server/settings.def"
    fputs("\nKeys that are accepted and have no effect (`*` is any other key of the section):\n\n| Key | Why "
          "|\n|---|---|\n",
          stdout);
#define SETTING_IGNORED(section, key, sentence) printf("| `%s.%s` | %s |\n", #section, #key, sentence);
#include "server/settings.def"
}

/* --- errors and counters
 * ------------------------------------------------------------------------------------------------ */

static void errors_page(void)
{
    printf("# Errors\n\n");
    printf(note, "src/base/errors.def");
    fputs("Every error that a client or an operator can meet, with the code each protocol gives it. The text that "
          "comes with "
          "it says what exactly was wrong.\n\n"
          "| Name | CometQL code | SQLSTATE | HTTP status | Browser code | Meaning | What to do |\n"
          "|---|---|---|---|---|---|---|\n",
          stdout);
#define ERROR_ROW(name, mysql_code, sqlstate, http_status, classic_code, sentence, advice)                             \
    printf("| `%s` | %d | %s | %d | %d | %s | %s |\n", #name, mysql_code, sqlstate, http_status, classic_code,         \
           sentence, advice);
#include "base/errors.def"
#undef ERROR_ROW
}

static void counters_page(void)
{
    printf("# Counters\n\n");
    printf(note, "src/base/counters.def");
    fputs("What the server counts, once in each shard. A total only grows, from the start of the server; a gauge goes "
          "up and "
          "down.\n\n| Key | Unit | Kind | Meaning |\n|---|---|---|---|\n",
          stdout);
#define COUNTER_ROW(name, key, unit, kind, sentence)                                                                   \
    printf("| `%s` | %s | %s | %s |\n", key, unit, (kind) == COUNTER_TOTAL ? "total" : "gauge", sentence);
#include "base/counters.def"
#undef COUNTER_ROW
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*page)(void);
    } pages[] = { { "settings", settings_page }, { "errors", errors_page }, { "counters", counters_page } };
    for (size_t i = 0; argc == 2 && i < sizeof pages / sizeof *pages; i++) {
        if (strcmp(argv[1], pages[i].name) == 0) {
            pages[i].page();
            return fflush(stdout) == 0 ? 0 : 1;
        }
    }
    fprintf(stderr, "usage: reference settings|errors|counters\n");
    return 2;
}
