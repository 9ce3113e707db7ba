/* schema_slot: one key being filled; what schema.c (groups and lists), schema_value.c (single values) and interpolate.c
 * (${NAME}) share.
 *
 * Nobody else includes this. All of it returns 0, or -1 when a problem was added or the value is unknown offline.
 */
#ifndef SG_SCHEMA_SLOT_H
#define SG_SCHEMA_SLOT_H

#include "schema.h"

struct slot { /* one key being filled */
	const struct key *key;
	const struct node *node;
	const char *where; /* "kafka.events: topics[1].name" */
	void *field;
	struct fill *fill;
};

/* Adds an error that names this place; always -1. at: NULL when there is none. */
int fill_problem(struct fill *f, const struct node *at, const char *where, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
const char *node_type_text(enum node_type t); /* "a number" */

/* The value of one key that is neither list nor group, into its field. */
int fill_value(const struct slot *s);

/* For the items of lists. */
int wrong_type(const struct slot *s);
/* Text of a scalar node, filled in. NULL: a problem was added, or it is unknown offline. */
const char *slot_text(const struct slot *s);
/* What the row's own check says of the text. */
int run_check(const struct slot *s, const char *text);
/* Index of the text in the row's choices, or -1 with a problem that names the nearest one. */
int find_choice(const struct slot *s, const char *text);
int fill_url_text(const struct slot *s, const char *text, struct url *out);
/* An error in prod, elsewhere a warning: always 0, the value is taken. how: what to write instead. */
int literal_secret(struct fill *f, const struct node *at, const char *where, const char *how);

#endif
