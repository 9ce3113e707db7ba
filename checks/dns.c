/* dns: checks that a name resolves, with the service's resolver, to enough addresses and to the right ones, or to servers of SRV
 * records that do. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "check.h"
#include "resolve.h"
#include "resolve_srv.h"

enum record { RECORD_A, RECORD_AAAA, RECORD_ANY, RECORD_SRV };
static const char *const records[] = {"A", "AAAA", "any", "SRV", NULL};

struct dns_conf {
	const char *name;
	int type;
	int64_t min_addresses;
	struct strlist includes;
};

struct network {
	int family;
	unsigned char bytes[16];
	int bits;
};

/* Parses "10.0.0.0/8", "10.0.0.7" or "fd00::/8". */
static bool network_parse(struct network *n, const char *text)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	int64_t bits;

	if (len >= sizeof address)
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	n->family = strchr(address, ':') ? AF_INET6 : AF_INET;
	bits = n->family == AF_INET ? 32 : 128;
	if (inet_pton(n->family, address, n->bytes) != 1 ||
	    (slash && parse_i64(slash + 1, 0, bits, &bits)))
		return false;
	n->bits = (int)bits;
	return true;
}

static const char *network_problem(const char *text)
{
	struct network n;

	return network_parse(&n, text) ? NULL
				       : "is neither an address nor a network such as 10.0.0.0/8";
}

static const char *name_problem(const char *text)
{
	unsigned char address[16];

	if (strstr(text, "://"))
		return "is a URL; give the name of the host alone";
	if (inet_pton(AF_INET6, text, address) == 1)
		return NULL;
	return strpbrk(text, "/:@ \t\r\n") ? "is not a host name; no port or path belongs to it"
					   : NULL;
}

static const struct key dns_keys[] = {
    KEY_STR(struct dns_conf, name, .flags = K_REQUIRED, .check = name_problem, .doc = "The name.",
	    .example = "\"kafka-headless\""),
    KEY_ENUM(struct dns_conf, type, .choices = records, .def = "any",
	     .doc = "Which addresses count. SRV: the name has SRV records, all targets of which "
		    "must resolve."),
    KEY_INT(struct dns_conf, min_addresses, .def = "1", .min = "1", .max = "1000",
	    .doc = "How many addresses there must be at least: the members of a headless service. "
		   "With SRV: how many targets."),
    KEY_STRLIST(struct dns_conf, includes, .check = network_problem,
		.doc = "Addresses that must be among them, or networks in which one must lie.",
		.example = "[\"10.0.0.0/8\"]"),
    KEY_END,
};

static const void *address_of(const struct addrinfo *a)
{
	return a->ai_family == AF_INET
		   ? (const void *)&((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr
		   : (const void *)&((const struct sockaddr_in6 *)(const void *)a->ai_addr)
			 ->sin6_addr;
}

static bool network_contains(const struct network *n, const struct addrinfo *a)
{
	const unsigned char *bytes = address_of(a);
	int whole = n->bits / 8, rest = n->bits % 8;

	if (a->ai_family != n->family || memcmp(bytes, n->bytes, (size_t)whole) != 0)
		return false;
	return !rest || ((bytes[whole] ^ n->bytes[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}

static enum result check_includes(const struct dns_conf *c, const struct addrinfo *list,
				  const char *found, struct diag *out)
{
	for (size_t i = 0; i < c->includes.n; i++) {
		struct network n;
		bool holds = false;

		invariant(network_parse(&n, c->includes.v[i]));
		for (const struct addrinfo *a = list; a; a = a->ai_next)
			holds |= network_contains(&n, a);
		if (!holds)
			return check_fail(
			    out, D_DNS_WRONG_ADDRESS, c->name, "it resolves to %s; none is %s %s",
			    found, strchr(c->includes.v[i], '/') ? "in" : "", c->includes.v[i]);
	}
	return RESULT_PASS;
}

/* Appends the list to *all, which may be NULL. */
static struct addrinfo *join(struct addrinfo *all, struct addrinfo *list)
{
	struct addrinfo *last = list;

	while (last->ai_next)
		last = last->ai_next;
	last->ai_next = all;
	return list;
}

static enum result check_srv(const struct check_run *run, struct diag *out)
{
	const struct dns_conf *c = run->conf;
	struct srv_targets *targets = xcalloc(1, sizeof *targets);
	struct addrinfo *all = NULL, *list;
	struct str found;

	if (resolve_srv(run, c->name, targets, out))
		return RESULT_FAIL;
	str_init(&found, 300);
	for (size_t i = 0; i < targets->n; i++) {
		const struct srv_target *t = &targets->v[i];

		if (!t->host[0])
			return check_fail(out, D_DNS_NO_ADDRESS, c->name,
					  "its SRV record says that the service is not offered "
					  "here (a target of \".\")");
		if (resolve_host(run, t->host, t->port, AF_UNSPEC, &list, out))
			return RESULT_FAIL;
		all = join(all, list);
		str_addf(&found, "%s%s:%d", i ? ", " : "", t->host, t->port);
	}
	check_fact(run, "targets", "%zu", targets->n);
	if ((int64_t)targets->n < c->min_addresses)
		return check_fail(out, D_DNS_NO_ADDRESS, c->name,
				  "it has %zu target%s (%s), demanded are %lld", targets->n,
				  plural(targets->n), found.s, (long long)c->min_addresses);
	if (check_includes(c, all, found.s, out))
		return RESULT_FAIL;
	check_summary(run, "%s", found.s);
	return RESULT_PASS;
}

static enum result dns_run(const struct check_run *run, struct diag *out)
{
	static const int families[] = {
	    [RECORD_A] = AF_INET, [RECORD_AAAA] = AF_INET6, [RECORD_ANY] = AF_UNSPEC};
	const struct dns_conf *c = run->conf;
	struct addrinfo *list = NULL;
	struct diag ignored = {0};
	char ip[INET6_ADDRSTRLEN];
	struct str found;
	int64_t n = 0;

	if (c->type == RECORD_SRV)
		return check_srv(run, out);
	if (resolve_host(run, c->name, 0, families[c->type], &list, out)) {
		/* When /etc/hosts has only an address of the other family, the resolver reports an unknown name. */
		if (out->code == D_DNS_NO_SUCH_NAME && c->type != RECORD_ANY &&
		    !resolve_host(run, c->name, 0, AF_UNSPEC, &list, &ignored))
			check_fail(out, D_DNS_NO_ADDRESS, c->name,
				   "the name has addresses, none of them of type %s",
				   records[c->type]);
		return RESULT_FAIL;
	}
	str_init(&found, 300);
	for (const struct addrinfo *a = list; a; a = a->ai_next, n++)
		str_addf(&found, "%s%s", n ? ", " : "",
			 inet_ntop(a->ai_family, address_of(a), ip, sizeof ip));
	check_fact(run, "addresses", "%lld", (long long)n);
	if (n < c->min_addresses)
		return check_fail(out, D_DNS_NO_ADDRESS, c->name,
				  "it has %lld address%s (%s), demanded are %lld", (long long)n,
				  n == 1 ? "" : "es", found.s, (long long)c->min_addresses);
	if (check_includes(c, list, found.s, out))
		return RESULT_FAIL;
	check_summary(run, "%s", found.s);
	return RESULT_PASS;
}

const struct check_kind check_dns = {
    .name = "dns",
    .summary = "a name resolves to enough and to the right addresses",
    .schema = &(const struct schema){.size = sizeof(struct dns_conf), .keys = dns_keys},
    .urls = {{.scheme = "dns", .example = "dns://name", .key = "name"}},
    .run = dns_run,
};
