#include "postgres_demands.h"

#include <math.h>

#include "findings.h"
#include "migration.h"
#include "version.h"

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

const char *postgres_privilege_problem(const char *text)
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

const char *postgres_extension_problem(const char *text)
{
	char name[256];
	const char *version;

	split_at(text, ">=", name, &version);
	return !*name    ? "needs the name of an extension"
	       : version ? version_problem(version)
			 : NULL;
}

/* ---- one demand ------------------------------------------------------------------------------------------------------- */
struct demands {
	const struct check_run *run;
	const struct postgres_conf *conf;
	struct pq *pq;
	struct strlist missing; /* names of tables that were told to be missing */
	struct findings findings;
};

#define QUERY(d, out, subject, sql, ...) \
	pq_query((d)->pq, sql, (const char *const[]){__VA_ARGS__, NULL}, subject, out)

static enum result check_version(struct demands *d, const char *version, struct diag *out)
{
	const char *least = d->conf->min_version;

	if (!least || version_compare(version, least) >= 0)
		return RESULT_PASS;
	return check_fail(out, D_POSTGRES_VERSION, d->pq->peer, "version %s, demanded is %s",
			  version, least);
}

static enum result check_extension(struct demands *d, const char *wanted, struct diag *out)
{
	char name[256], subject[DIAG_SUBJECT_MAX];
	const char *version, *has;
	const PGresult *r;

	split_at(wanted, ">=", name, &version);
	snprintf(subject, sizeof subject, "extension %s", name);
	r = QUERY(d, out, subject,
		  "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = $1", name);
	if (!r)
		return RESULT_FAIL;
	if (PQntuples(r) == 0)
		return check_fail(out, D_POSTGRES_EXTENSION, subject,
				  "it is not installed in database %s", PQdb(d->pq->conn));
	has = PQgetvalue(r, 0, 0);
	if (version && version_compare(has, version) < 0)
		return check_fail(out, D_POSTGRES_EXTENSION, subject, "version %s, demanded is %s",
				  has, version);
	return RESULT_PASS;
}

/* Does PostgreSQL read capitals of this name as small letters? */
static bool folds_case(const char *name)
{
	return !strchr(name, '"') && strcspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") < strlen(name);
}

/* Fails when the table is missing. Sets *name to the quoted name with its schema, for use in SQL. */
static enum result find_table(struct demands *d, const char *table, const char **name,
			      struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];
	const PGresult *r;

	invariant(table); /* each row's check demands one */
	snprintf(subject, sizeof subject, "table %s", table);
	r = QUERY(
	    d, out, subject,
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
			  "database %s does not have it%s; search_path is %s", PQdb(d->pq->conn),
			  folds_case(table) ? " (without double quotes its capitals count as small "
					      "letters)"
					    : "",
			  PQgetvalue(r, 0, 1));
}

/* Adds a name to a list such as "INSERT, DELETE". */
static void add_name(char *list, size_t size, const char *name)
{
	size_t n = strlen(list);

	snprintf(list + n, size - n, "%s%s", n ? ", " : "", name);
}

static enum result check_privilege(struct demands *d, const char *wanted, struct diag *out)
{
	char names[256], lacking[256] = "", subject[DIAG_SUBJECT_MAX];
	const char *table, *name, *user = "";
	const PGresult *r;

	split_at(wanted, " on ", names, &table);
	if (find_table(d, table, &name, out))
		return RESULT_FAIL;
	snprintf(subject, sizeof subject, "table %s", table);
	for (char *save, *w = strtok_r(names, ", ", &save); w; w = strtok_r(NULL, ", ", &save)) {
		r = QUERY(
		    d, out, subject,
		    "SELECT pg_catalog.has_table_privilege($1, $2) AND "
		    "pg_catalog.has_schema_privilege((SELECT relnamespace FROM pg_catalog.pg_class "
		    "WHERE oid = $1::pg_catalog.regclass), 'USAGE'), current_user",
		    name, w);
		if (!r)
			return RESULT_FAIL;
		if (!str_eq(PQgetvalue(r, 0, 0), "t"))
			add_name(lacking, sizeof lacking, w);
		user = PQgetvalue(r, 0, 1);
	}
	if (!*lacking)
		return RESULT_PASS;
	return check_fail(out, D_POSTGRES_PRIVILEGE, subject, "user %s has no privilege %s on it",
			  user, lacking);
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

static enum result read_state(struct demands *d, const struct migration *m, const char *name,
			      struct migration_state *state, struct diag *out)
{
	char *column =
	    PQescapeIdentifier(d->pq->conn, m->column ? m->column : recorded[m->tool].column,
			       strlen(m->column ? m->column : recorded[m->tool].column));
	cleanup_str struct str sql;
	const PGresult *r;

	str_init(&sql, 2000);
	str_addf(&sql, "SELECT %s::text, %s FROM %s WHERE %s", column,
		 m->tool == TOOL_FLYWAY ? "type" : "''", name, recorded[m->tool].where);
	r = QUERY(d, out, name, sql.s, m->app ? m->app : "");
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

static enum result check_migration(struct demands *d, const struct migration *m, struct diag *out)
{
	struct migration_files files = {.heads = m->head};
	struct migration_state state = {0};
	const char *name, *one, *has;

	if (m->heads && migration_read(m->heads, m->tool, &files, out))
		return RESULT_FAIL;
	if (find_table(d, m->table ? m->table : recorded[m->tool].table, &name, out) ||
	    read_state(d, m, name, &state, out))
		return RESULT_FAIL;
	has = state.applied.n ? state.applied.v[state.applied.n - 1] : "none";
	check_fact(d->run, "migration", "%s", has);
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

static enum result check_query(struct demands *d, const struct query *q, struct diag *out)
{
	static const char *const none[] = {NULL};
	const PGresult *r = pq_query(d->pq, q->sql, none, "query", out);

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

/* ---- all demands ------------------------------------------------------------------------------------------------------- */
/* Returns whether another statement can be answered, after it has gone back to the savepoint if one has failed. */
static bool can_continue(struct demands *d, const struct diag *failure)
{
	PGTransactionStatusType status = PQtransactionStatus(d->pq->conn);
	struct diag ignored = {0};

	if (status != PQTRANS_INERROR)
		return status == PQTRANS_INTRANS;
	return failure->code != D_POSTGRES_STATEMENT_TIMEOUT &&
	       pq_query(d->pq, "ROLLBACK TO SAVEPOINT " POSTGRES_SAVEPOINT, NULL, d->pq->peer,
			&ignored);
}

/* Adds a failure to the findings, a table that is missing only once. Returns whether to continue. */
static bool collect(struct demands *d, enum result result, const struct diag *failure)
{
	bool missing = result != RESULT_PASS && failure->code == D_POSTGRES_TABLE_MISSING;

	if (result == RESULT_PASS)
		return true;
	if (!missing || !strlist_has(&d->missing, failure->subject))
		findings_add(&d->findings, failure, failure->cause);
	if (missing)
		strlist_add(&d->missing, xstrdup(failure->subject));
	return can_continue(d, failure);
}

/* Checks each item of a list. Returns whether to continue. */
static bool check_each(struct demands *d, const struct strlist *list,
		       enum result (*check)(struct demands *, const char *, struct diag *))
{
	for (size_t i = 0; i < list->n; i++) {
		struct diag failure = {0};

		if (!collect(d, check(d, list->v[i], &failure), &failure))
			return false;
	}
	return true;
}

static enum result check_table(struct demands *d, const char *table, struct diag *out)
{
	const char *name;

	return find_table(d, table, &name, out);
}

static void check_all(struct demands *d, const char *version)
{
	const struct postgres_conf *c = d->conf;
	struct diag failure = {0};

	if (!collect(d, check_version(d, version, &failure), &failure) ||
	    !check_each(d, &c->extensions, check_extension) ||
	    !check_each(d, &c->tables, check_table) ||
	    !check_each(d, &c->privileges, check_privilege))
		return;
	if (c->migration && !collect(d, check_migration(d, c->migration, &failure), &failure))
		return;
	if (c->query)
		collect(d, check_query(d, c->query, &failure), &failure);
}

enum result postgres_check_demands(const struct check_run *run, struct pq *pq, const char *version,
				   struct diag *out)
{
	struct demands d = {.run = run, .conf = run->conf, .pq = pq};

	check_step(run, PH_ASSERT, "asking %s for what it must have", pq->peer);
	check_all(&d, version);
	return findings_result(&d.findings, out);
}
