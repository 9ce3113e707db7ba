/* kafka_group: may this principal use these consumer groups, and is their coordinator there? Never joins one.
 *
 * Judges the answers of kafka_query. Where these do not hold the authorised operations, the right to read the group is
 * found out by an offset commit for a topic that cannot exist: it is refused for want of the right, or for want of the
 * topic, and stores nothing either way. Child only.
 */
#ifndef SG_KAFKA_GROUP_H
#define SG_KAFKA_GROUP_H

#include "kafka_query.h"

/* NULL, or what is wrong with one item of the key `groups`. */
const char *kafka_group_problem(const char *name);
/* A coordinator was named, and is not asked because a broker cannot be used at its advertised address: -1 with *out
 * filled. Else 0. */
int kafka_groups_blocked(struct kafka_client *client, const struct kafka_query *a,
			 const struct kafka_broker *v, size_t n, struct diag *out);
/* `v` are all brokers of the cluster: one of them is the coordinator. 0; or -1 with *out filled. */
int kafka_groups_judge(struct kafka_client *client, const struct kafka_query *a,
		       const struct kafka_broker *v, size_t n, struct diag *out);

#endif
