/* kafka_keys: defines the profile keys that the Kafka kinds share. KAFKA_KEY_FIELDS declares the members of a kind's conf
 * struct, KAFKA_KEYS(T) their keys, and KAFKA_CONF(c) passes their values to kafka_client_prop. */
#ifndef SG_KAFKA_KEYS_H
#define SG_KAFKA_KEYS_H

#include "kafka_address.h"
#include "kafka_client_prop.h"

#define KAFKA_KEY_FIELDS                  \
	struct strlist bootstrap_servers; \
	struct pairlist properties;       \
	const char *properties_file, *client_id;
#define KAFKA_KEYS(T)                                                                            \
	KEY_STRLIST(T, bootstrap_servers, .flags = K_REQUIRED, .check = kafka_address_problem,   \
		    .doc = "host:port of one or more brokers; any one that answers will do. "    \
			   "kafka:// or a listener's name (SASL_SSL://) in front is dropped, "   \
			   "the port is 9092 unless given.",                                     \
		    .example = "[\"kafka-1:9092\", \"kafka-2:9092\"]"),                          \
	    KEY_PAIRLIST(                                                                        \
		T, properties,                                                                   \
		.doc =                                                                           \
		    "Settings of the service's client in librdkafka's names; secret values by "  \
		    "reference. Settings that would join a group, write or fence are not used.", \
		.example = "[\"security.protocol=SASL_SSL\", \"sasl.mechanism=PLAIN\", "         \
			   "\"sasl.username=orders\", \"sasl.password=env:KAFKA_PASSWORD\"]"),   \
	    KEY_PATH(T, properties_file,                                                         \
		     .doc = "The service's own file of such settings, name=value lines; "        \
			    "properties beats it.",                                              \
		     .example = "\"/etc/orders/kafka.properties\""),                             \
	    KEY_STR(T, client_id,                                                                \
		    .doc =                                                                       \
			"Name under which the brokers see this check; startguard unless given.", \
		    .example = "\"orders-startguard\"")
#define KAFKA_CONF(c)                                                             \
	((struct kafka_client_conf){.bootstrap_servers = &(c)->bootstrap_servers, \
				    .properties = &(c)->properties,               \
				    .properties_file = (c)->properties_file,      \
				    .client_id = (c)->client_id})

#endif
