/* kafka_acl: may this principal read, write and describe the topics? Nothing is written to find out.
 *
 * The answer is the list of authorised operations (KIP-430) where library and broker have it. An older library cannot
 * ask for it; then each operation is begun in a way that has no effect: a fetch at the end of a partition without a
 * group, and a produce request with a number of acks that Kafka refuses, but only after it has looked at the rights.
 * What stays unknown becomes a fact of the report, never a claim. Child only.
 */
#ifndef SG_KAFKA_ACL_H
#define SG_KAFKA_ACL_H

#include "kafka_query.h"
#include "kafka_topic.h"

/* `a` has one answer for each of the topics, in their order. `client` is a consumer's handle without group. 0; or -1
 * with *out filled. */
int kafka_acl_judge(struct kafka_client *client, const struct grouplist *topics,
		    const struct kafka_query *a, struct diag *out);

#endif
