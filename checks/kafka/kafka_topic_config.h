/* kafka_topic_config: compares the settings of topics with what the profile demands, and the replicas that are in sync with the
 * topic's own minimum.
 *
 * Judges the answers of kafka_query. A principal that may not read the settings gets kafka-config-denied where the profile
 * has `config`; elsewhere a fact of the report says that the topic's minimum is not known. No I/O of its own. Child only.
 */
#ifndef SG_KAFKA_TOPIC_CONFIG_H
#define SG_KAFKA_TOPIC_CONFIG_H

#include "kafka_query.h"
#include "kafka_topic.h"

/* `query` has one answer for each of the topics, in their order. */
enum result kafka_topic_config_judge(const struct check_run *run, const struct grouplist *topics,
				     const struct kafka_query *query,
				     const struct rd_kafka_metadata *md, struct diag *out);

#endif
