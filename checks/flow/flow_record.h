/* flow_record: the steps of a flow that wait for a record of a Kafka topic. Child only, except the rows and their problems.
 *
 * Topics are followed from the end of every partition on, before the first step. The records that a step reads are kept, because
 * another step may wait for one of them; a record that one step took is not taken again. What is kept is bounded.
 */
#ifndef SG_FLOW_RECORD_H
#define SG_FLOW_RECORD_H

#include "flow_run.h"
#include "kafka_keys.h"

struct flow_record_conf {
	KAFKA_KEY_FIELDS
	const char *topic, *schema;
	int format; /* enum record_format */
	struct strlist types, where, holds, capture;
	struct duration within;
};
extern const struct schema flow_record_schema;

/* For the kind's validate. Returns NULL, or what is wrong with the key *key. */
const char *flow_record_problem(const struct flow_record_conf *c, const char **key);
bool flow_record_starts_programs(const struct flow_record_conf *c);

struct flow_record;
/* Loads the schema and begins to follow the topic. `earlier` are the n records opened before, with NULL among them: their clients
 * and topics are shared. Returns NULL with *out filled. */
struct flow_record *flow_record_open(struct flow_run *f, const struct flow_record_conf *c,
				     struct flow_record *const *earlier, size_t n,
				     struct diag *out);
/* Waits for a record that `where` finds, judges it and captures of it. `step` is the attempt with the step's deadline. */
enum result flow_record_expect(struct flow_run *f, const struct check_run *step,
			       struct flow_record *r, struct diag *out);

#endif
