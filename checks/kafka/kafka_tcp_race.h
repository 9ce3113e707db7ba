/* kafka_tcp_race: connects to several brokers at once by TCP, before librdkafka does.
 *
 * kafka_client calls it, to find a refused port or an unknown name within a millisecond and with its own code, where librdkafka
 * would wait until its timeout. It sends nothing. Child only.
 */
#ifndef SG_KAFKA_TCP_RACE_H
#define SG_KAFKA_TCP_RACE_H

#include "check.h"

struct kafka_tcp_target {
	const char *host;
	int port;
	/* Results: */
	bool connected;
	struct diag diag; /* why it is not connected: dns-*, connect-* */
};

/* Connects to every address of `family` of every target at once. A target is connected as soon as one of its addresses is; with
 * `any` the race ends when one target is connected, otherwise when all have connected or failed. A target that has done neither
 * at the deadline gets connect-timeout. Returns how many targets are connected. */
size_t kafka_tcp_race(const struct check_run *run, struct kafka_tcp_target *v, size_t n, int family,
		      bool any, struct instant deadline);

#endif
