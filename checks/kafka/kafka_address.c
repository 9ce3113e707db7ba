#include "kafka_address.h"

#include <string.h>
#include <strings.h>

#include "schema.h"

static const struct {
	const char *scheme, *protocol;
} schemes[] = {
    {"kafka", NULL},
    {"kafka+ssl", "SSL"}, /* Heroku's KAFKA_URL */
    {"PLAINTEXT", "PLAINTEXT"},
    {"SSL", "SSL"},
    {"SASL_PLAINTEXT", "SASL_PLAINTEXT"},
    {"SASL_SSL", "SASL_SSL"},
};

/* Returns the length of what stands in front of "://", or 0. */
static size_t scheme_length(const char *entry)
{
	const char *end = strstr(entry, "://");

	return end ? (size_t)(end - entry) : 0;
}

/* Returns the index in `schemes`, or their number. */
static size_t find_scheme(const char *entry)
{
	size_t len = scheme_length(entry), i = 0;

	while (i < ARRAY_LEN(schemes) && !(strlen(schemes[i].scheme) == len &&
					   strncasecmp(schemes[i].scheme, entry, len) == 0))
		i++;
	return i;
}

/* Names that a cluster gives to its listeners (EXTERNAL, TLS-9093) are in capitals; HTTP in capitals is still another protocol. */
static bool is_listener_name(const char *name, size_t len)
{
	static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	return len > 0 && strspn(name, signs) == len && strncmp(name, "HTTP", 4) != 0 &&
	       !(len == 3 && strncmp(name, "TCP", 3) == 0);
}

static const char *without_scheme(const char *entry)
{
	size_t len = scheme_length(entry);
	bool drop = find_scheme(entry) < ARRAY_LEN(schemes) || is_listener_name(entry, len);

	return drop ? entry + len + strlen("://") : entry;
}

/* Stores host and port of an entry; returns false when it is not host:port. The default port is librdkafka's. */
static bool address_split(const char *entry, char *host, size_t size, int *port)
{
	char text[512];
	size_t len;

	entry = without_scheme(entry);
	len = strlen(entry);
	if (len > 0 && entry[len - 1] == '/')
		len--;
	if (len == 0 || len + sizeof ":65535" > sizeof text)
		return false;
	snprintf(text, sizeof text, "%.*s", (int)len, entry);
	if (!strchr(text, ':') || text[len - 1] == ']')
		snprintf(text + len, sizeof text - len, ":%d", KAFKA_PORT);
	return text[0] != '/' && hostport_split(text, host, size, port) == 0 && *host && *port != 0;
}

const char *kafka_address_problem(const char *entry)
{
	char host[256];
	int port;

	if (strstr(without_scheme(entry), "://"))
		return "has the scheme of another protocol: write host:port; PLAINTEXT://, SSL://, "
		       "SASL_PLAINTEXT:// and SASL_SSL:// may stand before it";
	if (strchr(without_scheme(entry), '@'))
		return "has a user part: give sasl.username and sasl.password in properties";
	if (strchr(entry, '$'))
		return "holds a $; a variable is written ${NAME}";
	if (strchr(entry, '='))
		return "holds a =; write host:port, which stands behind it, alone";
	return address_split(entry, host, sizeof host, &port) ? NULL : "is not host:port";
}

void kafka_address_split(const char *entry, char *host, size_t size, int *port)
{
	invariant(address_split(entry, host, size, port));
}

const char *kafka_address_protocol(const char *entry)
{
	size_t i = find_scheme(entry);

	return i < ARRAY_LEN(schemes) ? schemes[i].protocol : NULL;
}
