#include "pep440.h"

#include <ctype.h>
#include <stdint.h>
#include <strings.h>

#define PARTS_MAX 16
#define LOCAL_MAX 64

/* Absent parts have a place in the order too: 1.dev1 < 1a1 < 1rc1 < 1 < 1.post1. */
#define NOT_GIVEN (-1)

struct version {
	int64_t epoch;
	int64_t release[PARTS_MAX];
	size_t n_release;
	int pre; /* 'a', 'b', 'r' (rc); 0: none */
	int64_t pre_n, post, dev;
	char local[LOCAL_MAX]; /* lower case, separators are dots; empty: none */
};

/* ---- reading ------------------------------------------------------------------------------------------------------- */
static bool read_number(const char **s, int64_t *n)
{
	if (!isdigit((unsigned char)**s))
		return false;
	for (*n = 0; isdigit((unsigned char)**s); ++*s)
		*n = *n > (INT64_MAX - 9) / 10 ? INT64_MAX : *n * 10 + (**s - '0');
	return true;
}

/* One of the words, with a separator before it and one behind it and a number: ".post-2", "rc1", "dev". *n is 0 without a
 * number. The index of the word, or -1 with *s where it was. */
static int read_word(const char **s, const char *const *words, int64_t *n)
{
	const char *p = *s + (**s && strchr("-_.", **s) ? 1 : 0);

	for (int i = 0; words[i]; i++) {
		size_t len = strlen(words[i]);
		const char *q = p + len;

		if (strncasecmp(p, words[i], len) != 0)
			continue;
		if (*q && strchr("-_.", *q) && isdigit((unsigned char)q[1]))
			q++;
		*n = 0;
		(void)read_number(&q, n);
		*s = q;
		return i;
	}
	return -1;
}

static bool read_local(const char **s, char local[LOCAL_MAX])
{
	size_t n = 0;

	if (**s != '+')
		return true;
	for (++*s; isalnum((unsigned char)**s) || (**s && strchr("-_.", **s)); ++*s) {
		bool separates = !isalnum((unsigned char)**s);

		if (n + 1 >= LOCAL_MAX || (separates && (!n || local[n - 1] == '.')))
			return false;
		local[n++] = (char)(separates ? '.' : tolower((unsigned char)**s));
	}
	local[n] = '\0';
	return n && local[n - 1] != '.';
}

static bool read_release(const char **s, struct version *v)
{
	const char *p = *s;

	if (!read_number(&p, &v->release[0]))
		return false;
	if (*p == '!') {
		v->epoch = v->release[0];
		p++;
		if (!read_number(&p, &v->release[0]))
			return false;
	}
	v->n_release = 1;
	while (*p == '.' && isdigit((unsigned char)p[1]) && v->n_release < PARTS_MAX) {
		p++;
		(void)read_number(&p, &v->release[v->n_release++]);
	}
	*s = p;
	return true;
}

/* The version at *s, which ends behind it. */
static bool read_version(const char **s, struct version *v)
{
	/* The longer of two that begin alike comes first. */
	static const char *const pre[] = {"alpha", "a",       "beta", "b", "rc",
					  "c",     "preview", "pre",  NULL};
	static const char kinds[] = "aabbrrrr";
	static const char *const post[] = {"post", "rev", "r", NULL};
	static const char *const dev[] = {"dev", NULL};
	int i;

	*v = (struct version){.post = NOT_GIVEN, .dev = NOT_GIVEN};
	if (**s == 'v' || **s == 'V')
		++*s;
	if (!read_release(s, v))
		return false;
	i = read_word(s, pre, &v->pre_n);
	if (i >= 0)
		v->pre = (unsigned char)kinds[i];
	if (**s == '-' && isdigit((unsigned char)(*s)[1])) { /* 1.0-1 is 1.0.post1 */
		++*s;
		(void)read_number(s, &v->post);
	} else {
		(void)read_word(s, post, &v->post);
	}
	(void)read_word(s, dev, &v->dev);
	return read_local(s, v->local);
}

static void skip_blanks(const char **s)
{
	*s += strspn(*s, " \t");
}

static bool parse_version(const char *text, struct version *v)
{
	skip_blanks(&text);
	if (!read_version(&text, v))
		return false;
	skip_blanks(&text);
	return !*text;
}

/* ---- order --------------------------------------------------------------------------------------------------------- */
static int order(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int64_t part(const struct version *v, size_t i)
{
	return i < v->n_release ? v->release[i] : 0;
}

static int release_order(const struct version *a, const struct version *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (part(a, i) != part(b, i))
			return order(part(a, i), part(b, i));
	return 0;
}

/* Where a version stands among those of its release: a lone .dev before all, then a, b, rc, the release and its posts. */
static int64_t stage(const struct version *v)
{
	if (v->pre)
		return v->pre;
	return v->dev != NOT_GIVEN && v->post == NOT_GIVEN ? 0 : 'z';
}

static int local_order(const char *a, const char *b)
{
	while (*a && *b) {
		size_t n = strcspn(a, "."), m = strcspn(b, ".");
		bool x = strspn(a, "0123456789") >= n, y = strspn(b, "0123456789") >= m;
		int r;

		if (x != y) /* numbers come behind words */
			return x ? 1 : -1;
		if (x) {
			int64_t i = 0, k = 0;

			(void)read_number(&a, &i);
			(void)read_number(&b, &k);
			r = order(i, k);
		} else {
			r = strncmp(a, b, n < m ? n : m);
			r = r ? r : order((int64_t)n, (int64_t)m);
			a += n;
			b += m;
		}
		if (r)
			return r;
		a += *a == '.';
		b += *b == '.';
	}
	return order(*a != '\0', *b != '\0');
}

/* Both without what follows the plus. */
static int public_order(const struct version *a, const struct version *b)
{
	const int64_t of_dev = INT64_MAX; /* none comes behind all */
	int r = order(a->epoch, b->epoch);

	r = r ? r : release_order(a, b, PARTS_MAX);
	r = r ? r : order(stage(a), stage(b));
	r = r ? r : order(a->pre_n, b->pre_n);
	r = r ? r : order(a->post, b->post);
	return r ? r
		 : order(a->dev == NOT_GIVEN ? of_dev : a->dev,
			 b->dev == NOT_GIVEN ? of_dev : b->dev);
}

static int full_order(const struct version *a, const struct version *b)
{
	int r = public_order(a, b);

	return r ? r : local_order(a->local, b->local);
}

/* Is a a post-release of b? */
static bool is_post_of(const struct version *a, const struct version *b)
{
	return a->post != NOT_GIVEN && b->post == NOT_GIVEN && b->dev == NOT_GIVEN &&
	       a->epoch == b->epoch && !release_order(a, b, PARTS_MAX) && a->pre == b->pre &&
	       a->pre_n == b->pre_n;
}

/* ---- demands ------------------------------------------------------------------------------------------------------- */
enum op { OP_COMPATIBLE, OP_EQ, OP_NE, OP_LE, OP_GE, OP_LT, OP_GT, OP__COUNT };
static const char *const op_text[OP__COUNT] = {"~=", "==", "!=", "<=", ">=", "<", ">"};

struct specifier {
	enum op op;
	struct version v;
	bool wild; /* == 2.* */
};

static bool is_pre(const struct version *v)
{
	return v->pre || v->dev != NOT_GIVEN;
}

/* A version's own pre-releases do not count as smaller than it, its post-releases not as greater. */
static bool holds(const struct specifier *s, const struct version *v)
{
	const struct version *w = &s->v;
	struct version first = *w; /* of those that are not smaller */

	switch (s->op) {
	case OP_EQ:
	case OP_NE:
		if (s->wild)
			return (s->op == OP_EQ) ==
			       (v->epoch == w->epoch && !release_order(v, w, w->n_release));
		return (s->op == OP_EQ) == !(*w->local ? full_order(v, w) : public_order(v, w));
	case OP_LE:
		return public_order(v, w) <= 0;
	case OP_GE:
		return public_order(v, w) >= 0;
	case OP_LT:
		if (!is_pre(w))
			first.dev = 0;
		return public_order(v, &first) < 0;
	case OP_GT:
		return public_order(v, w) > 0 && !is_post_of(v, w);
	case OP_COMPATIBLE:
		return public_order(v, w) >= 0 && v->epoch == w->epoch &&
		       !release_order(v, w, w->n_release - 1);
	case OP__COUNT:
		break;
	}
	return false;
}

/* The specifier at *s, and *s behind it. NULL, or what is wrong. */
static const char *read_specifier(const char **s, struct specifier *out)
{
	size_t i = 0;

	while (i < OP__COUNT && !str_starts(*s, op_text[i]))
		i++;
	if (str_starts(*s, "==="))
		return "has ===, which is not taken here: write ==";
	if (i == OP__COUNT)
		return "needs one of ==, !=, >=, <=, >, <, ~= between name and version";
	*out = (struct specifier){.op = (enum op)i};
	*s += strlen(op_text[i]);
	skip_blanks(s);
	if (!read_version(s, &out->v))
		return "names a version that is none by PEP 440";
	if (str_starts(*s, ".*")) {
		if ((out->op != OP_EQ && out->op != OP_NE) || is_pre(&out->v) ||
		    out->v.post != NOT_GIVEN || *out->v.local)
			return "has a * where only == and != of a plain version may have one";
		out->wild = true;
		*s += 2;
	}
	if (*out->v.local && out->op != OP_EQ && out->op != OP_NE)
		return "has a version with a + where only == and != may have one";
	if (out->op == OP_COMPATIBLE && out->v.n_release < 2)
		return "has ~= with one number: it needs two or more";
	skip_blanks(s);
	return NULL;
}

static size_t name_length(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || (s[n] && strchr("-_.", s[n])))
		n++;
	return n;
}

/* The name of PEP 508: letters, digits and - _ . between them. */
static const char *name_problem(const char *s, size_t n)
{
	if (!n)
		return "must begin with the name of a distribution";
	if (n >= DEMAND_NAME_MAX)
		return "has a name that is too long";
	if (!isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[n - 1]))
		return "has a name that does not begin and end with a letter or digit";
	return NULL;
}

const char *demand_specifiers(const char *demand)
{
	skip_blanks(&demand);
	demand += name_length(demand);
	skip_blanks(&demand);
	return demand;
}

void demand_name(const char *demand, char name[DEMAND_NAME_MAX])
{
	skip_blanks(&demand);
	snprintf(name, DEMAND_NAME_MAX, "%.*s", (int)name_length(demand), demand);
}

const char *demand_problem(const char *demand)
{
	const char *problem, *s = demand_specifiers(demand);
	struct specifier one;

	skip_blanks(&demand);
	problem = name_problem(demand, name_length(demand));
	if (problem)
		return problem;
	if (*s == '[')
		return "has extras: name the distributions that they bring, each for itself";
	while (*s) {
		problem = read_specifier(&s, &one);
		if (problem)
			return problem;
		if (*s == ';')
			return "has a marker: what counts is what is installed here";
		if (*s && *s != ',')
			return "needs a comma between two demands";
		if (*s && !*++s)
			return "ends with a comma";
		skip_blanks(&s);
	}
	return NULL;
}

enum demand_result demand_check(const char *demand, const char *version)
{
	const char *s = demand_specifiers(demand);
	struct specifier one;
	struct version v;

	if (!*s)
		return DEMAND_MET;
	if (!parse_version(version, &v))
		return DEMAND_UNCLEAR;
	while (*s) {
		if (read_specifier(&s, &one) || !holds(&one, &v))
			return DEMAND_NOT_MET;
		s += *s == ',';
		skip_blanks(&s);
	}
	return DEMAND_MET;
}

const char *version_pep440_problem(const char *version)
{
	struct version v;

	return parse_version(version, &v) ? NULL : "is not a version such as 2.6.1";
}
