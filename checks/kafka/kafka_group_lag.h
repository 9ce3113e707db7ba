/* kafka_group_lag: judges how many records a consumer group has not read yet, by its committed offsets and the ends of the logs.
 *
 * kafka_consumers calls it. It asks the group's coordinator (OffsetFetch; librdkafka 2.0 and newer) and the leaders of the
 * partitions (kafka_offsets). Child only.
 */
#ifndef SG_KAFKA_GROUP_LAG_H
#define SG_KAFKA_GROUP_LAG_H

#include "kafka_client.h"

/* Fails when the group is more than `max` records behind in all partitions together, or when that is not known. A partition
 * without a committed offset counts as a whole. Sets *lag to the sum when it is known. Takes the list, which is never freed. */
enum result kafka_group_lag_judge(struct kafka_client *client, const char *group,
				  rd_kafka_topic_partition_list_t *partitions, int64_t max,
				  int64_t *lag, struct diag *out);

#endif
