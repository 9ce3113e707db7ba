/* flow_request: the steps of a flow on HTTP: a request that is sent once, and a value that is polled. Child only, except the rows
 * and their problems. */
#ifndef SG_FLOW_REQUEST_H
#define SG_FLOW_REQUEST_H

#include "flow_run.h"
#include "json_expect.h"
#include "web.h"

struct flow_request_conf {
	struct url url;
	const char *method, *body;
	struct pairlist headers;
	WEB_KEY_FIELDS
	struct strlist status, holds, capture;
	struct duration within;
};
struct flow_poll_conf {
	struct url url;
	struct pairlist headers;
	WEB_KEY_FIELDS
	const char *at;
	struct json_text equals;
	double min, max;
	bool changed;
	struct duration within;
};
extern const struct schema flow_request_schema, flow_poll_schema;

/* For the kind's validate. Return NULL, or what is wrong with the key *key. */
const char *flow_request_problem(const struct flow_request_conf *c, const char **key);
const char *flow_poll_problem(const struct flow_poll_conf *c, const char **key);

/* Sends the request, judges the answer and captures of it. `step` is the attempt with the step's deadline. */
enum result flow_request(struct flow_run *f, const struct check_run *step,
			 const struct flow_request_conf *c, struct diag *out);

/* Reads the value that a poll with `changed` compares with. *before is NULL when there is none yet. */
enum result flow_poll_before(struct flow_run *f, const struct check_run *step,
			     const struct flow_poll_conf *c, json_t **before, struct diag *out);
/* Asks again and again until the value is right, a failure cannot be mended by waiting, or the step's deadline is reached. */
enum result flow_poll(struct flow_run *f, const struct check_run *step,
		      const struct flow_poll_conf *c, json_t *before, struct diag *out);

#endif
