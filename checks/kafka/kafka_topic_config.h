/* kafka_topic_config: judges the settings of topics, and whether their in-sync replicas meet the topic's own minimum.
 *
 * The check kafka calls it with the answers of kafka_query; it does no I/O. When the principal may not read the settings, it
 * fails with kafka-config-denied if the profile has `config`; else the fact min_insync_unknown names the topic. Child only.
 */
#ifndef SG_KAFKA_TOPIC_CONFIG_H
#define SG_KAFKA_TOPIC_CONFIG_H

#include "kafka_query.h"
#include "kafka_topic.h"

/* Judges all topics. `query` has one answer for each of them, in their order. */
enum result kafka_topic_config_judge(const struct check_run *run, const struct grouplist *topics,
				     const struct kafka_query *query,
				     const struct rd_kafka_metadata *md, struct diag *out);

#endif
