/* kafka_tcp_race: connects to several brokers at once by TCP, before the library does.
 *
 * A refused port or a name that does not resolve is known here within a millisecond and with its own code, where librdkafka
 * would wait until its timeout. Sends nothing. Child only.
 */
#ifndef SG_KAFKA_TCP_RACE_H
#define SG_KAFKA_TCP_RACE_H

#include "check.h"

struct kafka_tcp_target {
	const char *host;
	int port;
	/* Filled: */
	bool connected;
	struct diag diag; /* why not: dns-*, connect-* */
};

/* Connects to every address of every entry at the same time. An entry is connected as soon as one of its addresses is; with
 * `any` the race ends when one entry is connected, otherwise when all are settled. An entry without an answer at the deadline
 * gets connect-timeout. Only addresses of `family` count. Returns how many entries are connected. */
size_t kafka_tcp_race(const struct check_run *run, struct kafka_tcp_target *v, size_t n, int family,
		      bool any, struct instant deadline);

#endif
