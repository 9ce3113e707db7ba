#include "url_check.h"

#include <ctype.h>

#include "kinds.h"
#include "likely.h"

#define FORMS_MAX 64

/* Walks the forms of all kinds: returns the next one from row *row of kind *k on; NULL past the last one. */
static const struct check_url *next_form(size_t *k, size_t *row)
{
	for (; check_kind_at(*k); ++*k, *row = 0)
		if (check_kind_at(*k)->urls[*row].scheme)
			return &check_kind_at(*k)->urls[(*row)++];
	return NULL;
}

void url_check_examples(struct str *out)
{
	const struct check_url *form;
	size_t k = 0, row = 0;

	for (const char *sep = ""; (form = next_form(&k, &row)); sep = ", ")
		str_addf(out, "%s%s", sep, form->example);
}

/* Is it the form's scheme, or one that the form also takes? */
static bool form_has(const struct check_url *form, const char *scheme)
{
	const char *const *also = form->also;

	while (also && *also && !str_eq(*also, scheme))
		also++;
	return str_eq(form->scheme, scheme) || (also && *also);
}

static const struct check_url *find_form(const char *scheme, const struct check_kind **kind)
{
	const struct check_url *form;
	size_t k = 0, row = 0;

	while ((form = next_form(&k, &row)))
		if (form_has(form, scheme)) {
			*kind = check_kind_at(k);
			return form;
		}
	return NULL;
}

/* Returns a kind that this build lacks and whose name is part of the scheme ("redis" of "rediss"), or NULL. */
static const struct check_kind *find_lacking(const char *scheme)
{
	for (size_t i = 0; check_kind_at(i); i++)
		if (check_kind_at(i)->unsupported && strstr(scheme, check_kind_at(i)->name))
			return check_kind_at(i);
	return NULL;
}

/* Systems whose protocols have no kind, with the check that is possible there. */
static const struct {
	const char *word, *url;
} others[] = {
    {"mysql", "tcp://host:3306"},
    {"mariadb", "tcp://host:3306"},
    {"rabbitmq", "tcp://host:5672"},
    {"amqp", "tcp://host:5672"},
    {"pyamqp", "tcp://host:5672"},
    {"amqps", "tcp://host:5671"},
    {"mongo", "tcp://host:27017"},
    {"mongodb", "tcp://host:27017"},
    {"cassandra", "tcp://host:9042"},
    {"nats", "tcp://host:4222"},
    {"mqtt", "tcp://host:1883"},
    {"zookeeper", "tcp://host:2181"},
    {"grpc", "tcp://host:50051"},
    {"grpcs", "tcp://host:50051"},
    {"mssql", "tcp://host:1433"},
    {"sqlserver", "tcp://host:1433"},
    {"oracle", "tcp://host:1521"},
    {"pulsar", "tcp://host:6650"},
    {"neo4j", "tcp://host:7687"},
    {"bolt", "tcp://host:7687"},
    {"ldap", "tcp://host:389"},
    {"smtp", "tcp://host:25"},
    {"elasticsearch", "http://host:9200/_cluster/health"},
    {"opensearch", "http://host:9200/_cluster/health"},
    {"etcd", "http://host:2379/health"},
    {"vault", "http://host:8200/v1/sys/health"},
    {"consul", "http://host:8500/v1/status/leader"},
    {"clickhouse", "http://host:8123/ping"},
    {"minio", "http://host:9000/minio/health/ready"},
    {"s3", "http://host:9000/minio/health/ready"},
    {"keycloak", "http://host:8080/realms/NAME/.well-known/openid-configuration"},
    {"oidc", "http://host:8080/realms/NAME/.well-known/openid-configuration"},
    {"influxdb", "http://host:8086/health"},
    {"ws", "http://host/path"},
    {"wss", "https://host/path"},
    {"websocket", "http://host/path"},
};

struct suggestion url_check_instead(const char *word)
{
	struct suggestion s = {""};

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		const char *url = others[i].url;
		bool http = str_starts(url, "http");

		if (str_eq(others[i].word, word))
			snprintf(s.text, sizeof s.text, "; the kind %s (-w %s) shows %s",
				 http ? "http" : "tcp", url,
				 http ? "what this address answers"
				      : "that the port accepts connections, no more");
	}
	return s;
}

/* Is the form's scheme this one with a part behind a + ("opa+http" for "opa")? */
static bool form_extends(const struct check_url *form, const char *scheme)
{
	return str_starts(form->scheme, scheme) && form->scheme[strlen(scheme)] == '+';
}

/* What other tools call a scheme. */
static const char *other_scheme(const char *scheme)
{
	static const char *const rows[][2] = {
	    {"http-get", "http"},
	    {"https-get", "https"},
	    {"socket", "unix"},
	    {"tls", "tcp"},
	    {"ssl", "tcp"},
	    {"psql", "postgres"},
	    {"pgsql", "postgres"},
	    {"postgis", "postgres"},
	    {"prometheus", "metrics+http"},
	    {"metrics", "metrics+http"},
	    {"schema-registry", "registry+http"},
	    {"schema_registry", "registry+http"},
	    {"schemaregistry", "registry+http"},
	};

	return word_meaning(scheme, rows, ARRAY_LEN(rows));
}

static const char *unknown_scheme(struct arena *a, const char *scheme)
{
	const char *schemes[FORMS_MAX + 1], *all = "", *near = NULL;
	struct suggestion instead = url_check_instead(scheme);
	const char *other = other_scheme(scheme);
	const struct check_url *form;
	size_t k = 0, row = 0, n = 0;

	while (n < FORMS_MAX && (form = next_form(&k, &row))) {
		schemes[n++] = form->scheme;
		near = near || !form_extends(form, scheme) ? near : form->scheme;
		all = arena_printf(a, "%s%s%s", all, *all ? ", " : "", form->scheme);
	}
	schemes[n] = NULL;
	if (*instead.text)
		return arena_printf(a, "unknown scheme \"%s\"%s", scheme, instead.text);
	if (str_starts(scheme, "jdbc:"))
		return "begins with jdbc:, which only Java's drivers take; leave it out";
	instead = url_driver_hint(scheme);
	if (*instead.text)
		return arena_printf(a, "unknown scheme \"%s\"%s", scheme, instead.text);
	near = other ? other : near;
	near = near ? near : nearest_word(scheme, schemes);
	return arena_printf(a, "unknown scheme \"%s\"%s (known: %s)", scheme,
			    did_you_mean(near).text, all);
}

/* Returns the check's name: host and port without the user part, or the path. Without commas: they separate ids in lists.
 * As for url_split, the last @ ends the user part. */
static const char *make_name(struct arena *a, const char *rest)
{
	size_t n = strcspn(rest, "/?#");
	const char *at = memrchr(rest, '@', n);

	rest = at ? at + 1 : rest;
	return arena_strndup(a, rest, strcspn(rest, n == 0 ? "," : ",/?#"));
}

static void add_key(struct arena *a, struct node *group, const char *key, const char *text)
{
	node_append(group, node_text(a, key, text, true));
}

/* Makes "http+unix://%2Frun%2Fapp.sock/path" the socket's path and "http://localhost/path". */
static const char *add_socket(struct arena *a, struct node *group, const struct check_url *form,
			      const char **rest)
{
	size_t n = strcspn(*rest, "/?#");
	const char *path = url_percent_decode(a, *rest, n);

	if (!path || *path != '/')
		return arena_printf(a, "names no socket: write %s", form->example);
	add_key(a, group, form->socket_key, path);
	*rest = arena_printf(a, "localhost%s", *rest + n);
	return NULL;
}

/* Adds the form's keys from `rest`, the URL after "://". Returns NULL, or the problem. */
static const char *add_keys(struct arena *a, struct node *group, const struct check_url *form,
			    const char *scheme, const char *rest)
{
	const char *as = form->as && !str_eq(scheme, form->scheme) ? scheme : form->as;
	const char *problem = form->socket_key ? add_socket(a, group, form, &rest) : NULL;
	const char *slash = form->path_key ? strchr(rest, '/') : NULL;
	const char *mark = form->path_key ? strstr(rest, form->path_mark) : NULL;
	const char *value = mark ? mark + strlen(form->path_mark) : "";
	size_t n = mark ? (size_t)(mark - rest) : slash ? (size_t)(slash - rest) : strlen(rest);

	if (problem)
		return problem;
	if (strstr(form->example, ":///") && *rest != '/')
		return arena_printf(a, "names no absolute path: write %s", form->example);
	if (slash && slash[1] && !*value)
		return arena_printf(a, "names no %s: write %s", form->path_key, form->example);
	add_key(a, group, form->key,
		arena_printf(a, "%s%s%.*s", as ? as : "", as ? "://" : "", (int)n, rest));
	if (*value)
		add_key(a, group, form->path_key, value);
	return NULL;
}

static bool has_scheme(const char *text)
{
	return strstr(text, "://") || str_starts(text, "env:");
}

/* Does the text after a comma begin with a scheme, or with env: ? */
static bool begins_with_scheme(const char *text)
{
	size_t n =
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

	return str_starts(text, "env:") || (n > 0 && str_starts(text + n, "://"));
}

void url_check_split(struct arena *a, const char *text, struct strlist *out)
{
	const char **v = arena_alloc(a, (strlen(text) + 1) * sizeof *v), *begin = text;

	*out = (struct strlist){.v = v};
	for (const char *p = text; *p; p++) {
		const char *one;

		if (*p != ',')
			continue;
		one = arena_strndup(a, begin, (size_t)(p - begin));
		if (!begins_with_scheme(p + 1) && has_scheme(one) && !str_starts(one, "tcp://") &&
		    !str_starts(one, "env:"))
			continue;
		v[out->n++] = one;
		begin = p + 1;
	}
	v[out->n++] = begin;
}

const char *url_check_begins(const char *text)
{
	size_t n = strcspn(text, ":"), k = 0, row = 0;
	const struct check_url *form;
	const char *other;
	char scheme[32];

	if (!text[n] || n >= sizeof scheme || str_starts(text + n, "://"))
		return NULL;
	snprintf(scheme, sizeof scheme, "%.*s", (int)n, text);
	other = other_scheme(scheme);
	while ((form = next_form(&k, &row)))
		if (str_eq(form->scheme, other ? other : scheme))
			return form->example;
	return NULL;
}

#define NO_URL "is neither a URL such as tcp://host:port nor host:port"

/* Why is the text no URL? It is not quoted: it may hold a password. */
static const char *no_url_problem(struct arena *a, const char *text,
				  const char *(*get_env)(const char *name))
{
	const char *example = url_check_begins(text);
	size_t n = env_name_length(text);

	if (example)
		return arena_printf(a, NO_URL "; write %s", example);
	if (strchr(text, '$') || likely_template(text))
		return NO_URL "; a variable is read by env:NAME";
	if (n > 0 && !text[n] && get_env(text))
		return arena_printf(a, NO_URL "; a variable is read by env:%s", text);
	return strpbrk(text, ":/") ? NO_URL : NO_URL "; the port is missing";
}

static const char *not_a_url(struct arena *a, const char *text, const char **url,
			     const char *(*get_env)(const char *name))
{
	char host[300];
	int port;

	if (hostport_split(text, host, sizeof host, &port) < 0 || *text == '/')
		return no_url_problem(a, text, get_env);
	*url = arena_printf(a, "tcp://%s", text);
	return NULL;
}

/* Has the URL something that is not to be shown, and can its check read it by reference? Then its key becomes the reference. */
static const char *use_reference(struct arena *a, const struct url_check *w,
				 const struct check_url *form, const char *name)
{
	const struct node *key = w->node->first;

	while (key && !str_eq(key->name, form->key))
		key = key->next;
	if (!key || !strpbrk(key->text, "@?"))
		return NULL;
	if (!form->as || !str_eq(form->as, form->scheme) || form->path_key)
		return "holds a user part or query, which a check of this kind takes from a "
		       "profile only";
	w->node->first->text = arena_printf(a, "env:%s", name);
	return NULL;
}

/* Is there a user part where none can be read, or one that would become the check's name? Returns NULL, or the problem. */
static const char *user_part_problem(struct arena *a, const struct check_url *form, const char *url,
				     const char *rest)
{
	size_t n = strcspn(rest, "/?#");
	struct url split;

	if (!form || n == 0 || !strchr(rest, '@'))
		return NULL;
	if (!form->as)
		return "takes no user part";
	return memchr(rest, '@', n) ? NULL : url_split(&split, a, url);
}

static const char *parse_url(struct url_check *out, struct arena *a, const char *url,
			     const struct check_url **form)
{
	const char *sep = strstr(url, "://"), *rest = sep + 3;
	char *scheme = arena_strndup(a, url, (size_t)(sep - url));
	const struct check_kind *kind;
	const char *problem;

	for (char *p = scheme; *p; p++) /* RFC 3986, 3.1: their case does not matter */
		*p = (char)tolower((unsigned char)*p);

	*form = find_form(scheme, &kind);
	if (!*form)
		kind = find_lacking(scheme);
	if (!kind)
		return unknown_scheme(a, scheme);
	if (!*rest)
		return "names nothing to wait for";
	problem = user_part_problem(a, *form, url, rest);
	if (problem)
		return problem;
	*out = (struct url_check){kind, make_name(a, rest), arena_alloc(a, sizeof *out->node)};
	out->node->type = N_GROUP;
	problem = *form ? add_keys(a, out->node, *form, scheme, rest) : NULL;
	if (!problem && *form && (*form)->socket_key)
		out->name = make_name(a, out->node->first->text);
	return problem;
}

const char *url_check_parse(struct url_check *out, struct arena *a, const char *url,
			    const char *(*get_env)(const char *name))
{
	const char *name = str_starts(url, "env:") ? url + 4 : NULL, *problem = NULL;
	const struct check_url *form = NULL;

	if (name) {
		url = get_env(name);
		if (!url || !*url)
			return arena_printf(a, "variable %s is %s", name,
					    url ? "empty" : "not set");
	}
	if (!strstr(url, "://"))
		problem = not_a_url(a, url, &url, get_env);
	if (!problem)
		problem = parse_url(out, a, url, &form);
	if (!problem && name && form)
		problem = use_reference(a, out, form, name);
	if (!problem || !name)
		return problem;
	return arena_printf(a, "variable %s %s%s", name,
			    str_starts(problem, "unknown") ? "has an " : "", problem);
}
