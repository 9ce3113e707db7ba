#include "key_types.h"
#include "mode.h"

/* ---- the items of a list as nodes ------------------------------------------------------------------------------------ */
static struct node *item_at(const struct slot *s, const char *text)
{
	struct node *n = node_empty_copy(s->fill->arena, s->node, N_STR);

	n->name = NULL;
	n->loose = true;
	n->text = text;
	return n;
}

/* Splits a text where a list is expected at commas, without the blanks around each part. */
static struct node *split_text(const struct slot *s, const char *text)
{
	struct node *list = node_empty_copy(s->fill->arena, s->node, N_LIST);

	while (*text) {
		size_t n = strcspn(text, ","), len = n, skip = strspn(text, " \t\n");

		if (skip < n) {
			while (len > skip && strchr(" \t\n", text[len - 1]))
				len--;
			node_append(list, item_at(s, arena_strndup(s->fill->arena, text + skip,
								   len - skip)));
		}
		text += n + (text[n] == ',');
	}
	return list;
}

/* Copies the list, and lists in it, with all ${} filled in. NULL: a variable is missing, or not known offline. */
static struct node *fill_in_list(const struct slot *s, const struct node *list)
{
	struct node *out = node_empty_copy(s->fill->arena, list, N_LIST);

	for (const struct node *c = list->first; c; c = c->next) {
		struct node filled = *c;
		const struct node *inner;

		if (c->type == N_STR) {
			filled.text = interpolate(c, c->text, s->where, s->fill);
			if (!filled.text)
				return NULL;
		} else if (c->type == N_LIST) {
			inner = fill_in_list(s, c);
			if (!inner)
				return NULL;
			filled = *inner;
		}
		node_append_copy(s->fill->arena, out, &filled);
	}
	return out;
}

/* Joins the texts of a list with | between them. NULL: the list is empty, or holds other types. */
static struct node *join_texts(const struct slot *s, const struct node *list)
{
	cleanup_str struct str text = {.s = NULL};

	str_init(&text, 16 * 1024 * 1024); /* as much as a profile can hold */
	for (const struct node *c = list->first; c; c = c->next) {
		if (c->type != N_STR)
			return NULL;
		str_add(&text, c == list->first ? "" : "|");
		str_add(&text, c->text);
	}
	return list->first ? item_at(s, arena_strdup(s->fill->arena, text.s)) : NULL;
}

static bool is_one_group(const struct node *list)
{
	for (const struct node *c = list->first; c; c = c->next)
		if (c->type != N_STR || strchr(c->text, '|'))
			return false;
	return list->first != NULL;
}

/* K_WORDGROUPS: makes each group one text. An item of another type stays: read_text_item reports it. */
static struct node *join_groups(const struct slot *s, const struct node *list)
{
	struct node *out = node_empty_copy(s->fill->arena, list, N_LIST);

	if (is_one_group(list)) {
		node_append(out, join_texts(s, list));
		return out;
	}
	for (const struct node *c = list->first; c; c = c->next) {
		const struct node *group = c->type == N_LIST ? join_texts(s, c) : NULL;

		node_append_copy(s->fill->arena, out, group ? group : c);
	}
	return out;
}

static const struct node *list_of_one(const struct slot *s)
{
	struct node *one = node_empty_copy(s->fill->arena, s->node, N_LIST);

	node_append_copy(s->fill->arena, one, s->node);
	return one;
}

/* Returns the length of NAME when the first n bytes are "${NAME}" and nothing else; 0 when they are not. */
static size_t lone_variable(const char *text, size_t n)
{
	size_t name = str_starts(text, "${") ? env_name_length(text + 2) : 0;

	return name > 0 && name + 3 == n && text[n - 1] == '}' ? name : 0;
}

/* K_VARIABLES: an item "${A}" would be about the variable that the value of A names, which hardly anybody means; and the message
 * about a value that is no name would quote it. Names that are put together ("${PREFIX}_URL") stay possible. */
static int check_names(const struct slot *s, const struct node *list)
{
	int bad = 0;

	for (const struct node *c = list->first; c; c = c->next) {
		const char *p = c->type == N_STR ? c->text : "";

		if (c->type == N_LIST)
			bad |= check_names(s, c);
		for (size_t n; *p; p += n + (p[n] == '|')) {
			size_t name = lone_variable(p, n = strcspn(p, "|="));

			if (name > 0)
				return slot_problem(s,
						    "takes the names of variables, and ${%.*s} is "
						    "the value of one: write %.*s",
						    (int)name, p + 2, (int)name, p + 2);
			if (p[n] == '=')
				break;
		}
	}
	return bad;
}

/* K_VARIABLES: a list that comes out of one variable may be anything, a password too, if it is not names: it is not quoted. */
static int check_names_of(const struct slot *s, const struct node *list)
{
	const char *text = s->node->type == N_STR ? s->node->text : "";
	size_t n = lone_variable(text, strlen(text));
	const char *name = n > 0 ? text + strlen("${") : "";

	for (const struct node *c = list->first; n > 0 && c; c = c->next)
		if (s->key->check && s->key->check(c->text))
			return slot_problem(s,
					    "takes the names of variables, and the value of %.*s "
					    "is none: write %.*s if that one is meant",
					    (int)n, name, (int)n, name);
	return 0;
}

const struct node *list_items(const struct slot *s, bool *filled_in)
{
	const struct node *list = s->node;

	*filled_in = s->node->type == N_STR || s->key->flags & K_WORDGROUPS;
	if (s->key->type == K_URLLIST && variable_with_secret(s)) {
		*filled_in = false;
		return list_of_one(s);
	}
	if (s->node->type == N_STR) {
		const char *text = slot_text(s);

		list = text ? split_text(s, text) : NULL;
	} else if (s->node->type == N_INT && s->key->flags & K_NUMBERS) {
		return list_of_one(s);
	} else if (s->node->type != N_LIST) {
		slot_wrong_type(s);
		return NULL;
	} else if (s->key->flags & K_VARIABLES && check_names(s, list) < 0) {
		return NULL;
	} else if (*filled_in) {
		list = fill_in_list(s, list);
	}
	if (list && s->key->flags & K_WORDGROUPS)
		list = join_groups(s, list);
	return list && s->key->flags & K_VARIABLES && check_names_of(s, list) < 0 ? NULL : list;
}

/* ---- reading items --------------------------------------------------------------------------------------------------- */
/* Returns the item's text. NULL: a problem was added, or the text is not known offline. */
static const char *item_text(const struct slot *s)
{
	const struct node *n = s->node;
	bool number = s->key->flags & K_NUMBERS && (n->type == N_INT || n->type == N_FLOAT);
	const char *text;

	if (!number && n->type != N_STR) {
		slot_problem(s, "must be text, not %s", node_type_text(n->type));
		return NULL;
	}
	text = !number            ? slot_text(s)
	       : n->type == N_INT ? arena_printf(s->fill->arena, "%lld", (long long)n->i)
				  : arena_printf(s->fill->arena, "%g", n->d);
	if (text && !*text && !(s->key->flags & K_EMPTY)) {
		slot_problem(s, "is empty");
		return NULL;
	}
	return text;
}

/* Appends how several items are written, when the text holds such, separated by blanks or semicolons as other tools have them. */
static void add_several(const struct slot *s, const char *text, struct str *out)
{
	static const char separators[] = " \t\n;";
	const char *end = text + strlen(text), *first = NULL, *second = NULL;
	size_t n = 0;

	for (const char *p = text; p < end; p += strcspn(p, separators)) {
		const char *item;

		p += strspn(p, separators);
		item = arena_strndup(s->fill->arena, p, strcspn(p, separators));
		if (!*item || s->key->check(item))
			return;
		*(n++ ? &second : &first) = item;
	}
	if (n > 1)
		str_addf(out, "; several are written [\"%.60s\", %s\"%.60s\"]", first,
			 n > 2 ? "..., " : "", second);
}

/* Runs the row's own check; the message quotes the item, unless it may hold a password. */
static int check_item(const struct slot *s, const char *text)
{
	const char *bad = s->key->check ? s->key->check(text) : NULL;
	cleanup_str struct str why = {.s = NULL};

	if (!bad)
		return 0;
	str_init(&why, 512);
	str_add(&why, bad); /* a copy: the check may write its next answer into the same place */
	if (!strchr(text, '@') && !strstr(bad, "several"))
		add_several(s, text, &why);
	return strchr(text, '@') ? slot_problem(s, "%s", why.s)
				 : slot_problem(s, "\"%.60s\" %s", text, why.s);
}

int read_text_item(const struct slot *s)
{
	const char *text = item_text(s);
	enum mode unused;

	if (!text || (s->key->choices && slot_choice(s, text) < 0))
		return -1;
	if (s->key->flags & K_MODES && mode_find(s->fill->aliases, text, &unused) < 0)
		return slot_problem(
		    s, "\"%.60s\" is not a mode: dev, staging, prod or a name from modes", text);
	*(const char **)s->field = text;
	return check_item(s, text);
}

/* Reports a literal value under a sensitive name. */
static int report_literal_pair(const struct slot *s, const char *name, const char *value)
{
	if (s->node->text && strstr(s->node->text, "${"))
		return slot_problem(
		    s,
		    "%s takes no ${} within a text; write a reference: %s=env:NAME or file:/path",
		    name, name);
	slot_literal_secret(s, arena_printf(s->fill->arena, "%s: %s", s->where, name),
			    strstr(value, " env:") || strstr(value, " file:")
				? "a reference (env:NAME, file:/path) must be the whole value; "
				  "what stands before it goes into the variable or file"
				: "write a reference: name=env:NAME or name=file:/path");
	return 0;
}

/* Returns the variable whose value the pair has ("password=${NAME}", read as env:NAME), or NULL. */
static const char *variable_of_pair(const struct slot *s, const char *separators)
{
	const char *sep = s->key->flags & K_RAW ? NULL : strpbrk(s->node->text, separators);

	if (!sep)
		return NULL;
	sep += 1 + strspn(sep + 1, " ");
	return is_from_variables(sep, sep + strlen(sep)) ? interpolated_variable(sep, s->fill)
							 : NULL;
}

/* Is it "{name}" or "word {name}", a value that is not known yet? */
static bool is_later_value(const struct slot *s, const char *value)
{
	size_t word = strcspn(value, " {");

	if (!(s->key->flags & K_LATER))
		return false;
	value += value[word] == ' ' ? word + 1 : 0;
	return *value == '{' && str_eq(value + 1 + strcspn(value + 1, "{} "), "}");
}

int read_pair_item(const struct slot *s)
{
	bool header = s->key->flags & K_HEADERS;
	const char *text = item_text(s), *sep = text ? strpbrk(text, header ? ":=" : "=") : NULL;
	struct pair *out = s->field;
	size_t n;

	if (!text)
		return -1;
	if (!sep || sep == text)
		return slot_problem(s, "\"%.60s\" is not %s",
				    secret_sensitive_name(text) ? "..." : text,
				    header ? "\"Name: value\"" : "name=value");
	n = (size_t)(sep - text);
	while (n > 0 && text[n - 1] == ' ')
		n--;
	out->name = arena_strndup(s->fill->arena, text, n);
	sep += 1 + strspn(sep + 1, " ");
	out->secret = secret_from_text(sep);
	if (out->secret.kind == SECRET_LITERAL &&
	    (!secret_sensitive_name(out->name) || is_later_value(s, sep))) {
		out->secret = (struct secret){0};
		out->value = sep;
		return slot_check(s, text);
	}
	if (header && slot_check(s, text) < 0)
		return -1;
	if (check_reference(s, out->secret) < 0)
		return -1;
	note_reference(s, out->secret);
	if (out->secret.kind != SECRET_LITERAL)
		return 0;
	sep = variable_of_pair(s, header ? ":=" : "=");
	if (!sep)
		return report_literal_pair(s, out->name, text + n);
	out->secret = (struct secret){SECRET_ENV, sep};
	return 0;
}

/* ---- printing ---------------------------------------------------------------------------------------------------------- */
void print_pair(const struct key *key, const void *field, struct str *out, UNUSED int indent)
{
	bool raw = key->flags & K_RAW;
	const struct pair *p = field;

	str_addc(out, '"');
	print_escaped(out, p->name, raw);
	str_add(out, key->flags & K_HEADERS ? ": " : "=");
	if (p->value)
		print_escaped(out, p->value, raw);
	else
		print_reference(out, p->secret, raw);
	str_addc(out, '"');
}

void scrub_pair(const struct key *key, const void *field, bool secrets)
{
	const struct pair *p = field;
	struct diag ignored;

	if (p->value)
		scrub_text(key, &p->value, secrets);
	else if (secrets && !(key->flags & K_PARTLY))
		secret_reveal_property(p->name, p->secret, &ignored);
}
