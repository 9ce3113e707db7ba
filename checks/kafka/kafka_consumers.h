/* kafka_consumers: defines the key `consumers`, and judges whether consumer groups are active: stable, with enough members, which
 * have all partitions of the topics they must read, and not too far behind. It never joins a group.
 *
 * The check kafka calls it with the answers of kafka_query, after kafka_groups_judge has judged errors in them. Child only.
 */
#ifndef SG_KAFKA_CONSUMERS_H
#define SG_KAFKA_CONSUMERS_H

#include "kafka_query.h"

struct kafka_consumers_conf {
	const char *group;
	int64_t min_members;
	struct strlist topics;
	int64_t max_lag; /* records, in all partitions together */
};
extern const struct schema kafka_consumers_schema;

/* For .validate: returns what is wrong with the list as a whole, or NULL. */
const char *kafka_consumers_problem(const struct grouplist *consumers);
/* Returns whether a group's lag is judged: the client must then be opened as kafka_offsets demands. */
bool kafka_consumers_need_offsets(const struct grouplist *consumers);
/* Judges all groups that were described without an error. `md` must hold their topics. */
enum result kafka_consumers_judge(struct kafka_client *client, const struct grouplist *consumers,
				  const struct kafka_query *query,
				  const struct rd_kafka_metadata *md, struct diag *out);

#endif
