/* kafka_tcp_race: TCP to several brokers at once, before the library is asked.
 *
 * A refused port or a name that does not resolve is known here within a millisecond and with its own code, where
 * librdkafka would sit out its timeout. Nothing is sent. Child only.
 */
#ifndef SG_KAFKA_TCP_RACE_H
#define SG_KAFKA_TCP_RACE_H

#include "check.h"

struct kafka_tcp_race {
	const char *host;
	int port;
	/* Filled: */
	bool connected;
	struct diag diag; /* why not: dns-*, connect-* */
};

/* Connects to every address of every entry at the same time. An entry is connected as soon as one of its
 * addresses is; with `any` it is enough that one entry is, else all are waited for. Entries that have no answer
 * when the deadline comes get connect-timeout. Of a name only addresses of the family count. Returns how many are connected. */
size_t kafka_tcp_race(const struct check_run *run, struct kafka_tcp_race *v, size_t n, int family,
		      bool any, struct instant deadline);

#endif
