/* loopback: explains a refused connection to an address of this host, which in a container is the container itself.
 *
 * Whether this is a container is read from marks that engines and Kubernetes leave, which may be missing or lie: it makes a hint, never a
 * cause. Child only.
 */
#ifndef SG_LOOPBACK_H
#define SG_LOOPBACK_H

#include <sys/socket.h>

#include "diag.h"

/* Adds the hint when *out is connect-refused, the address is this host's own, and this is a container. */
void loopback_hint(struct diag *out, const struct sockaddr *addr);

#endif
