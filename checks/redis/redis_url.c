#include "redis_url.h"

#include <ctype.h>

const char *const redis_url_schemes[] = {"redis",      "rediss",       "valkey",    "valkeys",
					 "unix",       "redis+ssl",    "redis+tls", "redis+socket",
					 "redis+unix", "redis-socket", NULL};
static const char *const tls_schemes[] = {"rediss", "valkeys", "redis+ssl", "redis+tls", NULL};
static const char *const socket_schemes[] = {"unix", "redis+socket", "redis+unix", "redis-socket",
					     NULL};

/* ---- values of parameters ----------------------------------------------------------------------------------------- */
static const char *set_database(struct redis_url *out, const char *value)
{
	int64_t number;

	if (parse_i64(value, 0, 65535, &number))
		return "has a parameter for the database that is not a number";
	if (out->database != INT_UNSET && out->database != number)
		return "names two databases, in its path and in a parameter";
	out->database = number;
	return NULL;
}

static const char *set_verification(struct redis_url *out, const char *value)
{
	static const char *const none[] = {"none", "cert_none", "0", NULL};
	static const char *const required[] = {
	    "required", "optional", "cert_required", "cert_optional", "1", "2", NULL};

	for (const char *const *word = none; *word; word++)
		if (!strcasecmp(value, *word)) {
			out->any_certificate = true;
			return NULL;
		}
	for (const char *const *word = required; *word; word++)
		if (!strcasecmp(value, *word))
			return NULL;
	return "has an ssl_cert_reqs that is not one of required, optional and none";
}

static const char *set_tls(struct redis_url *out, const char *value)
{
	if (parse_switch(value) == 1)
		out->tls = true;
	return NULL;
}

static const char *set_unverified(struct redis_url *out, const char *value)
{
	if (parse_switch(value) == 1)
		out->any_certificate = true;
	return NULL;
}

#define SETTER_OF_TEXT(field)                                                    \
	static const char *set_##field(struct redis_url *out, const char *value) \
	{                                                                        \
		out->field = value;                                              \
		return NULL;                                                     \
	}
SETTER_OF_TEXT(username)
SETTER_OF_TEXT(password)
SETTER_OF_TEXT(ca_file)
SETTER_OF_TEXT(ca_path)
SETTER_OF_TEXT(cert_file)
SETTER_OF_TEXT(key_file)

/* Names without "_" and "-", since clients differ in them. */
static const struct parameter {
	const char *name;
	const char *(*set)(struct redis_url *out, const char *value);
} parameters[] = {
    {"db", set_database},
    {"database", set_database},
    {"defaultdatabase", set_database},
    {"virtualhost", set_database}, /* Celery, for unix sockets */
    {"sslcertreqs", set_verification},
    {"skipverify", set_unverified},
    {"ssl", set_tls},
    {"tls", set_tls},
    {"username", set_username},
    {"user", set_username},
    {"password", set_password},
    {"auth", set_password},
    {"sslcacerts", set_ca_file},
    {"sslcapath", set_ca_path},
    {"sslcertfile", set_cert_file},
    {"sslkeyfile", set_key_file},
};

static const struct parameter *find_parameter(const char *name)
{
	char plain[32];
	size_t n = 0;

	for (; *name && n < sizeof plain - 1; name++)
		if (*name != '_' && *name != '-')
			plain[n++] = (char)tolower((unsigned char)*name);
	plain[n] = 0;
	for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
		if (str_eq(parameters[i].name, plain))
			return &parameters[i];
	return NULL;
}

/* ---- the url ---------------------------------------------------------------------------------------------------- */
/* Reads one "name=value" of n bytes. */
static const char *read_parameter(struct redis_url *out, struct arena *a, const char *text,
				  size_t n)
{
	const char *equals = memchr(text, '=', n);
	size_t name_length = equals ? (size_t)(equals - text) : n, used = strlen(out->passed_over);
	const char *name = arena_strndup(a, text, name_length), *value;
	const struct parameter *parameter = find_parameter(name);

	if (!n)
		return NULL;
	if (!parameter) {
		snprintf(out->passed_over + used, sizeof out->passed_over - used, "%s%s",
			 used ? "," : "", name);
		return NULL;
	}
	value = equals ? url_percent_decode(a, equals + 1, n - name_length - 1) : "";
	return value ? parameter->set(out, value) : "has a broken percent escape in a parameter";
}

static const char *read_parameters(struct redis_url *out, struct arena *a, const char *text)
{
	const char *problem = NULL;

	while (!problem && *text) {
		size_t n = strcspn(text, "&;");

		problem = read_parameter(out, a, text, n);
		text += n + (text[n] != 0);
	}
	return problem;
}

/* Reads the path of n bytes: "", "/", "/2" or "/2/". */
static const char *read_path(struct redis_url *out, struct arena *a, const char *path, size_t n)
{
	const char *number;

	while (n && path[n - 1] == '/')
		n--;
	if (!n)
		return NULL;
	number = arena_strndup(a, path + 1, n - 1);
	return parse_i64(number, 0, 65535, &out->database)
		   ? "has a path that is not the number of a database, as in redis://host:6379/2"
		   : NULL;
}

const char *redis_url_read(const struct url *url, struct arena *a, struct redis_url *out)
{
	size_t n = strcspn(url->path, "?");
	const char *query = url->path[n] ? url->path + n + 1 : "", *problem = NULL;

	*out = (struct redis_url){.database = INT_UNSET, .tls = url_scheme_in(url, tls_schemes)};
	if (url_scheme_in(url, socket_schemes)) {
		out->socket = url_percent_decode(a, url->path, n);
		if (!out->socket)
			problem = "has a broken percent escape in its path";
		else if (*url->host || !n)
			problem = "is to be the path of a socket, with three slashes: "
				  "unix:///run/redis.sock";
	} else {
		problem = read_path(out, a, url->path, n);
	}
	if (!problem)
		problem = read_parameters(out, a, query);
	if (!problem && secret_is_set(url->user) && !secret_is_set(url->password) && !out->password)
		problem = "has a user without a password, which is no login; a password alone is "
			  "written redis://:password@host";
	return problem;
}
