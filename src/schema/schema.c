#include "schema.h"

#include <math.h>

#include "key_types.h"

/* ---- the types --------------------------------------------------------------------------------------------------------- */
static int read_group(const struct slot *s);
static int read_group_item(const struct slot *s);
static PRINTS(print_group);
static PRINTS(print_group_item);

#define UNSET(T, value) .unset = &(const T){value}, .unset_size = sizeof(T)
#define UNSET_NULL UNSET(void *, NULL)
#define UNSET_LIST UNSET(size_t, 0)

static const struct key_type_row types[] = {
    [K_STR] = {.text = "text", UNSET_NULL, .read = read_text, .print = print_text},
    [K_PATH] = {.text = "a path", UNSET_NULL, .read = read_text, .print = print_text},
    [K_HOSTPORT] = {.text = "host:port", UNSET_NULL, .read = read_text, .print = print_text},
    [K_INT] = {.text = "a whole number",
	       UNSET(int64_t, INT_UNSET),
	       .read = read_int,
	       .print = print_int},
    [K_NUM] = {.text = "a number", UNSET(double, NAN), .read = read_num, .print = print_num},
    [K_BOOL] = {.text = "true or false", .read = read_bool, .print = print_bool},
    [K_DURATION] = {.text = "a time such as \"5s\"",
		    UNSET(int64_t, -1),
		    .read = read_duration,
		    .print = print_duration},
    [K_SIZE] = {.text = "a size such as \"64KiB\"",
		UNSET(int64_t, -1),
		.read = read_size,
		.print = print_size},
    [K_ENUM] = {.text = "one word", UNSET(int, ENUM_UNSET), .read = read_enum, .print = print_enum},
    [K_URL] = {.text = "a URL", UNSET_NULL, .read = read_url, .print = print_text},
    [K_URLLIST] = {.text = "a URL or a list of them",
		   UNSET_LIST,
		   .read = read_url,
		   .print = print_text,
		   .item_size = sizeof(struct url)},
    [K_SECRET] = {.text = "a secret by reference: \"env:NAME\" or \"file:/path\"",
		  UNSET(enum secret_kind, SECRET_NONE),
		  .read = read_secret,
		  .print = print_secret},
    [K_JSON] = {.text = "JSON", UNSET_NULL, .read = read_json, .print = print_text},
    [K_STRLIST] = {.text = "a list of text",
		   .flag = K_NUMBERS,
		   .flagged = "a list of text or numbers",
		   UNSET_LIST,
		   .read = read_text_item,
		   .print = print_text,
		   .item_size = sizeof(const char *)},
    [K_PAIRLIST] = {.text = "a list of \"name=value\"",
		    .flag = K_HEADERS,
		    .flagged = "a list of \"Name: value\"",
		    UNSET_LIST,
		    .read = read_pair_item,
		    .print = print_pair,
		    .item_size = sizeof(struct pair)},
    [K_GROUP] = {.text = "a group { ... }", UNSET_NULL, .read = read_group, .print = print_group},
    [K_GROUPLIST] = {.text = "a list of groups ( { ... }, { ... } )",
		     UNSET_LIST,
		     .read = read_group_item,
		     .print = print_group_item,
		     .item_size = 1},
};

const char *key_type_text(const struct key *key)
{
	return type_text(&types[key->type], key);
}

bool key_is_list(const struct key *key)
{
	return types[key->type].item_size > 0;
}

bool key_is_given(const struct key *key, const void *conf)
{
	const struct key_type_row *type = &types[key->type];

	return !type->unset ||
	       memcmp((const char *)conf + key->offset, type->unset, type->unset_size) != 0;
}

static size_t item_size(const struct key *key)
{
	return key->type == K_GROUPLIST ? key->sub->size : types[key->type].item_size;
}

/* ---- reading groups and lists ------------------------------------------------------------------------------------------ */
static int fill_group(const struct slot *s, const struct node *group, void *out)
{
	int bad;

	if (group->type != N_GROUP)
		return slot_problem(s, "must be a group { ... }, not %s",
				    node_type_text(group->type));
	bad = schema_names(s->key->sub, NULL, group, s->where, s->fill);
	return schema_fill(s->key->sub, group, s->where, out, s->fill) != 0 || bad ? -1 : 0;
}

static int read_group(const struct slot *s)
{
	void *group = arena_alloc(s->fill->arena, s->key->sub->size);

	if (fill_group(s, s->node, group) < 0)
		return -1;
	*(void **)s->field = group;
	return 0;
}

/* A plain text as element of a list of groups is the value of the group's first required key. */
static int read_group_item(const struct slot *s)
{
	struct node *group = node_empty_copy(s->fill->arena, s->node, N_GROUP);
	const struct key *k = s->key->sub->keys;

	while (k->name && !(k->flags & K_REQUIRED))
		k++;
	if (s->node->type != N_STR || !k->name)
		return fill_group(s, s->node, s->field);
	node_append_copy(s->fill->arena, group, s->node)->name = k->name;
	return fill_group(s, group, s->field);
}

static size_t count_children(const struct node *n)
{
	size_t count = 0;

	for (const struct node *c = n->first; c; c = c->next)
		count++;
	return count;
}

static int read_list(const struct slot *s)
{
	size_t size = item_size(s->key), n, i = 0;
	struct grouplist *out = s->field; /* all lists are a count and a pointer */
	struct slot item = *s;
	const struct node *list;
	int bad = 0;

	if (s->node->type == N_GROUP && s->key->type == K_GROUPLIST)
		return slot_problem(s, "must be a list of groups: ( { ... }, { ... } )");
	list = list_items(s, &item.filled_in);
	if (!list)
		return -1;
	n = count_children(list);
	if (n == 0)
		return slot_problem(
		    s, "is an empty list; give at least one element or leave the key out");
	*out = (struct grouplist){n, arena_alloc(s->fill->arena, n * size)};
	for (const struct node *c = list->first; c; c = c->next, i++) {
		item.node = c;
		item.field = (char *)out->v + i * size;
		if (s->key->type == K_GROUPLIST)
			item.where = arena_printf(s->fill->arena, "%s[%zu]", s->where, i + 1);
		bad |= s->type->read(&item);
	}
	if (bad) /* items that could not be read are holes: nobody may walk over them */
		out->n = 0;
	return bad;
}

int schema_fill(const struct schema *schema, const struct node *group, const char *where, void *out,
		struct fill *fill)
{
	size_t before = fill->problems->errors + fill->problems->policies;

	for (const struct key *k = schema->keys; k->name; k++) {
		struct slot s = {.key = k,
				 .type = &types[k->type],
				 .node = node_child(group, k->name),
				 .where = arena_printf(fill->arena, "%s%s%s", where,
						       strchr(where, ':') ? "."
						       : *where           ? ": "
									  : "",
						       k->name),
				 .field = (char *)out + k->offset,
				 .fill = fill};

		if (s.type->unset)
			memcpy(s.field, s.type->unset, s.type->unset_size);
		if (!s.node && k->flags & K_REQUIRED) {
			node_problem(fill->problems, group, where, "\"%s\" is missing: %s", k->name,
				     k->doc);
			continue;
		}
		if (!s.node && k->def)
			s.node = node_text(fill->arena, k->name, k->def, true);
		if (s.node)
			(key_is_list(k) ? read_list : s.type->read)(&s);
	}
	return (int)(fill->problems->errors + fill->problems->policies - before);
}

/* ---- names of keys ------------------------------------------------------------------------------------------------------ */
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
		node_problem(fill->problems, c, where, "unknown key \"%s\"%s", c->name,
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
	const char *names[128];
	size_t n = 0;

	for (const struct key *k = schema->keys; k->name && n + 1 < ARRAY_LEN(names); k++)
		names[n++] = k->name;
	names[n] = NULL;
	return nearest_word(name, names);
}

/* ---- printing groups and lists ------------------------------------------------------------------------------------------ */
static void print_keys(const struct schema *schema, const void *conf, struct str *out, int indent)
{
	str_add(out, "{ ");
	for (const struct key *k = schema->keys; k->name; k++) {
		if (!key_is_given(k, conf))
			continue;
		str_addf(out, "%s = ", k->name);
		key_print(k, conf, out, indent + 1);
		str_add(out, "; ");
	}
	str_addc(out, '}');
}

static void print_group(const struct key *key, const void *field, struct str *out, int indent)
{
	print_keys(key->sub, *(const void *const *)field, out, indent);
}

static void print_group_item(const struct key *key, const void *field, struct str *out, int indent)
{
	print_keys(key->sub, field, out, indent);
}

static void print_list(const struct key *key, const struct grouplist *list, struct str *out,
		       int indent)
{
	bool groups = key->type == K_GROUPLIST;

	str_addc(out, groups ? '(' : '[');
	for (size_t i = 0; i < list->n; i++) {
		str_add(out, i ? ", " : "");
		if (groups && list->n > 1)
			str_addf(out, "\n%*s", (indent + 1) * 4, "");
		types[key->type].print(key, (const char *)list->v + i * item_size(key), out,
				       indent);
	}
	str_addc(out, groups ? ')' : ']');
}

void key_print(const struct key *key, const void *conf, struct str *out, int indent)
{
	const void *field = (const char *)conf + key->offset;

	if (key_is_list(key))
		print_list(key, field, out, indent);
	else
		types[key->type].print(key, field, out, indent);
}
