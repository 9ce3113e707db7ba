/* schema_selftest: rules that every list of key rows must keep: documents are sentences, defaults, bounds and examples can be
 * read, names are lower_snake, and so on. For the tests of the kinds' rows and of the schema itself. */
#ifndef SG_SCHEMA_SELFTEST_H
#define SG_SCHEMA_SELFTEST_H

#include <ctype.h>

#include "schema.h"

static const char *no_environment(const char *name)
{
	(void)name;
	return NULL;
}

static const char *bounds_rule(const struct key *k)
{
	bool number = k->type == K_INT, duration = k->type == K_DURATION, size = k->type == K_SIZE;

	if ((number || duration) && !k->max)
		return "number or duration without its largest value";
	if (number && !k->min)
		return "number without its least value";
	if (size && !k->min != !k->max)
		return "size with one bound";
	if (!number && !duration && !size && (k->min || k->max))
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

/* NULL, or what is wrong, in buf. */
static const char *schema_selftest(const struct schema *schema, char *buf, size_t size)
{
	struct arena arena = {0};
	struct problems problems = {.arena = &arena};
	struct fill fill = {.arena = &arena, .problems = &problems, .getenv = no_environment};
	const char *bad = NULL;

	for (const struct key *k = schema->keys; k->name && !bad; k++) {
		struct key one[2] = {*k, KEY_END};
		struct schema alone = {.size = schema->size, .keys = one};
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
			snprintf(buf, size, "%s: %s", k->name, what);
			bad = buf;
		} else if (k->sub) {
			bad = schema_selftest(k->sub, buf, size);
		}
	}
	problems_free(&problems);
	arena_free(&arena);
	return bad;
}

#endif
