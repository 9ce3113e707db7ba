#include "node.h"

#include <stdarg.h>

struct node *node_child(const struct node *group, const char *name)
{
	for (struct node *c = group ? group->first : NULL; c; c = c->next)
		if (c->name && str_eq(c->name, name))
			return c;
	return NULL;
}

struct node *node_text(struct arena *a, const char *name, const char *text, bool loose)
{
	struct node *n = arena_alloc(a, sizeof *n);

	n->type = N_STR;
	n->loose = loose;
	n->name = name ? arena_strdup(a, name) : NULL;
	n->text = arena_strdup(a, text);
	return n;
}

struct node *node_empty_copy(struct arena *a, const struct node *n, enum node_type type)
{
	struct node *copy = arena_alloc(a, sizeof *copy);

	*copy = (struct node){.type = type, .name = n->name, .file = n->file, .line = n->line};
	return copy;
}

size_t node_count(const struct node *group)
{
	size_t n = 0;

	for (const struct node *c = group->first; c; c = c->next)
		n++;
	return n;
}

void node_append(struct node *group, struct node *child)
{
	if (group->first)
		group->last->next = child;
	else
		group->first = child;
	group->last = child;
}

struct node *node_append_copy(struct arena *a, struct node *group, const struct node *child)
{
	struct node *copy = arena_alloc(a, sizeof *copy);

	*copy = *child;
	copy->next = NULL;
	node_append(group, copy);
	return copy;
}

const char *node_type_text(enum node_type t)
{
	static const char *const names[] = {
	    [N_STR] = "text",           [N_INT] = "a number",  [N_FLOAT] = "a number",
	    [N_BOOL] = "true or false", [N_GROUP] = "a group", [N_LIST] = "a list"};

	return names[t];
}

int node_problem(struct problems *p, const struct node *at, const char *where, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_vadd(p, PROBLEM_ERROR, D_NONE, at ? at->file : NULL, at ? at->line : 0, where, fmt,
		     ap);
	va_end(ap);
	return -1;
}
