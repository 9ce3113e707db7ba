/* env: the environment that the service will get. Values are never shown: any of them may be a secret. */
#include <ctype.h>
#include <regex.h>

#include "check.h"
#include "findings.h"
#include "likely.h"
#include "regex_size.h"

extern char **environ;

#define NAME_SIZE 256

struct env_conf {
	struct strlist required, forbidden, one_of, any_of, equal, equal_hosts, unread_warning;
	struct pairlist match, match_if_set;
};

/* Letters, digits, underscores and the characters of `also`; a digit does not come first. */
static bool is_name(const char *s, size_t n, const char *also)
{
	for (size_t i = 0; i < n; i++)
		if (!(isalpha((unsigned char)s[i]) || s[i] == '_' ||
		      (i && isdigit((unsigned char)s[i])) || (s[i] && strchr(also, s[i]))))
			return false;
	return n > 0 && n < NAME_SIZE;
}

static const char *name_problem(const char *text)
{
	return strlen(text) < NAME_SIZE ? env_name_problem(text) : "is not the name of a variable";
}

static const char *glob_problem(const char *text)
{
	return is_name(text, strlen(text), "*?")
		   ? NULL
		   : "is neither the name of a variable nor a glob over names";
}

static const char *names_problem(const char *text)
{
	for (const char *s = text;; s++) {
		size_t n = strcspn(s, "|");

		if (!is_name(s, n, ""))
			return "is not a list of names such as \"A|B\"";
		s += n;
		if (!*s)
			return strchr(text, '|') ? NULL
						 : "names one variable only: write \"A|B\" or "
						   "[\"A\", \"B\"]";
	}
}

static const struct key env_keys[] = {
    KEY_STRLIST(struct env_conf, required, .flags = K_VARIABLES, .check = name_problem,
		.doc = "Variables that must be set, and not empty.",
		.example = "[\"DATABASE_URL\"]"),
    KEY_STRLIST(struct env_conf, forbidden, .flags = K_VARIABLES, .check = glob_problem,
		.doc = "Variables that must not be set to anything: names or globs.",
		.example = "[\"*_FORCE_JSON\"]"),
    KEY_STRLIST(struct env_conf, one_of, .flags = K_WORDGROUPS | K_VARIABLES,
		.check = names_problem,
		.doc = "Names of which exactly one must be set; several groups of them are lists "
		       "in the list, or have | between their names.",
		.example = "[\"TOKEN|TOKEN_FILE\"]"),
    KEY_STRLIST(struct env_conf, any_of, .flags = K_WORDGROUPS | K_VARIABLES,
		.check = names_problem,
		.doc = "Names of which at least one must be set; several groups of them as with "
		       "one_of.",
		.example = "[\"FF_SEGMENTATION|ENABLE_THREADS\"]"),
    KEY_STRLIST(struct env_conf, equal, .flags = K_WORDGROUPS | K_VARIABLES, .check = names_problem,
		.doc = "Names of which those that are set must have one value; several groups of "
		       "them as with one_of.",
		.example = "[\"KAFKA_TOPIC|TOPIC_EVENTS\"]"),
    KEY_STRLIST(struct env_conf, equal_hosts, .flags = K_WORDGROUPS | K_VARIABLES,
		.check = names_problem,
		.doc = "As equal, but a scheme such as kafka:// before a value does not count, nor "
		       "before an address of a list that has commas.",
		.example = "[\"KAFKA_URL|BOOTSTRAP_SERVERS\"]"),
    KEY_PAIRLIST(struct env_conf, match, .flags = K_RAW,
		 .doc = "NAME=REGEX: the variable must be set, and its value must look like this "
			"POSIX extended expression. One that neither begins with ^ nor ends with $ "
			"is over the whole value.",
		 .example = "[\"PORT=[0-9]+\"]"),
    KEY_PAIRLIST(struct env_conf, match_if_set, .flags = K_RAW,
		 .doc = "As match, but a variable that is not set, or empty, is right.",
		 .example = "[\"LOG_LEVEL=debug|info|warning\"]"),
    KEY_STRLIST(struct env_conf, unread_warning, .flags = K_VARIABLES, .check = glob_problem,
		.doc = "Variables that no code reads any more, names or globs: one that is set "
		       "does what nobody "
		       "expects, namely nothing. The check passes and says which are set.",
		.example = "[\"OLD_FEATURE_FLAG\"]"),
    KEY_END,
};

/* Does the expression begin with ^ or end with $? An escaped \$ at the end is a dollar of the value. */
static bool is_anchored(const char *expression)
{
	size_t n = strlen(expression), slashes = 0;

	if (*expression == '^')
		return true;
	if (!n || expression[n - 1] != '$')
		return false;
	while (slashes < n - 1 && expression[n - 2 - slashes] == '\\')
		slashes++;
	return slashes % 2 == 0;
}

/* Returns what regcomp returns; unless that is 0, `problem` has the reason. */
static int compile(regex_t *re, const char *expression, char *problem, size_t size)
{
	const char *dialect = regex_dialect_problem(expression);
	struct str whole;
	int r;

	if (dialect || regex_size(expression) > REGEX_SIZE_MAX) {
		snprintf(problem, size, "%s",
			 dialect ? dialect : "too large with its repetitions written out");
		return REG_ESPACE;
	}
	str_init(&whole, 8192);
	str_addf(&whole, "%s%s%s", is_anchored(expression) ? "" : "^(", expression,
		 is_anchored(expression) ? "" : ")$");
	r = regcomp(re, whole.s, REG_EXTENDED | REG_NOSUB);
	if (r)
		regerror(r, re, problem, size);
	str_free(&whole);
	return r;
}

/* NULL, or what is wrong with the expressions of match or match_if_set. */
static const char *expressions_problem(const struct pairlist *list)
{
	static char why[200];
	char reason[120];
	regex_t re;

	for (size_t i = 0; i < list->n; i++) {
		const struct pair *p = &list->v[i];

		if (name_problem(p->name) || !p->value)
			return "must be NAME=REGEX";
		if (compile(&re, p->value, reason, sizeof reason)) {
			snprintf(why, sizeof why, "the expression of %s is wrong: %s", p->name,
				 reason);
			return why;
		}
		regfree(&re);
	}
	return NULL;
}

static const char *env_validate(const void *conf, const char **key)
{
	const struct env_conf *c = conf;
	const char *problem;

	if (!c->required.n && !c->forbidden.n && !c->one_of.n && !c->any_of.n && !c->equal.n &&
	    !c->equal_hosts.n && !c->match.n && !c->match_if_set.n && !c->unread_warning.n)
		return "give at least one of required, forbidden, one_of, any_of, equal, "
		       "equal_hosts, match, match_if_set, unread_warning";
	*key = "match";
	problem = expressions_problem(&c->match);
	if (!problem) {
		*key = "match_if_set";
		problem = expressions_problem(&c->match_if_set);
	}
	return problem;
}

/* Takes the first name off "A|B"; false when none is left. */
static bool next_name(const char **names, char name[NAME_SIZE])
{
	size_t n = strcspn(*names, "|");

	snprintf(name, NAME_SIZE, "%.*s", (int)n, *names);
	*names += n + ((*names)[n] == '|');
	return n > 0;
}

/* The value; NULL when the variable is not set or empty, which is the same as in ${NAME:-default}. */
static const char *value_of(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static enum result must_be_set(const char *name, struct diag *out)
{
	const char *v = getenv(name);

	if (!v)
		return check_fail(out, D_ENV_MISSING, name, "%s is not set", name);
	return *v ? RESULT_PASS : check_fail(out, D_ENV_EMPTY, name, "%s is set but empty", name);
}

/* Copies the name of NAME=VALUE; false when the value is empty or the name does not fit. */
static bool set_name(const char *entry, char *name, size_t size)
{
	size_t n = strcspn(entry, "=");

	if (n >= size || !entry[n] || !entry[n + 1])
		return false;
	memcpy(name, entry, n);
	name[n] = '\0';
	return true;
}

/* Adds every variable that is set and matches the pattern. */
static void must_not_be_set(const char *pattern, struct findings *f)
{
	for (char **e = environ; *e; e++) {
		char name[NAME_SIZE];
		struct diag d;

		if (!set_name(*e, name, sizeof name) || !glob_match(pattern, name))
			continue;
		check_fail(&d, D_ENV_FORBIDDEN, name, "%s is set%s%s", name,
			   str_eq(pattern, name) ? "" : ", forbidden by ",
			   str_eq(pattern, name) ? "" : pattern);
		findings_add(f, &d, "");
	}
}

/* Appends the variables that are set and match one of the patterns of unread_warning. */
static void find_unread(const struct strlist *patterns, struct str *list)
{
	for (char **e = environ; *e; e++) {
		bool unread = false;
		char name[NAME_SIZE];

		if (!set_name(*e, name, sizeof name))
			continue;
		for (size_t i = 0; i < patterns->n; i++)
			unread |= glob_match(patterns->v[i], name);
		if (unread)
			str_addf(list, "%s%s", list->len ? ", " : "", name);
	}
}

static enum result count_set(const char *names, bool only_one, struct diag *out)
{
	char name[NAME_SIZE], set[256] = "";
	size_t count = 0;

	for (const char *rest = names; next_name(&rest, name);) {
		size_t len = strlen(set);

		if (value_of(name))
			snprintf(set + len, sizeof set - len, "%s%s", count++ ? ", " : "", name);
	}
	if (!count)
		return check_fail(out, D_ENV_MISSING, names, "none of %s is set", names);
	return count == 1 || !only_one ? RESULT_PASS
				       : check_fail(out, D_ENV_CONFLICT, names,
						    "only one may be set, these are: %s", set);
}

/* Appends the value without the scheme of each address and the blanks around it, as clients read such lists: "kafka://a:1, kafka://b:1"
 * becomes "a:1,b:1". */
static void add_hosts(struct str *hosts, const char *value)
{
	while (*value) {
		size_t n = strcspn(value, ",");
		const char *mark = memmem(value, n, "://", 3);
		const char *host = mark ? mark + 3 : value + strspn(value, " "), *end = value + n;

		while (end > host && end[-1] == ' ')
			end--;
		str_addn(hosts, host, host < end ? (size_t)(end - host) : 0);
		value += n;
		if (*value)
			str_addc(hosts, *value++);
	}
}

static bool same_value(const char *a, const char *b, bool as_hosts)
{
	cleanup_str struct str x, y;

	str_init(&x, 128 * 1024);
	str_init(&y, 128 * 1024);
	if (as_hosts) {
		add_hosts(&x, a);
		add_hosts(&y, b);
	} else {
		str_add(&x, a);
		str_add(&y, b);
	}
	return x.len == y.len && str_eq(x.s, y.s);
}

static enum result all_equal(const char *names, bool as_hosts, struct diag *out)
{
	char name[NAME_SIZE], first_name[NAME_SIZE];
	const char *first = NULL;

	for (const char *rest = names; next_name(&rest, name);) {
		const char *v = value_of(name);

		if (v && first && !same_value(v, first, as_hosts))
			return check_fail(out, D_ENV_CONFLICT, names, "%s and %s have different %s",
					  first_name, name, as_hosts ? "hosts" : "values");
		if (v && !first) {
			first = v;
			memcpy(first_name, name, sizeof first_name);
		}
	}
	return RESULT_PASS;
}

static enum result must_match(const struct pair *p, bool if_set, struct diag *out)
{
	const char *v = value_of(p->name);
	char problem[120];
	regex_t re;
	int r;

	if (!v)
		return if_set ? RESULT_PASS : must_be_set(p->name, out);
	invariant(!compile(&re, p->value, problem, sizeof problem));
	r = regexec(&re, v, 0, NULL, 0);
	regfree(&re);
	if (!r)
		return RESULT_PASS;
	return check_fail(out, D_ENV_MISMATCH, p->name,
			  "the value of %s (%zu character%s) is not of the form %s%s", p->name,
			  strlen(v), plural(strlen(v)), p->value, likely_not_meant(v).text);
}

/* Adds what r says. Subject and code say it all, except of a conflict or a mismatch: there the cause is the note. */
static void add_finding(struct findings *f, enum result r, const struct diag *d)
{
	if (r != RESULT_PASS)
		findings_add(
		    f, d, d->code == D_ENV_CONFLICT || d->code == D_ENV_MISMATCH ? d->cause : "");
}

static void judge_variables(const struct env_conf *c, struct findings *f)
{
	struct diag d;

	for (size_t i = 0; i < c->required.n; i++)
		add_finding(f, must_be_set(c->required.v[i], &d), &d);
	for (size_t i = 0; i < c->forbidden.n; i++)
		must_not_be_set(c->forbidden.v[i], f);
	for (size_t i = 0; i < c->one_of.n; i++)
		add_finding(f, count_set(c->one_of.v[i], true, &d), &d);
	for (size_t i = 0; i < c->any_of.n; i++)
		add_finding(f, count_set(c->any_of.v[i], false, &d), &d);
	for (size_t i = 0; i < c->equal.n; i++)
		add_finding(f, all_equal(c->equal.v[i], false, &d), &d);
	for (size_t i = 0; i < c->equal_hosts.n; i++)
		add_finding(f, all_equal(c->equal_hosts.v[i], true, &d), &d);
	for (size_t i = 0; i < c->match.n; i++)
		add_finding(f, must_match(&c->match.v[i], false, &d), &d);
	for (size_t i = 0; i < c->match_if_set.n; i++)
		add_finding(f, must_match(&c->match_if_set.v[i], true, &d), &d);
}

static enum result env_run(const struct check_run *run, struct diag *out)
{
	const struct env_conf *c = run->conf;
	struct findings f = {.n = 0};
	struct str unread;

	check_step(run, PH_CONFIG, "looking at the environment");
	judge_variables(c, &f);
	str_init(&unread, 4096);
	find_unread(&c->unread_warning, &unread);
	if (unread.len)
		check_fact(run, "unread", "%s", unread.s);
	check_summary(run, "%zu required, %zu forbidden%s%s", c->required.n, c->forbidden.n,
		      unread.len ? "; set, but nobody reads: " : "", unread.s);
	return findings_result(&f, out);
}

const struct check_kind check_env = {
    .name = "env",
    .summary = "environment variables are set, absent, consistent and well-formed",
    .schema = &(const struct schema){.size = sizeof(struct env_conf), .keys = env_keys},
    .validate = env_validate,
    .run = env_run,
};
