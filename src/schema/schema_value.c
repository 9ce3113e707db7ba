#include <math.h>

#include "schema_slot.h"

int wrong_type(const struct slot *s)
{
	return fill_problem(s->fill, s->node, s->where, "must be %s, not %s", key_type_text(s->key),
			    node_type_text(s->node->type));
}

const char *slot_text(const struct slot *s)
{
	return s->key->flags & K_RAW ? s->node->text
				     : interpolate(s->node, s->node->text, s->where, s->fill);
}

/* May text stand for a number or truth value here? Only where the profile's author could not write one. */
static bool text_may_convert(const struct node *n)
{
	return n->type == N_STR && (n->loose || strstr(n->text, "${"));
}

int literal_secret(struct fill *f, const struct node *at, const char *where, const char *how)
{
	problem_add(f->problems, f->prod ? PROBLEM_POLICY : PROBLEM_WARNING, D_SECRET_LITERAL,
		    at->file, at->line, where, "holds a secret as plain text; %s", how);
	return 0;
}

int run_check(const struct slot *s, const char *text)
{
	const char *bad = s->key->check ? s->key->check(text) : NULL;

	return bad ? fill_problem(s->fill, s->node, s->where, "%s", bad) : 0;
}

static int fill_int(const struct slot *s)
{
	int64_t v = s->node->i, min = 0, max = 0;
	const char *text;

	if (text_may_convert(s->node)) {
		text = slot_text(s);
		if (!text)
			return -1;
		if (parse_i64(text, INT64_MIN, INT64_MAX, &v) < 0)
			return fill_problem(s->fill, s->node, s->where,
					    "must be a whole number, not \"%.80s\"", text);
	} else if (s->node->type != N_INT) {
		return wrong_type(s);
	}
	parse_i64(s->key->min, INT64_MIN, INT64_MAX, &min);
	parse_i64(s->key->max, INT64_MIN, INT64_MAX, &max);
	if (v < min || v > max)
		return fill_problem(s->fill, s->node, s->where, "%lld is not between %s and %s",
				    (long long)v, s->key->min, s->key->max);
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
		/* Not a number would be "not given" to whoever compares: the bound would be gone. */
		if (end == text || *end || isnan(v))
			return fill_problem(s->fill, s->node, s->where,
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
		return fill_problem(s->fill, s->node, s->where,
				    "must be true or false, not \"%.80s\"", text);
	*(bool *)s->field = str_eq(text, "true");
	return 0;
}

static int fill_duration(const struct slot *s)
{
	struct duration v, min = {0}, max = DURATION_FOREVER;
	double number = s->node->type == N_INT ? (double)s->node->i : s->node->d;
	const char *text;

	if (s->node->type == N_INT || s->node->type == N_FLOAT)
		return fill_problem(s->fill, s->node, s->where,
				    "a time needs a unit: \"%gs\", \"%gms\"", number, number);
	if (s->node->type != N_STR)
		return wrong_type(s);
	text = slot_text(s);
	if (!text)
		return -1;
	if (duration_parse(&v, text) < 0)
		return fill_problem(
		    s->fill, s->node, s->where,
		    "\"%.80s\" is not a time such as \"250ms\", \"5s\", \"2m\", \"1h\"", text);
	if (s->key->min)
		duration_parse(&min, s->key->min);
	duration_parse(&max, s->key->max);
	if (v.ns < min.ns || v.ns > max.ns)
		return fill_problem(s->fill, s->node, s->where, "%s is not between %s and %s", text,
				    s->key->min ? s->key->min : "0", s->key->max);
	*(struct duration *)s->field = v;
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
	struct size v, min = {0}, max = {INT64_MAX};
	const char *text;

	if (s->node->type == N_INT)
		return fill_problem(s->fill, s->node, s->where,
				    "a size needs a unit: \"%lldB\", \"%lldKiB\"",
				    (long long)s->node->i, (long long)s->node->i);
	if (s->node->type != N_STR)
		return wrong_type(s);
	text = slot_text(s);
	if (!text)
		return -1;
	if (parse_size(&v, text) < 0)
		return fill_problem(s->fill, s->node, s->where,
				    "\"%.80s\" is not a size such as \"64KiB\", \"1MB\", \"512B\"",
				    text);
	if (s->key->max) {
		parse_size(&min, s->key->min);
		parse_size(&max, s->key->max);
	}
	if (v.bytes < min.bytes || v.bytes > max.bytes)
		return fill_problem(s->fill, s->node, s->where, "%s is not between %s and %s", text,
				    s->key->min, s->key->max);
	*(struct size *)s->field = v;
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

int find_choice(const struct slot *s, const char *text)
{
	char all[512];

	for (int i = 0; s->key->choices[i]; i++)
		if (str_eq(s->key->choices[i], text))
			return i;
	return fill_problem(s->fill, s->node, s->where, "\"%.80s\" is not one of %s%s", text,
			    join_words(s->key->choices, all, sizeof all),
			    did_you_mean(nearest_word(text, s->key->choices)).text);
}

int fill_url_text(const struct slot *s, const char *text, struct url *out)
{
	char all[256];
	const char *why = "";

	if (str_starts(text, "env:") || str_starts(text, "file:")) {
		if (strstr(s->node->text, "${"))
			return fill_problem(s->fill, s->node, s->where,
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
		return fill_problem(s->fill, s->node, s->where, "the URL %s", why);
	if (!url_scheme_in(out, s->key->schemes))
		return fill_problem(s->fill, s->node, s->where,
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
		return fill_problem(
		    s->fill, s->node, s->where,
		    "a secret takes no ${}; write a reference: env:NAME or file:/path");
	if (!*s->node->text || str_eq(s->node->text, "env:") || str_eq(s->node->text, "file:"))
		return fill_problem(s->fill, s->node, s->where,
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

	if (s->node->type == N_FLOAT && s->key->flags & K_NUMBERS)
		return fill_problem(s->fill, s->node, s->where,
				    "must be in quotes: 7.10 would be the number 7.1");
	if (s->node->type == N_INT && s->key->flags & K_NUMBERS)
		text = arena_printf(s->fill->arena, "%lld", (long long)s->node->i);
	else if (s->node->type != N_STR)
		return wrong_type(s);
	else
		text = slot_text(s);
	if (!text)
		return -1;
	if (!text[strspn(text, " \t\r\n")] && !(s->key->flags & K_EMPTY))
		return fill_problem(s->fill, s->node, s->where, "is empty");
	/* Not quoted then: what stands before the @ is a password as a rule. */
	if (s->key->type == K_HOSTPORT && text[0] != '/' && strchr(text, '@'))
		return fill_problem(s->fill, s->node, s->where,
				    "has a user part, and an address takes none: write host:port");
	if (s->key->type == K_HOSTPORT && hostport_split(text, host, sizeof host, &port) < 0)
		return fill_problem(s->fill, s->node, s->where, "\"%.120s\" is not host:port",
				    text);
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

static int fill_url(const struct slot *s)
{
	const char *text;

	if (s->node->type != N_STR)
		return wrong_type(s);
	text = slot_text(s);
	return text ? fill_url_text(s, text, s->field) : -1;
}

int fill_value(const struct slot *s)
{
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
	case K_DURATION:
		return fill_duration(s);
	case K_SIZE:
		return fill_size(s);
	case K_ENUM:
		return fill_enum(s);
	case K_URL:
		return fill_url(s);
	case K_SECRET:
		return fill_secret(s);
	case K_JSON:
		return fill_json(s);
	case K_STRLIST:
	case K_PAIRLIST:
	case K_URLLIST:
	case K_GROUPLIST:
	case K_GROUP:
		break; /* schema.c's */
	}
	return -1;
}
