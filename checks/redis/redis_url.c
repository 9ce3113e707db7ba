#include "redis_url.h"

#include <ctype.h>

const char *const redis_url_schemes[] = {"redis",
					 "rediss",
					 "valkey",
					 "valkeys",
					 "unix",
					 "redis+sentinel",
					 "redis+cluster",
					 "redis+ssl",
					 "redis+tls",
					 "redis+socket",
					 "redis+unix",
					 "redis-socket",
					 "redis-sentinel",
					 "rediss+sentinel",
					 "rediss-sentinel",
					 "redis-cluster",
					 "rediss+cluster",
					 "rediss-cluster",
					 NULL};
static const char *const tls_schemes[] = {"valkeys", "redis+ssl", "redis+tls", NULL};
static const char *const socket_schemes[] = {"unix", "redis+socket", "redis+unix", "redis-socket",
					     NULL};

static bool is_tls(const struct url *url)
{
	return str_starts(url->scheme, "rediss") || url_scheme_in(url, tls_schemes);
}

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

/* Says what the hosts are, unless the scheme or another parameter has said otherwise. */
static const char *set_kind(struct redis_url *out, enum redis_url_kind kind)
{
	if (out->kind != REDIS_URL_SERVER && out->kind != kind)
		return "names sentinels and a cluster in one";
	out->kind = kind;
	return NULL;
}

static const char *set_cluster(struct redis_url *out, const char *value)
{
	return parse_switch(value) == 1 ? set_kind(out, REDIS_URL_CLUSTER) : NULL;
}

static const char *set_master(struct redis_url *out, const char *value)
{
	if (!*value)
		return "has an empty parameter for the name of the master";
	out->master_name = value;
	return set_kind(out, REDIS_URL_SENTINELS);
}

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
    {"sentinelmasterid", set_master},    /* lettuce */
    {"sentinelservicename", set_master}, /* fred */
    {"sentinelmaster", set_master},      /* Symfony */
    {"redissentinel", set_master},       /* Symfony, older */
    {"mastername", set_master},
    {"servicename", set_master},
    {"rediscluster", set_cluster}, /* Symfony */
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
static const char *read_database(struct redis_url *out, struct arena *a, const char *path, size_t n)
{
	const char *number;
	int64_t unused;

	while (n && path[n - 1] == '/')
		n--;
	if (!n)
		return NULL;
	number = arena_strndup(a, path + 1, n - 1);
	return parse_i64(number, 0, 65535, &unused)
		   ? "has a path that is not the number of a database, as in redis://host:6379/2"
		   : set_database(out, number);
}

/* Reads the path of a URL of sentinels, whose parameters do not name the master: "/name" or "/name/2". */
static const char *read_master(struct redis_url *out, struct arena *a, const char *path, size_t n)
{
	size_t name = n ? strcspn(path + 1, "/?") : 0;

	if (!name || strspn(path + 1, "0123456789") == name)
		return "names no master: write redis+sentinel://host:26379/NAME, or the keys "
		       "sentinels and master_name";
	out->master_name = url_percent_decode(a, path + 1, name);
	if (!out->master_name)
		return "has a broken percent escape in its path";
	return read_database(out, a, path + 1 + name, n - 1 - name);
}

static const char *read_path(struct redis_url *out, struct arena *a, const char *path, size_t n)
{
	return out->kind == REDIS_URL_SENTINELS && !out->master_name
		   ? read_master(out, a, path, n)
		   : read_database(out, a, path, n);
}

static const char *read_socket(struct redis_url *out, struct arena *a, const struct url *url,
			       size_t n)
{
	out->socket = url_percent_decode(a, url->path, n);
	if (!out->socket)
		return "has a broken percent escape in its path";
	return *url->host || !n ? "is to be the path of a socket, with three slashes: "
				  "unix:///run/redis.sock"
				: NULL;
}

/* Copies one host of n bytes, with the usual port where it has none. Returns NULL when it is not a host. */
static const char *read_host(struct arena *a, const char *text, size_t n, int usual_port)
{
	bool v6 = n && *text == '[';
	const char *end = text + n, *colon = memchr(text, ':', n), *one;
	char host[256];
	int port;

	if (v6)
		colon = end[-1] == ']' ? NULL : colon;
	one = colon ? arena_strndup(a, text, n)
		    : arena_printf(a, "%.*s:%d", (int)n, text, usual_port);
	return hostport_split(one, host, sizeof host, &port) || !port ? NULL : one;
}

/* Reads the hosts of a URL of sentinels or of a cluster, one or several with commas. */
static const char *read_hosts(struct redis_url *out, struct arena *a, const struct url *url)
{
	bool many = strchr(url->host, ',');
	char one[300];
	const char *text = many ? url->host : hostport_text(url->host, url->port, one, sizeof one);
	int usual_port = out->kind == REDIS_URL_SENTINELS ? 26379 : 6379;

	if (out->kind == REDIS_URL_SERVER)
		return many ? "names several hosts, and not what they are: write redis+cluster:// "
			      "(the key seeds) for nodes of a cluster, redis+sentinel:// (the keys "
			      "sentinels and master_name) for sentinels"
			    : NULL;
	out->hosts.v = arena_alloc(a, (strlen(text) + 1) * sizeof *out->hosts.v);
	for (size_t n; *text; text += n + (text[n] == ',')) {
		const char *host = read_host(a, text, n = strcspn(text, ","), usual_port);

		if (!host)
			return "has a host that is neither host nor host:port in its list";
		out->hosts.v[out->hosts.n++] = host;
	}
	return NULL;
}

const char *redis_url_read(const struct url *url, struct arena *a, struct redis_url *out)
{
	size_t n = strcspn(url->path, "?");
	const char *query = url->path[n] ? url->path + n + 1 : "", *problem;
	bool socket = url_scheme_in(url, socket_schemes);

	*out = (struct redis_url){.database = INT_UNSET, .tls = is_tls(url)};
	if (str_ends(url->scheme, "sentinel"))
		out->kind = REDIS_URL_SENTINELS;
	else if (str_ends(url->scheme, "cluster"))
		out->kind = REDIS_URL_CLUSTER;
	problem = read_parameters(out, a, query);
	if (!problem)
		problem = socket ? read_socket(out, a, url, n) : read_path(out, a, url->path, n);
	if (!problem && socket && out->kind != REDIS_URL_SERVER)
		problem = "names a socket, and with a parameter several hosts";
	if (!problem && !socket)
		problem = read_hosts(out, a, url);
	if (!problem && secret_is_set(url->user) && !secret_is_set(url->password) && !out->password)
		problem = "has a user without a password, which is no login; a password alone is "
			  "written redis://:password@host";
	return problem;
}
