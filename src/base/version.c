#include "version.h"

#define PARTS 3
#define DIGITS_MAX 9 /* an int holds every number of so many digits */

const char *version_problem(const char *text)
{
	for (int i = 0; i < PARTS; i++) {
		size_t digits = strspn(text, "0123456789");

		if (digits == 0 || digits > DIGITS_MAX)
			break;
		text += digits;
		if (!*text)
			return NULL;
		if (*text++ != '.')
			break;
	}
	return "is not a version such as 7.0 or 2.6.1";
}

int version_compare(const char *a, const char *b)
{
	int v[PARTS] = {0}, w[PARTS] = {0};

	sscanf(a, "%9d.%9d.%9d", &v[0], &v[1], &v[2]);
	sscanf(b, "%9d.%9d.%9d", &w[0], &w[1], &w[2]);
	for (int i = 0; i < PARTS; i++)
		if (v[i] != w[i])
			return v[i] < w[i] ? -1 : 1;
	return 0;
}
