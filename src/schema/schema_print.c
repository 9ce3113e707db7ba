/* schema_print: rows as text, and the rows' own test. The filling half is schema.c. */
#include "schema.h"

#include <ctype.h>
#include <math.h>

const char *key_type_text(const struct key *key)
{
	switch (key->type) {
	case K_STR:
		return "text";
	case K_PATH:
		return "a path";
	case K_HOSTPORT:
		return "host:port";
	case K_INT:
		return "a whole number";
	case K_NUM:
		return "a number";
	case K_BOOL:
		return "true or false";
	case K_DURATION:
		return "a time such as \"5s\"";
	case K_SIZE:
		return "a size such as \"64KiB\"";
	case K_ENUM:
		return "one word";
	case K_URL:
		return "a URL";
	case K_URLLIST:
		return "a URL or a list of them";
	case K_SECRET:
		return "a secret by reference: \"env:NAME\" or \"file:/path\"";
	case K_JSON:
		return "JSON";
	case K_STRLIST:
		return key->flags & K_NUMBERS ? "a list of text or numbers" : "a list of text";
	case K_PAIRLIST:
		return key->flags & K_HEADERS ? "a list of \"Name: value\""
					      : "a list of \"name=value\"";
	case K_GROUP:
		return "a group { ... }";
	case K_GROUPLIST:
		return "a list of groups ( { ... }, { ... } )";
	}
	return "?";
}

bool key_is_given(const struct key *key, const void *conf)
{
	const void *field = (const char *)conf + key->offset;

	switch (key->type) {
	case K_STR:
	case K_PATH:
	case K_HOSTPORT:
	case K_GROUP:
		return *(const void *const *)field != NULL;
	case K_INT:
		return *(const int64_t *)field != INT_UNSET;
	case K_NUM:
		return !isnan(*(const double *)field);
	case K_BOOL:
		return true;
	case K_DURATION:
		return duration_is_set(*(const struct duration *)field);
	case K_SIZE:
		return ((const struct size *)field)->bytes >= 0;
	case K_ENUM:
		return *(const int *)field != ENUM_UNSET;
	case K_URL:
		return ((const struct url *)field)->text != NULL;
	case K_URLLIST:
		return ((const struct urllist *)field)->n > 0;
	case K_SECRET:
		return secret_is_set(*(const struct secret *)field);
	case K_JSON:
		return ((const struct json_text *)field)->text != NULL;
	case K_STRLIST:
		return ((const struct strlist *)field)->n > 0;
	case K_PAIRLIST:
		return ((const struct pairlist *)field)->n > 0;
	case K_GROUPLIST:
		return ((const struct grouplist *)field)->n > 0;
	}
	return false;
}

/* As it stands between quotes in a profile. What cannot be printed is written as \xHH: a value may have come from the
 * environment, and this goes to a terminal. `raw`: the key takes no ${}. */
static void add_escaped(struct str *out, const char *text, bool raw)
{
	for (size_t n; *text; text += n ? n : 1) {
		n = text_printable(text);
		if (*text == '"' || *text == '\\')
			str_addf(out, "\\%c", *text);
		else if (*text == '\n')
			str_add(out, "\\n");
		else if (!raw && *text == '$' && (text[1] == '{' || text[1] == '$'))
			str_add(out, "$$"); /* what was filled in must not be filled in again */
		else if (n == 0)
			str_addf(out, "\\x%02x", (unsigned char)*text);
		else
			str_addn(out, text, n);
	}
}

static void add_quoted(struct str *out, const char *text, bool raw)
{
	str_addc(out, '"');
	add_escaped(out, text, raw);
	str_addc(out, '"');
}

static void add_reference(struct str *out, struct secret s, bool raw)
{
	if (s.kind == SECRET_LITERAL) {
		str_add(out, "[secret]");
	} else {
		str_add(out, s.kind == SECRET_ENV ? "env:" : "file:");
		add_escaped(out, s.text, raw);
	}
}

static void add_pair(struct str *out, const struct pair *p, const char *sep, bool raw)
{
	str_addc(out, '"');
	add_escaped(out, p->name, raw);
	str_add(out, sep);
	if (p->value)
		add_escaped(out, p->value, raw);
	else
		add_reference(out, p->secret, raw);
	str_addc(out, '"');
}

static void add_group(struct str *out, const struct schema *schema, const void *conf, int indent)
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

static void add_list(const struct key *key, const void *field, struct str *out, int indent)
{
	const struct strlist *texts = field;
	const struct pairlist *pairs = field;
	const struct urllist *urls = field;
	const struct grouplist *groups = field;
	bool raw = key->flags & K_RAW;

	str_addc(out, key->type == K_GROUPLIST ? '(' : '[');
	/* All lists begin with their count. */
	for (size_t i = 0; i < texts->n; i++) {
		if (i > 0)
			str_add(out, ", ");
		if (key->type == K_GROUPLIST) {
			if (texts->n > 1)
				str_addf(out, "\n%*s", (indent + 1) * 4, "");
			add_group(out, key->sub, (const char *)groups->v + i * key->sub->size,
				  indent);
		} else if (key->type == K_URLLIST) {
			add_quoted(out, urls->v[i].text, raw);
		} else if (key->type == K_STRLIST) {
			add_quoted(out, texts->v[i], raw);
		} else {
			add_pair(out, &pairs->v[i], key->flags & K_HEADERS ? ": " : "=", raw);
		}
	}
	str_addc(out, key->type == K_GROUPLIST ? ')' : ']');
}

static void add_size(struct str *out, int64_t bytes)
{
	if (bytes > 0 && bytes % 1048576 == 0)
		str_addf(out, "\"%lldMiB\"", (long long)(bytes / 1048576));
	else if (bytes > 0 && bytes % 1024 == 0)
		str_addf(out, "\"%lldKiB\"", (long long)(bytes / 1024));
	else
		str_addf(out, "\"%lldB\"", (long long)bytes);
}

void key_print(const struct key *key, const void *conf, struct str *out, int indent)
{
	const void *field = (const char *)conf + key->offset;
	bool raw = key->flags & K_RAW;
	char buf[64];

	switch (key->type) {
	case K_STR:
	case K_PATH:
	case K_HOSTPORT:
		add_quoted(out, *(const char *const *)field, raw);
		break;
	case K_INT:
		str_addf(out, "%lld", (long long)*(const int64_t *)field);
		break;
	case K_NUM:
		str_addf(out, "%.17g", *(const double *)field);
		break;
	case K_BOOL:
		str_add(out, *(const bool *)field ? "true" : "false");
		break;
	case K_DURATION:
		str_addf(out, "\"%s\"",
			 duration_unparse(*(const struct duration *)field, buf, sizeof buf));
		break;
	case K_SIZE:
		add_size(out, ((const struct size *)field)->bytes);
		break;
	case K_ENUM:
		add_quoted(out, key->choices[*(const int *)field], raw);
		break;
	case K_URL:
		add_quoted(out, ((const struct url *)field)->text, raw);
		break;
	case K_SECRET:
		str_addc(out, '"');
		add_reference(out, *(const struct secret *)field, true); /* takes no ${} */
		str_addc(out, '"');
		break;
	case K_JSON:
		add_quoted(out, ((const struct json_text *)field)->text, raw);
		break;
	case K_GROUP:
		add_group(out, key->sub, *(const void *const *)field, indent);
		break;
	case K_STRLIST:
	case K_PAIRLIST:
	case K_URLLIST:
	case K_GROUPLIST:
		add_list(key, field, out, indent);
		break;
	}
}

/* ---- the rows' own test ------------------------------------------------------------------------------------ */

static const char *no_environment(const char *name)
{
	(void)name;
	return NULL;
}

static const char *bounds_rule(const struct key *k)
{
	bool number = k->type == K_INT, span = k->type == K_DURATION, size = k->type == K_SIZE;

	if ((number || span) && !k->max)
		return "number or span without its largest value";
	if (number && !k->min)
		return "number without its least value";
	if (size && !k->min != !k->max)
		return "size with one bound";
	if (!number && !span && !size && (k->min || k->max))
		return "bounds of what has none";
	return NULL;
}

static const char *text_rules(const struct key *k)
{
	size_t n;

	for (const char *p = k->name; *p; p++)
		if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_')
			return "name is not lower_snake";
	n = k->doc ? strlen(k->doc) : 0;
	if (n < 8 || k->doc[n - 1] != '.' || k->doc[0] == ' ')
		return "doc is not a sentence with a full stop";
	if (!k->example && !k->def && k->type != K_BOOL)
		return "has neither example nor default";
	if (secret_sensitive_name(k->name) && k->type != K_SECRET)
		return "its name sounds secret but its type is not K_SECRET";
	if ((k->type == K_GROUP || k->type == K_GROUPLIST) != (k->sub != NULL))
		return "group without sub-schema, or the other way round";
	if (k->type == K_ENUM && !k->choices)
		return "K_ENUM without choices";
	if (k->type == K_BOOL && !k->def)
		return "K_BOOL without default";
	if (k->flags & K_REQUIRED && k->def)
		return "required and yet with a default";
	return bounds_rule(k);
}

const char *schema_selftest(const struct schema *schema, char *buf, size_t size)
{
	struct arena arena = {0};
	struct problems problems = {.arena = &arena};
	struct fill fill = {.arena = &arena, .problems = &problems, .getenv = no_environment};
	const char *bad = NULL;

	for (const struct key *k = schema->keys; k->name && !bad; k++) {
		struct key one[2] = {*k, KEY_END};
		struct schema alone = {.name = schema->name, .size = schema->size, .keys = one};
		const char *what = text_rules(k);

		/* Default and bounds are read by the parser that reads the user's value: a wrong one cannot ship. */
		const char *const values[] = {k->def, k->min, k->max};

		/* cppcheck-suppress unreadVariable ; `alone` has it */
		one[0].flags &= ~K_REQUIRED;
		for (size_t i = 0; i < ARRAY_LEN(values) && !what; i++) {
			/* cppcheck-suppress unreadVariable ; `alone` has it */
			one[0].def = values[i];
			if (schema_fill(&alone, NULL, k->name, arena_alloc(&arena, schema->size),
					&fill) != 0)
				what = problems.v[problems.n - 1].text;
		}
		if (what) {
			snprintf(buf, size, "%s.%s: %s", schema->name, k->name, what);
			bad = buf;
		} else if (k->sub) {
			bad = schema_selftest(k->sub, buf, size);
		}
	}
	problems_free(&problems);
	arena_free(&arena);
	return bad;
}
