#include "schema.h"

#include <math.h>

#define NEST_MAX 8 /* ${A:-${B:-...}} */

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

static const char *node_type_text(enum node_type t)
{
	static const char *const names[] = {
	    [N_STR] = "text",           [N_INT] = "a number",  [N_FLOAT] = "a number",
	    [N_BOOL] = "true or false", [N_GROUP] = "a group", [N_LIST] = "a list"};

	return names[t];
}

static int problem(struct fill *f, const struct node *at, const char *where, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
static int problem(struct fill *f, const struct node *at, const char *where, const char *fmt, ...)
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

/* ---- ${NAME} ------------------------------------------------------------------------------------------------ */

struct interp {
	const struct node *at;
	const char *where;
	struct fill *fill;
	struct str out;
	bool unknown; /* offline, and a variable is not set */
};

static int interp_run(struct interp *in, const char *text, size_t n, unsigned depth);

/* The } that ends what begins behind "${", nested ones counted; NULL when there is none. */
static const char *closing_brace(const char *p, const char *end)
{
	for (unsigned open = 1; p < end; p++) {
		if (p[0] == '$' && p + 1 < end && p[1] == '{')
			open++;
		else if (*p == '}' && --open == 0)
			return p;
	}
	return NULL;
}

static int interp_name(struct interp *in, const char *p, const char *close, unsigned depth)
{
	size_t len = 0;
	const char *name, *value;

	while (p + len < close &&
	       (p[len] == '_' || (p[len] >= 'A' && p[len] <= 'Z') ||
		(p[len] >= 'a' && p[len] <= 'z') || (len && p[len] >= '0' && p[len] <= '9')))
		len++;
	name = arena_strndup(in->fill->arena, p, len);
	p += len;
	if (len == 0 ||
	    (p < close && !(p + 1 < close && p[0] == ':' && (p[1] == '-' || p[1] == '?')) &&
	     !(p + 2 == close && p[0] == ':' && p[1] == '-')))
		return problem(in->fill, in->at, in->where,
			       "\"${%.*s}\" is not ${NAME}, ${NAME:-default} or ${NAME:?message}",
			       (int)(close - (p - len)), p - len);
	value = in->fill->getenv(name);
	if (p == close) {
		if (value) {
			str_add(&in->out, value);
			return 0;
		}
		if (in->fill->offline) {
			in->unknown = true;
			return 0;
		}
		return problem(in->fill, in->at, in->where,
			       "variable %s is not set; set it, or give a default: ${%s:-...}",
			       name, name);
	}
	if (value && *value) {
		str_add(&in->out, value);
		return 0;
	}
	if (p[1] == '-')
		return interp_run(in, p + 2, (size_t)(close - p - 2), depth + 1);
	if (in->fill->offline) {
		in->unknown = true;
		return 0;
	}
	return problem(in->fill, in->at, in->where, "variable %s: %.*s", name, (int)(close - p - 2),
		       p + 2);
}

static int interp_run(struct interp *in, const char *text, size_t n, unsigned depth)
{
	const char *end = text + n, *close;
	int bad = 0;

	if (depth > NEST_MAX)
		return problem(in->fill, in->at, in->where, "${} nested more than %d deep",
			       NEST_MAX);
	for (const char *p = text; p < end; p++) {
		if (p[0] != '$' || p + 1 == end || (p[1] != '$' && p[1] != '{')) {
			str_addc(&in->out, *p);
		} else if (p[1] == '$') {
			str_addc(&in->out, '$');
			p++;
		} else {
			close = closing_brace(p + 2, end);
			if (!close)
				return problem(in->fill, in->at, in->where,
					       "\"${\" without its \"}\"");
			bad |= interp_name(in, p + 2, close, depth);
			p = close;
		}
	}
	return bad;
}

const char *interpolate(const struct node *at, const char *text, const char *where,
			struct fill *fill)
{
	struct interp in = {.at = at, .where = where, .fill = fill};
	const char *out = NULL;

	if (!strchr(text, '$'))
		return text;
	str_init(&in.out, 1024 * 1024);
	if (interp_run(&in, text, strlen(text), 0) == 0 && !in.unknown) {
		if (in.out.cut)
			problem(fill, at, where, "is longer than 1 MiB after ${} was filled in");
		else
			out = arena_strdup(fill->arena, in.out.s);
	}
	str_free(&in.out);
	fill->unknown += in.unknown;
	return out;
}

/* ---- one value ------------------------------------------------------------------------------------------------ */

struct slot { /* one key being filled */
	const struct key *key;
	const struct node *node;
	const char *where; /* "kafka.events: topics[1].name" */
	void *field;
	struct fill *fill;
};

static int wrong_type(const struct slot *s)
{
	return problem(s->fill, s->node, s->where, "must be %s, not %s", key_type_text(s->key),
		       node_type_text(s->node->type));
}

/* Text of a scalar node, filled in. NULL: a problem was added, or it is unknown offline. */
static const char *slot_text(const struct slot *s)
{
	return s->key->flags & K_RAW ? s->node->text
				     : interpolate(s->node, s->node->text, s->where, s->fill);
}

/* May text stand for a number or truth value here? Only where the profile's author could not write one. */
static bool text_may_convert(const struct node *n)
{
	return n->type == N_STR && (n->loose || strstr(n->text, "${"));
}

static int literal_secret(struct fill *f, const struct node *at, const char *where, const char *how)
{
	problem_add(f->problems, f->prod ? PROBLEM_POLICY : PROBLEM_WARNING, D_SECRET_LITERAL,
		    at->file, at->line, where, "holds a secret as plain text; %s", how);
	return 0;
}

static int run_check(const struct slot *s, const char *text)
{
	const char *bad = s->key->check ? s->key->check(text) : NULL;

	return bad ? problem(s->fill, s->node, s->where, "%s", bad) : 0;
}

static int fill_int(const struct slot *s)
{
	int64_t v = s->node->i, min = INT64_MIN + 1, max = INT64_MAX;
	const char *text;

	if (text_may_convert(s->node)) {
		text = slot_text(s);
		if (!text)
			return -1;
		if (parse_i64(text, min, max, &v) < 0)
			return problem(s->fill, s->node, s->where,
				       "must be a whole number, not \"%.80s\"", text);
	} else if (s->node->type != N_INT) {
		return wrong_type(s);
	}
	if (s->key->min)
		parse_i64(s->key->min, INT64_MIN, INT64_MAX, &min);
	if (s->key->max)
		parse_i64(s->key->max, INT64_MIN, INT64_MAX, &max);
	if (v < min || v > max)
		return problem(
		    s->fill, s->node, s->where,
		    s->key->max ? "%lld is not between %s and %s" : "%lld is less than %s",
		    (long long)v, s->key->min ? s->key->min : "-", s->key->max ? s->key->max : "");
	*(int64_t *)s->field = v;
	return 0;
}

static int fill_num(const struct slot *s)
{
	double v = s->node->type == N_INT ? (double)s->node->i : s->node->d;
	const char *text;
	char *end;

	if (text_may_convert(s->node)) {
		text = slot_text(s);
		if (!text)
			return -1;
		v = strtod(text, &end);
		if (end == text || *end)
			return problem(s->fill, s->node, s->where,
				       "must be a number, not \"%.80s\"", text);
	} else if (s->node->type != N_INT && s->node->type != N_FLOAT) {
		return wrong_type(s);
	}
	*(double *)s->field = v;
	return 0;
}

static int fill_bool(const struct slot *s)
{
	const char *text;

	if (s->node->type == N_BOOL) {
		*(bool *)s->field = s->node->i != 0;
		return 0;
	}
	if (!text_may_convert(s->node))
		return wrong_type(s);
	text = slot_text(s);
	if (!text)
		return -1;
	if (!str_eq(text, "true") && !str_eq(text, "false"))
		return problem(s->fill, s->node, s->where, "must be true or false, not \"%.80s\"",
			       text);
	*(bool *)s->field = str_eq(text, "true");
	return 0;
}

static int fill_span(const struct slot *s)
{
	struct span v, bound;
	const char *text;

	if (s->node->type == N_INT || s->node->type == N_FLOAT)
		return problem(s->fill, s->node, s->where,
			       "a time needs a unit: \"%g%s\", \"%gms\"",
			       s->node->type == N_INT ? (double)s->node->i : s->node->d, "s",
			       s->node->type == N_INT ? (double)s->node->i : s->node->d);
	if (s->node->type != N_STR)
		return wrong_type(s);
	text = slot_text(s);
	if (!text)
		return -1;
	if (span_parse(&v, text) < 0)
		return problem(s->fill, s->node, s->where,
			       "\"%.80s\" is not a time such as \"250ms\", \"5s\", \"2m\", \"1h\"",
			       text);
	if ((s->key->min && span_parse(&bound, s->key->min) == 0 && v.ns < bound.ns) ||
	    (s->key->max && span_parse(&bound, s->key->max) == 0 && v.ns > bound.ns))
		return problem(s->fill, s->node, s->where, "%s is not between %s and %s", text,
			       s->key->min ? s->key->min : "0", s->key->max ? s->key->max : "any");
	*(struct span *)s->field = v;
	return 0;
}

static int parse_size(struct size *out, const char *text)
{
	static const struct {
		const char *unit;
		double bytes;
	} units[] = {{"B", 1},    {"KB", 1e3},     {"kB", 1e3},        {"MB", 1e6},
		     {"GB", 1e9}, {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}};
	size_t digits = strspn(text, "0123456789.");
	char *end;
	double v = strtod(text, &end);

	if (digits == 0 || end != text + digits)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (str_eq(end, units[i].unit) && v * units[i].bytes < 9e18) {
			out->bytes = (int64_t)(v * units[i].bytes);
			return 0;
		}
	}
	return -1;
}

static int fill_size(const struct slot *s)
{
	const char *text;

	if (s->node->type == N_INT)
		return problem(s->fill, s->node, s->where,
			       "a size needs a unit: \"%lldB\", \"%lldKiB\"", (long long)s->node->i,
			       (long long)s->node->i);
	if (s->node->type != N_STR)
		return wrong_type(s);
	text = slot_text(s);
	if (!text)
		return -1;
	if (parse_size(s->field, text) < 0)
		return problem(s->fill, s->node, s->where,
			       "\"%.80s\" is not a size such as \"64KiB\", \"1MB\", \"512B\"",
			       text);
	return 0;
}

/* "a, b or c" */
static const char *join_words(const char *const *words, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; words[i] && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s",
					i == 0         ? ""
					: words[i + 1] ? ", "
						       : " or ",
					words[i]);
	return buf;
}

static int find_choice(const struct slot *s, const char *text)
{
	char all[512];
	const char *near;

	for (int i = 0; s->key->choices[i]; i++)
		if (str_eq(s->key->choices[i], text))
			return i;
	near = nearest_word(text, s->key->choices);
	join_words(s->key->choices, all, sizeof all);
	if (near)
		problem(s->fill, s->node, s->where,
			"\"%.80s\" is not one of %s; did you mean \"%s\"?", text, all, near);
	else
		problem(s->fill, s->node, s->where, "\"%.80s\" is not one of %s", text, all);
	return -1;
}

static int fill_url_text(const struct slot *s, const char *text, struct url *out)
{
	char all[256];
	const char *why = "";

	if (str_starts(text, "env:") || str_starts(text, "file:")) {
		if (strstr(s->node->text, "${"))
			return problem(s->fill, s->node, s->where,
				       "a reference (env:NAME, file:/path) takes no ${}");
		*out = (struct url){.text = text,
				    .scheme = "",
				    .host = "",
				    .path = "",
				    .ref = secret_from_text(text),
				    .schemes = s->key->schemes,
				    .check = s->key->check};
		return 0;
	}
	if (url_split(out, s->fill->arena, text, &why) < 0)
		return problem(s->fill, s->node, s->where, "the URL %s", why);
	if (!url_scheme_in(out, s->key->schemes))
		return problem(s->fill, s->node, s->where,
			       "\"%s://\" is not a scheme for this; use %s", out->scheme,
			       join_words(s->key->schemes, all, sizeof all));
	if (secret_is_set(out->password) || secret_is_set(out->user))
		literal_secret(s->fill, s->node, s->where,
			       "take the user part out of the URL and give username and password "
			       "by reference, or give the "
			       "whole URL as env:NAME");
	return run_check(s, out->text);
}

static int fill_secret(const struct slot *s)
{
	if (s->node->type != N_STR)
		return wrong_type(s);
	if (strstr(s->node->text, "${"))
		return problem(s->fill, s->node, s->where,
			       "a secret takes no ${}; write a reference: env:NAME or file:/path");
	if (!*s->node->text || str_eq(s->node->text, "env:") || str_eq(s->node->text, "file:"))
		return problem(s->fill, s->node, s->where,
			       "is empty; write a reference: env:NAME or file:/path");
	*(struct secret *)s->field = secret_from_text(s->node->text);
	if (((struct secret *)s->field)->kind == SECRET_LITERAL)
		literal_secret(s->fill, s->node, s->where,
			       "write a reference: env:NAME or file:/path");
	return 0;
}

static int fill_json(const struct slot *s)
{
	const char *text = NULL;

	switch (s->node->type) {
	case N_BOOL:
		text = s->node->i ? "true" : "false";
		break;
	case N_INT:
		text = arena_printf(s->fill->arena, "%lld", (long long)s->node->i);
		break;
	case N_FLOAT:
		text = arena_printf(s->fill->arena, "%.17g", s->node->d);
		break;
	case N_STR:
		text = slot_text(s);
		if (!text || run_check(s, text) < 0)
			return -1;
		break;
	case N_GROUP:
	case N_LIST:
		return wrong_type(s);
	}
	((struct json_text *)s->field)->text = text;
	return 0;
}

static int fill_text(const struct slot *s)
{
	char host[300];
	const char *text;
	int port;

	if (s->node->type != N_STR)
		return wrong_type(s);
	text = slot_text(s);
	if (!text)
		return -1;
	if (!text[strspn(text, " \t\r\n")] && !(s->key->flags & K_EMPTY))
		return problem(s->fill, s->node, s->where, "is empty");
	/* Not quoted then: what stands before the @ is a password as a rule. */
	if (s->key->type == K_HOSTPORT && text[0] != '/' && strchr(text, '@'))
		return problem(s->fill, s->node, s->where,
			       "has a user part, and an address takes none: write host:port");
	if (s->key->type == K_HOSTPORT && hostport_split(text, host, sizeof host, &port) < 0)
		return problem(s->fill, s->node, s->where, "\"%.120s\" is not host:port", text);
	if (s->key->choices && find_choice(s, text) < 0)
		return -1;
	if (run_check(s, text) < 0)
		return -1;
	*(const char **)s->field = text;
	return 0;
}

static int fill_enum(const struct slot *s)
{
	const char *text;
	int i;

	if (s->node->type != N_STR)
		return wrong_type(s);
	text = slot_text(s);
	if (!text)
		return -1;
	i = find_choice(s, text);
	if (i < 0)
		return -1;
	*(int *)s->field = i;
	return 0;
}

/* ---- lists ----------------------------------------------------------------------------------------------------- */

/* A text where a list is expected: split at commas into loose items of the same place. */
static struct node *split_list(const struct slot *s, const char *text)
{
	struct node *list = arena_alloc(s->fill->arena, sizeof *list), *item;

	*list = *s->node;
	list->type = N_LIST;
	list->first = NULL;
	while (*text) {
		size_t n = strcspn(text, ","), len = n, skip = strspn(text, " \t\n");

		if (skip < n) {
			while (len > skip && strchr(" \t\n", text[len - 1]))
				len--;
			item = arena_alloc(s->fill->arena, sizeof *item);
			*item = (struct node){.type = N_STR,
					      .loose = true,
					      .file = s->node->file,
					      .line = s->node->line};
			/* It was filled in as a whole already: a $ that is left is meant. */
			item->text = arena_strndup(s->fill->arena, text + skip, len - skip);
			node_append(list, item);
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
		return problem(s->fill, s->node, s->where, "\"%.60s\" is not name=value",
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
		return problem(s->fill, s->node, s->where,
			       "%s takes no ${}; write a reference: %s=env:NAME or file:/path",
			       out->name, out->name);
	out->secret = secret;
	if (secret.kind == SECRET_LITERAL)
		literal_secret(s->fill, s->node,
			       arena_printf(s->fill->arena, "%s: %s", s->where, out->name),
			       "write a reference: name=env:NAME or name=file:/path");
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
		return problem(s->fill, s->node, s->where, "must be text, not %s",
			       node_type_text(s->node->type));
	else
		text = filled_in ? s->node->text : slot_text(s);
	if (!text)
		return -1;
	if (!*text)
		return problem(s->fill, s->node, s->where, "is empty");
	if (s->key->type == K_PAIRLIST)
		return fill_pair(s, text, s->node->text ? s->node->text : "",
				 &((struct pairlist *)s->field)->v[i]);
	if (s->key->type == K_URLLIST)
		return fill_url_text(s, text, &((struct urllist *)s->field)->v[i]);
	if (s->key->choices && find_choice(s, text) < 0)
		return -1;
	if (s->key->flags & K_MODES && s->fill->is_mode &&
	    !s->fill->is_mode(s->fill->mode_ctx, text))
		return problem(s->fill, s->node, s->where,
			       "\"%.60s\" is not a mode: dev, staging, prod or a name from modes",
			       text);
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
		return problem(s->fill, group, s->where, "must be a group { ... }, not %s",
			       node_type_text(group->type));
	bad = schema_names(s->key->sub, NULL, group, s->where, s->fill);
	return schema_fill(s->key->sub, group, s->where, out, s->fill) != 0 || bad ? -1 : 0;
}

static int fill_list(const struct slot *s)
{
	const struct node *list = s->node;
	bool filled_in = false;
	size_t n, i = 0;
	int bad = 0;

	if (list->type == N_STR) {
		const char *text = slot_text(s);

		if (!text)
			return -1;
		list = split_list(s, text);
		filled_in = true;
	} else if (list->type == N_GROUP && s->key->type == K_GROUPLIST) {
		return problem(s->fill, list, s->where,
			       "must be a list of groups: ( { ... }, { ... } )");
	} else if (list->type != N_LIST) {
		return wrong_type(s);
	}
	n = count_children(list);
	if (n == 0)
		return problem(s->fill, s->node, s->where,
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
	const char *text;
	void *group;

	switch (s->key->type) {
	case K_STR:
	case K_PATH:
	case K_HOSTPORT:
		return fill_text(s);
	case K_INT:
		return fill_int(s);
	case K_NUM:
		return fill_num(s);
	case K_BOOL:
		return fill_bool(s);
	case K_SPAN:
		return fill_span(s);
	case K_SIZE:
		return fill_size(s);
	case K_ENUM:
		return fill_enum(s);
	case K_URL:
		if (s->node->type != N_STR)
			return wrong_type(s);
		text = slot_text(s);
		return text ? fill_url_text(s, text, s->field) : -1;
	case K_SECRET:
		return fill_secret(s);
	case K_JSON:
		return fill_json(s);
	case K_STRLIST:
	case K_PAIRLIST:
	case K_URLLIST:
	case K_GROUPLIST:
		return fill_list(s);
	case K_GROUP:
		group = arena_alloc(s->fill->arena, s->key->sub->size);
		if (fill_group(s, s->node, group) < 0)
			return -1;
		*(void **)s->field = group;
		return 0;
	}
	return -1;
}

/* What a field holds when the key is not given. All others begin as zero. */
static void set_unset(const struct key *k, void *field)
{
	if (k->type == K_INT)
		*(int64_t *)field = INT_UNSET;
	else if (k->type == K_NUM)
		*(double *)field = NAN;
	else if (k->type == K_SPAN)
		*(struct span *)field = SPAN_UNSET;
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
			problem(fill, group, where, "\"%s\" is missing: %s", k->name, k->doc);
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

		if (!c->name || schema_find(schema, c->name) ||
		    (also && schema_find(also, c->name)))
			continue;
		near = schema_nearest(schema, c->name);
		if (!near && also)
			near = schema_nearest(also, c->name);
		if (near)
			problem(fill, c, where, "unknown key \"%s\"; did you mean \"%s\"?", c->name,
				near);
		else
			problem(fill, c, where, "unknown key \"%s\"", c->name);
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
