/* notify: what the service manager is told (sd_notify(3), without its library).
 *
 * One datagram to the socket that $NOTIFY_SOCKET names; without one nothing happens. Thread: main.
 */
#ifndef ENCKE_SERVER_NOTIFY_H
#define ENCKE_SERVER_NOTIFY_H

void notify_ready(void);     /* it serves; and this process is the main one, also when another was before it */
void notify_reloading(void); /* another process is about to take over; notify_ready, from whichever it is then, ends it */
void notify_stopping(void);
void notify_alive(void);     /* watchdog.h */

#endif
