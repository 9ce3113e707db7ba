#include "schema.h"

#include <math.h>

#include "key_types.h"

/* ---- the types --------------------------------------------------------------------------------------------------------- */
static int read_group(const struct slot *s);
static int read_group_item(const struct slot *s);
static DECLARE_PRINT(print_group);
static DECLARE_PRINT(print_group_item);
static DECLARE_SCRUB(scrub_group);
static DECLARE_SCRUB(scrub_group_item);

#define UNSET(T, value) .unset = &(const T){value}, .unset_size = sizeof(T)
#define UNSET_NULL UNSET(void *, NULL)
#define UNSET_LIST UNSET(size_t, 0)

#define TYPE(text_, read_, print_, ...)                                    \
	{                                                                  \
		.text = text_, .read = read_, .print = print_, __VA_ARGS__ \
	}
#define ITEMS(T) .item_size = sizeof(T)

static const struct key_type_row types[] = {
    [K_STR] = TYPE("text", read_text, print_text, UNSET_NULL, .scrub = scrub_text),
    [K_PATH] = TYPE("a path", read_text, print_text, UNSET_NULL, .scrub = scrub_text),
    [K_HOSTPORT] = TYPE("host:port", read_text, print_text, UNSET_NULL, .scrub = scrub_text),
    [K_INT] = TYPE("a whole number", read_int, print_int, UNSET(int64_t, INT_UNSET)),
    [K_NUM] = TYPE("a number", read_num, print_num, UNSET(double, NAN)),
    [K_BOOL] = TYPE("true or false", read_bool, print_bool),
    [K_DURATION] = TYPE("a time such as \"5s\"", read_duration, print_duration, UNSET(int64_t, -1)),
    [K_SIZE] = TYPE("a size such as \"64KiB\"", read_size, print_size, UNSET(int64_t, -1)),
    [K_ENUM] = TYPE("one word", read_enum, print_enum, UNSET(int, ENUM_UNSET)),
    [K_URL] = TYPE("a URL", read_url, print_text, UNSET_NULL, .scrub = scrub_url),
    [K_URLLIST] = TYPE("a URL or a list of them", read_url, print_text, UNSET_LIST,
		       .scrub = scrub_url, ITEMS(struct url)),
    [K_SECRET] = TYPE("a secret by reference: \"env:NAME\" or \"file:/path\"", read_secret,
		      print_secret, UNSET(enum secret_kind, SECRET_NONE), .scrub = scrub_secret),
    [K_JSON] = TYPE("JSON", read_json, print_text, UNSET_NULL),
    [K_STRLIST] =
	TYPE("a list of text", read_text_item, print_text, UNSET_LIST, .flag = K_NUMBERS,
	     .flagged = "a list of text or numbers", .scrub = scrub_text, ITEMS(const char *)),
    [K_PAIRLIST] =
	TYPE("a list of \"name=value\"", read_pair_item, print_pair, UNSET_LIST, .flag = K_HEADERS,
	     .flagged = "a list of \"Name: value\"", .scrub = scrub_pair, ITEMS(struct pair)),
    [K_GROUP] = TYPE("a group { ... }", read_group, print_group, UNSET_NULL, .scrub = scrub_group),
    [K_GROUPLIST] = TYPE("a list of groups ( { ... }, { ... } )", read_group_item, print_group_item,
			 UNSET_LIST, .scrub = scrub_group_item, .item_size = 1),
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

/* Reads a group of a list. A plain text is the value of the group's first required key. */
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

static int read_list(const struct slot *s)
{
	size_t size = item_size(s->key), n, i = 0;
	struct grouplist *out = s->field; /* every list struct is a count and a pointer */
	struct slot item = *s;
	const struct node *list;
	int bad = 0;

	if (s->node->type == N_GROUP && s->key->type == K_GROUPLIST)
		return slot_problem(s, "must be a list of groups: ( { ... }, { ... } )");
	list = list_items(s, &item.filled_in);
	if (!list)
		return -1;
	n = node_count(list);
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
	if (bad) /* unreadable items are empty, so the list must not be used */
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
		if (!s.node)
			continue;
		s.where = arena_printf(fill->arena, "%s%s%s", where,
				       strchr(where, ':') ? "."
				       : *where           ? ": "
							  : "",
				       k->name);
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
		if (schema_find(schema, c->name) || (also && schema_find(also, c->name)))
			continue;
		node_problem(fill->problems, c, where, "unknown key \"%s\"%s", c->name,
			     key_suggest(schema, also, c->name).text);
		bad++;
	}
	return bad;
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

/* ---- scrubbing ----------------------------------------------------------------------------------------------------------- */
static void scrub_keys(const struct schema *schema, const void *conf, bool secrets)
{
	for (const struct key *k = schema->keys; k->name; k++) {
		const struct key_type_row *type = &types[k->type];
		const char *field = (const char *)conf + k->offset;
		const struct grouplist *list = (const void *)field;

		for (size_t i = 0; key_is_list(k) && i < list->n; i++)
			type->scrub(k, (const char *)list->v + i * item_size(k), secrets);
		if (!key_is_list(k) && type->scrub)
			type->scrub(k, field, secrets);
	}
}

static void scrub_group_item(const struct key *key, const void *field, bool secrets)
{
	scrub_keys(key->sub, field, secrets);
}

static void scrub_group(const struct key *key, const void *field, bool secrets)
{
	if (*(const void *const *)field)
		scrub_keys(key->sub, *(const void *const *)field, secrets);
}

void schema_register_secrets(const struct schema *schema, const void *conf)
{
	/* Register the exempt texts first: the search for secrets depends on them. */
	scrub_keys(schema, conf, false);
	scrub_keys(schema, conf, true);
}

bool strlist_has(const struct strlist *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->v[i], text))
			return true;
	return false;
}
