/* redis_conf: what a profile says about one check of kind redis. checks/redis.c has the rows. */
#ifndef SG_REDIS_CONF_H
#define SG_REDIS_CONF_H

#include "check.h"
#include "tls_keys.h"

enum redis_role { ROLE_MASTER, ROLE_REPLICA, ROLE_ANY };

struct redis_conf {
	struct url url;
	struct strlist sentinels, seeds, can;
	const char *master_name, *username, *sentinel_username, *min_version, *maxmemory_policy,
	    *write_probe;
	struct secret password, sentinel_password;
	int64_t database, min_replicas;
	TLS_KEY_FIELDS
	int role; /* enum redis_role */
	bool cluster, tls, sentinel_tls;
	struct grouplist keys;
};

#endif
