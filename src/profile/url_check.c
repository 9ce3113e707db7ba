#include "url_check.h"

struct form {
	const char *prefix; /* of the URL, without "://" */
	const char *kind, *key;
	const char *keep; /* the scheme the key gets; NULL: the rest alone */
};

static const struct form forms[] = {
    {"tcp", "tcp", "address", NULL},
    {"http", "http", "url", "http"},
    {"https", "http", "url", "https"},
    {"kafka", "kafka", "bootstrap_servers", NULL},
    {"redis", "redis", "url", "redis"},
    {"rediss", "redis", "url", "rediss"},
    {"registry+http", "schema_registry", "url", "http"},
    {"registry+https", "schema_registry", "url", "https"},
    {"opa+http", "opa", "url", "http"},
    {"opa+https", "opa", "url", "https"},
    {"metrics+http", "metrics", "url", "http"},
    {"metrics+https", "metrics", "url", "https"},
    {"dns", "dns", "name", NULL},
    {"file", "file", "path", NULL},
};
static const char *const prefixes[] = {
    "tcp",           "http",           "https",    "kafka",     "redis",        "rediss",
    "registry+http", "registry+https", "opa+http", "opa+https", "metrics+http", "metrics+https",
    "dns",           "file",           NULL};
_Static_assert(ARRAY_LEN(prefixes) == ARRAY_LEN(forms) + 1,
	       "every form has its prefix in the list for suggestions");

static const struct form *find_form(const char *url, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (strlen(forms[i].prefix) == len && strncmp(forms[i].prefix, url, len) == 0)
			return &forms[i];
	return NULL;
}

/* Host and port behind a user part: what names the check. Never holds a comma: ids stand in comma separated lists. */
static const char *name_of(struct arena *a, const char *rest)
{
	size_t n = strcspn(rest, "/?#");
	const char *at = memchr(rest, '@', n);

	if (n == 0) /* a path */
		return arena_strndup(a, rest, strcspn(rest, ","));
	if (at) {
		n -= (size_t)(at + 1 - rest);
		rest = at + 1;
	}
	return arena_strndup(a, rest, strcspn(rest, ",") < n ? strcspn(rest, ",") : n);
}

static void add_text(struct arena *a, struct node *group, const char *key, const char *text)
{
	node_append(group, node_text(a, key, text, true));
}

static void add_kafka(struct arena *a, struct node *group, const char *rest)
{
	const char *slash = strchr(rest, '/');
	size_t n = slash ? (size_t)(slash - rest) : strlen(rest);

	add_text(a, group, "bootstrap_servers", arena_strndup(a, rest, n));
	if (slash && slash[1])
		add_text(a, group, "topics", slash + 1);
}

/* opa+http://h:p/v1/data/path: the server, which may itself be below a path, and the decision. */
static int add_opa(struct arena *a, struct node *group, const char *scheme, const char *rest,
		   const char **why)
{
	static const char data[] = "/v1/data/";
	const char *slash = strchr(rest, '/'), *path = strstr(rest, data);
	size_t n = path ? (size_t)(path - rest) : slash ? (size_t)(slash - rest) : strlen(rest);

	if (slash && slash[1] && (!path || !path[sizeof data - 1])) {
		*why = "names no decision: write opa+http://host:port/v1/data/path/of/decision";
		return -1;
	}
	add_text(a, group, "url", arena_printf(a, "%s://%.*s", scheme, (int)n, rest));
	if (path)
		add_text(a, group, "decisions", path + sizeof data - 1);
	return 0;
}

int url_check_parse(struct url_check *out, struct arena *a, const char *url, const char **why)
{
	const char *sep = strstr(url, "://"), *rest = sep ? sep + 3 : "";
	const struct form *f = sep ? find_form(url, (size_t)(sep - url)) : NULL;
	const char *near;

	if (!sep) {
		*why = "is not a URL such as tcp://host:port";
		return -1;
	}
	if (!f) {
		const char *scheme = arena_strndup(a, url, (size_t)(sep - url));

		near = nearest_word(scheme, prefixes);
		*why = near ? arena_printf(a, "unknown scheme \"%s\"; did you mean \"%s\"?", scheme,
					   near)
			    : arena_printf(a, "unknown scheme \"%s\"", scheme);
		return -1;
	}
	if (!*rest) {
		*why = "names nothing to wait for";
		return -1;
	}
	if (!f->keep && memchr(rest, '@', strcspn(rest, "/?#"))) {
		*why = "takes no user part";
		return -1;
	}
	*out = (struct url_check){
	    .kind = f->kind, .name = name_of(a, rest), .node = arena_alloc(a, sizeof *out->node)};
	out->node->type = N_GROUP;
	if (str_eq(f->kind, "kafka"))
		add_kafka(a, out->node, rest);
	else if (str_eq(f->kind, "opa"))
		return add_opa(a, out->node, f->keep, rest, why);
	else
		add_text(a, out->node, f->key,
			 f->keep ? arena_printf(a, "%s://%s", f->keep, rest) : rest);
	return 0;
}
