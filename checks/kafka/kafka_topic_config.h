/* kafka_topic_config: what topics are set to, against what the profile demands; and the live replicas against the topic's own
 * minimum.
 *
 * Judges the answers of kafka_query. A principal that may not read the settings gets kafka-config-denied where the profile
 * has `config`; elsewhere it is a fact that the topic's minimum is not known. No I/O of its own.
 */
#ifndef SG_KAFKA_TOPIC_CONFIG_H
#define SG_KAFKA_TOPIC_CONFIG_H

#include "kafka_query.h"
#include "kafka_topic.h"

/* `a` has one answer for each of the topics, in their order. 0; or -1 with *out filled. */
int kafka_topic_config_judge(const struct check_run *run, const struct grouplist *topics,
			     const struct kafka_query *a, const struct rd_kafka_metadata *md,
			     struct diag *out);

#endif
