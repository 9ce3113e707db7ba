/* kafka_acl: judges whether this principal may read, write and describe the topics. It writes nothing to find out.
 *
 * The check kafka calls it with the lists of authorized operations (KIP-430) that kafka_query has fetched; it does no I/O. When
 * a broker is too old to send a list, the report names the operations as unverified, and nothing passes or fails. Child only.
 */
#ifndef SG_KAFKA_ACL_H
#define SG_KAFKA_ACL_H

#include "kafka_query.h"
#include "kafka_topic.h"

/* `query` has one answer for each of the topics, in their order. Adds operations that no broker answered about to
 * `unverified`. Returns RESULT_PASS, or what check_fail returned with *out filled. */
enum result kafka_acl_judge(const struct grouplist *topics, const struct kafka_query *query,
			    struct str *unverified, struct diag *out);

#endif
