/* activation: sockets that a service manager has opened for us (sd_listen_fds(3), without its library).
 *
 * Their names ($LISTEN_FDNAMES; FileDescriptorName= in the unit) say whose they are: ws, cometql, directory. A single one without a name is
 * ws. A listener that is given sockets listens there and nowhere else: its settings of address and port are not looked at.
 *
 * Thread: main, before the ports are reserved.
 */
#ifndef ENCKE_SERVER_ACTIVATION_H
#define ENCKE_SERVER_ACTIVATION_H

#include "base/status.h"
#include "io/listener.h"

/* Lends the sockets to the ports. E_CONFIG: one has a name that no listener has, or does not listen. Does nothing when there are none. */
enum status activation_take_ports(struct port *ports, unsigned count, struct error *out_error) __attribute__((warn_unused_result));

#endif
