/* kafka_topic_demand: one item of the key `config`, such as "cleanup.policy=compact" or "retention.ms>=86400000", taken apart and
 * compared with the value a topic has. Pure. */
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
void kafka_topic_demand_parse(struct kafka_topic_demand *demand, const char *text);
/* Does the topic's value meet the demand? Lists such as "compact,delete" are sets; -1 of retention.* means for ever. */
bool kafka_topic_demand_met(const struct kafka_topic_demand *demand, const char *value);

#endif
