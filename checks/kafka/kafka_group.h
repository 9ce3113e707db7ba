/* kafka_group: may this principal read these consumer groups, and is their coordinator there? Never joins one.
 *
 * Judges the answers of kafka_query. When a coordinator did not answer, looks for the broker that is the reason. Child only.
 */
#ifndef SG_KAFKA_GROUP_H
#define SG_KAFKA_GROUP_H

#include "kafka_query.h"

/* NULL, or what is wrong with one item of the key `groups`. */
const char *kafka_group_problem(const char *name);
/* Fails when a coordinator was named and is not asked, because a broker cannot be used at its advertised address. */
enum result kafka_groups_blocked(struct kafka_client *client, const struct kafka_query *query,
				 const struct kafka_brokers *all, struct diag *out);
/* `all` are all brokers of the cluster: one of them is the coordinator. Groups whose coordinator gives no list of
 * operations are added to `unverified`. */
enum result kafka_groups_judge(struct kafka_client *client, const struct kafka_query *query,
			       const struct kafka_brokers *all, struct str *unverified,
			       struct diag *out);

#endif
