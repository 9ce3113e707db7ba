/* kafka_config: what a topic's settings must be, against what the broker says they are.
 *
 * Pure: "cleanup.policy=compact" and "retention.ms>=86400000" taken apart and compared; no I/O.
 */
#ifndef SG_KAFKA_CONFIG_H
#define SG_KAFKA_CONFIG_H

#include "check.h"

struct kafka_setting_wish {
	char name[96], value[160];
	bool at_least;
};
/* NULL, or what is wrong with one item of the key `config`. */
const char *kafka_config_problem(const char *text);
/* Takes such an item apart; it must have no problem. */
void kafka_config_parse(struct kafka_setting_wish *wish, const char *text);
/* Does the value the topic has grant the wish? Lists such as "compact,delete" are sets; -1 of retention.* is for ever. */
bool kafka_config_granted(const struct kafka_setting_wish *wish, const char *value);

#endif
