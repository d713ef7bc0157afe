/* plan_text.c: a plan in words, and the help. See plan.h. */
#include "load/plan.h"

#include <string.h>

#include "base/buf.h"
#include "load/plan_internal.h"
#include "load/write.h"

static void say_workload(struct buf *b, const struct plan *p)
{
    char number[WRITE_NUMBER_MAX];
    switch (p->workload) {
    case WORKLOAD_IDLE:
        return;
    case WORKLOAD_BROADCAST:
        buf_text(b, "; all hear one channel");
        break;
    case WORKLOAD_ROOMS:
        buf_printf(b, "; in %s rooms", write_number(p->rooms, number));
        break;
    case WORKLOAD_PRIVATE:
        buf_text(b, "; messages to single users");
        break;
    case WORKLOAD_BROWSERS:
        buf_text(b, "; they publish themselves");
        break;
    case WORKLOAD_CHURN:
        buf_printf(b, "; %g %% reconnect each second", p->churn_percent);
        break;
    case WORKLOAD_STORM:
        buf_text(b, "; all are cut in the middle and come back");
        break;
    case WORKLOAD_SLOW:
        buf_printf(b, "; %g %% do not read", p->slow_percent);
        break;
    case WORKLOAD_PUBLISH:
        buf_text(b, "; publications only");
        break;
    }
    static const char *const ways[] = { [PUBLISH_SQL] = "SQL", [PUBLISH_WEBSOCKET] = "WebSocket", [PUBLISH_HTTP] = "HTTP" };
    if (p->rate > 0)
        buf_printf(b, ", %g publications of %u bytes a second over %s", p->rate, p->message_bytes, ways[p->publish_way]);
    else
        buf_printf(b, ", publications of %u bytes over %s as fast as they are answered", p->message_bytes, ways[p->publish_way]);
}

const char *plan_sentence(const struct plan *p, char *out, size_t size)
{
    struct buf b = { 0 };
    char       number[WRITE_NUMBER_MAX];
    if (size == 0)
        return "";
    buf_printf(&b, "%s connection%s ", write_number(p->connections, number), p->connections == 1 ? "" : "s");
    if (p->ramp_per_s > 0)
        buf_printf(&b, "at %s a second", write_number(p->ramp_per_s, number));
    else
        buf_text(&b, "as fast as possible");
    if (p->target_count > 0) {
        const struct target_address *t = &p->targets[0];
        bool                         is_v6 = strchr(t->host, ':') != NULL;
        buf_printf(&b, " to ws%s://%s%s%s:%u", t->is_tls ? "s" : "", is_v6 ? "[" : "", t->host, is_v6 ? "]" : "", t->port);
    }
    if (p->target_count > 1)
        buf_printf(&b, " and %u more", p->target_count - 1);
    if (p->settle_s > 0)
        buf_printf(&b, ", %u s of silence", p->settle_s);
    buf_printf(&b, ", held for %u s", p->hold_s);
    say_workload(&b, p);
    struct slice said = slice_first(buf_ok(&b) ? buf_slice(&b) : SLICE("a load test"), size - 1);
    memcpy(out, said.at, said.len);
    out[said.len] = '\0';
    buf_clear(&b);
    return out;
}

#define COLUMN 28

/* The text in its column, and the lines behind the first below it. */
static void help_option(FILE *out, const struct plan_option *o)
{
    char left[64];
    int  len = snprintf(left, sizeof left, "  %c%c%s --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                        o->letter ? "," : " ", o->name, o->value ? " " : "", o->value ? o->value : "");
    struct slice rest = slice_str(o->help), line = slice_cut(&rest, '\n');
    fprintf(out, "%-*s%s%.*s\n", COLUMN, left, len >= COLUMN ? "  " : "", SLICE_ARG(line));
    while (rest.len > 0) {
        line = slice_cut(&rest, '\n');
        fprintf(out, "%*s%.*s\n", COLUMN, "", SLICE_ARG(line));
    }
}

void plan_help(FILE *out)
{
    fputs("encke-load: tests a WebSocket server under load, and checks that every message arrives, once and in order.\n\n"
          "  encke-load ws://host:8087 [ws://...] -c 64000 -r 2500 --classic [options]\n"
          "  encke-load compare before.json after.json\n"
          "  encke-load report results.json --html report.html\n",
          out);
    for (unsigned i = 0; i < plan_option_count; i++) {
        if (plan_options[i].name == NULL)
            fprintf(out, "\n%s\n", plan_options[i].help);
        else
            help_option(out, &plan_options[i]);
    }
    fputs("\n  -h, --help                this text\n  -V, --version             the version\n\n"
          "Ctrl-C ends the test in order: it still reports. The exit status is 0 when all was well, 1 when connections failed or\n"
          "messages were missing, doubled or out of order, 2 when the test could not be carried out.\n"
          "More: encke-load(1), docs/load-testing.md.\n",
          out);
}
