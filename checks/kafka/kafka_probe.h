/* kafka_probe: asks a listener what it is, when librdkafka can only guess.
 *
 * A listener that closes the connection may want TLS, or a login, or be shutting down: librdkafka logs the same guess for all
 * of them. And a listener that looks ready without a login may refuse the first request. kafka_probe asks the listener itself,
 * over a connection of its own and without credentials: ApiVersions and SaslHandshake (Kafka protocol guide; brokers answer
 * both before a login), then a TLS handshake. Child only.
 */
#ifndef SG_KAFKA_PROBE_H
#define SG_KAFKA_PROBE_H

#include "tls.h"

enum kafka_listener {
	LISTENER_UNKNOWN,  /* no answer we know, or it cannot be reached now */
	LISTENER_PLAIN,    /* Kafka, no TLS, no login */
	LISTENER_SASL,     /* Kafka, no TLS, wants a login */
	LISTENER_TLS,      /* speaks TLS; the protocol inside is unknown */
	LISTENER_TLS_SASL, /* Kafka over TLS, wants a login */
	LISTENER_OTHER     /* answered something that is neither */
};

struct kafka_probe {
	enum kafka_listener listener;
	char text[256]; /* the mechanisms it offers, or the bytes it sent */
	bool connected; /* it took the connection */
	bool silent;    /* what it was asked had no answer in time */
	bool reset;     /* it reset the connection: librdkafka says "Disconnected" then too */
};

/* `address` is "host:port"; with `tls` it also probes inside TLS. Takes at most `patience` for each of two
 * connections, and until run->deadline. */
void kafka_probe(const struct check_run *run, const char *address, struct duration patience,
		 const struct tls_conf *tls, struct kafka_probe *probe);

#endif
