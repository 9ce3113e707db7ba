#include "prom_format.h"

#include <strings.h>

#define VERSION_MAX 64
/* Parameters that are kept to find two of one name with different values. */
#define PARAMETERS_MAX 16

struct parameter {
	char name[VERSION_MAX], value[VERSION_MAX];
};

static size_t blanks(const char *s)
{
	return strspn(s, " \t\n\v\f\r");
}

static size_t token_len(const char *s)
{
	return strspn(
	    s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`{|}~");
}

/* Copies n bytes; a longer text is cut, which is enough to compare. */
static void keep(char *to, const char *from, size_t n)
{
	snprintf(to, VERSION_MAX, "%.*s", (int)n, from);
}

/* Reads a token, or a text in quotes, without its escapes. Returns the bytes read, 0 when there is neither. */
static size_t read_value(const char *s, char *out)
{
	size_t i = 1, n = 0;

	if (*s != '"') {
		keep(out, s, token_len(s));
		return token_len(s);
	}
	for (; s[i] && s[i] != '"'; i++) {
		if (s[i] == '\r' || s[i] == '\n')
			return 0;
		if (s[i] == '\\' && s[i + 1] && strchr("()<>@,;:\\\"/[]?=", s[i + 1]))
			i++;
		if (n + 1 < VERSION_MAX)
			out[n++] = s[i];
	}
	out[n] = '\0';
	return s[i] ? i + 1 : 0;
}

/* Reads "; name=value". Returns the bytes read, 0 when it is something else. */
static size_t read_parameter(const char *s, struct parameter *p)
{
	const char *at = s + blanks(s);
	size_t n;

	if (*at++ != ';')
		return 0;
	at += blanks(at);
	n = token_len(at);
	keep(p->name, at, n);
	at += n;
	at += blanks(at);
	if (!n || *at++ != '=')
		return 0;
	at += blanks(at);
	n = read_value(at, p->value);
	return n ? (size_t)(at - s) + n : 0;
}

/* Reads the parameters and the version among them. Returns false where Go's parser reports an error. */
static bool read_parameters(const char *s, char *version)
{
	struct parameter seen[PARAMETERS_MAX];
	size_t n = 0, used;

	for (s += blanks(s); *s; s += blanks(s)) {
		struct parameter p;

		used = read_parameter(s, &p);
		if (!used)
			return *s == ';' &&
			       !s[1 + blanks(s + 1)]; /* a last semicolon is permitted */
		for (size_t i = 0; i < n; i++)
			if (!strcasecmp(seen[i].name, p.name) &&
			    strcmp(seen[i].value, p.value) != 0)
				return false;
		if (n < PARAMETERS_MAX)
			seen[n++] = p;
		if (!strcasecmp(p.name, "version"))
			keep(version, p.value, strlen(p.value));
		s += used;
	}
	return true;
}

enum prom_format prom_format_of(const char *content_type)
{
	static const struct {
		const char *type;
		enum prom_format format;
	} types[] = {{"text/plain", PROM_FORMAT_TEXT},
		     {"application/openmetrics-text", PROM_FORMAT_OPENMETRICS},
		     {"application/vnd.google.protobuf", PROM_FORMAT_PROTOBUF}};
	const char *begin = content_type + blanks(content_type);
	size_t n = strcspn(begin, ";");
	char version[VERSION_MAX] = "";
	enum prom_format format = PROM_FORMAT_NONE;

	if (!read_parameters(begin + n, version))
		return PROM_FORMAT_NONE;
	while (n && blanks(begin + n - 1))
		n--;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strlen(types[i].type) == n && !strncasecmp(begin, types[i].type, n))
			format = types[i].format;
	if (format == PROM_FORMAT_OPENMETRICS && str_eq(version, "2.0.0"))
		return PROM_FORMAT_OPENMETRICS_2;
	return format;
}
