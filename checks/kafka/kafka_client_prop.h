/* kafka_client_prop: the service's Kafka properties, from the profile and its own properties file, for librdkafka.
 *
 * Names are librdkafka's. The service's values are passed on as they are, except for a few properties that decide what a check
 * does to the cluster: kafka_client_prop.c lists them. Values whose names say that they are secret are registered with the
 * scrubber. Child only, except for the functions that are marked as pure.
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

/* The keys that all kinds for Kafka have (kafka_keys.h). */
struct kafka_client_conf {
	const struct strlist *bootstrap_servers;
	const struct pairlist *properties;
	const char *properties_file; /* may be NULL */
	const char *client_id;       /* may be NULL */
};
/* For .validate: NULL, or what is wrong; *key names the key. Pure. */
const char *kafka_client_conf_problem(const struct kafka_client_conf *conf, const char **key);
/* For Kerberos librdkafka runs sasl.kerberos.kinit.cmd by a shell. */
bool kafka_client_conf_starts_programs(const struct kafka_client_conf *conf);

struct kafka_client_prop {
	const char *name, *value;
	const char *file; /* that holds it, at this line; NULL: the profile does */
	int line;
};
struct kafka_client_props {
	struct kafka_client_prop v[KAFKA_CLIENT_PROPS_MAX];
	size_t n;
	bool tls, sasl; /* as security.protocol says */
	int family;     /* of addresses: AF_UNSPEC, AF_INET, AF_INET6 (broker.address.family) */
	const char *mechanism; /* of SASL; never NULL */
	struct kafka_context context;
};

struct kafka_prop_override {
	const char *name, *value;
};

/* Reads both sources; the profile beats the file. */
enum result kafka_client_props_load(const struct kafka_client_conf *conf,
				    struct kafka_client_props *props, struct diag *out);
/* Sets the properties on a configuration, between startguard's own defaults and those that it always overrides. Fails with
 * kafka-property, kafka-feature-missing or kafka-library-old. */
enum result kafka_client_props_apply(const struct kafka_client_props *props, rd_kafka_conf_t *conf,
				     struct diag *out);
/* Sets properties of startguard's own; the list ends with a NULL name, and may be NULL. */
enum result kafka_prop_overrides_apply(const struct kafka_prop_override *v, rd_kafka_conf_t *conf,
				       struct diag *out);
/* The value that will be used, or NULL. */
const char *kafka_client_props_get(const struct kafka_client_props *props, const char *name);
/* Is the value one that librdkafka reads as true? */
bool kafka_client_props_is_true(const struct kafka_client_props *props, const char *name);

/* What is wrong with one item of the key bootstrap_servers, with or without "kafka://" and port; NULL: nothing. Pure. */
const char *kafka_address_problem(const char *entry);
/* Takes such an item apart; it must have no problem. Pure. */
void kafka_address_split(const char *entry, char *host, size_t size, int *port);

#endif
