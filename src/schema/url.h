/* url: splits the URLs of profiles. Keeps the user part out of all printable text.
 *
 * Handles text only, in the subset of RFC 3986 that profiles need; it never resolves a name. A URL key may also hold a reference,
 * "env:NAME" or "file:/path": then only `ref` is set, and url_reveal (child only) gives the parts.
 */
#ifndef SG_URL_H
#define SG_URL_H

#include "arena.h"
#include "secret.h"
#include "str.h"

#define URL_MAX 4096 /* bytes; longer is refused */

struct diag;
struct url {
	const char *text;   /* whole, without the user part: safe to print */
	const char *scheme; /* lower case; "" if none */
	const char *
	    host; /* without the brackets of IPv6, and its zone unescaped; "" for unix://; of several, the list */
	const char *path; /* with the query, begins with '/' or is "" */
	int port;         /* 0: not given */
	/* SECRET_LITERAL, percent-decoded, when the URL had a user part. */
	struct secret user, password;
	struct secret ref; /* when set, the child reads the whole URL from it */
	/* With `ref`, url_reveal checks the URL by these: schemes (NULL-terminated; NULL: any), and the row's own
	 * check (may be NULL). */
	const char *const *schemes;
	const char *(*check)(const char *text);
};
struct urllist {
	size_t n;
	struct url *v;
};

/* Does the profile give the URL, as text or by reference? */
static inline bool url_is_set(const struct url *url)
{
	return url->text || secret_is_set(url->ref);
}
/* Splits a URL. Returns NULL, or the problem: a text that never quotes the URL. */
const char *url_split(struct url *out, struct arena *a, const char *text);
/* Returns the end of a message about a scheme that has SQLAlchemy's name of a driver ("postgresql+psycopg2"), else an empty text. */
struct suggestion url_driver_hint(const char *scheme);
bool url_scheme_in(const struct url *url, const char *const *schemes);
/* Child only. Makes a copy with all parts, reads `ref` if it is set, and registers secrets with the scrubber. Returns 0, or -1
 * with *out_diag filled. */
int url_reveal(const struct url *in, struct url *out, struct diag *out_diag);

/* Returns a percent-decoded copy of n bytes; NULL when an escape is broken or decodes to NUL. */
char *url_percent_decode(struct arena *a, const char *s, size_t n);
/* Appends a text as a part of a URL: all but the unreserved characters are escaped (RFC 3986 section 2.3). */
void url_add_escaped(struct str *out, const char *text);

/* Splits "host:port", "[v6]:port" or the "/path" of a unix socket, for which *port is 0. `size`: bytes of host. Returns 0, or -1. */
int hostport_split(const char *text, char *host, size_t size, int *port);
/* Returns why hostport_split refuses the text, and what was likely meant: "is not host:port: the port is missing". */
const char *hostport_problem(struct arena *a, const char *text);
/* Writes "host:port" into buf, with the brackets that an IPv6 address needs; port 0: the host alone. Returns buf. */
const char *hostport_text(const char *host, int port, char *buf, size_t size);

#endif
