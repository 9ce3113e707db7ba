/* kafka_probe: finds out which protocol a listener speaks, when librdkafka can only guess.
 *
 * A listener that closes the connection may want TLS or a login, or be shutting down: librdkafka logs the same guess for all of
 * them. A listener that looks ready without a login may refuse the first request. kafka_broker_state therefore calls this; it
 * sends ApiVersions and SaslHandshake (Kafka protocol guide; brokers answer both before a login) on a separate connection and
 * without credentials, then tries a TLS handshake. Child only.
 */
#ifndef SG_KAFKA_PROBE_H
#define SG_KAFKA_PROBE_H

#include "tls.h"

enum kafka_listener {
	LISTENER_UNKNOWN,  /* no answer, or no connection */
	LISTENER_PLAIN,    /* Kafka, no TLS, no login */
	LISTENER_SASL,     /* Kafka, no TLS, wants a login */
	LISTENER_TLS,      /* speaks TLS; the protocol inside is unknown */
	LISTENER_TLS_SASL, /* Kafka over TLS, wants a login */
	LISTENER_OTHER     /* neither Kafka nor TLS */
};

struct kafka_probe {
	enum kafka_listener listener;
	/* How the handshake failed with LISTENER_UNKNOWN: tls-handshake, connect-reset; D_NONE when it was not tried, or ended otherwise. */
	enum diag_code tls_code;
	char text
	    [256]; /* the mechanisms it offers, the foreign bytes it sent, or the cause of tls_code */
	bool connected; /* the listener accepted the connection */
	bool silent;    /* it did not answer a request in time */
	bool reset;     /* it reset the connection; librdkafka logs "Disconnected" for that too */
};

/* Probes "host:port", at the address `ip` of it unless that is empty, with `tls` also inside TLS. Takes at most `patience` for each of two connections, until run->deadline. */
void kafka_probe(const struct check_run *run, const char *address, const char *ip,
		 struct duration patience, const struct tls_conf *tls, struct kafka_probe *probe);

#endif
