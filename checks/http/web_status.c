#include "web_status.h"

#include <curl/curl.h>

#include "str.h"

/* Every other status is http-status. Some of those look final and are not: servers that are not set up yet and proxies without a
 * route answer 400; a path may come with the next deployment (404); 412, 416 and 421 depend on the state of the server; Vault
 * answers 501 before it is initialised. */
static const struct {
	int status;
	enum diag_code code;
} meanings[] = {
    {401, D_AUTH_REQUIRED},
    {402, D_HTTP_REFUSED}, /* payment required */
    {403, D_AUTH_FORBIDDEN},
    {405, D_HTTP_REFUSED}, /* method not allowed */
    {406, D_HTTP_REFUSED}, /* not acceptable: the header Accept */
    {407, D_AUTH_REQUIRED},
    {410, D_HTTP_REFUSED}, /* gone, and for good: else it is 404 */
    {411, D_HTTP_REFUSED}, /* length required */
    {413, D_HTTP_REFUSED}, /* content too large */
    {414, D_HTTP_REFUSED}, /* URI too long */
    {415, D_HTTP_REFUSED}, /* unsupported media type: the header Content-Type */
    {422, D_HTTP_REFUSED}, /* unprocessable content: the body is understood, and wrong */
    {426, D_HTTP_REFUSED}, /* upgrade required: another protocol */
    {428, D_HTTP_REFUSED}, /* precondition required */
    {429, D_HTTP_TOO_MANY},
    {431, D_HTTP_REFUSED},            /* request header fields too large */
    {451, D_HTTP_REFUSED},            /* unavailable for legal reasons */
    {495, D_TLS_CLIENT_CERT_REFUSED}, /* of nginx, as are the next two */
    {496, D_TLS_CLIENT_CERT_REQUIRED},
    {497, D_TLS_REQUIRED},
    {505, D_HTTP_REFUSED},  /* HTTP version not supported */
    {510, D_HTTP_REFUSED},  /* not extended */
    {511, D_AUTH_REQUIRED}, /* network authentication required: a captive portal */
};

enum diag_code web_status_code(long status)
{
	if (status >= 300 && status < 400)
		return D_HTTP_REDIRECT;
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (meanings[i].status == status)
			return meanings[i].code;
	return D_HTTP_STATUS;
}

const char *web_status_hint(long status)
{
	switch (status) {
	case 400:
		return "look at url, headers and body, and at proxies in between: one that sends "
		       "the PROXY protocol unasked does this too";
	case 404:
		return "look at the path, and at the host name: a proxy without a route for it "
		       "does this too";
	case 421:
		return "the server has no site of this name on this connection: look at the host "
		       "in url and at server_name";
	case 500:
		return "look at the server's log";
	case 502:
	case 504:
		return "a proxy answers for a server that it gets no answer from: look at that "
		       "server, and at the proxy's log";
	case 503:
		return "the server is not ready, or a proxy has none to send this to: look at its "
		       "log and its back ends";
	default:
		return NULL;
	}
}

int web_retry_after(const char *retry_after, const char *date)
{
	int64_t seconds;
	time_t then, now;

	if (!retry_after)
		return 0;
	/* A number of any length: one that is too large is still a number. */
	if (*retry_after && !retry_after[strspn(retry_after, "0123456789")])
		return parse_i64(retry_after, 0, DIAG_RETRY_AFTER_MAX, &seconds)
			   ? DIAG_RETRY_AFTER_MAX
			   : (int)seconds;
	then = curl_getdate(retry_after, NULL);
	now = date ? curl_getdate(date, NULL) : -1;
	if (then < 0 || now < 0 || then <= now)
		return 0;
	return then - now > DIAG_RETRY_AFTER_MAX ? DIAG_RETRY_AFTER_MAX : (int)(then - now);
}
