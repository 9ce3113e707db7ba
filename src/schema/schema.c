#include <math.h>

#include "schema_slot.h"

/* ---- nodes ------------------------------------------------------------------------------------------------ */

struct node *node_child(const struct node *group, const char *name)
{
	for (struct node *c = group ? group->first : NULL; c; c = c->next)
		if (c->name && str_eq(c->name, name))
			return c;
	return NULL;
}

struct node *node_make_text(struct arena *a, const char *name, const char *text, bool loose)
{
	struct node *n = arena_alloc(a, sizeof *n);

	n->type = N_STR;
	n->loose = loose;
	n->name = name ? arena_strdup(a, name) : NULL;
	n->text = arena_strdup(a, text);
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

const char *node_type_text(enum node_type t)
{
	static const char *const names[] = {
	    [N_STR] = "text",           [N_INT] = "a number",  [N_FLOAT] = "a number",
	    [N_BOOL] = "true or false", [N_GROUP] = "a group", [N_LIST] = "a list"};

	return names[t];
}

int fill_problem(struct fill *f, const struct node *at, const char *where, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	problem_add(f->problems, PROBLEM_ERROR, D_NONE, at ? at->file : NULL, at ? at->line : 0,
		    where, "%s", text);
	return -1;
}

/* ---- lists ----------------------------------------------------------------------------------------------------- */

/* A text at the place of `at`, taken as it is. */
static struct node *node_make(const struct slot *s, const struct node *at, const char *text)
{
	struct node *n = arena_alloc(s->fill->arena, sizeof *n);

	*n = (struct node){
	    .type = N_STR, .loose = true, .file = at->file, .line = at->line, .text = text};
	return n;
}

/* A text where a list is expected: split at commas into loose items of the same place. */
static struct node *split_list(const struct slot *s, const char *text)
{
	struct node *list = arena_alloc(s->fill->arena, sizeof *list);

	*list = *s->node;
	list->type = N_LIST;
	list->first = NULL;
	while (*text) {
		size_t n = strcspn(text, ","), len = n, skip = strspn(text, " \t\n");

		if (skip < n) {
			while (len > skip && strchr(" \t\n", text[len - 1]))
				len--;
			/* It was filled in as a whole already: a $ that is left is meant. */
			node_append(list, node_make(s, s->node,
						    arena_strndup(s->fill->arena, text + skip,
								  len - skip)));
		}
		text += n + (text[n] == ',');
	}
	return list;
}

static int fill_pair(const struct slot *s, const char *text, const char *raw, struct pair *out)
{
	const char *sep = strpbrk(text, s->key->flags & K_HEADERS ? ":=" : "=");
	struct secret secret;
	size_t n;

	if (!sep || sep == text)
		return fill_problem(s->fill, s->node, s->where, "\"%.60s\" is not name=value",
				    secret_sensitive_name(text) ? "..." : text);
	n = (size_t)(sep - text);
	while (n > 0 && text[n - 1] == ' ')
		n--;
	out->name = arena_strndup(s->fill->arena, text, n);
	for (sep++; *sep == ' ';)
		sep++;
	secret = secret_from_text(sep);
	if (s->key->flags & K_HEADERS && run_check(s, text) < 0)
		return -1;
	if (secret.kind == SECRET_LITERAL && !secret_sensitive_name(out->name)) {
		out->value = sep;
		return s->key->flags & K_HEADERS ? 0 : run_check(s, text);
	}
	if (secret.kind == SECRET_LITERAL && strstr(raw, "${"))
		return fill_problem(s->fill, s->node, s->where,
				    "%s takes no ${}; write a reference: %s=env:NAME or file:/path",
				    out->name, out->name);
	out->secret = secret;
	if (secret.kind == SECRET_LITERAL)
		literal_secret(s->fill, s->node,
			       arena_printf(s->fill->arena, "%s: %s", s->where, out->name),
			       strstr(sep, " env:") || strstr(sep, " file:")
				   ? "a reference (env:NAME, file:/path) must be the whole value; "
				     "what stands before it goes into the variable or file"
				   : "write a reference: name=env:NAME or name=file:/path");
	return 0;
}

/* One item of a list of texts, pairs or URLs into element `i` of the list. */
static int fill_item(const struct slot *s, size_t i, bool filled_in)
{
	const char *text;

	if (s->key->flags & K_NUMBERS && (s->node->type == N_INT || s->node->type == N_FLOAT))
		text = s->node->type == N_INT
			   ? arena_printf(s->fill->arena, "%lld", (long long)s->node->i)
			   : arena_printf(s->fill->arena, "%g", s->node->d);
	else if (s->node->type != N_STR)
		return fill_problem(s->fill, s->node, s->where, "must be text, not %s",
				    node_type_text(s->node->type));
	else
		text = filled_in ? s->node->text : slot_text(s);
	if (!text)
		return -1;
	if (!*text)
		return fill_problem(s->fill, s->node, s->where, "is empty");
	if (s->key->type == K_PAIRLIST)
		return fill_pair(s, text, s->node->text ? s->node->text : "",
				 &((struct pairlist *)s->field)->v[i]);
	if (s->key->type == K_URLLIST)
		return fill_url_text(s, text, &((struct urllist *)s->field)->v[i]);
	if (s->key->choices && find_choice(s, text) < 0)
		return -1;
	if (s->key->flags & K_MODES && s->fill->is_mode &&
	    !s->fill->is_mode(s->fill->mode_ctx, text))
		return fill_problem(
		    s->fill, s->node, s->where,
		    "\"%.60s\" is not a mode: dev, staging, prod or a name from modes", text);
	if (run_check(s, text) < 0)
		return -1;
	((struct strlist *)s->field)->v[i] = text;
	return 0;
}

static size_t count_children(const struct node *n)
{
	size_t count = 0;

	for (const struct node *c = n->first; c; c = c->next)
		count++;
	return count;
}

/* Room for n elements behind the list field, whatever its type: all begin with the count. */
static void list_alloc(const struct slot *s, size_t n)
{
	struct strlist *texts = s->field;
	struct pairlist *pairs = s->field;
	struct urllist *urls = s->field;
	struct grouplist *groups = s->field;

	if (s->key->type == K_STRLIST)
		*texts = (struct strlist){n, arena_alloc(s->fill->arena, n * sizeof *texts->v)};
	else if (s->key->type == K_PAIRLIST)
		*pairs = (struct pairlist){n, arena_alloc(s->fill->arena, n * sizeof *pairs->v)};
	else if (s->key->type == K_URLLIST)
		*urls = (struct urllist){n, arena_alloc(s->fill->arena, n * sizeof *urls->v)};
	else
		*groups = (struct grouplist){n, arena_alloc(s->fill->arena, n * s->key->sub->size)};
}

/* A plain text as element of a list of groups stands for the group's first required key. */
static const struct node *group_from_text(const struct slot *s, const struct node *item)
{
	struct node *group, *value;
	const struct key *k;

	for (k = s->key->sub->keys; k->name && !(k->flags & K_REQUIRED);)
		k++;
	if (!k->name)
		return item;
	group = arena_alloc(s->fill->arena, sizeof *group);
	value = arena_alloc(s->fill->arena, sizeof *value);
	*group = (struct node){.type = N_GROUP, .file = item->file, .line = item->line};
	*value = *item;
	value->name = k->name;
	value->next = NULL;
	node_append(group, value);
	return group;
}

static int fill_group(const struct slot *s, const struct node *group, void *out)
{
	int bad;

	if (group->type != N_GROUP)
		return fill_problem(s->fill, group, s->where, "must be a group { ... }, not %s",
				    node_type_text(group->type));
	bad = schema_names(s->key->sub, NULL, group, s->where, s->fill);
	return schema_fill(s->key->sub, group, s->where, out, s->fill) != 0 || bad ? -1 : 0;
}

/* A copy of the list with all variables filled in, those of lists in it too. NULL: one is missing or not known. */
static struct node *filled_list(const struct slot *s, const struct node *list)
{
	struct node *out = arena_alloc(s->fill->arena, sizeof *out);

	*out = *list;
	out->first = NULL;
	for (const struct node *c = list->first; c; c = c->next) {
		struct node *copy = arena_alloc(s->fill->arena, sizeof *copy);

		*copy = *c;
		if (c->type == N_LIST)
			copy = filled_list(s, c);
		else if (c->type == N_STR)
			copy->text = interpolate(c, c->text, s->where, s->fill);
		if (!copy || (c->type == N_STR && !copy->text))
			return NULL;
		copy->next = NULL;
		node_append(out, copy);
	}
	return out;
}

/* The words of a list as one text, with | between them. NULL: there are none, or one of them is no text. */
static struct node *join_group(const struct slot *s, const struct node *list)
{
	const char *text = NULL;

	for (const struct node *c = list->first; c; c = c->next) {
		if (c->type != N_STR)
			return NULL;
		text = text ? arena_printf(s->fill->arena, "%s|%s", text, c->text) : c->text;
	}
	return text ? node_make(s, list, text) : NULL;
}

static bool is_one_group(const struct node *list)
{
	for (const struct node *c = list->first; c; c = c->next)
		if (c->type != N_STR || strchr(c->text, '|'))
			return false;
	return list->first != NULL;
}

/* The list, of filled in texts, with each group as one text. What is none stays, for who looks at the items to complain. */
static const struct node *with_groups(const struct slot *s, struct node *list)
{
	struct node *out = arena_alloc(s->fill->arena, sizeof *out), *next;

	*out = *list;
	out->first = NULL;
	if (is_one_group(list)) {
		node_append(out, join_group(s, list));
		return out;
	}
	for (struct node *c = list->first; c; c = next) {
		struct node *group = c->type == N_LIST ? join_group(s, c) : NULL;

		next = c->next;
		c->next = NULL;
		node_append(out, group ? group : c);
	}
	return out;
}

/* A single number where a list is expected. */
static const struct node *list_of_one(const struct slot *s)
{
	struct node *list = arena_alloc(s->fill->arena, 2 * sizeof *list);

	list[0] = *s->node;
	list[0].type = N_LIST;
	list[0].first = NULL;
	list[1] = *s->node;
	list[1].name = NULL;
	list[1].next = NULL;
	node_append(&list[0], &list[1]);
	return list;
}

static int fill_list(const struct slot *s)
{
	const struct node *list = s->node;
	struct node *own = NULL; /* a list that is no part of the profile's tree */
	bool filled_in = false;
	size_t n, i = 0;
	int bad = 0;

	if (list->type == N_STR) {
		const char *text = slot_text(s);

		if (!text)
			return -1;
		list = own = split_list(s, text);
		filled_in = true;
	} else if (list->type == N_INT && s->key->flags & K_NUMBERS) {
		list = list_of_one(s);
	} else if (list->type == N_GROUP && s->key->type == K_GROUPLIST) {
		return fill_problem(s->fill, list, s->where,
				    "must be a list of groups: ( { ... }, { ... } )");
	} else if (list->type != N_LIST) {
		return wrong_type(s);
	}
	if (s->key->flags & K_WORDGROUPS) {
		own = own ? own : filled_list(s, s->node);
		if (!own)
			return -1;
		list = with_groups(s, own);
		filled_in = true;
	}
	n = count_children(list);
	if (n == 0)
		return fill_problem(
		    s->fill, s->node, s->where,
		    "is an empty list; give at least one element or leave the key out");
	list_alloc(s, n);
	for (const struct node *c = list->first; c; c = c->next, i++) {
		struct slot item = *s;

		item.node = c;
		if (s->key->type == K_GROUPLIST) {
			item.where = arena_printf(s->fill->arena, "%s[%zu]", s->where, i + 1);
			bad |= fill_group(&item, c->type == N_STR ? group_from_text(s, c) : c,
					  (char *)((struct grouplist *)s->field)->v +
					      i * s->key->sub->size);
		} else {
			bad |= fill_item(&item, i, filled_in);
		}
	}
	if (bad) /* elements that could not be read are holes: nobody may walk over them */
		list_alloc(s, 0);
	return bad;
}

static int fill_slot(const struct slot *s)
{
	void *group;

	if (key_is_list(s->key))
		return fill_list(s);
	if (s->key->type != K_GROUP)
		return fill_value(s);
	group = arena_alloc(s->fill->arena, s->key->sub->size);
	if (fill_group(s, s->node, group) < 0)
		return -1;
	*(void **)s->field = group;
	return 0;
}

/* What a field holds when the key is not given. All others begin as zero. */
static void set_unset(const struct key *k, void *field)
{
	if (k->type == K_INT)
		*(int64_t *)field = INT_UNSET;
	else if (k->type == K_NUM)
		*(double *)field = NAN;
	else if (k->type == K_DURATION)
		*(struct duration *)field = DURATION_UNSET;
	else if (k->type == K_SIZE)
		*(struct size *)field = (struct size){-1};
	else if (k->type == K_ENUM)
		*(int *)field = ENUM_UNSET;
}

int schema_fill(const struct schema *schema, const struct node *group, const char *where, void *out,
		struct fill *fill)
{
	size_t before = fill->problems->errors + fill->problems->policies;

	for (const struct key *k = schema->keys; k->name; k++) {
		struct slot s = {.key = k,
				 .node = node_child(group, k->name),
				 .where = arena_printf(fill->arena, "%s%s%s", where,
						       strchr(where, ':') ? "."
						       : *where           ? ": "
									  : "",
						       k->name),
				 .field = (char *)out + k->offset,
				 .fill = fill};

		set_unset(k, s.field);
		if (!s.node && k->flags & K_REQUIRED) {
			fill_problem(fill, group, where, "\"%s\" is missing: %s", k->name, k->doc);
			continue;
		}
		if (!s.node && k->def)
			s.node = node_make_text(fill->arena, k->name, k->def, true);
		if (s.node)
			fill_slot(&s);
	}
	return (int)(fill->problems->errors + fill->problems->policies - before);
}

int schema_names(const struct schema *schema, const struct schema *also, const struct node *group,
		 const char *where, struct fill *fill)
{
	int bad = 0;

	for (const struct node *c = group->first; c; c = c->next) {
		const char *near;

		if (schema_find(schema, c->name) || (also && schema_find(also, c->name)))
			continue;
		near = schema_nearest(schema, c->name);
		if (!near && also)
			near = schema_nearest(also, c->name);
		fill_problem(fill, c, where, "unknown key \"%s\"%s", c->name,
			     did_you_mean(near).text);
		bad++;
	}
	return bad;
}

const struct key *schema_find(const struct schema *schema, const char *name)
{
	for (const struct key *k = schema->keys; k->name; k++)
		if (str_eq(k->name, name))
			return k;
	return NULL;
}

const char *schema_nearest(const struct schema *schema, const char *name)
{
	const char *words[128];
	size_t n = 0;

	for (const struct key *k = schema->keys; k->name && n + 1 < ARRAY_LEN(words); k++)
		words[n++] = k->name;
	words[n] = NULL;
	return nearest_word(name, words);
}
