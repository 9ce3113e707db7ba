/* kafka_acl: may this principal read, write and describe the topics? Nothing is written to find out.
 *
 * Judges the lists of authorized operations (KIP-430) that kafka_query has asked for, and does no I/O of its own. A broker
 * that is too old to give a list leaves the question open: that becomes a fact of the report, never a claim. Child only.
 */
#ifndef SG_KAFKA_ACL_H
#define SG_KAFKA_ACL_H

#include "kafka_query.h"
#include "kafka_topic.h"

/* `query` has one answer for each of the topics, in their order. Operations that no broker gave an answer about are added
 * to `unverified`. RESULT_PASS, or what check_fail returned with *out filled. */
enum result kafka_acl_judge(const struct grouplist *topics, const struct kafka_query *query,
			    struct str *unverified, struct diag *out);

#endif
