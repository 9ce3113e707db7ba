/* flow_run: what the steps of one attempt of a flow share. Child only. */
#ifndef SG_FLOW_RUN_H
#define SG_FLOW_RUN_H

#include "check.h"
#include "flow_condition.h"
#include "flow_text.h"

struct flow_run {
	const struct check_run *run; /* of the whole attempt */
	double tolerance;
	struct flow_names
	    names; /* with values: random, now, now_ms, and what was captured so far */
};

/* Adds the captures among the needs from `from` on, which have been read, to the names. Fails with flow-capture-missing. */
enum result flow_take_captures(struct flow_run *f, struct flow_needs *needs, size_t from,
			       const char *subject, struct diag *out);
/* Returns for messages how long a step with this deadline could wait: "within 10s (key within)" or, when the attempt ends
 * before, that attempt_timeout did. */
const char *flow_limit_text(const struct flow_run *f, const struct check_run *step,
			    struct duration within, char *buf, size_t size);

#endif
