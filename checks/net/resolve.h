/* resolve: turns names into addresses with the system's resolver, within the deadline of the attempt. Child only.
 *
 * getaddrinfo has no deadline, so it runs in a thread of its own. Its EAI_AGAIN stands both for a name server that is
 * silent and for one that failed; a query of our own to the servers of resolv.conf tells the two apart.
 */
#ifndef SG_RESOLVE_H
#define SG_RESOLVE_H

#include <netdb.h>

#include "check.h"

/* *list gets the addresses (never freed: the child's exit does that); without one, RESULT_FAIL with a dns-* code.
 * `family`: AF_UNSPEC, AF_INET, AF_INET6. A literal address needs no query and leaves no "reached: resolve". */
enum result resolve_host(const struct check_run *run, const char *host, int port, int family,
			 struct addrinfo **list, struct diag *out);
/* Whether `host` is an address rather than a name. */
bool resolve_is_literal(const char *host);

#endif
