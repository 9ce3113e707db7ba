/* kafka_topic_demand: parses one item of the key `config`, such as "cleanup.policy=compact" or "retention.ms>=86400000", and
 * compares it with the topic's value. kafka_topic and kafka_topic_config call it. Pure. */
#ifndef SG_KAFKA_TOPIC_DEMAND_H
#define SG_KAFKA_TOPIC_DEMAND_H

#include "check.h"

struct kafka_topic_demand {
	char name[96], value[160];
	bool at_least; /* ">=", not "=" */
};
/* Returns what is wrong with one item of the key `config`, or NULL. */
const char *kafka_topic_demand_problem(const char *text);
/* Parses such an item; it must have no problem. */
void kafka_topic_demand_parse(struct kafka_topic_demand *demand, const char *text);
/* Returns whether the topic's value meets the demand. Lists such as "compact,delete" are sets; retention.* = -1 is no limit. */
bool kafka_topic_demand_met(const struct kafka_topic_demand *demand, const char *value);

#endif
