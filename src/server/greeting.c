/* greeting.c: see greeting.h. */
#include "server/greeting.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_places(const char *name, const struct port *p)
{
    char text[PLACE_TEXT_MAX];
    printf(" %s=", name);
    for (unsigned i = 0; i < p->place_count; i++) {
        place_text(&p->places[i], text);
        printf(i == 0 ? "%s" : ",%s", text);
    }
}

/* The first one with a port; NULL: unix sockets only. */
static const struct place *tcp_place(const struct port *p)
{
    for (unsigned i = 0; i < p->place_count; i++)
        if (!place_is_unix(&p->places[i]))
            return &p->places[i];
    return NULL;
}

/* Its host, for a URL or an option. */
static void host_of(const struct place *p, bool is_url, char out[PLACE_TEXT_MAX])
{
    place_text(p, out);
    *strrchr(out, ':') = '\0';
    bool is_any = strcmp(out, "0.0.0.0") == 0 || strcmp(out, "[::]") == 0;
    if (is_any)
        memcpy(out, is_url ? "localhost" : "127.0.0.1", is_url ? sizeof "localhost" : sizeof "127.0.0.1");
    else if (!is_url && out[0] == '[') {
        size_t len = strlen(out) - 2;
        memmove(out, out + 1, len);
        out[len] = '\0';
    }
}

static void greet_browser(const struct port *ws)
{
    char                host[PLACE_TEXT_MAX];
    const struct place *at = tcp_place(ws);
    if (at == NULL)
        return;
    host_of(at, true, host);
    printf("\n  page     http%s://%s:%u/\n", ws->tls != NULL ? "s" : "", host, place_port(at));
}

/* A line to paste. The password itself is shown to a person only: what is no terminal may be a log. */
static void greet_sql_client(const struct greeting *g)
{
    char                host[PLACE_TEXT_MAX];
    const char         *file = g->password->file;
    const struct place *at = tcp_place(g->cometql);
    if (at != NULL) {
        host_of(at, false, host);
        printf("  CometQL  mariadb -h%s -P%u%s -uroot -p", host, place_port(at), g->requires_tls ? " --ssl" : "");
    } else {
        printf("  CometQL  mariadb --socket='%s' -uroot -p", g->cometql->place_count > 0 ? place_path(&g->cometql->places[0]) : "");
    }
    if (file[0] != '\0' && isatty(STDOUT_FILENO))
        printf("%s CometQL_v1\n           (the password is kept in %s)\n\n", g->password->text, file);
    else if (file[0] != '\0')
        printf("\"$(cat '%s')\" CometQL_v1\n\n", file);
    else
        printf(" CometQL_v1\n\n");
}

void greet(const struct greeting *g)
{
    printf("encke: ready");
    print_places("ws", g->ws);
    print_places("cometql", g->cometql);
    if (!g->directory->is_off)
        print_places("freeswitch", g->directory);
    printf("\n");
    if (!g->is_short) {
        greet_browser(g->ws);
        greet_sql_client(g);
    }
    fflush(stdout);
}
