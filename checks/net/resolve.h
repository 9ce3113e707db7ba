/* resolve: turns names into addresses with the system's resolver, within the deadline of the attempt. Child only.
 *
 * getaddrinfo has no deadline, so it runs in a thread of its own. It returns EAI_AGAIN both for a silent name server and
 * for one that failed; the module then queries the servers of resolv.conf itself to find out which.
 */
#ifndef SG_RESOLVE_H
#define SG_RESOLVE_H

#include <netdb.h>

#include "check.h"

/* Stores the addresses in *list (the child's exit frees them); returns RESULT_FAIL with a dns-* code when there are none.
 * `family`: AF_UNSPEC, AF_INET, AF_INET6. A literal address needs no query and reports no "reached: resolve". */
enum result resolve_host(const struct check_run *run, const char *host, int port, int family,
			 struct addrinfo **list, struct diag *out);
/* Returns whether `host` is an address rather than a name. */
bool resolve_is_literal(const char *host);

#endif
