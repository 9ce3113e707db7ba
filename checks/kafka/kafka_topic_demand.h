/* kafka_topic_demand: what a topic's settings must be, against what the broker says they are.
 *
 * Pure: "cleanup.policy=compact" and "retention.ms>=86400000" taken apart and compared; no I/O.
 */
#ifndef SG_KAFKA_TOPIC_DEMAND_H
#define SG_KAFKA_TOPIC_DEMAND_H

#include "check.h"

struct kafka_topic_demand {
	char name[96], value[160];
	bool at_least;
};
/* NULL, or what is wrong with one item of the key `config`. */
const char *kafka_topic_demand_problem(const char *text);
/* Takes such an item apart; it must have no problem. */
void kafka_topic_demand_parse(struct kafka_topic_demand *wish, const char *text);
/* Does the value the topic has grant the wish? Lists such as "compact,delete" are sets; -1 of retention.* is for ever. */
bool kafka_topic_demand_granted(const struct kafka_topic_demand *wish, const char *value);

#endif
