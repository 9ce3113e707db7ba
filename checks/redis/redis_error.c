#include "redis_error.h"

#include <ctype.h>

/* The first match counts. An entry matches whole words: BUSYKEY is not BUSY. */
static const struct words {
	const char *text;
	enum diag_code code;
} first_words[] = {
    {"LOADING", D_REDIS_LOADING},
    {"MASTERDOWN", D_REDIS_MASTER_DOWN},
    {"NOMASTERLINK", D_REDIS_MASTER_DOWN},
    {"READONLY", D_REDIS_READONLY},
    {"BUSY", D_REDIS_BUSY},
    {"UNKILLABLE", D_REDIS_BUSY},
    {"MISCONF", D_REDIS_MISCONF},
    {"OOM", D_REDIS_OUT_OF_MEMORY},
    {"CLUSTERDOWN", D_REDIS_CLUSTER_DOWN},
    {"MOVED", D_REDIS_CLUSTER_DOWN}, /* those that could be followed have been */
    {"ASK", D_REDIS_CLUSTER_DOWN},
    {"TRYAGAIN", D_REDIS_CLUSTER_DOWN},
    {"IDONTKNOW", D_REDIS_SENTINEL_NO_MASTER},
    {"NOREPLICAS", D_REDIS_REPLICAS},
    {"DENIED", D_REDIS_PROTECTED_MODE},
    {"WRONGPASS", D_AUTH_FAILED},
    {"NOPERM", D_AUTH_FORBIDDEN},
    {"NOAUTH", D_AUTH_REQUIRED},
    {"NOPROTO", D_REDIS_COMMAND},
    {"CROSSSLOT", D_REDIS_COMMAND},
};

/* The first that stands anywhere in the text counts: what is wrong for now stands before what is wrong for good. Only for texts
 * whose first word says nothing, such as ERR. */
static const struct words meanings[] = {
    {"max number of clients", D_REDIS_MAX_CLIENTS},
    {"max clients", D_REDIS_MAX_CLIENTS},
    {"max number of connections", D_REDIS_MAX_CLIENTS},
    {"max concurrent connections", D_REDIS_MAX_CLIENTS},
    {"too many connections", D_REDIS_MAX_CLIENTS},
    {"too many clients", D_REDIS_MAX_CLIENTS},
    {"connections limit", D_REDIS_MAX_CLIENTS},
    {"connection limit", D_REDIS_MAX_CLIENTS},
    {"no such master", D_REDIS_SENTINEL_NO_MASTER},
    {"cluster support disabled", D_REDIS_NO_CLUSTER},
    {"cluster mode is not enabled", D_REDIS_NO_CLUSTER},
    {"cluster is not enabled", D_REDIS_NO_CLUSTER},
    {"cluster is disabled", D_REDIS_NO_CLUSTER},
    /* Logins. Redis 2.6 says "operation not permitted" to a client that has not logged in. */
    {"invalid password", D_AUTH_FAILED},
    {"invalid username", D_AUTH_FAILED},
    {"wrong password", D_AUTH_FAILED},
    {"incorrect password", D_AUTH_FAILED},
    {"auth failed", D_AUTH_FAILED},
    {"authentication failed", D_AUTH_FAILED},
    {"invalid credentials", D_AUTH_FAILED},
    {"unauthorized", D_AUTH_FAILED},
    {"wrong number of arguments for 'auth'", D_AUTH_FAILED},
    {"without any password configured", D_AUTH_FAILED},
    {"no password is set", D_AUTH_FAILED},
    {"operation not permitted", D_AUTH_REQUIRED},
    {"authentication required", D_AUTH_REQUIRED},
    {"unauthenticated", D_AUTH_REQUIRED},
    /* Databases. */
    {"db index", D_REDIS_DATABASE},
    {"database index", D_REDIS_DATABASE},
    {"database is supported", D_REDIS_DATABASE},
    {"database 0", D_REDIS_DATABASE},
    {"db 0", D_REDIS_DATABASE},
    {"invalid database", D_REDIS_DATABASE},
    {"invalid db", D_REDIS_DATABASE},
    {"select is not allowed", D_REDIS_DATABASE},
    {"select is not supported", D_REDIS_DATABASE},
    /* Commands that a server, a proxy or a managed service does not have, or not in this form. */
    {"unknown command", D_REDIS_COMMAND},
    {"unknown subcommand", D_REDIS_COMMAND},
    {"unknown redis command", D_REDIS_COMMAND},
    {"unsupported", D_REDIS_COMMAND},
    {"unimplemented", D_REDIS_COMMAND},
    {"not implemented", D_REDIS_COMMAND},
    {"command is disabled", D_REDIS_COMMAND},
    {"command disabled", D_REDIS_COMMAND},
    {"command is not available", D_REDIS_COMMAND},
    {"wrong number of arguments", D_REDIS_COMMAND},
    {"syntax error", D_REDIS_COMMAND},
    {"invalid request", D_REDIS_COMMAND},
    {"invalid command", D_REDIS_COMMAND},
    /* What this user or client may not do. */
    {"for your account", D_AUTH_FORBIDDEN},
    {"for this account", D_AUTH_FORBIDDEN},
    {"no permission", D_AUTH_FORBIDDEN},
    {"permission den", D_AUTH_FORBIDDEN},
    {"not permitted", D_AUTH_FORBIDDEN},
    {"not authorized", D_AUTH_FORBIDDEN},
    {"not allowed", D_AUTH_FORBIDDEN},
    {"access denied", D_AUTH_FORBIDDEN},
    {"forbidden", D_AUTH_FORBIDDEN},
    {"illegal address", D_AUTH_FORBIDDEN},
    {"not support", D_REDIS_COMMAND},
    {"not enabled", D_REDIS_COMMAND},
};

static bool begins_with(const char *text, const char *begin)
{
	size_t n = strlen(begin);

	return !strncasecmp(text, begin, n) && !isalnum((unsigned char)text[n]);
}

enum diag_code redis_error_code(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(first_words); i++)
		if (begins_with(text, first_words[i].text))
			return first_words[i].code;
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (strcasestr(text, meanings[i].text))
			return meanings[i].code;
	/* ACL DRYRUN answers "ERR Command 'x' not found". */
	return begins_with(text, "ERR Command") && strstr(text, "not found") ? D_REDIS_COMMAND
									     : D_REDIS_ERROR;
}

bool redis_error_redirect(const char *text, struct redis_redirect *out)
{
	bool is_ask = begins_with(text, "ASK");
	const char *slot, *address, *colon;
	int64_t port;

	if (!is_ask && !begins_with(text, "MOVED"))
		return false;
	slot = strchr(text, ' ');
	address = slot ? strchr(slot + 1, ' ') : NULL;
	/* The last colon: the nodes write IPv6 addresses without brackets. */
	colon = address ? strrchr(address, ':') : NULL;
	if (!colon || parse_i64(colon + 1, 1, 65535, &port) ||
	    (size_t)(colon - address) > sizeof out->host)
		return false;
	*out = (struct redis_redirect){.is_ask = is_ask, .port = (int)port};
	snprintf(out->host, sizeof out->host, "%.*s", (int)(colon - address - 1), address + 1);
	if (str_eq(out->host, "?")) /* cluster-preferred-endpoint-type unknown-endpoint */
		out->host[0] = 0;
	return true;
}
