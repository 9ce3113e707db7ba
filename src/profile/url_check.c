#include "url_check.h"

#include "kinds.h"

#define FORMS_MAX 64

/* Walks the forms of all kinds: returns the next one from row *row of kind *k on; NULL past the last one. */
static const struct check_url *next_form(size_t *k, size_t *row)
{
	for (; check_kind_at(*k); ++*k, *row = 0)
		if (check_kind_at(*k)->urls[*row].scheme)
			return &check_kind_at(*k)->urls[(*row)++];
	return NULL;
}

void url_check_examples(struct str *out)
{
	const struct check_url *form;
	size_t k = 0, row = 0;

	for (const char *sep = ""; (form = next_form(&k, &row)); sep = ", ")
		str_addf(out, "%s%s", sep, form->example);
}

static const struct check_url *find_form(const char *scheme, const struct check_kind **kind)
{
	const struct check_url *form;
	size_t k = 0, row = 0;

	while ((form = next_form(&k, &row)))
		if (str_eq(form->scheme, scheme)) {
			*kind = check_kind_at(k);
			return form;
		}
	return NULL;
}

/* Returns a kind that this build lacks and whose name is part of the scheme ("redis" of "rediss"), or NULL. */
static const struct check_kind *find_lacking(const char *scheme)
{
	for (size_t i = 0; check_kind_at(i); i++)
		if (check_kind_at(i)->unsupported && strstr(scheme, check_kind_at(i)->name))
			return check_kind_at(i);
	return NULL;
}

static const char *unknown_scheme(struct arena *a, const char *scheme)
{
	const char *schemes[FORMS_MAX + 1], *all = "";
	const struct check_url *form;
	size_t k = 0, row = 0, n = 0;

	while (n < FORMS_MAX && (form = next_form(&k, &row))) {
		schemes[n++] = form->scheme;
		all = arena_printf(a, "%s%s%s", all, *all ? ", " : "", form->scheme);
	}
	schemes[n] = NULL;
	return arena_printf(a, "unknown scheme \"%s\"%s (known: %s)", scheme,
			    did_you_mean(nearest_word(scheme, schemes)).text, all);
}

/* Returns the check's name: host and port without the user part, or the path. Without commas: they separate ids in lists. */
static const char *make_name(struct arena *a, const char *rest)
{
	size_t n = strcspn(rest, "/?#");
	const char *at = memchr(rest, '@', n);

	rest = at ? at + 1 : rest;
	return arena_strndup(a, rest, strcspn(rest, n == 0 ? "," : ",/?#"));
}

/* Adds the form's keys from `rest`, the URL after "://". Returns NULL, or the problem. */
static const char *add_keys(struct arena *a, struct node *group, const struct check_url *form,
			    const char *rest)
{
	const char *slash = form->path_key ? strchr(rest, '/') : NULL;
	const char *mark = form->path_key ? strstr(rest, form->path_mark) : NULL;
	const char *value = mark ? mark + strlen(form->path_mark) : "";
	size_t n = mark ? (size_t)(mark - rest) : slash ? (size_t)(slash - rest) : strlen(rest);

	if (slash && slash[1] && !*value)
		return arena_printf(a, "names no %s: write %s", form->path_key, form->example);
	node_append(group, node_text(a, form->key,
				     arena_printf(a, "%s%s%.*s", form->as ? form->as : "",
						  form->as ? "://" : "", (int)n, rest),
				     true));
	if (*value)
		node_append(group, node_text(a, form->path_key, value, true));
	return NULL;
}

const char *url_check_parse(struct url_check *out, struct arena *a, const char *url)
{
	const char *sep = strstr(url, "://"), *rest = sep ? sep + 3 : "", *scheme;
	const struct check_kind *kind;
	const struct check_url *form;

	if (!sep)
		return "is not a URL such as tcp://host:port";
	scheme = arena_strndup(a, url, (size_t)(sep - url));
	form = find_form(scheme, &kind);
	if (!form)
		kind = find_lacking(scheme);
	if (!kind)
		return unknown_scheme(a, scheme);
	if (!*rest)
		return "names nothing to wait for";
	if (form && !form->as && memchr(rest, '@', strcspn(rest, "/?#")))
		return "takes no user part";
	*out = (struct url_check){kind, make_name(a, rest), arena_alloc(a, sizeof *out->node)};
	out->node->type = N_GROUP;
	return form ? add_keys(a, out->node, form, rest) : NULL;
}
