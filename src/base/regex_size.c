#include "regex_size.h"

#include <ctype.h>

#define DEPTH_MAX 64

static unsigned bounded(uint64_t n)
{
	return n > REGEX_SIZE_MAX ? REGEX_SIZE_MAX + 1 : (unsigned)n;
}

/* Returns the end of the bracket expression at p. A ] stands for itself at the beginning. */
static const char *bracket_end(const char *p)
{
	p++;
	p += *p == '^';
	p += *p == ']';
	while (*p && *p != ']') {
		const char *close = NULL;

		if (p[0] == '[' && p[1] && strchr(":.=", p[1])) {
			const char end[] = {p[1], ']', '\0'};

			close = strstr(p + 2, end);
		}
		p = close ? close + 2 : p + 1;
	}
	return *p ? p + 1 : p;
}

/* Returns how often the atom before p is copied: the greater number of {m,n}, else 1. *p moves behind all repetitions. */
static uint64_t repetitions(const char **p)
{
	uint64_t times = 1;

	for (; **p && strchr("*+?{", **p); (*p)++) {
		uint64_t most = 0, n = 0;

		if (**p != '{')
			continue;
		for (; **p && **p != '}'; (*p)++) {
			n = **p >= '0' && **p <= '9' ? bounded(n * 10 + (uint64_t)(**p - '0')) : 0;
			most = n > most ? n : most;
		}
		times = bounded(times * (most ? most : 1));
		if (!**p)
			break;
	}
	return times;
}

unsigned regex_size(const char *p)
{
	uint64_t sizes[DEPTH_MAX] = {0}; /* of the open groups */
	size_t depth = 0;

	while (*p) {
		uint64_t atom = 1;

		if (*p == '(') {
			if (++depth == DEPTH_MAX)
				return REGEX_SIZE_MAX + 1;
			sizes[depth] = 0;
			p++;
			continue;
		}
		if (*p == ')' && depth > 0)
			atom = 1 + sizes[depth--];
		p = *p == '[' ? bracket_end(p) : p + (*p == '\\' && p[1] ? 2 : 1);
		sizes[depth] = bounded(sizes[depth] + atom * repetitions(&p));
	}
	while (depth > 0) {
		depth--;
		sizes[depth] = bounded(sizes[depth] + sizes[depth + 1]);
	}
	return bounded(sizes[0]);
}

static const char *escape_problem(char c)
{
	if (c == 'd' || c == 'D')
		return c == 'd' ? "\\d is no digit in POSIX expressions: write [0-9]"
				: "\\D is unknown to POSIX expressions: write [^0-9]";
	/* \w, \W, \s, \S, \b and \B are known to the C library. */
	return isalpha((unsigned char)c) && !strchr("wWsSbB", c)
		   ? "a \\ before a letter has no meaning in POSIX expressions"
		   : NULL;
}

/* In brackets a \ is a character of its own. One before another letter than these may be meant so. */
static const char *bracket_problem(const char *p, const char *end)
{
	for (; p + 1 < end; p++)
		if (*p == '\\' && strchr("dDwWsS", p[1]))
			return "\\ stands for itself in brackets: write [[:digit:]], [[:space:]] "
			       "or "
			       "[[:alnum:]_]";
	return NULL;
}

const char *regex_dialect_problem(const char *p)
{
	while (*p) {
		const char *problem = NULL, *next = p + 1;

		if (*p == '[') {
			next = bracket_end(p);
			problem = bracket_problem(p, next);
		} else if (*p == '\\' && p[1]) {
			next = p + 2;
			problem = escape_problem(p[1]);
		} else if (p[0] == '(' && p[1] == '?') {
			problem =
			    "(? is unknown to POSIX expressions: groups are plain ( ), and there "
			    "are no flags and no look-ahead";
		}
		if (problem)
			return problem;
		p = next;
	}
	return NULL;
}
