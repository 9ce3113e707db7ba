#include <math.h>

#include "key_types.h"
#include "likely.h"
#include "scrub.h"

#define SCHEMES_SHOWN 7

/* ---- reading ------------------------------------------------------------------------------------------------------- */
/* Appends what likely happened to the value of the first variable in the profile's text that looks mangled. */
static void add_mangled(const struct slot *s, struct str *out)
{
	const char *p = s->node->type == N_STR && !s->filled_in ? s->node->text : "";

	while ((p = strstr(p, "${"))) {
		const char *name = arena_strndup(s->fill->arena, p + 2, env_name_length(p + 2));
		const char *value = s->fill->getenv(name);
		const char *why = value ? likely_mangled(value) : NULL;

		if (why) {
			str_addf(out, "; likely the value of %s is not as meant: it %s", name, why);
			return;
		}
		p += 2;
	}
}

int slot_problem(const struct slot *s, const char *fmt, ...)
{
	struct str text;
	char own[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(own, sizeof own, fmt, ap);
	va_end(ap);
	str_init(&text, 1024);
	str_add(&text, own);
	add_mangled(s, &text);
	node_problem(s->fill->problems, s->node, s->where, "%s", text.s);
	str_free(&text);
	return -1;
}

/* Does a value of this type stand without quotes? */
static bool is_bare_type(enum key_type type)
{
	return type == K_INT || type == K_NUM || type == K_BOOL;
}

int slot_wrong_type(const struct slot *s)
{
	enum key_type type = s->key->type;
	const char *remedy = "";

	if (s->node->type == N_STR && is_bare_type(type))
		remedy = "; write it without quotes";
	else if (s->node->type == N_INT && (type == K_STR || type == K_PATH))
		remedy = "; write it in quotes";
	return slot_problem(s, "must be %s, not %s%s", type_text(s->type, s->key),
			    type == K_INT && s->node->type == N_FLOAT
				? "a fraction"
				: node_type_text(s->node->type),
			    remedy);
}

static const char *fill_in_text(const struct slot *s)
{
	return s->filled_in || s->key->flags & K_RAW
		   ? s->node->text
		   : interpolate(s->node, s->node->text, s->where, s->fill);
}

const char *slot_text(const struct slot *s)
{
	if (s->node->type == N_STR)
		return fill_in_text(s);
	slot_wrong_type(s);
	return NULL;
}

/* Returns text that stands for a number or boolean. It may when it contains ${...}, or comes from a command line or a default
 * (node.loose). */
static const char *text_for_scalar(const struct slot *s)
{
	if (s->node->type == N_STR && (s->node->loose || strstr(s->node->text, "${")))
		return fill_in_text(s);
	slot_wrong_type(s);
	return NULL;
}

int slot_check(const struct slot *s, const char *text)
{
	const char *bad = s->key->check ? s->key->check(text) : NULL;

	return bad ? slot_problem(s, "%s", bad) : 0;
}

/* Has the text a $ that begins a name ("$HOST"), as a shell would read it? */
static bool has_shell_variable(const char *text)
{
	for (const char *p = strchr(text, '$'); p; p = strchr(p, '$')) {
		if (env_name_length(p + 1) > 0)
			return true;
		p += p[1] == '$' ? 2 : 1;
	}
	return false;
}

void slot_literal_secret(const struct slot *s, const char *where, const char *how)
{
	problem_add(s->fill->problems, s->fill->prod ? PROBLEM_POLICY : PROBLEM_WARNING,
		    D_SECRET_LITERAL, s->node->file, s->node->line, where,
		    "holds a secret as plain text; %s%s", how,
		    s->node->type == N_STR && has_shell_variable(s->node->text)
			? "; a variable is written ${NAME}, not $NAME"
			: "");
}

int read_int(const struct slot *s)
{
	int64_t v = s->node->i, min = 0, max = 0;

	if (s->node->type != N_INT) {
		const char *text = text_for_scalar(s);

		if (!text)
			return -1;
		if (parse_i64(text, INT64_MIN, INT64_MAX, &v) < 0)
			return slot_problem(s, "must be a whole number, not \"%.80s\"", text);
	}
	parse_i64(s->key->min, INT64_MIN, INT64_MAX, &min);
	parse_i64(s->key->max, INT64_MIN, INT64_MAX, &max);
	if (v != min && min == max)
		return slot_problem(s, "must be %s, not %lld", s->key->min, (long long)v);
	if (v < min || v > max)
		return slot_problem(s, "%lld is not between %s and %s", (long long)v, s->key->min,
				    s->key->max);
	*(int64_t *)s->field = v;
	return 0;
}

int read_num(const struct slot *s)
{
	double v = s->node->type == N_INT ? (double)s->node->i : s->node->d;

	if (s->node->type != N_INT && s->node->type != N_FLOAT) {
		const char *text = text_for_scalar(s);
		char *end;

		if (!text)
			return -1;
		v = strtod(text, &end);
		/* The kind would take NaN for "not given" and drop the bound. */
		if (end == text || *end || isnan(v))
			return slot_problem(s, "must be a number, not \"%.80s\"", text);
	}
	*(double *)s->field = v;
	return 0;
}

int read_bool(const struct slot *s)
{
	bool v = s->node->i != 0;

	if (s->node->type != N_BOOL) {
		const char *text = text_for_scalar(s);

		if (!text)
			return -1;
		v = str_eq(text, "true");
		if (!v && !str_eq(text, "false"))
			return slot_problem(s, "must be true or false, not \"%.80s\"", text);
	}
	*(bool *)s->field = v;
	return 0;
}

/* A number with a unit: a duration or a size. */
struct quantity {
	const char *name, *large, *small; /* units for the message about a bare number */
	const char *examples;
	int (*parse)(const char *text, int64_t *out);
	struct suggestion (*likely)(const char *text);
};

static int read_quantity(const struct slot *s, const struct quantity *q)
{
	double number = s->node->type == N_INT ? (double)s->node->i : s->node->d;
	int64_t v, min = 0, max = INT64_MAX;
	const char *text;

	if (s->node->type == N_INT || s->node->type == N_FLOAT)
		return slot_problem(s, "%s needs a unit: \"%g%s\", \"%g%s\"", q->name, number,
				    q->large, number, q->small);
	text = slot_text(s);
	if (!text)
		return -1;
	if (q->parse(text, &v) < 0)
		return slot_problem(s, "\"%.80s\" is not %s such as %s%s", text, q->name,
				    q->examples, q->likely(text).text);
	if (s->key->min)
		q->parse(s->key->min, &min);
	if (s->key->max)
		q->parse(s->key->max, &max);
	if (v < min || v > max)
		return slot_problem(s, "%s is not between %s and %s", text,
				    s->key->min ? s->key->min : "0", s->key->max);
	*(int64_t *)s->field = v;
	return 0;
}

static int parse_duration(const char *text, int64_t *ns)
{
	struct duration d;

	if (duration_parse(&d, text) < 0)
		return -1;
	*ns = d.ns;
	return 0;
}

int read_duration(const struct slot *s)
{
	return read_quantity(s,
			     &(struct quantity){.name = "a time",
						.large = "s",
						.small = "ms",
						.examples = "\"250ms\", \"5s\", \"2m\", \"1m30s\"",
						.parse = parse_duration,
						.likely = likely_duration});
}

static int parse_size(const char *text, int64_t *bytes)
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
			*bytes = (int64_t)(v * units[i].bytes);
			return 0;
		}
	}
	return -1;
}

int read_size(const struct slot *s)
{
	return read_quantity(s, &(struct quantity){.name = "a size",
						   .large = "B",
						   .small = "KiB",
						   .examples = "\"64KiB\", \"1MB\", \"512B\"",
						   .parse = parse_size,
						   .likely = likely_size});
}

/* Writes "a, b or c" into buf. */
static const char *join_choices(const char *const *choices, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; choices[i] && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s",
					i == 0           ? ""
					: choices[i + 1] ? ", "
							 : " or ",
					choices[i]);
	return buf;
}

int slot_choice(const struct slot *s, const char *text)
{
	char all[512];

	for (int i = 0; s->key->choices[i]; i++)
		if (str_eq(s->key->choices[i], text))
			return i;
	return slot_problem(s, "\"%.80s\" is not one of %s%s", text,
			    join_choices(s->key->choices, all, sizeof all),
			    did_you_mean(nearest_word(text, s->key->choices)).text);
}

int read_enum(const struct slot *s)
{
	const char *text = slot_text(s);
	int i = text ? slot_choice(s, text) : -1;

	if (i < 0)
		return -1;
	*(int *)s->field = i;
	return 0;
}

void note_reference(const struct slot *s, struct secret ref)
{
	if (ref.kind == SECRET_ENV)
		note_variable(s->fill, ref.text, true, true);
}

int check_reference(const struct slot *s, struct secret ref)
{
	if (ref.kind != SECRET_ENV || !ref.text[strcspn(ref.text, " \t${}()\"'=/")])
		return 0;
	return slot_problem(s, "env: takes the name of a variable as it is: env:NAME");
}

static int read_url_reference(const struct slot *s, struct secret ref, const char *text)
{
	note_reference(s, ref);
	*(struct url *)s->field = (struct url){.text = text,
					       .scheme = "",
					       .host = "",
					       .path = "",
					       .ref = ref,
					       .schemes = s->key->schemes,
					       .check = s->key->check};
	return 0;
}

static struct secret variable(const char *name)
{
	return (struct secret){SECRET_ENV, name};
}

const char *variable_with_secret(const struct slot *s)
{
	const char *name = s->node->type == N_STR && !s->filled_in
			       ? interpolated_variable(s->node->text, s->fill)
			       : NULL;
	const char *value = name ? s->fill->getenv(name) : NULL;
	const char *sep = value ? strstr(value, "://") : NULL;

	return sep && strpbrk(sep, "@?") && !strchr(sep, ',') ? name : NULL;
}

/* Does the secret of a URL's user part come out of variables? The text is that of the profile, before they are filled in. */
static bool secret_is_from_variables(const char *text)
{
	const char *sep = strstr(text, "://"), *at = NULL, *colon = NULL;
	int open = 0;

	for (const char *p = sep ? sep + 3 : ""; *p && (open || !strchr("/?#", *p)); p++) {
		open += p[0] == '$' && p[1] == '{' ? 1 : *p == '}' && open ? -1 : 0;
		if (!open && *p == '@')
			at = p;
		else if (!open && *p == ':' && !at && !colon)
			colon = p;
	}
	/* Without an @ the whole user part is inside of a variable. */
	return !at || is_from_variables(colon ? colon + 1 : sep + 3, at);
}

/* Returns how a reference is written, for what other tools write for one; else an empty text. */
static const char *likely_reference(const char *text)
{
	if (text_flaw(text))
		return "; it stands in quotes, or with blanks around it";
	if (likely_template(text))
		return "; a variable is written ${NAME}";
	return strncasecmp(text, "env:", 4) == 0 || strncasecmp(text, "env.", 4) == 0
		   ? "; a reference is written env:NAME"
		   : "";
}

/* Says why a text is not a URL. The value of a variable is not quoted: it may hold a password. */
static int url_problem(const struct slot *s, const char *problem)
{
	const char *name = s->filled_in ? NULL : interpolated_variable(s->node->text, s->fill);

	if (has_shell_variable(s->node->text))
		return slot_problem(s, "the URL holds a $; a variable is written ${NAME}");
	if (name)
		return slot_problem(s, "variable %s is to hold a URL for this, but it %s", name,
				    problem);
	return slot_problem(s, "the URL %s%s", problem, likely_reference(s->node->text));
}

/* A user alone is a secret where it may be a token or a password ("https://TOKEN@host", "redis://SECRET@host"). In a URL for
 * libpq it is a role's name, which `show` prints with the URL. */
static void judge_user_part(const struct slot *s, struct url *url, const char *text)
{
	const char *rest = strstr(text, "://");

	if (!secret_is_set(url->password) && str_starts(url->scheme, "postgres"))
		url->text = arena_printf(s->fill->arena, "%s%.*s", url->scheme,
					 (int)strcspn(rest, "#"), rest);
	else
		slot_literal_secret(s, s->where,
				    secret_is_set(url->password)
					? "take the user part out of the URL and give username and "
					  "password by reference, or give the whole URL as env:NAME"
					: "a user without a password counts as one, since it may "
					  "be a token: give it by reference as a key of its own, "
					  "or the whole URL as env:NAME");
}

/* Lists the usual ones. Other spellings of those stand at the end of a kind's schemes. */
static const char *join_schemes(const char *const *schemes, char *buf, size_t size)
{
	const char *usual[SCHEMES_SHOWN + 1] = {NULL};

	for (size_t i = 0; i < SCHEMES_SHOWN && schemes[i]; i++)
		usual[i] = schemes[i];
	return join_choices(usual, buf, size);
}

int read_url(const struct slot *s)
{
	const char *name = variable_with_secret(s), *text, *problem;
	struct url *out = s->field;
	char all[512];

	if (name)
		return read_url_reference(s, variable(name),
					  arena_printf(s->fill->arena, "env:%s", name));
	text = slot_text(s);
	if (!text)
		return -1;
	if (str_starts(text, "env:") || str_starts(text, "file:")) {
		if (strstr(s->node->text, "${"))
			return slot_problem(s, "a reference (env:NAME, file:/path) takes no ${}");
		if (check_reference(s, secret_from_text(text)) < 0)
			return -1;
		return read_url_reference(s, secret_from_text(text), text);
	}
	problem = url_split(out, s->fill->arena, text);
	if (problem)
		return url_problem(s, problem);
	if (!url_scheme_in(out, s->key->schemes))
		return slot_problem(s, "\"%s://\" is not a scheme for this; use %s%s", out->scheme,
				    join_schemes(s->key->schemes, all, sizeof all),
				    url_driver_hint(out->scheme).text);
	if (strchr(out->host, '$'))
		return slot_problem(s, "the URL holds a $; a variable is written ${NAME}");
	if ((secret_is_set(out->password) || secret_is_set(out->user)) &&
	    !secret_is_from_variables(s->node->text))
		judge_user_part(s, out, text);
	return slot_check(s, out->text);
}

int read_secret(const struct slot *s)
{
	const char *text = s->node->text, *name;

	if (s->node->type != N_STR)
		return slot_wrong_type(s);
	name = is_from_variables(text, text + strlen(text)) ? interpolated_variable(text, s->fill)
							    : NULL;
	if (!name && strstr(text, "${"))
		return slot_problem(s, "a secret takes no ${} within a text; write a reference: "
				       "env:NAME or file:/path");
	if (!*text || str_eq(text, "env:") || str_eq(text, "file:"))
		return slot_problem(s, "is empty; write a reference: env:NAME or file:/path");
	*(struct secret *)s->field = name ? variable(name) : secret_from_text(text);
	if (check_reference(s, *(struct secret *)s->field) < 0)
		return -1;
	note_reference(s, *(struct secret *)s->field);
	if (((struct secret *)s->field)->kind == SECRET_LITERAL)
		slot_literal_secret(s, s->where, "write a reference: env:NAME or file:/path");
	return 0;
}

/* Runs the row's check. A word without quotes of its own is told as the text that was likely meant, unless a variable gave it. */
static int check_json(const struct slot *s, const char *text)
{
	const char *bad = s->key->check ? s->key->check(text) : NULL;

	if (!bad)
		return 0;
	if (!*text || strlen(text) > 80 || strpbrk(text, "\"\\{}[]$\n") ||
	    strchr(s->node->text, '$'))
		return slot_problem(s, "%s", bad);
	return slot_problem(
	    s, "is not JSON text (write a text value with its quotes: \"\\\"%s\\\"\")", text);
}

int read_json(const struct slot *s)
{
	const struct node *n = s->node;
	const char *text;

	if (n->type == N_BOOL)
		text = n->i ? "true" : "false";
	else if (n->type == N_INT)
		text = arena_printf(s->fill->arena, "%lld", (long long)n->i);
	else if (n->type == N_FLOAT)
		text = arena_printf(s->fill->arena, "%.17g", n->d);
	else
		text = slot_text(s);
	if (!text || (n->type == N_STR && check_json(s, text) < 0))
		return -1;
	((struct json_text *)s->field)->text = text;
	return 0;
}

static int check_hostport(const struct slot *s, const char *text)
{
	char host[300];
	int port;

	/* The message does not quote the text: the part before @ is usually a password. */
	if (text[0] != '/' && strchr(text, '@') && !likely_template(text))
		return slot_problem(s,
				    "has a user part, and an address takes none: write host:port");
	if (text[0] != '/' && strchr(text, '$'))
		return slot_problem(s, "\"%.120s\" holds a $; a variable is written ${NAME}", text);
	if (hostport_split(text, host, sizeof host, &port) < 0)
		return slot_problem(s, "\"%.120s\" %s", text,
				    hostport_problem(s->fill->arena, text));
	return 0;
}

/* Refuses what only a shell, a URL or a key for secrets takes. */
static int check_path(const struct slot *s, const char *text)
{
	if (str_starts(text, "~/"))
		return slot_problem(
		    s, "begins with ~, which only a shell fills in; write ${HOME}%s", text + 1);
	if (str_starts(text, "file://"))
		return slot_problem(s, "is a URL; write the path alone: %s", text + 7);
	if (str_starts(text, "env:") && env_name_length(text + 4) == strlen(text + 4))
		return slot_problem(
		    s, "takes no reference; the path in a variable is written ${%s}", text + 4);
	return 0;
}

int read_text(const struct slot *s)
{
	bool numbers = s->key->flags & K_NUMBERS;
	const char *text;

	if (numbers && s->node->type == N_FLOAT)
		return slot_problem(s, "must be in quotes: 7.10 would be the number 7.1");
	text = numbers && s->node->type == N_INT
		   ? arena_printf(s->fill->arena, "%lld", (long long)s->node->i)
		   : slot_text(s);
	if (!text)
		return -1;
	if (!text[strspn(text, " \t\r\n")] && !(s->key->flags & K_EMPTY))
		return slot_problem(s, "is empty");
	if ((s->key->type == K_HOSTPORT && check_hostport(s, text) < 0) || slot_check(s, text) < 0)
		return -1;
	if (s->key->type == K_PATH && check_path(s, text) < 0)
		return -1;
	*(const char **)s->field = text;
	return 0;
}

/* ---- printing ------------------------------------------------------------------------------------------------------ */
/* Writes unprintable bytes as \xHH: a value may have come from the environment, and the output may go to a terminal. raw: the key
 * takes no ${}. */
void print_escaped(struct str *out, const char *text, bool raw)
{
	for (size_t n; *text; text += n ? n : 1) {
		n = text_printable_len(text);
		if (*text == '"' || *text == '\\')
			str_addf(out, "\\%c", *text);
		else if (*text == '\n')
			str_add(out, "\\n");
		else if (!raw && *text == '$' && (text[1] == '{' || text[1] == '$'))
			str_add(out, "$$"); /* else a reader would fill in the value */
		else if (n == 0)
			str_addf(out, "\\x%02x", (unsigned char)*text);
		else
			str_addn(out, text, n);
	}
}

void print_reference(struct str *out, struct secret secret, bool raw)
{
	if (secret.kind == SECRET_LITERAL) {
		str_add(out, "[secret]");
	} else {
		str_add(out, secret.kind == SECRET_ENV ? "env:" : "file:");
		print_escaped(out, secret.text, raw);
	}
}

static void print_quoted(const struct key *key, const char *text, struct str *out)
{
	str_addc(out, '"');
	print_escaped(out, text, key->flags & K_RAW);
	str_addc(out, '"');
}

/* Also for a URL and for JSON, whose first member is their text. */
void print_text(const struct key *key, const void *field, struct str *out, UNUSED int indent)
{
	print_quoted(key, *(const char *const *)field, out);
}

void print_int(UNUSED const struct key *key, const void *field, struct str *out, UNUSED int indent)
{
	str_addf(out, "%lld", (long long)*(const int64_t *)field);
}

void print_num(UNUSED const struct key *key, const void *field, struct str *out, UNUSED int indent)
{
	str_addf(out, "%.17g", *(const double *)field);
}

void print_bool(UNUSED const struct key *key, const void *field, struct str *out, UNUSED int indent)
{
	str_add(out, *(const bool *)field ? "true" : "false");
}

void print_duration(UNUSED const struct key *key, const void *field, struct str *out,
		    UNUSED int indent)
{
	char buf[64];

	str_addf(out, "\"%s\"", duration_unparse(*(const struct duration *)field, buf, sizeof buf));
}

void print_size(UNUSED const struct key *key, const void *field, struct str *out, UNUSED int indent)
{
	long long bytes = ((const struct size *)field)->bytes;

	if (bytes > 0 && bytes % 1048576 == 0)
		str_addf(out, "\"%lldMiB\"", bytes / 1048576);
	else if (bytes > 0 && bytes % 1024 == 0)
		str_addf(out, "\"%lldKiB\"", bytes / 1024);
	else
		str_addf(out, "\"%lldB\"", bytes);
}

void print_enum(const struct key *key, const void *field, struct str *out, UNUSED int indent)
{
	print_quoted(key, key->choices[*(const int *)field], out);
}

void print_secret(UNUSED const struct key *key, const void *field, struct str *out,
		  UNUSED int indent)
{
	str_addc(out, '"');
	print_reference(out, *(const struct secret *)field, true); /* it takes no ${} */
	str_addc(out, '"');
}

/* ---- scrubbing ----------------------------------------------------------------------------------------------------- */
void scrub_text(UNUSED const struct key *key, const void *field, bool secrets)
{
	if (!secrets)
		scrub_exempt(*(const char *const *)field);
}

void scrub_secret(const struct key *key, const void *field, bool secrets)
{
	struct diag ignored;

	if (secrets && !(key->flags & K_PARTLY))
		secret_reveal(*(const struct secret *)field, &ignored);
}

void scrub_url(UNUSED const struct key *key, const void *field, bool secrets)
{
	const struct url *url = field;
	struct url revealed;
	struct diag ignored;

	if (!url->text)
		return;
	if (secrets) {
		url_reveal(url, &revealed, &ignored);
	} else if (!secret_is_set(url->ref)) {
		scrub_exempt(url->host);
		scrub_exempt(url->path);
	}
}
