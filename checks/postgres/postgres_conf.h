/* postgres_conf: declares what the keys of the kind postgres fill. */
#ifndef SG_POSTGRES_CONF_H
#define SG_POSTGRES_CONF_H

#include "check.h"

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

#endif
