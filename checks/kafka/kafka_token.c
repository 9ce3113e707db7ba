#include "kafka_token.h"

#include <string.h>

#include "tls.h"

#define NO_TOKEN "Failed to acquire SASL OAUTHBEARER token"
#define NO_HTTP_STATUS (-1) /* what librdkafka writes for an error of libcurl */

/* With the address of the endpoint, the error, and the HTTP status in brackets at the end: "... (503)". */
static const char *const detailed[] = {"Failed to retrieve OIDC token from",
				       "Failed to retrieve JWT token from"};

/* Texts of libcurl, which differ between its versions. */
static const struct {
	const char *text;
	enum diag_code code;
} curl_phrases[] = {
    {"Couldn't resolve", D_DNS_NO_SUCH_NAME},
    {"Could not resolve", D_DNS_NO_SUCH_NAME},
    {"Resolving timed out", D_DNS_TIMEOUT},
    {"Connection timed out", D_CONNECT_TIMEOUT},
    {"Timeout was reached", D_ANSWER_TIMEOUT},
    {"Operation timed out", D_ANSWER_TIMEOUT},
    {"Couldn't connect to server", D_CONNECT_REFUSED},
    {"Could not connect to server", D_CONNECT_REFUSED},
    {"Failed to connect to", D_CONNECT_REFUSED},
    {"Connection reset by peer", D_CONNECT_RESET},
    {"Empty reply from server", D_CONNECT_CLOSED},
};

bool kafka_token_is_detailed(const char *message)
{
	for (size_t i = 0; i < ARRAY_LEN(detailed); i++)
		if (strstr(message, detailed[i]))
			return true;
	return false;
}

bool kafka_token_is_about(const char *message)
{
	return strstr(message, NO_TOKEN) || kafka_token_is_detailed(message);
}

static enum diag_code curl_code(const char *message)
{
	struct diag d = {.code = D_NONE};

	for (size_t i = 0; i < ARRAY_LEN(curl_phrases); i++)
		if (strstr(message, curl_phrases[i].text))
			return curl_phrases[i].code;
	if (!strstr(message, "SSL") && !strstr(message, "TLS"))
		return D_NONE;
	tls_fail_text(&d, message, "");
	return d.code;
}

/* Returns the number in brackets at the end; false when the line has been cut. */
static bool read_status(const char *message, int64_t *status)
{
	const char *open = strrchr(message, '(');
	char number[8];
	size_t n = open ? strcspn(open + 1, ")") : 0;

	if (n == 0 || n >= sizeof number || strcmp(open + 1 + n, ")") != 0)
		return false;
	memcpy(number, open + 1, n);
	number[n] = '\0';
	return parse_i64(number, NO_HTTP_STATUS, 999, status) == 0;
}

/* Identity providers answer a wrong client with 400 or 401 (RFC 6749, 5.2), and some with 403. */
static enum diag_code status_code(int64_t status)
{
	if (status == 400 || status == 401 || status == 403)
		return D_AUTH_FAILED;
	return status == 429 ? D_HTTP_TOO_MANY : D_HTTP_STATUS;
}

enum diag_code kafka_token_code(const char *message)
{
	enum diag_code code = D_NONE;
	int64_t status = NO_HTTP_STATUS;

	if (!kafka_token_is_detailed(message))
		code = curl_code(message);
	else if (!read_status(message, &status))
		code =
		    D_HTTP_STATUS; /* a page longer than librdkafka's line: no answer of OAuth is */
	else
		code = status >= 100 ? status_code(status) : curl_code(message);
	return code == D_NONE ? D_AUTH_FAILED : code;
}

/* Is the token there, and of no use to librdkafka? */
static bool is_about_content(const char *cause)
{
	return strstr(cause, "JWT") || strstr(cause, "unexpired");
}

void kafka_token_hint(struct diag *out)
{
	bool tls = diag_info(out->code)->phase == PH_TLS;

	if (out->code == D_AUTH_FAILED && kafka_token_is_detailed(out->cause))
		diag_hint(out,
			  "compare sasl.oauthbearer.client.id, .client.secret and .scope with the "
			  "identity provider's");
	else if (out->code == D_AUTH_FAILED && is_about_content(out->cause))
		diag_hint(out,
			  "librdkafka needs a token that is a JWT with sub and exp; for a claim of "
			  "another name give sasl.oauthbearer.sub.claim.name; compare the clocks");
	else if (out->code == D_TLS_UNKNOWN_CA || out->code == D_TLS_SELF_SIGNED)
		diag_hint(out, "give the CA of the token endpoint as https.ca.location");
	else if (out->code == D_AUTH_FAILED || tls || diag_info(out->code)->phase == PH_PROTOCOL)
		diag_hint(out,
			  "look at sasl.oauthbearer.token.endpoint.url, and at the server that "
			  "answers there");
}
