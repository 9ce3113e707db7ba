#include "mode.h"

#include <strings.h>

static const struct key modes_keys[] = {
    KEY_STRLIST(struct modes_conf, dev, .doc = "Further names for dev.",
		.example = "[\"full-local\", \"ci\"]"),
    KEY_STRLIST(struct modes_conf, staging, .doc = "Further names for staging.",
		.example = "[\"preprod\"]"),
    KEY_STRLIST(struct modes_conf, prod, .doc = "Further names for prod.",
		.example = "[\"enterprise\", \"main\"]"),
    KEY_END};
const struct schema modes_schema = {.size = sizeof(struct modes_conf), .keys = modes_keys};

static const char *const builtin[MODE__COUNT][5] = {
    [MODE_DEV] = {"dev", "development", "local", "test", NULL},
    [MODE_STAGING] = {"staging", "stage", NULL},
    [MODE_PROD] = {"prod", "production", NULL},
};

const char *mode_name(enum mode m)
{
	return builtin[m][0];
}

static const struct strlist *aliases_of(const struct modes_conf *aliases, enum mode m)
{
	static const struct strlist none;

	return aliases ? &aliases->of[m] : &none;
}

static bool has_name(const struct modes_conf *aliases, enum mode m, const char *word)
{
	const struct strlist *more = aliases_of(aliases, m);

	for (size_t i = 0; builtin[m][i]; i++)
		if (strcasecmp(builtin[m][i], word) == 0)
			return true;
	for (size_t i = 0; i < more->n; i++)
		if (strcasecmp(more->v[i], word) == 0)
			return true;
	return false;
}

int mode_find(const struct modes_conf *aliases, const char *word, enum mode *out)
{
	for (enum mode m = 0; m < MODE__COUNT; m++)
		if (has_name(aliases, m, word)) {
			*out = m;
			return 0;
		}
	return -1;
}

bool mode_in(const struct modes_conf *aliases, enum mode m, const struct strlist *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (has_name(aliases, m, names->v[i]))
			return true;
	return false;
}

const char *mode_conflict(const struct modes_conf *aliases)
{
	for (enum mode m = 0; m < MODE__COUNT; m++) {
		const struct strlist *more = aliases_of(aliases, m);

		for (size_t i = 0; i < more->n; i++)
			for (enum mode other = 0; other < MODE__COUNT; other++)
				if (other != m && has_name(aliases, other, more->v[i]))
					return more->v[i];
	}
	return NULL;
}

const char *mode_problem(const struct modes_conf *aliases, const char *word, struct arena *a)
{
	const char *names[64] = {NULL}, *known = "", *nearest;
	size_t n = 0;

	for (enum mode m = 0; m < MODE__COUNT; m++) {
		const struct strlist *more = aliases_of(aliases, m);

		known = arena_printf(a, "%s%s%s", known, m ? ", " : "", mode_name(m));
		for (size_t i = 0; builtin[m][i]; i++)
			names[n++] = builtin[m][i];
		for (size_t i = 0; i < more->n; i++) {
			known = arena_printf(a, "%s, %s", known, more->v[i]);
			if (n < ARRAY_LEN(names) - 8)
				names[n++] = more->v[i];
		}
	}
	nearest = nearest_word(word, names);
	return arena_printf(a, "unknown mode \"%s\"; known: %s%s", word, known,
			    nearest ? did_you_mean(nearest).text
				    : "; the key modes gives them more names");
}
