/* main: carries out what the command line asks for, shows it, and reports. */
#include <signal.h>
#include <stdlib.h>

#include "load/engine.h"
#include "load/plan.h"
#include "load/results.h"
#include "load/screen.h"

enum { EXIT_CLEAN = 0, EXIT_NOT_CLEAN = 1, EXIT_WRONG = 2 };

static volatile sig_atomic_t is_interrupted;

/* The first Ctrl-C ends in order; the handler is then gone (SA_RESETHAND), so that the second ends at once. */
static void on_signal(int number)
{
    (void)number;
    is_interrupted = 1;
}

static void watch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action = (struct sigaction){ .sa_handler = SIG_IGN };
    sigaction(SIGPIPE, &action, NULL);
}

static bool on_second(const struct results *so_far, void *context)
{
    screen_draw(context, so_far);
    return !is_interrupted;
}

static int complain(const struct error *e)
{
    fprintf(stderr, "encke-load: %s\n", e->text);
    return EXIT_WRONG;
}

/* A command line that could be typed again; what a header says stays out of the report: it may be a key. */
static void note_command(struct results *r, int argc, char **argv)
{
    struct buf b = { 0 };
    bool       is_header = false;
    buf_text(&b, "encke-load");
    for (int i = 1; i < argc; i++) {
        struct slice word = slice_str(argv[i]);
        bool         is_joined = slice_starts(word, "--header=") || slice_starts(word, "--http-header=") || (slice_starts(word, "-H") && word.len > 2);
        if (is_header || is_joined) {
            size_t colon = slice_find(word, ':');
            word = slice_first(word, colon == SIZE_MAX ? 2 : colon + 1);
        }
        bool is_plain = word.len > 0 && strcspn(argv[i], " \t\n'\"\\$`&|;<>(){}[]*?!#~") >= word.len;
        buf_text(&b, is_plain ? " " : " '");
        for (size_t at = 0; at < word.len; at++)
            if (word.at[at] == '\'')
                buf_text(&b, "'\\''");
            else
                buf_byte(&b, (unsigned char)word.at[at]);
        buf_text(&b, is_plain ? "" : is_header || is_joined ? " ...'" : "'");
        is_header = !is_header && (strcmp(argv[i], "-H") == 0 || strcmp(argv[i], "--header") == 0 || strcmp(argv[i], "--http-header") == 0);
    }
    if (buf_ok(&b))
        snprintf(r->command, sizeof r->command, "%.*s", SLICE_ARG(slice_first(buf_slice(&b), sizeof r->command - 1)));
    buf_clear(&b);
}

static enum status write_files(const struct plan *p, const struct results *r, struct error *e)
{
    enum status s = p->json_path != NULL ? results_json(r, p->json_path, e) : OK;
    return s == OK && p->html_path != NULL ? results_html(r, p->html_path, e) : s;
}

static bool is_stdout_taken(const struct plan *p)
{
    return (p->json_path != NULL && strcmp(p->json_path, "-") == 0) || (p->html_path != NULL && strcmp(p->html_path, "-") == 0);
}

static int run(const struct plan *p, struct results *r, int argc, char **argv)
{
    struct error  e = { 0 };
    struct screen screen;
    char          limits[512];
    if (engine_limits(p, limits, sizeof limits)[0] != '\0')
        fprintf(stderr, "encke-load: %s\n", limits);
    watch_signals();
    FILE *out = is_stdout_taken(p) ? stderr : stdout;
    screen_begin(&screen, p, out);
    if (engine_run(p, r, on_second, &screen, &e) != OK)
        return complain(&e);
    note_command(r, argc, argv);
    fputc('\n', out);
    results_text(r, out);
    if (write_files(p, r, &e) != OK)
        return complain(&e);
    return results_are_clean(r) ? EXIT_CLEAN : EXIT_NOT_CLEAN;
}

static int compare(const struct plan *p, struct results *r)
{
    struct error e = { 0 };
    if (results_read(&r[0], p->inputs[0], &e) != OK || results_read(&r[1], p->inputs[1], &e) != OK)
        return complain(&e);
    results_compare(&r[0], &r[1], stdout);
    return EXIT_CLEAN;
}

static int report(const struct plan *p, struct results *r)
{
    struct error e = { 0 };
    if (results_read(r, p->inputs[0], &e) != OK)
        return complain(&e);
    if (p->json_path == NULL && p->html_path == NULL)
        results_text(r, stdout);
    return write_files(p, r, &e) == OK ? EXIT_CLEAN : complain(&e);
}

static int act(const struct plan *p, enum plan_action action, struct results *r, int argc, char **argv)
{
    switch (action) {
    case PLAN_HELP:
        plan_help(stdout);
        return EXIT_CLEAN;
    case PLAN_VERSION:
        puts("encke-load " ENCKE_VERSION);
        return EXIT_CLEAN;
    case PLAN_COMPARE:
        return compare(p, r);
    case PLAN_REPORT:
        return report(p, r);
    case PLAN_RUN:
        break;
    }
    return run(p, r, argc, argv);
}

int main(int argc, char **argv)
{
    /* A few hundred kilobytes: too much for a stack. */
    struct plan     *plan = calloc(1, sizeof *plan);
    struct results  *results = calloc(2, sizeof *results);
    struct error     e = { 0 };
    enum plan_action action = PLAN_RUN;
    enum status      s = plan != NULL && results != NULL ? OK : error_plain(&e, E_NO_MEMORY);
    if (s == OK)
        s = plan_parse(argc, argv, plan, &action, &e);
    int exit_code = s == OK ? act(plan, action, results, argc, argv) : complain(&e);
    if (results != NULL) {
        results_clear(&results[0]);
        results_clear(&results[1]);
    }
    if (plan != NULL)
        plan_clear(plan);
    free(results);
    free(plan);
    return exit_code;
}
