/* kafka_group: judges whether this principal may read consumer groups and their coordinators answer. It never joins a group.
 *
 * The check kafka calls it with the answers of kafka_query. When a coordinator did not answer, it looks for a broker that
 * cannot be used. Child only. */
#ifndef SG_KAFKA_GROUP_H
#define SG_KAFKA_GROUP_H

#include "kafka_query.h"

/* Returns what is wrong with one item of the key `groups`, or NULL. */
const char *kafka_group_problem(const char *name);
/* Fails when librdkafka has found a coordinator but cannot query it, because an advertised address cannot be used. */
enum result kafka_groups_blocked(struct kafka_client *client, const struct kafka_query *query,
				 const struct kafka_brokers *all, struct diag *out);
/* Judges all groups. `all` holds all brokers. Adds groups whose coordinator sends no list of operations to `unverified`. */
enum result kafka_groups_judge(struct kafka_client *client, const struct kafka_query *query,
			       const struct kafka_brokers *all, struct str *unverified,
			       struct diag *out);

#endif
