/* redis_url: reads a URL of a Redis server as clients and platforms write it.
 *
 * Pure. A URL may also name sentinels or nodes of a cluster, one or several with commas. The parameters after "?" are those of redis-py, Celery, go-redis, lettuce, fred, Symfony and StackExchange.Redis. Those that only change how the
 * client behaves (time-outs, pools, protocol) are passed over, and their names noted.
 */
#ifndef SG_REDIS_URL_H
#define SG_REDIS_URL_H

#include "check.h"

enum redis_url_kind { REDIS_URL_SERVER, REDIS_URL_SENTINELS, REDIS_URL_CLUSTER };
struct redis_url {
	enum redis_url_kind kind;
	/* Of sentinels and of a cluster: "host:port", at least one. Of a server the url has host and port. */
	struct strlist hosts;
	const char *master_name; /* of sentinels */
	bool tls;
	bool any_certificate; /* ssl_cert_reqs=none: the client does not verify the server */
	const char *socket;   /* the path of a unix socket; NULL for host and port */
	int64_t database;     /* INT_UNSET when the URL names none */
	/* Decoded values of parameters, NULL when they are missing. */
	const char *username, *password, *ca_file, *ca_path, *cert_file, *key_file;
	char passed_over
	    [160]; /* names of the parameters that mean nothing here, separated by commas */
};

extern const char *const redis_url_schemes[]; /* NULL-terminated */
/* Those for -w, besides the forms that its help shows. Another one, unix://, may be any server's. */
#define redis_url_other_schemes (&redis_url_schemes[5])

/* Reads the scheme, the path and the parameters. Returns NULL, or the problem, which never quotes a value. The texts live in *a. */
const char *redis_url_read(const struct url *url, struct arena *a, struct redis_url *out);

#endif
