#include "regex_size.h"

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
