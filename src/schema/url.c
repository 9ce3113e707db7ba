#include "url.h"

#include <ctype.h>

#include "diag.h"
#include "likely.h"
#include "scrub.h"
#include "unescape.h"

#define KEY_LENGTH 16 /* bytes; values of a query that are not keys are shorter */

char *url_percent_decode(struct arena *a, const char *s, size_t n)
{
	char *out = arena_alloc(a, n + 1), *p = out;
	size_t used;

	for (size_t i = 0; i < n; i += used) {
		char meant[UNESCAPE_MEANT] = {s[i]};

		used = 1;
		if (s[i] == '%' && !unescape(s + i, n - i, meant, &used))
			return NULL;
		if (!meant[0])
			return NULL;
		*p++ = meant[0];
	}
	return out;
}

void url_add_escaped(struct str *out, const char *text)
{
	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			str_addc(out, *text);
		else
			str_addf(out, "%%%02X", (unsigned char)*text);
}

/* Splits "user:password" into two literal secrets. */
static int split_user(struct url *u, struct arena *a, const char *s, size_t n)
{
	const char *colon = memchr(s, ':', n);
	size_t user_len = colon ? (size_t)(colon - s) : n;
	char *user = url_percent_decode(a, s, user_len), *password;

	if (!user)
		return -1;
	if (*user)
		u->user = (struct secret){SECRET_LITERAL, user};
	if (colon) {
		password = url_percent_decode(a, colon + 1, n - user_len - 1);
		if (!password)
			return -1;
		u->password = (struct secret){SECRET_LITERAL, password};
	}
	return 0;
}

static int split_port(const char *s, size_t n, int *port)
{
	*port = 0;
	if (n == 0 || n > 5 || strspn(s, "0123456789") < n)
		return -1;
	*port = (int)strtol(s, NULL, 10);
	return *port >= 1 && *port <= 65535 ? 0 : -1;
}

/* Is it a URL for libpq? libpq takes several hosts with commas, or none when a parameter has the host (a folder of unix sockets). */
static bool is_libpq(const struct url *u)
{
	return str_eq(u->scheme, "postgres") || str_eq(u->scheme, "postgresql");
}

/* Does the path name a local file, so that no host is needed? Celery writes redis+socket:///run/redis.sock. */
static bool is_local(const struct url *u)
{
	return str_eq(u->scheme, "unix") || str_eq(u->scheme, "file") ||
	       (str_starts(u->scheme, "redis") &&
		(str_ends(u->scheme, "socket") || str_ends(u->scheme, "unix")));
}

/* Makes the zone of an address between brackets what the resolver takes: "fe80::1%25eth0", as RFC 6874 has it in URLs, becomes
 * "fe80::1%eth0", as it stands everywhere else. */
static void unescape_zone(char *host)
{
	char *zone = strchr(host, '%');

	if (zone && str_starts(zone, "%25") && zone[3])
		memmove(zone + 1, zone + 3, strlen(zone + 3) + 1);
}

/* Do URLs of this scheme name several hosts, with commas between them? */
static bool takes_hosts(const struct url *u)
{
	return is_libpq(u) || str_starts(u->scheme, "redis") || str_starts(u->scheme, "valkey");
}

/* Splits "host:port" or "[v6]:port" of n bytes; the port may be missing. A list of several, where allowed, becomes the host.
 * Returns NULL, or the problem. */
static const char *split_host(struct url *u, struct arena *a, const char *s, size_t n)
{
	bool v6 = n > 0 && *s == '[';
	const char *end = s + n, *stop = memchr(s, v6 ? ']' : ':', n), *colon;
	char *host;

	if (takes_hosts(u) && memchr(s, ',', n)) {
		u->host = arena_strndup(a, s, n);
		return NULL;
	}
	if (v6 && !stop)
		return "has no ] after the IPv6 address";
	if (!stop)
		stop = end;
	host = arena_strndup(a, s + v6, (size_t)(stop - s) - v6);
	if (v6)
		unescape_zone(host);
	u->host = host;
	colon = stop + v6;
	if (colon < end && *colon != ':')
		return "has text between ] and the port";
	if (colon < end && split_port(colon + 1, (size_t)(end - colon - 1), &u->port) < 0)
		return "has a port that is not a number from 1 to 65535";
	return NULL;
}

/* Copies the scheme of n bytes in lower case (RFC 3986, 3.1). Returns NULL, or the problem. */
static const char *split_scheme(struct url *u, struct arena *a, const char *s, size_t n)
{
	char *scheme = arena_strndup(a, s, n);

	if (!isalpha((unsigned char)*s))
		return "has a scheme that does not begin with a letter";
	u->scheme = scheme;
	for (char *p = scheme; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("+-.", *p))
			return str_starts(scheme, "jdbc:")
				   ? "begins with jdbc:, which only Java's drivers take; leave it "
				     "out"
				   : "has a scheme with odd characters";
		*p = (char)tolower((unsigned char)*p);
	}
	return NULL;
}

/* Besides blanks: templates leave these in names ("{{ .Values.db }}", "<%= host %>"), and a line that was taken whole has a =. */
static const char not_in_hosts[] = "{}<>\"'`|\\^=";

/* Returns NULL, or which character of the host no name has. Of a path, and in libpq's hosts, %2F is a slash; "%DB_HOST%" is how cmd.exe
 * writes a variable. */
static const char *character_problem(const struct url *u, struct arena *a)
{
	const char *odd = strpbrk(u->host, not_in_hosts);

	if (!odd && !is_local(u) && !is_libpq(u) && likely_template(u->host))
		odd = "%";
	return odd ? arena_printf(a,
				  "has a %c in its host, which no name has; likely a template "
				  "that nothing has rendered",
				  *odd)
		   : NULL;
}

const char *url_split(struct url *out, struct arena *a, const char *text)
{
	struct url u = {.text = "", .scheme = "", .host = "", .path = ""};
	const char *sep = strstr(text, "://"), *rest, *end, *at, *path, *problem;

	if (strlen(text) > URL_MAX)
		return "is longer than 4096 bytes";
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return text_flaw(text) ? text_flaw(text)
					       : "holds a blank or control character";
	if (!sep || sep == text)
		return "has no scheme; write it as scheme://host:port";
	problem = split_scheme(&u, a, text, (size_t)(sep - text));
	if (problem)
		return problem;
	rest = sep + 3;
	end = rest + strcspn(rest, "/?#");
	/* The last @ ends the user part: passwords may contain an unescaped @. */
	at = memrchr(rest, '@', (size_t)(end - rest));
	if (at && split_user(&u, a, rest, (size_t)(at - rest)) < 0)
		return "has a broken percent escape in its user part";
	rest = at ? at + 1 : rest;
	problem = split_host(&u, a, rest, (size_t)(end - rest));
	if (problem)
		return !at && strchr(end, '@') ? "has a user part that holds / ? or #; write them "
						 "as %2F %3F %23"
					       : problem;
	if (!*u.host && !is_local(&u) && !is_libpq(&u))
		return "has no host";
	problem = character_problem(&u, a);
	if (problem)
		return problem;
	path = arena_strndup(a, end, strcspn(end, "#")); /* a fragment is never sent */
	u.path = *path == '?' ? arena_printf(a, "/%s", path) : path;
	u.text = arena_printf(a, "%s://%.*s%s", u.scheme, (int)(end - rest), rest, path);
	*out = u;
	return NULL;
}

/* Registers the password, and in HTTP URLs a user without one, who is usually a token ("https://TOKEN@host"). */
static void register_user(const struct url *u)
{
	if (secret_is_set(u->password))
		scrub_register(u->password.text);
	else if (secret_is_set(u->user) && str_starts(u->scheme, "http"))
		scrub_register(u->user.text);
}

/* Registers the values of the query that are likely to be keys. Host, path and "format=text" must stay readable. */
static void register_query(struct arena *a, const struct url *u)
{
	const char *p = strchr(u->path, '?');

	if (!p)
		return;
	while (*p++) {
		size_t n = strcspn(p, "&;"), name_len = strcspn(p, "=&;");
		char *name = arena_strndup(a, p, name_len), *value, *plain;

		value = name_len < n ? arena_strndup(a, p + name_len + 1, n - name_len - 1) : name;
		if (value == name || strlen(value) >= KEY_LENGTH || secret_sensitive_name(name) ||
		    strcasestr(name, "key") || strcasestr(name, "sig") ||
		    strcasestr(name, "auth")) {
			scrub_register(value);
			plain = url_percent_decode(a, value, strlen(value));
			if (plain)
				scrub_register(plain);
		}
		p += n;
		if (!*p)
			return;
	}
}

struct suggestion url_driver_hint(const char *scheme)
{
	const char *plus = strchr(scheme, '+');
	struct suggestion s = {""};

	if (plus && str_starts(scheme, "postgres"))
		snprintf(
		    s.text, sizeof s.text,
		    "; %.30s is SQLAlchemy's name of a driver: libpq takes the URL without it, "
		    "from a variable of its own",
		    plus);
	return s;
}

bool url_scheme_in(const struct url *url, const char *const *schemes)
{
	if (!schemes)
		return true;
	for (; *schemes; schemes++)
		if (str_eq(*schemes, url->scheme))
			return true;
	return false;
}

static const char *allowed_problem(const struct url *url, const struct url *key, struct str *text)
{
	if (url_scheme_in(url, key->schemes))
		return key->check ? key->check(url->text) : NULL;
	str_addf(text, "begins with %.32s://; allowed here are", url->scheme);
	for (const char *const *s = key->schemes; *s; s++)
		str_addf(text, " %s://", *s);
	str_add(text, url_driver_hint(url->scheme).text);
	return text->s;
}

int url_reveal(const struct url *in, struct url *out, struct diag *out_diag)
{
	/* The arena lives until the child exits: the parts point into it. */
	static struct arena arena;
	const char *value, *problem;
	char subject[300];
	cleanup_str struct str text = {.s = NULL};

	if (!secret_is_set(in->ref)) {
		*out = *in;
		register_user(out);
		return 0;
	}
	value = secret_read(in->ref, out_diag);
	if (!value)
		return -1;
	str_init(&text, 300);
	problem = *value ? url_split(out, &arena, value) : "is empty";
	if (!problem)
		problem = allowed_problem(out, in, &text);
	if (problem) {
		bool env = in->ref.kind == SECRET_ENV;

		snprintf(subject, sizeof subject, "%s%s", env ? "variable " : "file ",
			 in->ref.text);
		diag_set(out_diag,
			 !env     ? D_SECRET_MALFORMED
			 : *value ? D_ENV_MISMATCH
				  : D_ENV_EMPTY,
			 subject, "is to hold a URL for this, but it %s%s", problem,
			 likely_not_meant(value).text);
		return -1;
	}
	register_user(out);
	register_query(&arena, out);
	return 0;
}

int hostport_split(const char *text, char *host, size_t size, int *port)
{
	const char *colon = strrchr(text, ':'), *end = colon;

	*port = 0;
	if (text[0] == '/')
		return (size_t)snprintf(host, size, "%s", text) < size ? 0 : -1;
	if (!colon || split_port(colon + 1, strlen(colon + 1), port) < 0)
		return -1;
	if (text[0] == '[') {
		if (end == text || end[-1] != ']')
			return -1;
		text++;
		end--;
	} else if (memchr(text, ':', (size_t)(colon - text))) {
		return -1; /* an IPv6 address without brackets: which colon begins the port? */
	}
	if (end <= text || (size_t)(end - text) >= size)
		return -1;
	snprintf(host, size, "%.*s", (int)(end - text), text);
	if (*end == ']')
		unescape_zone(host);
	return strpbrk(host, " \t\r\n/@") || strpbrk(host, not_in_hosts) || likely_template(host) ||
		       likely_pasted(host)
		   ? -1
		   : 0;
}

const char *hostport_problem(struct arena *a, const char *text)
{
	const char *mark = likely_template(text), *pasted = likely_pasted(text);
	const char *sep = strstr(text, "://"), *colon = strrchr(text, ':');
	int port;

	if (mark)
		return arena_printf(a,
				    "is not host:port: it holds %s of a template that was not "
				    "rendered; a variable is written ${NAME}",
				    mark);
	if (pasted)
		return arena_printf(a, "is not host:port: it %s", pasted);
	if (sep && sep[3] && sep < text + strcspn(text, ":") + 1)
		return arena_printf(a, "is not host:port; write it without scheme and path: %.*s",
				    (int)strcspn(sep + 3, "/"), sep + 3);
	if (text[strcspn(text, " \t\r\n\"'")])
		return "is not host:port: it holds a blank or a quote";
	if (strchr(text, '='))
		return "is not host:port: it holds a =; write what stands behind it alone";
	if (strchr(text, '/'))
		return "is not host:port: no path belongs to an address";
	if (!colon)
		return "is not host:port: the port is missing";
	if (split_port(colon + 1, strlen(colon + 1), &port) < 0)
		return "is not host:port: the port is a number from 1 to 65535";
	if (*text != '[' && memchr(text, ':', (size_t)(colon - text)))
		return arena_printf(a, "is not host:port; IPv6 is written [%.*s]:%d",
				    (int)(colon - text), text, port);
	return "is not host:port";
}

const char *hostport_text(const char *host, int port, char *buf, size_t size)
{
	bool v6 = strchr(host, ':') != NULL;
	int n = snprintf(buf, size, v6 ? "[%s]" : "%s", host);

	if (port && n > 0 && (size_t)n < size)
		snprintf(buf + n, size - (size_t)n, ":%d", port);
	return buf;
}
