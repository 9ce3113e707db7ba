/* resolve: names to addresses with the system's resolver, within the attempt's deadline. Child only.
 *
 * getaddrinfo has no deadline and one answer, EAI_AGAIN, for a silent name server and for one that failed. It is
 * therefore called in a thread of its own, and the two are told apart by what a direct query to the name servers
 * brings.
 */
#ifndef SG_RESOLVE_H
#define SG_RESOLVE_H

#include <netdb.h>

#include "check.h"

/* 0 with *list (never freed: the child's exit does that), or -1 with a dns-* code. `family`: AF_UNSPEC, AF_INET,
 * AF_INET6. A literal address needs no resolver and is not "reached: resolve". */
int net_resolve(const struct check_run *run, const char *host, int port, int family,
		struct addrinfo **list, struct diag *out);

#endif
