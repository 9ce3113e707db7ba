/* redis_url: reads a URL of a Redis server as clients and platforms write it.
 *
 * Pure. The parameters after "?" are those of redis-py, Celery, go-redis, lettuce and StackExchange.Redis. Those that only change how the
 * client behaves (time-outs, pools, protocol) are passed over, and their names noted.
 */
#ifndef SG_REDIS_URL_H
#define SG_REDIS_URL_H

#include "check.h"

struct redis_url {
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

/* Reads the scheme, the path and the parameters. Returns NULL, or the problem, which never quotes a value. The texts live in *a. */
const char *redis_url_read(const struct url *url, struct arena *a, struct redis_url *out);

#endif
