/* kafka_address: splits the items of the key bootstrap_servers into host and port.
 *
 * In front of host:port may stand kafka:// or the name of a listener, as platforms and container images print addresses
 * ("SASL_SSL://pkc-1:9092"). The Java client drops such a name; librdkafka takes the four protocols of Kafka and compares them with
 * security.protocol. kafka_keys and kafka_client call it. Pure.
 */
#ifndef SG_KAFKA_ADDRESS_H
#define SG_KAFKA_ADDRESS_H

#include <stddef.h>

#define KAFKA_PORT 9092

/* Returns what is wrong with one item of the key bootstrap_servers (name in front and port are optional), or NULL. */
const char *kafka_address_problem(const char *entry);
/* Splits such an item into host and port; the item must have no problem. */
void kafka_address_split(const char *entry, char *host, size_t size, int *port);
/* Returns the security protocol in front of such an item, as security.protocol names it ("SASL_SSL"). Returns NULL without one, and
 * for a listener that has a name of its own. */
const char *kafka_address_protocol(const char *entry);

#endif
