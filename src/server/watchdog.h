/* watchdog: tells the service manager that the server is alive, as often as it has asked for ($WATCHDOG_USEC, WatchdogSec= in the unit).
 *
 * Alive is not that this thread runs: every shard has answered a letter since the last time. A shard that is stuck, or main, lets the
 * service manager start the server anew. Thread: main.
 */
#ifndef ENCKE_SERVER_WATCHDOG_H
#define ENCKE_SERVER_WATCHDOG_H

/* Once a second while the shards run. Does nothing unless asked for. */
void watchdog_tick(unsigned shard_count);

#endif
