/* flow_condition: what a flow demands of the values of a JSON document or an Avro datum, and what it captures of them.
 *
 * The parent parses the items of the keys `where`, `holds` and `capture`; the child compares them with what a peer wrote. Numbers
 * are compared with a tolerance, because a service may keep 0.865 as a float; two integers exactly. In a document that a message
 * may show as a whole (flow_needs.shown), it registers what is captured as a secret for scrub().
 */
#ifndef SG_FLOW_CONDITION_H
#define SG_FLOW_CONDITION_H

#include "avro_decode.h"
#include "flow_text.h"
#include "json.h"

#define FLOW_PLACE_MAX 128 /* bytes, with the NUL */
#define FLOW_SEEN_MAX 80

enum flow_op { FLOW_EQ, FLOW_NE, FLOW_GE, FLOW_LE, FLOW_GT, FLOW_LT };

/* "total=0.37": the value at a place, an operator, and the text to compare with. */
struct flow_condition {
	char place[FLOW_PLACE_MAX]; /* a JSON pointer, or names with dots */
	enum flow_op op;
	const char *value; /* points into the item */
};
/* For key rows (.check). Return NULL, or what is wrong with an item of where and holds, or of capture. */
const char *flow_condition_problem(const char *text);
const char *flow_capture_problem(const char *text);
/* Parse an item without problem. A capture's name and place are "name=place". */
void flow_condition_parse(struct flow_condition *c, const char *text);
void flow_capture_parse(const char *text, char name[FLOW_NAME_MAX], char place[FLOW_PLACE_MAX]);

/* A condition or a capture, and what one document has there. */
struct flow_need {
	char place[FLOW_PLACE_MAX];
	char path[FLOW_PLACE_MAX]; /* the place as names with dots, for Avro */
	char name[FLOW_NAME_MAX];  /* of a capture; "" for a condition */
	enum flow_op op;
	char *want;               /* of a condition, filled in */
	bool found, met;          /* a document has a value there; one that meets the condition */
	char seen[FLOW_SEEN_MAX]; /* the first value, cleaned; "" when there is none */
	char *
	    value; /* of a capture: the first value, at most SECRET_VALUE_MAX bytes of it; NULL when it is not a text */
	bool secret; /* of a capture: its name or that of its place is one of a secret */
};
struct flow_needs {
	size_t n, cap;
	struct flow_need *v;
	double tolerance; /* relative; absolute for a wanted 0 */
	bool
	    shown; /* register every value of a secret capture: a message shows the whole document */
};
void flow_needs_init(struct flow_needs *needs, size_t cap, double tolerance);
void flow_needs_add_condition(struct flow_needs *needs, const char *item,
			      const struct flow_names *names);
void flow_needs_add_capture(struct flow_needs *needs, const char *item);
void flow_needs_free(struct flow_needs *needs);

/* Looks into one document, and forgets what an earlier one had. */
void flow_needs_read_json(struct flow_needs *needs, json_t *root);
/* Returns as avro_decode does; `why` has AVRO_WHY_MAX bytes. What was decoded before a failure counts. */
ssize_t flow_needs_read_avro(struct flow_needs *needs, const struct avro_schema *schema,
			     const unsigned char *data, size_t len, char *why);
/* Returns the first of the needs from..to-1 that is not met, or NULL. A capture is met when it has a value. */
const struct flow_need *flow_needs_unmet(const struct flow_needs *needs, size_t from, size_t to);
/* Registers the values of the captures from..n-1 that are secrets for scrub(), also those that cannot be captured. */
void flow_needs_hide(const struct flow_needs *needs, size_t from);
/* Describes such a need: "total is 0.5, expected 0.37". */
void flow_need_text(const struct flow_need *need, char *buf, size_t size);

/* Returns whether two numbers are the same within the tolerance; two integers, exactly. Else whether the values are deeply equal. */
bool flow_json_same(const json_t *value, const json_t *want, double tolerance);
/* Writes the value for messages: numbers with 10 digits, others as json_short. Returns buf. */
const char *flow_json_text(const json_t *value, char buf[FLOW_SEEN_MAX]);

#endif
