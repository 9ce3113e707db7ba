#include "pq_text.h"

#include <ctype.h>
#include <libpq-fe.h>

/* Returns what follows the scheme of a URL as libpq takes it, or NULL. */
static const char *after_scheme(const char *text)
{
	static const char *const schemes[] = {"postgresql://", "postgres://"};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (str_starts(text, schemes[i]))
			return text + strlen(schemes[i]);
	return NULL;
}

/* libpq takes for a user part what stands before the first @, unless a / comes earlier. */
static const char *end_of_user(const char *rest)
{
	const char *end = rest + strcspn(rest, "@/");

	return *end == '@' ? end : NULL;
}

/* Is there a colon, and no port after it, in the n bytes of an authority? Of the IPv6 addresses only those in brackets are asked. */
static bool has_no_port(const char *host, size_t n)
{
	const char *colon = *host == '[' ? NULL : memchr(host, ':', n);

	return colon && colon + 1 < host + n && !isdigit((unsigned char)colon[1]);
}

bool pq_text_is_split_wrongly(const char *text)
{
	const char *rest = after_scheme(text), *user, *host, *path, *at;
	size_t len;

	if (!rest)
		return false;
	user = end_of_user(rest);
	host = user ? user + 1 : rest;
	len = strcspn(host, "/?");
	if (memchr(host, '@', len))
		return true;
	if (!user && strchr(host + len, '@') && has_no_port(host, len))
		return true;
	/* "ret/x@db:5432/app": a path with an @ and a / after it has the true host in it. The parameters may hold anything. */
	path = host + len;
	len = strcspn(path, "?");
	at = memchr(path, '@', len);
	return at && memchr(at, '/', (size_t)(path + len - at));
}

static bool knows_parameter(const char *name, size_t n)
{
	PQconninfoOption *all = PQconninfoParse("", NULL);
	bool found = false;

	for (const PQconninfoOption *o = all; o && o->keyword && !found; o++)
		found = strlen(o->keyword) == n && !memcmp(o->keyword, name, n);
	PQconninfoFree(all);
	return found;
}

/* Names the first parameter of a URL that libpq does not know. Where an @ follows, it may be a piece of a password. */
static void parameter_problem(const char *url, char *buf, size_t size)
{
	const char *p = strchr(url, '?');

	if (!p || strchr(p, '@'))
		return;
	for (p++;; p++) {
		size_t n = strcspn(p, "=&"), name = 0;

		while (name < n && (isalnum((unsigned char)p[name]) || p[name] == '_'))
			name++;
		if (n && name == n && p[n] == '=' && !knows_parameter(p, n) &&
		    !str_starts(p, "ssl=true")) {
			snprintf(buf, size, "libpq has no parameter %.*s", (int)n, p);
			return;
		}
		p += strcspn(p, "&");
		if (!*p)
			return;
	}
}

static bool has_broken_escape(const char *text)
{
	for (const char *p = strchr(text, '%'); p; p = strchr(p + 1, '%'))
		if (!isxdigit((unsigned char)p[1]) || !isxdigit((unsigned char)p[2]))
			return true;
	return false;
}

/* Names the scheme of a URL that is not libpq's, up to its "+". */
static void scheme_problem(const char *text, size_t n, char *buf, size_t size)
{
	const char *plus = memchr(text, '+', n);

	if (plus)
		snprintf(buf, size,
			 "its scheme names a driver, as SQLAlchemy has it: write postgresql://");
	else
		snprintf(buf, size, "its scheme is %.*s, not postgresql", (int)n, text);
}

static void pairs_problem(const char *text, char *buf, size_t size)
{
	if (strchr(text, ';'))
		snprintf(
		    buf, size,
		    "pairs with ; between them are .NET's: write host=db user=app, with blanks");
	else if (strchr(text, '='))
		snprintf(buf, size,
			 "it has a name that libpq does not know, or a value with a blank, which "
			 "stands in single quotes: password='a b'");
}

void pq_text_problem(const char *text, char *buf, size_t size)
{
	const char *rest = after_scheme(text), *colons = strstr(text, "://");
	size_t scheme =
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-");

	buf[0] = '\0';
	if (*text == '"' || *text == '\'')
		snprintf(buf, size, "it stands in quotes, which are a part of the value here");
	else if (str_starts(text, "jdbc:"))
		snprintf(buf, size,
			 "it is a JDBC URL: write postgresql://user:password@host:port/database");
	else if (colons && text + scheme == colons && !rest)
		scheme_problem(text, scheme, buf, size);
	else if (rest && has_broken_escape(rest))
		snprintf(buf, size, "it has a %% without two hexadecimal digits: write %%25");
	else if (rest)
		parameter_problem(rest, buf, size);
	else
		pairs_problem(text, buf, size);
}
