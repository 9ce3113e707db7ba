#include "requirement.h"

#include <ctype.h>
#include <regex.h>

#define BLANKS " \t"
#define OPERATOR "(==|!=|>=|<=|>|<|~=)[ \t]*"
#define RELEASE "v?([0-9]+!)?[0-9]+(\\.[0-9]+)*"
/* A version as the library `packaging` reads it; probe.py has the same. */
#define VERSION                                                                     \
	RELEASE "([-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?[0-9]*)?"            \
		"(-[0-9]+|[-_.]?(post|rev|r)[-_.]?[0-9]*)?([-_.]?dev[-_.]?[0-9]*)?" \
		"(\\+[a-z0-9]+([-_.][a-z0-9]+)*)?"

static bool matches(const char *text, const char *expression)
{
	regex_t re;
	bool matched;

	invariant(!regcomp(&re, expression, REG_EXTENDED | REG_ICASE | REG_NOSUB));
	matched = !regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	return matched;
}

/* A text between two commas, without blanks at its end. */
static const char *specifier_problem(const char *text)
{
	static const struct {
		const char *form, *problem;
	} rules[] = {
	    {"^[^;]*$", "has a marker: what counts is what is installed here"},
	    {"^([^=]|==?([^=]|$))", "has ===, which is not taken here: write =="},
	    {"^" OPERATOR, "needs one of ==, !=, >=, <=, >, <, ~= between name and version"},
	    {"^" OPERATOR "[^ \t]*$", "needs a comma between two specifiers"},
	    {"^([^*]*|[=!]=[ \t]*" RELEASE "\\.\\*)$",
	     "has a * where only == and != of a plain version may have one"},
	    {"^" OPERATOR VERSION "(\\.\\*)?$", "names a version that is none by PEP 440"},
	    {"^([=!]|[^+]*$)", "has a version with a + where only == and != may have one"},
	    {"^([^~]|~=[ \t]*v?([0-9]+!)?[0-9]+\\.[0-9])",
	     "has ~= with one number: it needs two or more"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (!matches(text, rules[i].form))
			return rules[i].problem;
	return NULL;
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, BLANKS);
}

static size_t name_length(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || (s[n] && strchr("-_.", s[n])))
		n++;
	return n;
}

/* A name by PEP 508: letters and digits, with - _ . between them. */
static const char *name_problem(const char *s, size_t n)
{
	if (!n)
		return "must begin with the name of a distribution";
	if (n >= REQUIREMENT_NAME_MAX)
		return "has a name that is too long";
	if (!isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[n - 1]))
		return "has a name that does not begin and end with a letter or digit";
	return NULL;
}

const char *requirement_specifiers(const char *requirement)
{
	requirement = skip_blanks(requirement);
	return skip_blanks(requirement + name_length(requirement));
}

void requirement_name(const char *requirement, char name[REQUIREMENT_NAME_MAX])
{
	requirement = skip_blanks(requirement);
	snprintf(name, REQUIREMENT_NAME_MAX, "%.*s", (int)name_length(requirement), requirement);
}

const char *requirement_problem(const char *requirement)
{
	const char *s = requirement_specifiers(requirement), *problem;
	cleanup_free char *specifiers = xstrdup(s);
	char *rest = *specifiers ? specifiers : NULL, *one;

	requirement = skip_blanks(requirement);
	problem = name_problem(requirement, name_length(requirement));
	if (!problem && *s == '[')
		problem = "has extras: name the distributions that they bring, each for itself";
	while (!problem && (one = strsep(&rest, ","))) {
		one += strspn(one, BLANKS);
		for (size_t n = strlen(one); n && strchr(BLANKS, one[n - 1]); n--)
			one[n - 1] = '\0';
		problem = *one ? specifier_problem(one) : "has a comma too many";
	}
	return problem;
}
