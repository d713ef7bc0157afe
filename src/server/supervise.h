/* supervise: the process from "ready" to its end.
 *
 *   limits -> state directory -> password -> ports -> shards -> "ready" -> a tick a second -> signal -> shards stop -> 0
 *
 * Thread: main. It serves nobody; it waits for signals and prints the statistics. SIGHUP: certificates are read again.
 */
#ifndef ENCKE_SERVER_SUPERVISE_H
#define ENCKE_SERVER_SUPERVISE_H

#include "server/config.h"

/* Runs the server until SIGINT or SIGTERM. Returns the exit code; the reason for a failure is logged. */
int supervise(const struct config *config);

#endif
