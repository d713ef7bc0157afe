/* notify.c: see notify.h. */
#include "server/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

/* A path, or a name in the abstract space, which begins with @ in the variable and with a zero byte in the address. */
static void notify(const char *text)
{
    const char        *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t             len = name != NULL ? strlen(name) : 0;
    if (len == 0 || len >= sizeof to.sun_path || (name[0] != '/' && name[0] != '@'))
        return;
    memcpy(to.sun_path, name, len);
    if (name[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)(const void *)&to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}

void notify_ready(void)
{
    char text[64];
    snprintf(text, sizeof text, "READY=1\nMAINPID=%ld", (long)getpid());
    notify(text);
}

void notify_reloading(void)
{
    char text[64];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(clock_mono_ns() / 1000));
    notify(text);
}

void notify_stopping(void)
{
    notify("STOPPING=1");
}

void notify_alive(void)
{
    notify("WATCHDOG=1");
}
