#include "schema.h"

#include "likely.h"

#define NEST_MAX 8 /* levels of ${A:-${B:-...}} */

struct interp {
	const struct node *at;
	const char *where;
	struct fill *fill;
	struct str out;
	bool unknown; /* a variable is not set, which offline is no error */
};

static int interpolate_text(struct interp *in, const char *text, size_t n, unsigned depth);

#define fail(in, ...) node_problem((in)->fill->problems, (in)->at, (in)->where, __VA_ARGS__)

/* Returns the } that ends a "${" before p, past nested ones, or NULL. */
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

const char *env_name_problem(const char *text)
{
	size_t n = env_name_length(text), blank = strcspn(text, " \t;|:");
	static char why[200];

	if (n > 0 && !text[n])
		return NULL;
	if (*text == '$')
		return "is not the name of a variable; write the name without the $";
	if (n > 0 && text[n] == '=')
		return "is not the name of a variable, but one with a value";
	if (n > 0 && n == blank && strlen(text) < 60) {
		const char *second = text + n + strspn(text + n, " \t;|:");
		size_t m = env_name_length(second);

		snprintf(
		    why, sizeof why,
		    "is not the name of a variable; several are written [\"%.*s\", \"%.*s\"%s]",
		    (int)n, text, (int)m, second, second[m] ? ", ..." : "");
		if (m > 0)
			return why;
	}
	return "is not the name of a variable";
}

void note_variable(const struct fill *fill, const char *name, bool needed, bool secret)
{
	struct variable_uses *uses = fill->uses;
	struct variable_use *v;

	if (!uses)
		return;
	if (uses->n == uses->cap) {
		uses->cap = 2 * uses->cap + 16;
		v = arena_alloc(fill->arena, uses->cap * sizeof *v);
		if (uses->n > 0)
			memcpy(v, uses->v, uses->n * sizeof *v);
		uses->v = v;
	}
	uses->v[uses->n] = (struct variable_use){name, needed, secret, uses->n};
	uses->n++;
}

static int compare_uses(const void *a, const void *b)
{
	const struct variable_use *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->number < y->number ? -1 : 1;
}

static int compare_numbers(const void *a, const void *b)
{
	const struct variable_use *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

void merge_variables(struct variable_uses *uses)
{
	size_t n = 0;

	if (uses->n == 0)
		return;
	qsort(uses->v, uses->n, sizeof *uses->v, compare_uses);
	for (size_t i = 1; i < uses->n; i++) {
		if (str_eq(uses->v[n].name, uses->v[i].name)) {
			uses->v[n].needed |= uses->v[i].needed;
			uses->v[n].secret |= uses->v[i].secret;
		} else {
			uses->v[++n] = uses->v[i];
		}
	}
	uses->n = n + 1;
	qsort(uses->v, uses->n, sizeof *uses->v, compare_numbers);
}

bool is_from_variables(const char *p, const char *end)
{
	while (p + 2 < end && p[0] == '$' && p[1] == '{') {
		const char *more = p + 2 + env_name_length(p + 2);

		p = closing_brace(p + 2, end);
		if (!p || (more < p && str_starts(more, ":-") && more + 2 < p))
			return false;
		p++;
	}
	return p == end;
}

const char *interpolated_variable(const char *text, const struct fill *fill)
{
	const char *end = text + strlen(text), *name, *value;
	size_t n;

	if (!str_starts(text, "${") || closing_brace(text + 2, end) != end - 1)
		return NULL;
	n = env_name_length(text + 2);
	name = arena_strndup(fill->arena, text + 2, n);
	value = fill->getenv(name);
	return n && (is_from_variables(text, end) || (value && *value)) ? name : NULL;
}

/* Appends the value of the variable named from p to `close`, the inside of ${}, or its default. */
static int interpolate_name(struct interp *in, const char *p, const char *close, unsigned depth)
{
	const char *more = p + env_name_length(p), *value;
	const char *name = arena_strndup(in->fill->arena, p, (size_t)(more - p));
	bool plain = more == close;

	if (more == p || (!plain && !str_starts(more, ":-") && !str_starts(more, ":?")))
		return fail(in,
			    "\"${%.*s}\" is not ${NAME}, ${NAME:-default} or ${NAME:?message}%s",
			    (int)(close - p), p, likely_variable(p, (size_t)(close - p)).text);
	note_variable(in->fill, name, plain || more[1] == '?', false);
	value = in->fill->getenv(name);
	if (value && (*value || plain)) {
		secret_register_variable(name, value);
		str_add(&in->out, value);
		return 0;
	}
	if (!plain && more[1] == '-')
		return interpolate_text(in, more + 2, (size_t)(close - more - 2), depth + 1);
	if (in->fill->offline) {
		in->unknown = true;
		return 0;
	}
	return plain ? fail(in, "variable %s is not set; set it, or give a default: ${%s:-...}",
			    name, name)
		     : fail(in, "variable %s: %.*s", name, (int)(close - more - 2), more + 2);
}

static int interpolate_text(struct interp *in, const char *text, size_t n, unsigned depth)
{
	const char *end = text + n, *close;
	int bad = 0;

	if (depth > NEST_MAX)
		return fail(in, "${} nested more than %d deep", NEST_MAX);
	for (const char *p = text; p < end; p++) {
		if (p[0] != '$' || p + 1 == end || (p[1] != '$' && p[1] != '{')) {
			str_addc(&in->out, *p);
		} else if (p[1] == '$') {
			str_addc(&in->out, '$');
			p++;
		} else {
			close = closing_brace(p + 2, end);
			if (!close)
				return fail(in, "\"${\" without its \"}\"");
			bad |= interpolate_name(in, p + 2, close, depth);
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
	if (interpolate_text(&in, text, strlen(text), 0) == 0 && !in.unknown) {
		if (in.out.cut)
			node_problem(fill->problems, at, where,
				     "is longer than 1 MiB after ${} was filled in");
		else
			out = arena_strdup(fill->arena, in.out.s);
	}
	str_free(&in.out);
	fill->unknown += in.unknown;
	return out;
}
