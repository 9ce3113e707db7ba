/* postgres: checks that PostgreSQL accepts this user, has the right role and version, and has tables, rights and migrations.
 *
 * It connects through libpq, so that URLs, environment, service and password files mean the same as for the service. All
 * statements run in one read-only transaction.
 */
#include <arpa/inet.h>
#include <math.h>
#include <netdb.h>

#include "check.h"
#include "migration.h"
#include "pq.h"
#include "resolve.h"
#include "version.h"

enum role { ROLE_PRIMARY, ROLE_REPLICA, ROLE_ANY };
static const char *const roles[] = {"primary", "replica", "any", NULL};
static const char *const sslmodes[] = {"disable",   "allow",       "prefer", "require",
				       "verify-ca", "verify-full", NULL};
static const char *const tools[] = {"alembic", "django", "flyway", NULL};

struct migration {
	int tool;
	const char *table, *column;
	struct strlist head;
	const char *heads;
	const char *app;
};
struct query {
	const char *sql;
	const char *equals;
	struct strlist one_of;
	double min, max;
};
struct postgres_conf {
	struct url url;
	struct secret dsn;
	const char *username;
	struct secret password;
	const char *database;
	int sslmode;
	const char *ca_file, *cert_file, *key_file;
	int role;
	const char *min_version;
	struct strlist extensions, tables, privileges;
	const struct migration *migration;
	const struct query *query;
};

static const char *const postgres_schemes[] = {"postgres", "postgresql", NULL};

/* Splits "INSERT on outbox" or "vector >= 0.5"; sets *right to NULL when the separator is missing. */
static void split_at(const char *text, const char *separator, char left[256], const char **right)
{
	const char *at = strcasestr(text, separator);

	snprintf(left, 256, "%.*s", (int)(at ? (size_t)(at - text) : strlen(text)), text);
	for (size_t n = strlen(left); n > 0 && left[n - 1] == ' ';)
		left[--n] = '\0';
	*right = at ? at + strlen(separator) : NULL;
	while (*right && **right == ' ')
		(*right)++;
}

static const char *privilege_problem(const char *text)
{
	static const char *const known[] = {"SELECT",   "INSERT",  "UPDATE",   "DELETE",
					    "TRUNCATE", "TRIGGER", "MAINTAIN", "REFERENCES"};
	char names[256]; /* of privileges */
	const char *table;

	split_at(text, " on ", names, &table);
	if (!table || !*table)
		return "needs a privilege and its table: \"INSERT on outbox_events\"";
	for (char *save, *w = strtok_r(names, ", ", &save); w; w = strtok_r(NULL, ", ", &save)) {
		size_t i = 0;

		while (i < ARRAY_LEN(known) && strcasecmp(known[i], w) != 0)
			i++;
		if (i == ARRAY_LEN(known))
			return "has a word that is not a privilege of a table, such as SELECT or "
			       "INSERT";
	}
	return NULL;
}

static const char *extension_problem(const char *text)
{
	char name[256];
	const char *version;

	split_at(text, ">=", name, &version);
	return !*name    ? "needs the name of an extension"
	       : version ? version_problem(version)
			 : NULL;
}

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
    KEY_STRLIST(struct query, one_of, .flags = K_NUMBERS, .doc = "It must be one of these.",
		.example = "[\"blue\", \"green\"]"),
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
    KEY_ENUM(struct postgres_conf, sslmode, .choices = sslmodes,
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
    KEY_STRLIST(struct postgres_conf, extensions, .check = extension_problem,
		.doc = "Extensions that must be in the database.",
		.example = "[\"vector >= 0.5\", \"pg_trgm\"]"),
    KEY_STRLIST(struct postgres_conf, tables,
		.doc = "Tables that must exist, written as in SQL: with their schema, or found by "
		       "search_path.",
		.example = "[\"outbox_events\", \"audit.log\"]"),
    KEY_STRLIST(struct postgres_conf, privileges, .check = privilege_problem,
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
	if (!m->head.n == !m->heads)
		return "needs head or heads, and not both";
	if (m->app && m->tool != TOOL_DJANGO)
		return "has app, which only Django's migrations have";
	return m->tool == TOOL_DJANGO && !m->app ? "needs the app whose migrations these are"
						 : NULL;
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

/* ---- options --------------------------------------------------------------------------------------------------- */
struct session {
	const struct check_run *run;
	const struct postgres_conf *conf;
	struct pq_options options; /* for all hosts, from url, dsn, keys and environment */
	int role;                  /* demanded enum role */
	struct pq pq;
};

/* Adds libpq's defaults, and the options from the environment and the service file. */
static void add_defaults(struct pq_options *o)
{
	const PQconninfoOption *all = PQconndefaults();

	for (; all && all->keyword; all++)
		if (all->val && !pq_get(o, all->keyword))
			pq_set(o, all->keyword, all->val);
}

static enum result add_text(struct pq_options *o, const char *text, const char *subject,
			    enum diag_code code, struct diag *out)
{
	char *error = NULL;
	const PQconninfoOption *all = PQconninfoParse(text, &error);

	/* Do not report libpq's message: it quotes the text, which may hold a password. */
	if (!all)
		return check_fail(out, code, subject,
				  "libpq does not understand it as a URL or as key=value pairs");
	for (; all->keyword; all++) {
		if (!all->val)
			continue;
		if (str_eq(all->keyword, "password") || str_eq(all->keyword, "sslpassword"))
			scrub_register(all->val);
		pq_set(o, all->keyword, all->val);
	}
	return RESULT_PASS;
}

static enum result add_url(const struct postgres_conf *c, struct pq_options *o, struct diag *out)
{
	static struct url url;
	const char *value;

	if (url_reveal(&c->url, &url, out))
		return RESULT_FAIL;
	if (add_text(o, url.text, "url",
		     c->url.ref.kind == SECRET_ENV ? D_ENV_MISMATCH : D_POSTGRES_SETTING, out))
		return RESULT_FAIL;
	value = secret_is_set(url.user) ? secret_read(url.user, out) : NULL;
	if (value)
		pq_set(o, "user", value);
	value = secret_is_set(url.password) ? secret_reveal(url.password, out) : NULL;
	if (value)
		pq_set(o, "password", value);
	return RESULT_PASS;
}

static enum result add_dsn(const struct postgres_conf *c, struct pq_options *o, struct diag *out)
{
	const char *text = secret_read(c->dsn, out);

	if (!text)
		return RESULT_FAIL;
	if (!*text)
		return check_fail(out, c->dsn.kind == SECRET_ENV ? D_ENV_EMPTY : D_SECRET_MALFORMED,
				  c->dsn.text, "it holds no connection string");
	return add_text(o, text, c->dsn.kind == SECRET_LITERAL ? "dsn" : c->dsn.text,
			c->dsn.kind == SECRET_ENV ? D_ENV_MISMATCH : D_SECRET_MALFORMED, out);
}

static bool environment_names_a_server(void)
{
	static const char *const names[] = {"PGHOST", "PGHOSTADDR", "PGSERVICE"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return true;
	}
	return false;
}

static enum result add_keys(const struct postgres_conf *c, struct pq_options *o, struct diag *out)
{
	const char *password = NULL;
	bool chosen = pq_get(o, "sslmode") || getenv("PGSSLMODE");

	if (secret_is_set(c->password)) {
		password = secret_reveal(c->password, out);
		if (!password)
			return RESULT_FAIL;
		pq_set(o, "password", password);
	}
	if (c->username)
		pq_set(o, "user", c->username);
	if (c->database)
		pq_set(o, "dbname", c->database);
	if (c->ca_file)
		pq_set(o, "sslrootcert", c->ca_file);
	if (c->cert_file)
		pq_set(o, "sslcert", c->cert_file);
	if (c->key_file)
		pq_set(o, "sslkey", c->key_file);
	if (c->sslmode != ENUM_UNSET)
		pq_set(o, "sslmode", sslmodes[c->sslmode]);
	else if (c->ca_file && !chosen) /* libpq's default would ignore ca_file */
		pq_set(o, "sslmode", "verify-full");
	/* GSSAPI encryption would add a round trip and a search for a ticket to each attempt. */
	if (!pq_get(o, "gssencmode") && !getenv("PGGSSENCMODE"))
		pq_set(o, "gssencmode", "disable");
	return RESULT_PASS;
}

static enum result make_options(struct session *s, struct diag *out)
{
	const struct postgres_conf *c = s->conf;
	struct pq_options *o = &s->options;
	const char *service;

	if (url_is_set(&c->url) ? add_url(c, o, out) : secret_is_set(c->dsn) && add_dsn(c, o, out))
		return RESULT_FAIL;
	if (!url_is_set(&c->url) && !secret_is_set(c->dsn) && !environment_names_a_server())
		return check_fail(
		    out, D_ENV_MISSING, "PGHOST",
		    "neither url nor dsn is given, and none of PGHOST, PGHOSTADDR and "
		    "PGSERVICE is set");
	if (add_keys(c, o, out))
		return RESULT_FAIL;
	service = pq_get(o, "service");
	if (service)
		setenv("PGSERVICE", service, 1);
	add_defaults(o);
	if (pq_get(o, "password"))
		scrub_register(pq_get(o, "password"));
	pq_set(o, "application_name", "startguard");
	return RESULT_PASS;
}

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

/* ---- contents of the server --------------------------------------------------------------------------------------------- */
#define QUERY(s, out, subject, sql, ...) \
	pq_query(&(s)->pq, sql, (const char *const[]){__VA_ARGS__, NULL}, subject, out)

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

/* Begins the transaction, and judges role and version. Sets the time limit here, because a pooler refuses it at startup. */
static enum result begin_transaction(struct session *s, struct diag *out)
{
	char sql[400], version[32];
	int left = instant_left_ms_now(s->run->deadline);
	const PGresult *r;

	check_step(s->run, PH_PROTOCOL, "asking %s for role and version", s->pq.peer);
	/* End before the deadline, so that the server can still report the timeout. */
	left = left > 600 ? left - 300 : left / 2 + 1;
	snprintf(sql, sizeof sql,
		 "BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = %d; "
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
	snprintf(version, sizeof version, "%.*s", (int)strcspn(PQgetvalue(r, 0, 1), " ("),
		 PQgetvalue(r, 0, 1));
	check_fact(s->run, "version", "%s", version);
	check_fact(s->run, "database", "%s", PQgetvalue(r, 0, 2));
	check_summary(s->run, "PostgreSQL %s, database %s", version, PQgetvalue(r, 0, 2));
	if (check_role(s, r, out))
		return RESULT_FAIL;
	if (s->conf->min_version && version_compare(version, s->conf->min_version) < 0)
		return check_fail(out, D_POSTGRES_VERSION, s->pq.peer, "version %s, demanded is %s",
				  version, s->conf->min_version);
	return RESULT_PASS;
}

static enum result check_extension(struct session *s, const char *wanted, struct diag *out)
{
	char name[256], subject[DIAG_SUBJECT_MAX];
	const char *version, *has;
	const PGresult *r;

	split_at(wanted, ">=", name, &version);
	snprintf(subject, sizeof subject, "extension %s", name);
	r = QUERY(s, out, subject,
		  "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = $1", name);
	if (!r)
		return RESULT_FAIL;
	if (PQntuples(r) == 0)
		return check_fail(out, D_POSTGRES_EXTENSION, subject,
				  "it is not installed in database %s", PQdb(s->pq.conn));
	has = PQgetvalue(r, 0, 0);
	if (version && version_compare(has, version) < 0)
		return check_fail(out, D_POSTGRES_EXTENSION, subject, "version %s, demanded is %s",
				  has, version);
	return RESULT_PASS;
}

/* Fails when the table is missing. Sets *name to the quoted name with its schema, for use in SQL. */
static enum result find_table(struct session *s, const char *table, const char **name,
			      struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];
	const PGresult *r;

	snprintf(subject, sizeof subject, "table %s", table);
	r = QUERY(
	    s, out, subject,
	    "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), "
	    "pg_catalog.current_setting('search_path') FROM (SELECT 1) one "
	    "LEFT JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass($1) "
	    "LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace",
	    table);
	if (!r)
		return RESULT_FAIL;
	*name = PQgetvalue(r, 0, 0);
	if (**name)
		return RESULT_PASS;
	return check_fail(out, D_POSTGRES_TABLE_MISSING, subject,
			  "database %s does not have it; search_path is %s", PQdb(s->pq.conn),
			  PQgetvalue(r, 0, 1));
}

static enum result check_privilege(struct session *s, const char *wanted, struct diag *out)
{
	char names[256], subject[DIAG_SUBJECT_MAX];
	const char *table, *name;
	const PGresult *r;

	split_at(wanted, " on ", names, &table);
	if (find_table(s, table, &name, out))
		return RESULT_FAIL;
	snprintf(subject, sizeof subject, "table %s", table);
	for (char *save, *w = strtok_r(names, ", ", &save); w; w = strtok_r(NULL, ", ", &save)) {
		r = QUERY(
		    s, out, subject,
		    "SELECT pg_catalog.has_table_privilege($1, $2) AND "
		    "pg_catalog.has_schema_privilege((SELECT relnamespace FROM pg_catalog.pg_class "
		    "WHERE oid = $1::pg_catalog.regclass), 'USAGE'), current_user",
		    name, w);
		if (!r)
			return RESULT_FAIL;
		if (!str_eq(PQgetvalue(r, 0, 0), "t"))
			return check_fail(out, D_POSTGRES_PRIVILEGE, subject,
					  "user %s has no privilege %s on it", PQgetvalue(r, 0, 1),
					  w);
	}
	return RESULT_PASS;
}

/* ---- migrations -------------------------------------------------------------------------------------------------------- */
static const struct {
	const char *table, *column, *where;
} recorded[] = {
    [TOOL_ALEMBIC] = {"alembic_version", "version_num", "$1 = ''"},
    [TOOL_DJANGO] = {"django_migrations", "name", "app = $1"},
    [TOOL_FLYWAY] = {"flyway_schema_history", "version",
		     "$1 = '' AND success AND version IS NOT NULL"},
};

static enum result read_state(struct session *s, const struct migration *m, const char *name,
			      struct migration_state *state, struct diag *out)
{
	char *column =
	    PQescapeIdentifier(s->pq.conn, m->column ? m->column : recorded[m->tool].column,
			       strlen(m->column ? m->column : recorded[m->tool].column));
	cleanup_str struct str sql;
	const PGresult *r;

	str_init(&sql, 2000);
	str_addf(&sql, "SELECT %s::text, %s FROM %s WHERE %s", column,
		 m->tool == TOOL_FLYWAY ? "type" : "''", name, recorded[m->tool].where);
	r = QUERY(s, out, name, sql.s, m->app ? m->app : "");
	if (!r)
		return RESULT_FAIL;
	for (int i = 0; i < PQntuples(r); i++) {
		const char *one = PQgetvalue(r, i, 0);

		strlist_add(&state->applied, one);
		if (str_eq(PQgetvalue(r, i, 1), "BASELINE"))
			state->baseline = one;
	}
	return RESULT_PASS;
}

static enum result check_migration(struct session *s, const struct migration *m, struct diag *out)
{
	struct migration_files files = {.heads = m->head};
	struct migration_state state = {0};
	const char *name, *one, *has;

	if (m->heads && migration_read(m->heads, m->tool, &files, out))
		return RESULT_FAIL;
	if (find_table(s, m->table ? m->table : recorded[m->tool].table, &name, out) ||
	    read_state(s, m, name, &state, out))
		return RESULT_FAIL;
	has = state.applied.n ? state.applied.v[state.applied.n - 1] : "none";
	check_fact(s->run, "migration", "%s", has);
	one = m->heads ? migration_newer(&files, &state, m->tool) : NULL;
	if (one)
		return check_fail(out, D_POSTGRES_MIGRATION_AHEAD, name,
				  "it records %s, which %s does not have", one, m->heads);
	one = migration_missing(&files.heads, &state, m->tool);
	if (one)
		return check_fail(out, D_POSTGRES_MIGRATION, name,
				  "it does not record %s; the last it records is %s", one, has);
	return RESULT_PASS;
}

/* ---- a query ------------------------------------------------------------------------------------------------------------- */
static enum result check_value(const struct query *q, const char *value, struct diag *out)
{
	char *end;
	double number = strtod(value, &end);

	if (q->equals && !str_eq(value, q->equals))
		return check_fail(out, D_POSTGRES_QUERY, "query", "it gives \"%s\", not \"%s\"",
				  value, q->equals);
	if (q->one_of.n && !strlist_has(&q->one_of, value))
		return check_fail(out, D_POSTGRES_QUERY, "query",
				  "it gives \"%s\", which one_of does not have", value);
	if (isnan(q->min) && isnan(q->max))
		return RESULT_PASS;
	if (end == value || *end || isnan(number))
		return check_fail(out, D_POSTGRES_QUERY, "query",
				  "it gives \"%s\", which is no number", value);
	if (number < q->min || number > q->max) /* never with NaN */
		return check_fail(out, D_POSTGRES_QUERY, "query", "it gives %s, demanded is %s %g",
				  value, number < q->min ? "at least" : "at most",
				  number < q->min ? q->min : q->max);
	return RESULT_PASS;
}

static enum result check_query(struct session *s, const struct query *q, struct diag *out)
{
	static const char *const none[] = {NULL};
	const PGresult *r = pq_query(&s->pq, q->sql, none, "query", out);

	if (!r) {
		/* An error of the profile's statement, not of the server. */
		out->code = out->code == D_POSTGRES_ERROR ? D_POSTGRES_QUERY : out->code;
		return RESULT_FAIL;
	}
	if (PQntuples(r) == 0 || PQnfields(r) == 0)
		return check_fail(out, D_POSTGRES_QUERY, "query", "it gives no row");
	if (PQgetisnull(r, 0, 0))
		return check_fail(out, D_POSTGRES_QUERY, "query", "it gives NULL");
	return check_value(q, PQgetvalue(r, 0, 0), out);
}

/* ---- an attempt ---------------------------------------------------------------------------------------------------------- */
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
	return begin_transaction(s, out);
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
		diag_keep_latest(out, &this);
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
		diag_keep_latest(out, &this);
	}
	return RESULT_FAIL;
}

static enum result postgres_run(const struct check_run *run, struct diag *out)
{
	const struct postgres_conf *c = run->conf;
	struct session *s = xcalloc(1, sizeof *s);
	const char *name;

	s->run = run;
	s->conf = c;
	if (make_options(s, out))
		return RESULT_FAIL;
	choose_role(s);
	if (try_hosts(s, out))
		return RESULT_FAIL;
	check_step(run, PH_ASSERT, "asking %s for what it must have", s->pq.peer);
	for (size_t i = 0; i < c->extensions.n; i++)
		if (check_extension(s, c->extensions.v[i], out))
			return RESULT_FAIL;
	for (size_t i = 0; i < c->tables.n; i++)
		if (find_table(s, c->tables.v[i], &name, out))
			return RESULT_FAIL;
	for (size_t i = 0; i < c->privileges.n; i++)
		if (check_privilege(s, c->privileges.v[i], out))
			return RESULT_FAIL;
	if (c->migration && check_migration(s, c->migration, out))
		return RESULT_FAIL;
	return c->query ? check_query(s, c->query, out) : RESULT_PASS;
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
