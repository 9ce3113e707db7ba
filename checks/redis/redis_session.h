/* redis_session: reaches the server that a profile means (by a URL, by sentinels, by seeds of a cluster), logs in, and follows
 * the redirections of a cluster.
 *
 * Child only. Sends AUTH, PING, ROLE, SENTINEL get-master-addr-by-name, CLUSTER INFO and ASKING, which change nothing. A function that
 * fails returns RESULT_FAIL with *out filled. Nothing is closed or freed: the child's exit does that.
 */
#ifndef SG_REDIS_SESSION_H
#define SG_REDIS_SESSION_H

#include "redis_conf.h"
#include "redis_url.h"
#include "resp.h"

struct redis_login {
	const char *user, *password; /* NULL password: no login */
	bool for_sentinels;
};
struct redis_node { /* a node that a redirection has named */
	struct resp resp;
	char host[256];
	int port;
	struct redis_node *next;
};
struct redis_session {
	const struct check_run *run;
	const struct redis_conf *conf;
	struct url url; /* with its secrets; of no use with sentinels and seeds */
	struct redis_url parts;
	struct arena arena; /* has the texts of parts */
	/* From the url or from the keys of the profile. */
	struct strlist sentinels, seeds;
	const char *master_name;
	bool sentinel_tls;
	struct redis_login login, sentinel_login;
	struct tls_conf tls_conf;
	bool tls;
	int64_t database;
	struct resp *resp; /* the server */
	struct resp *at;   /* the node that answered redis_ask last */
	struct redis_node *nodes;
	/* What ROLE has said; empty when the server does not answer it. */
	char role[24], link[24];
	int64_t replicas; /* -1: not said */
};

/* Reads the secrets and the URL: what waiting cannot mend is told before anything is connected. */
enum result redis_session_begin(struct redis_session *s, const struct check_run *run,
				struct diag *out);
/* Connects and logs in, and asks whether this is a Redis server, the named master, and, where the profile wants a cluster, a
 * complete one. Of several sentinels or seeds each gets its share of the time, until one leads to such a server. */
enum result redis_session_reach(struct redis_session *s, struct diag *out);
/* Sends a command with one key, to the node that has it, and sets s->at. Returns the reply, also an error reply; NULL with *out
 * filled when none came. `args` ends with NULL. */
redisReply *redis_ask(struct redis_session *s, struct diag *out, const char *const *args);
#define REDIS_ASK(s, out, ...) redis_ask(s, out, (const char *const[]){__VA_ARGS__, NULL})
/* Returns the word of Redis for the role that a server tells in its own words: "slave" is "replica", "primary" is "master". */
const char *redis_role_word(const char *role);
/* Does a server of this role serve as a master or replica? An active replica of KeyDB serves as both. */
bool redis_role_is(const char *role, enum redis_role wanted);

#endif
