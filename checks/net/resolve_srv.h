/* resolve_srv: finds the servers of a service by its SRV records (RFC 2782), with the system's resolver. Child only.
 *
 * res_nsearch follows resolv.conf (servers, search domains, time-outs) and has no deadline, so it runs in a thread of its own, as
 * getaddrinfo does in resolve.h. The answer is parsed with the C library's parser.
 */
#ifndef SG_RESOLVE_SRV_H
#define SG_RESOLVE_SRV_H

#include "check.h"

#define SRV_TARGETS_MAX 64

struct srv_targets {
	size_t n;
	struct srv_target {
		char host
		    [256]; /* without the dot at its end; empty: "not offered here" (a target of ".") */
		int port;
	} v[SRV_TARGETS_MAX];
};
/* Fills *targets with at least one; else fails with a dns-* code. Further records than SRV_TARGETS_MAX are left out. */
enum result resolve_srv(const struct check_run *run, const char *name, struct srv_targets *targets,
			struct diag *out);
/* Fills *targets from the answer of a name server. What is no SRV record of an answer is passed over. */
void srv_read_answer(const unsigned char *answer, size_t len, struct srv_targets *targets);

#endif
