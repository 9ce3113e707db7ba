/* kafka_client_prop: reads the service's Kafka properties from the profile and a file, and sets them on librdkafka.
 *
 * Names are librdkafka's. It passes values on unchanged, except for a few properties that decide what a check does to the
 * cluster; kafka_client_prop.c lists them. It registers values of secret properties, known by their names, with the scrubber.
 * kafka_client and the checks call it. Child only, except for the functions that are marked as pure.
 */
#ifndef SG_KAFKA_CLIENT_PROP_H
#define SG_KAFKA_CLIENT_PROP_H

#include <librdkafka/rdkafka.h>

#include "check.h"
#include "kafka_log.h"

#define KAFKA_MEMORY \
	(2048ull << 20) /* limit of a child in bytes: stacks and buffers for 1,024 brokers */
#define KAFKA_CLIENT_PROPS_MAX 256       /* more than any client sets */
#define KAFKA_PROPS_FILE_MAX (64 * 1024) /* bytes */

/* The values of the keys that all Kafka kinds share (kafka_keys.h). */
struct kafka_client_conf {
	const struct strlist *bootstrap_servers;
	const struct pairlist *properties;
	const char *properties_file; /* may be NULL */
	const char *client_id;       /* may be NULL */
};
/* For .doubt: returns NULL, or which setting stands twice, so that one of the two does not count. `groups` may be NULL. Pure. */
const char *kafka_client_conf_doubt(const struct kafka_client_conf *conf,
				    const struct strlist *groups, const char **key);
/* For .validate: returns NULL, or what is wrong with the key *key. Pure. */
const char *kafka_client_conf_problem(const struct kafka_client_conf *conf, const char **key);
/* Returns whether the login is Kerberos, for which librdkafka runs sasl.kerberos.kinit.cmd in a shell. */
bool kafka_client_conf_starts_programs(const struct kafka_client_conf *conf);

struct kafka_client_prop {
	const char *name, *value;
	const char *file; /* properties file with the property; NULL: it is from the profile */
	int line;         /* in `file` */
};
struct kafka_client_props {
	struct kafka_client_prop v[KAFKA_CLIENT_PROPS_MAX];
	size_t n;
	bool tls, sasl;        /* whether security.protocol has them */
	bool token;            /* the login needs a token, which librdkafka fetches */
	int family;            /* broker.address.family: AF_UNSPEC, AF_INET or AF_INET6 */
	const char *protocol;  /* security.protocol; never NULL */
	const char *mechanism; /* SASL mechanism; never NULL */
	struct kafka_context context;
};

struct kafka_prop_override {
	const char *name, *value;
};

/* Reads the properties file, then the profile, whose values replace those of the file. */
enum result kafka_client_props_load(const struct kafka_client_conf *conf,
				    struct kafka_client_props *props, struct diag *out);
/* Sets startguard's defaults, then the properties, then startguard's overrides on `conf`. Fails with kafka-property,
 * kafka-feature-missing or kafka-library-old. */
enum result kafka_client_props_apply(const struct kafka_client_props *props, rd_kafka_conf_t *conf,
				     struct diag *out);
/* Sets startguard's own properties; the list ends with a NULL name and may be NULL. */
enum result kafka_prop_overrides_apply(const struct kafka_prop_override *v, rd_kafka_conf_t *conf,
				       struct diag *out);
/* Fails with kafka-property when one of the bootstrap servers begins with another protocol than security.protocol. */
enum result kafka_client_props_fit(const struct kafka_client_props *props,
				   const struct strlist *servers, struct diag *out);
/* Returns the property's value, or NULL. */
const char *kafka_client_props_get(const struct kafka_client_props *props, const char *name);
/* Returns whether librdkafka reads the property's value as true. */
bool kafka_client_props_is_true(const struct kafka_client_props *props, const char *name);

#endif
