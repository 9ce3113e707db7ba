/* kafka_client_props: the service's Kafka settings, from the profile and its own properties file, for librdkafka.
 *
 * Names are librdkafka's. What the service would use is passed on as it is; a few settings that decide what a
 * check does to the cluster are always ours (kafka_client_props.c lists them). Values read here are registered with the
 * scrubber when their name says they are secret. Child only, except kafka_address_problem.
 */
#ifndef SG_KAFKA_CLIENT_PROP_H
#define SG_KAFKA_CLIENT_PROP_H

#include <librdkafka/rdkafka.h>

#include "check.h"
#include "kafka_log.h"

#define KAFKA_PORT 9092
#define KAFKA_MEMORY \
	(2048ull << 20) /* of a child: 1,024 brokers, their threads' stacks and buffers */
#define KAFKA_CLIENT_PROPS_MAX 256 /* more lines than any client has settings */
#define KAFKA_PROPS_FILE_MAX (64 * 1024)

/* What every kind that talks to Kafka lets the user say. */
struct kafka_client_conf {
	const struct strlist *bootstrap_servers;
	const struct pairlist *properties;
	const char *properties_file; /* may be NULL */
	const char *client_id;       /* may be NULL */
};

struct kafka_client_prop {
	const char *name, *value;
	const char *file; /* where it stands; NULL: in the profile */
	int line;
};
struct kafka_client_props {
	struct kafka_client_prop v[KAFKA_CLIENT_PROPS_MAX];
	size_t n;
	bool tls, sasl;
	int family; /* of addresses: AF_UNSPEC, AF_INET, AF_INET6 (broker.address.family) */
	const char *mechanism; /* never NULL */
	struct kafka_context context;
};

/* Reads both sources; the profile beats the file. 0; or -1 with *out filled. */
int kafka_client_props_load(const struct kafka_client_conf *access,
			    struct kafka_client_props *props, struct diag *out);
/* For Kerberos librdkafka runs sasl.kerberos.kinit.cmd by a shell. */
bool kafka_client_conf_starts_programs(const struct kafka_client_conf *access);
/* Sets them on a configuration, ours before and after. 0; or -1 with kafka-property or kafka-feature-missing. */
int kafka_client_props_apply(const struct kafka_client_props *props, rd_kafka_conf_t *conf,
			     struct diag *out);
/* One value of ours; a property this library does not know is left out when `optional`. */
int kafka_conf_put(rd_kafka_conf_t *conf, const char *name, const char *value, bool optional,
		   struct diag *out);
/* The value that will be used, or NULL. */
const char *kafka_client_props_get(const struct kafka_client_props *props, const char *name);
/* Is it one that librdkafka reads as true? */
bool kafka_client_props_is_true(const struct kafka_client_props *props, const char *name);

/* One bootstrap entry, with or without "kafka://": NULL when it is host:port (the port may be left out), else
 * what is wrong with it. Pure. */
const char *kafka_address_problem(const char *entry);
/* The same taken apart; the entry must have no problem. */
void kafka_address_split(const char *entry, char *host, size_t size, int *port);

/* A property that has no place in `properties`: what is wrong with it, else NULL. Pure. */
const char *kafka_property_problem(const char *name);

#endif
