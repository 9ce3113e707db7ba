#include "pq_options.h"

#include <libpq-fe.h>

#include "postgres_conf.h"
#include "pq_text.h"

const char *const pq_sslmodes[] = {"disable",   "allow",       "prefer", "require",
				   "verify-ca", "verify-full", NULL};

void pq_set(struct pq_options *o, const char *name, const char *value)
{
	size_t i = 0;

	while (i < o->n && !str_eq(o->names[i], name))
		i++;
	invariant(i < PQ_OPTIONS_MAX);
	o->names[i] = name;
	o->values[i] = value;
	if (i == o->n)
		o->n++;
}

const char *pq_get(const struct pq_options *o, const char *name)
{
	for (size_t i = 0; i < o->n; i++)
		if (str_eq(o->names[i], name))
			return o->values[i] && *o->values[i] ? o->values[i] : NULL;
	return NULL;
}

/* Adds libpq's defaults, and the options from the environment and the service file. */
static void add_defaults(struct pq_options *o)
{
	const PQconninfoOption *all = PQconndefaults();

	for (; all && all->keyword; all++)
		if (all->val && !pq_get(o, all->keyword))
			pq_set(o, all->keyword, all->val);
}

/* Does not report libpq's message: it quotes the text, which may hold a password. */
static enum result fail_text(const char *text, const char *subject, enum diag_code code,
			     struct diag *out)
{
	char why[200];

	pq_text_problem(text, why, sizeof why);
	return check_fail(out, code, subject,
			  "libpq does not understand it as a URL or as key=value pairs%s%s",
			  *why ? ": " : "", why);
}

static enum result add_text(struct pq_options *o, const char *text, const char *subject,
			    enum diag_code code, struct diag *out)
{
	char *error = NULL;
	const PQconninfoOption *all = PQconninfoParse(text, &error);

	if (!all)
		return fail_text(text, subject, code, out);
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
	if (pq_text_is_split_wrongly(text))
		return check_fail(
		    out, c->dsn.kind == SECRET_ENV ? D_ENV_MISMATCH : D_SECRET_MALFORMED,
		    c->dsn.text, "its user part holds / or @; write them as %%2F and %%40");
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
		pq_set(o, "sslmode", pq_sslmodes[c->sslmode]);
	else if (c->ca_file && !chosen) /* libpq's default would ignore ca_file */
		pq_set(o, "sslmode", "verify-full");
	/* GSSAPI encryption would add a round trip and a search for a ticket to each attempt. */
	if (!pq_get(o, "gssencmode") && !getenv("PGGSSENCMODE"))
		pq_set(o, "gssencmode", "disable");
	return RESULT_PASS;
}

enum result pq_options_make(const struct postgres_conf *c, struct pq_options *o, struct diag *out)
{
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
