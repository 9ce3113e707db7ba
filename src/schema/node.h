/* node: the values of a profile or a command line as they were written, before any key row reads them.
 *
 * config_file.c makes nodes from libconfig text, profile.c from KEY=VALUE words, url_check.c from URLs. A node knows its
 * file and line, so that every problem names the place that a person has to edit. All memory belongs to the arena.
 */
#ifndef SG_NODE_H
#define SG_NODE_H

#include "arena.h"
#include "problem.h"

enum node_type { N_STR, N_INT, N_FLOAT, N_BOOL, N_GROUP, N_LIST };
struct node {
	enum node_type type;
	bool loose;       /* from a command line or a default: text may stand for any scalar */
	const char *name; /* NULL in lists */
	const char *file;
	int line;
	const char *text;          /* N_STR */
	int64_t i;                 /* N_INT, N_BOOL */
	double d;                  /* N_FLOAT */
	struct node *first, *next; /* children of N_GROUP and N_LIST */
	struct node *last;         /* the last child; used by node_append only */
};

/* Returns the child of this name, or NULL; `group` may be NULL. */
struct node *node_child(const struct node *group, const char *name);
/* Makes a text node that belongs to no file. */
struct node *node_text(struct arena *a, const char *name, const char *text, bool loose);
/* Copies name, file and line into a node of another type without children (an N_LIST for a text). */
struct node *node_empty_copy(struct arena *a, const struct node *n, enum node_type type);
size_t node_count(const struct node *group); /* counts its children */
void node_append(struct node *group, struct node *child);
/* Appends a copy of `child`, which may belong to another group or list. */
struct node *node_append_copy(struct arena *a, struct node *group, const struct node *child);
const char *node_type_text(enum node_type t); /* "a number" */

/* Adds an error at the place of `at` (NULL: at no place). Always returns -1. */
int node_problem(struct problems *p, const struct node *at, const char *where, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

#endif
