/* postgres: checks that PostgreSQL accepts this user, has the right role and version, and has tables, rights and migrations.
 *
 * It connects through libpq, so that URLs, environment, service and password files mean the same as for the service. All
 * statements run in one read-only transaction.
 */
#include <arpa/inet.h>
#include <math.h>
#include <netdb.h>

#include "migration.h"
#include "postgres_demands.h"
#include "resolve.h"
#include "version.h"

enum role { ROLE_PRIMARY, ROLE_REPLICA, ROLE_ANY };
static const char *const roles[] = {"primary", "replica", "any", NULL};
static const char *const tools[] = {"alembic", "django", "flyway", NULL};

static const char *const postgres_schemes[] = {"postgres", "postgresql", NULL};

static const struct key migration_keys[] = {
    KEY_ENUM(
	struct migration, tool, .choices = tools, .def = "alembic",
	.doc = "The tool that records the migrations: it decides the defaults of table and column, "
	       "and how the files are read."),
    KEY_STR(struct migration, table,
	    .doc = "The table that records them (alembic_version, django_migrations, "
		   "flyway_schema_history).",
	    .example = "\"app.alembic_version\""),
    KEY_STR(struct migration, column,
	    .doc = "Its column (version_num; Django's name, Flyway's version).",
	    .example = "\"version_num\""),
    KEY_STRLIST(struct migration, head, .flags = K_NUMBERS,
		.doc = "Migrations that must be recorded.", .example = "\"5f3a1c2b9d7e\""),
    KEY_PATH(struct migration, heads,
	     .doc =
		 "Folder of migrations in the image, instead of head: the database must have them, "
		 "and none that are newer.",
	     .example = "\"/app/alembic/versions\""),
    KEY_STR(struct migration, app, .doc = "Django's label of the app whose migrations these are.",
	    .example = "\"orders\""),
    KEY_END,
};
static const struct schema migration_schema = {.size = sizeof(struct migration),
					       .keys = migration_keys};

static const struct key query_keys[] = {
    KEY_STR(struct query, sql, .flags = K_REQUIRED,
	    .doc = "One statement; the first value of its first row is compared. Without a "
		   "comparison there must be a row.",
	    .example = "\"select count(*) from tenants\""),
    KEY_STR(struct query, equals, .flags = K_NUMBERS | K_EMPTY,
	    .doc = "The text it must be, as PostgreSQL prints it.", .example = "\"t\""),
    KEY_STRLIST(struct query, one_of, .flags = K_NUMBERS | K_EMPTY,
		.doc = "It must be one of these.", .example = "[\"blue\", \"green\"]"),
    KEY_NUM(struct query, min, .doc = "The number it must be at least.", .example = "1"),
    KEY_NUM(struct query, max, .doc = "The number it must be at most.", .example = "100"),
    KEY_END,
};
static const struct schema query_schema = {.size = sizeof(struct query), .keys = query_keys};

static const struct key postgres_keys[] = {
    KEY_URL(struct postgres_conf, url, .schemes = postgres_schemes,
	    .doc =
		"postgresql://host:port/database as libpq takes it, with several hosts and its "
		"parameters. Without url and dsn libpq's environment counts (PGHOST, PGSERVICE).",
	    .example = "\"postgresql://db:5432/app\""),
    KEY_SECRET(struct postgres_conf, dsn, .flags = K_PARTLY,
	       .doc = "Reference to one text with all of it, password too: a URL, or libpq's "
		      "key=value pairs. Instead of url.",
	       .example = "\"env:DATABASE_URL\""),
    KEY_STR(struct postgres_conf, username, .doc = "User, instead of the url's.",
	    .example = "\"app\""),
    KEY_SECRET(struct postgres_conf, password, .doc = "Password, by reference.",
	       .example = "\"env:PGPASSWORD\""),
    KEY_STR(struct postgres_conf, database, .doc = "Database, instead of the url's.",
	    .example = "\"app\""),
    KEY_ENUM(struct postgres_conf, sslmode, .choices = pq_sslmodes,
	     .doc = "libpq's sslmode (default: libpq's prefer; verify-full with ca_file).",
	     .example = "\"verify-full\""),
    KEY_PATH(struct postgres_conf, ca_file, .doc = "CA certificates to trust (sslrootcert), PEM.",
	     .example = "\"/etc/ssl/private-ca.pem\""),
    KEY_PATH(struct postgres_conf, cert_file, .doc = "Client certificate (sslcert), PEM.",
	     .example = "\"/tls/tls.crt\""),
    KEY_PATH(struct postgres_conf, key_file,
	     .doc = "Its private key (sslkey), which only its owner may read.",
	     .example = "\"/tls/tls.key\""),
    KEY_ENUM(struct postgres_conf, role, .choices = roles,
	     .doc =
		 "The role the server must have; of several hosts, the first that has it is taken "
		 "(default: target_session_attrs, else any).",
	     .example = "\"primary\""),
    KEY_STR(struct postgres_conf, min_version, .flags = K_NUMBERS, .check = version_problem,
	    .doc = "The server must be of this version or newer.", .example = "\"14\""),
    KEY_STRLIST(struct postgres_conf, extensions, .check = postgres_extension_problem,
		.doc = "Extensions that must be in the database.",
		.example = "[\"vector >= 0.5\", \"pg_trgm\"]"),
    KEY_STRLIST(struct postgres_conf, tables,
		.doc = "Tables that must exist, written as in SQL: with their schema, or found by "
		       "search_path.",
		.example = "[\"outbox_events\", \"audit.log\"]"),
    KEY_STRLIST(struct postgres_conf, privileges, .check = postgres_privilege_problem,
		.doc = "Privileges on tables that the user must have.",
		.example = "[\"SELECT, INSERT on outbox_events\"]"),
    KEY_GROUP(struct postgres_conf, migration, struct migration, .sub = &migration_schema,
	      .doc = "Migrations that the database must have.",
	      .example = "{ heads = \"/app/alembic/versions\"; }"),
    KEY_GROUP(struct postgres_conf, query, struct query, .sub = &query_schema,
	      .doc = "A statement and what it must give; runs in the read-only transaction.",
	      .example = "{ sql = \"select count(*) from tenants\"; min = 1; }"),
    KEY_END,
};
static const struct schema postgres_schema = {.size = sizeof(struct postgres_conf),
					      .keys = postgres_keys};

static const char *migration_problem(const struct migration *m, const char **key)
{
	*key = "migration";
	if (m->head.n && m->heads)
		return "has head and heads; one of them says which migrations are needed";
	if (m->app && m->tool != TOOL_DJANGO)
		return "has app, which only Django's migrations have";
	if (m->tool == TOOL_DJANGO && !m->app)
		return m->head.n || m->heads
			   ? "needs the app whose migrations these are: app = \"...\""
			   : "needs app = \"...\", and heads = \"FOLDER\" of its migrations or "
			     "head = \"NAME\" of one";
	return m->head.n || m->heads
		   ? NULL
		   : "needs heads = \"FOLDER\" of the migrations, or head = \"NAME\" of one";
}

static const char *postgres_validate(const void *conf, const char **key)
{
	const struct postgres_conf *c = conf;
	const struct query *q = c->query;

	*key = "url";
	if (url_is_set(&c->url) && secret_is_set(c->dsn))
		return "and dsn exclude each other";
	if (c->url.text && strstr(c->url.path, "password="))
		return "has a password among its parameters: give password, or all of it by dsn";
	*key = "query";
	if (q && !q->equals + !q->one_of.n + (isnan(q->min) && isnan(q->max)) < 2)
		return "has several comparisons; give equals, one_of, or min and max";
	return c->migration ? migration_problem(c->migration, key) : NULL;
}

/* ---- an attempt: login, role, demands -------------------------------------------------------------------------- */
struct session {
	const struct check_run *run;
	const struct postgres_conf *conf;
	struct pq_options options; /* for all hosts, from url, dsn, keys and environment */
	int role;                  /* demanded enum role */
	struct pq pq;
	char version[32]; /* of the server: "15.6" */
};

/* Sets the demanded role. check_role judges it, not libpq, which would not report each host's role. */
static void choose_role(struct session *s)
{
	const char *attrs = pq_get(&s->options, "target_session_attrs");

	s->role = s->conf->role;
	if (s->role == ENUM_UNSET)
		s->role = !attrs                                                    ? ROLE_ANY
			  : str_eq(attrs, "read-write") || str_eq(attrs, "primary") ? ROLE_PRIMARY
			  : str_eq(attrs, "read-only") || str_eq(attrs, "standby")  ? ROLE_REPLICA
										    : ROLE_ANY;
	pq_set(&s->options, "target_session_attrs", "any");
}

/* Returns item n of a comma-separated list, or the last one of a shorter list: libpq uses a single port for all hosts. */
static const char *list_item(const char *list, size_t n)
{
	const char *end;

	while (n-- && strchr(list, ','))
		list = strchr(list, ',') + 1;
	end = list + strcspn(list, ",");
	return xstrndup(list, (size_t)(end - list));
}

static size_t list_count(const char *list)
{
	size_t n = 1;

	for (; *list; list++)
		n += *list == ',';
	return n;
}

static enum result check_role(struct session *s, const PGresult *r, struct diag *out)
{
	bool replica = str_eq(PQgetvalue(r, 0, 0), "t");

	check_fact(s->run, "role", "%s", replica ? "replica" : "primary");
	if (s->role == ROLE_ANY || (s->role == ROLE_REPLICA) == replica)
		return RESULT_PASS;
	return check_fail(out, D_POSTGRES_WRONG_ROLE, s->pq.peer,
			  "the server is a %s, demanded is a %s", replica ? "replica" : "primary",
			  roles[s->role]);
}

/* Begins the transaction, reads the version and judges the role. Sets the time limit here, because a pooler refuses it at startup. */
static enum result begin_transaction(struct session *s, struct diag *out)
{
	char sql[400];
	int left = instant_left_ms_now(s->run->deadline);
	const PGresult *r;

	check_step(s->run, PH_PROTOCOL, "asking %s for role and version", s->pq.peer);
	/* End before the deadline, so that the server can still report the timeout. */
	left = left > 600 ? left - 300 : left / 2 + 1;
	snprintf(sql, sizeof sql,
		 "BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = %d; "
		 "SAVEPOINT " POSTGRES_SAVEPOINT "; "
		 "SELECT pg_catalog.pg_is_in_recovery(), "
		 "pg_catalog.current_setting('server_version'), pg_catalog.current_database(), "
		 "pg_catalog.current_setting('search_path'), current_user",
		 left);
	r = pq_query(&s->pq, sql, NULL, s->pq.peer, out);
	if (!r)
		return RESULT_FAIL;
	if (PQntuples(r) != 1 || PQnfields(r) != 5)
		return check_fail(out, D_PROTOCOL_MISMATCH, s->pq.peer,
				  "the server does not answer as PostgreSQL does");
	check_reached(s->run, "query");
	snprintf(s->version, sizeof s->version, "%.*s", (int)strcspn(PQgetvalue(r, 0, 1), " ("),
		 PQgetvalue(r, 0, 1));
	check_fact(s->run, "version", "%s", s->version);
	check_fact(s->run, "database", "%s", PQgetvalue(r, 0, 2));
	check_summary(s->run, "PostgreSQL %s, database %s", s->version, PQgetvalue(r, 0, 2));
	return check_role(s, r, out);
}

/* Tries one address; `until` limits the login, and the attempt's deadline limits the rest. */
static enum result try_server(struct session *s, const char *address, struct instant until,
			      struct diag *out)
{
	struct pq *pq = &s->pq;

	pq->options = s->options;
	pq_set(&pq->options, "host", pq->host);
	pq_set(&pq->options, "hostaddr", address);
	if (pq_connect(pq, until, out))
		return RESULT_FAIL;
	if (!begin_transaction(s, out))
		return RESULT_PASS;
	/* libpq takes another host for another role, and none of the host's other addresses. */
	pq->next = out->code == D_POSTGRES_WRONG_ROLE ? PQ_NEXT_HOST : PQ_NOWHERE;
	return RESULT_FAIL;
}

/* Keeps one failure of several addresses. Returns whether to try no other one: a file or a value that cannot be used fails at each,
 * and after most answers of a server libpq does not go on. `next`: where this failure lets libpq go on at least. */
static bool keep_failure(struct session *s, struct diag *out, const struct diag *this,
			 enum pq_next next)
{
	bool ends = diag_info(this->code)->phase == PH_CONFIG || s->pq.next < next;

	if (ends)
		*out = *this;
	else
		diag_keep_latest(out, this);
	return ends;
}

/* Tries the addresses of a host in turn, each within its share of the time. */
static enum result try_host(struct session *s, const char *hostaddr, struct instant until,
			    struct diag *out)
{
	struct addrinfo *list = NULL;
	size_t left = 0;

	if (s->pq.host[0] == '/' || hostaddr)
		return try_server(s, hostaddr ? hostaddr : "", until, out);
	check_step(s->run, PH_RESOLVE, "resolving %s", s->pq.host);
	s->pq.next = PQ_NEXT_HOST;
	if (resolve_host(s->run, s->pq.host, s->pq.port, AF_UNSPEC, &list, out))
		return RESULT_FAIL;
	for (const struct addrinfo *a = list; a; a = a->ai_next)
		left++;
	for (const struct addrinfo *a = list; a; a = a->ai_next, left--) {
		char address[64];
		struct diag this = {0};

		getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof address, NULL, 0,
			    NI_NUMERICHOST);
		if (!try_server(s, address, instant_share(instant_now(), until, left), &this))
			return RESULT_PASS;
		if (keep_failure(s, out, &this, PQ_NEXT_ADDRESS))
			return RESULT_FAIL;
	}
	return RESULT_FAIL;
}

/* Sets host, port and peer from item i of the lists; the default port is libpq's. */
static void set_server(struct session *s, const char *hosts, const char *ports, size_t i)
{
	struct pq *pq = &s->pq;
	int64_t port = 0;

	pq->run = s->run;
	pq->host = list_item(hosts, i);
	parse_i64(list_item(ports, i), 1, 65535, &port);
	pq->port = port ? (int)port : 5432;
	pq_set(&s->options, "port", list_item(ports, i));
	if (pq->host[0] == '/')
		snprintf(pq->peer, sizeof pq->peer, "%s/.s.PGSQL.%d", pq->host, pq->port);
	else
		hostport_text(pq->host, pq->port, pq->peer, sizeof pq->peer);
}

static enum result try_hosts(struct session *s, struct diag *out)
{
	const char *hosts = pq_get(&s->options, "host"), *ports = pq_get(&s->options, "port");
	const char *addresses = pq_get(&s->options, "hostaddr");
	size_t n;

	hosts = hosts ? hosts : addresses ? addresses : "/var/run/postgresql";
	ports = ports ? ports : "5432";
	n = list_count(hosts);
	for (size_t i = 0; i < n; i++) {
		struct diag this = {0};
		struct instant until = instant_share(instant_now(), s->run->deadline, n - i);

		set_server(s, hosts, ports, i);
		if (!try_host(s, addresses ? list_item(addresses, i) : NULL, until, &this))
			return RESULT_PASS;
		if (keep_failure(s, out, &this, PQ_NEXT_HOST))
			return RESULT_FAIL;
	}
	return RESULT_FAIL;
}

static enum result postgres_run(const struct check_run *run, struct diag *out)
{
	struct session *s = xcalloc(1, sizeof *s);

	s->run = run;
	s->conf = run->conf;
	if (pq_options_make(s->conf, &s->options, out))
		return RESULT_FAIL;
	choose_role(s);
	if (try_hosts(s, out))
		return RESULT_FAIL;
	return postgres_check_demands(run, &s->pq, s->version, out);
}

const struct check_kind check_postgres = {
    .name = "postgres",
    .summary =
	"PostgreSQL lets this user in, has the right role and version, tables, privileges and "
	"migrations",
    .schema = &postgres_schema,
    .urls =
	{
	    {.scheme = "postgres",
	     .example = "postgres://host/database",
	     .key = "url",
	     .as = "postgres"},
	    {.scheme = "postgresql",
	     .example = "postgresql://host/database",
	     .key = "url",
	     .as = "postgresql"},
	},
    .library = pq_library,
    .validate = postgres_validate,
    .run = postgres_run,
};
