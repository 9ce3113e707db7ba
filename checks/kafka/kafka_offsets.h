/* kafka_offsets: asks the leaders of partitions where their logs begin, end, or reach a time.
 *
 * record_sample and kafka_group_lag call it. The client must be opened with the property debug=broker, from which
 * kafka_take_offsets_error learns errors that librdkafka hides by repeating the request. Child only.
 */
#ifndef SG_KAFKA_OFFSETS_H
#define SG_KAFKA_OFFSETS_H

#include "kafka_client.h"

/* Sets every offset of the list to the leader's answer for `which`: RD_KAFKA_OFFSET_BEGINNING, RD_KAFKA_OFFSET_END, or a time in
 * ms since 1970 for the first offset with a timestamp from then on (RD_KAFKA_OFFSET_END: there is none). One request to each
 * leader. `topic` is the subject of failures that concern no single partition, `doing` names the request. The list is never
 * freed, because the thread that sends may outlive the call. */
enum result kafka_offsets_get(struct kafka_client *client, const char *topic,
			      rd_kafka_topic_partition_list_t *list, int64_t which,
			      const char *doing, struct diag *out);
/* Fails because `doing` got the error `err`, which `text` describes. */
enum result kafka_offsets_fail(const char *topic, rd_kafka_resp_err_t err, const char *doing,
			       const char *text, struct diag *out);
/* Fails because no answer about the topic came. Replaces kafka-no-brokers, because the topic's brokers are known. */
enum result kafka_offsets_unanswered(struct kafka_client *client, const char *topic,
				     const char *reason, struct diag *out);

#endif
