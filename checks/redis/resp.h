/* resp: the Redis protocol (RESP2) over a connection of net.h. hiredis formats the commands and parses the replies. Its
 * own connections have no TLS before 1.0, and no deadline for resolving a name.
 *
 * Child only. A reply has at most RESP_REPLY_MAX bytes, all its arrays together at most RESP_ELEMENTS_MAX elements.
 */
#ifndef SG_RESP_H
#define SG_RESP_H

#include <hiredis/hiredis.h>

#include "tls.h"

#define RESP_REPLY_MAX (1024 * 1024) /* ten times what INFO of a large server takes */
#define RESP_ELEMENTS_MAX 10000 /* no command that is sent here is answered with more than two */

struct resp {
	const struct check_run *run;
	struct conn conn;
	redisReader *reader;
	bool with_login; /* AUTH was sent: a NOAUTH after it means that the login failed */
	size_t bytes;    /* of the reply that is being read */
	size_t elements; /* of all its arrays */
	char first[64];  /* the reply's first bytes, to quote a peer that is not Redis */
};

void resp_begin(struct resp *r, const struct check_run *run, const struct conn *conn);
/* Sends one command and reads its reply (freed by the child's exit); `args` ends with NULL. An error reply is a reply.
 * NULL with *out filled: connect-closed, answer-timeout, redis-not-redis, ... */
redisReply *resp_command(struct resp *r, struct diag *out, const char *const *args);
#define RESP(r, out, ...) resp_command(r, out, (const char *const[]){__VA_ARGS__, NULL})
/* The same for a reply that must be of this type (REDIS_REPLY_STRING, ...); NULL with *out filled for any other. */
redisReply *resp_command_for(struct resp *r, int type, struct diag *out, const char *const *args);
#define RESP_FOR(r, type, out, ...) \
	resp_command_for(r, type, out, (const char *const[]){__VA_ARGS__, NULL})
/* What an error reply means: NOAUTH, LOADING, ... (Redis documentation, "RESP errors"). `asked` names the command. */
enum result resp_fail(struct diag *out, const redisReply *reply, const struct resp *r,
		      const char *asked);
struct resp_value {
	char text[64];
};
/* The value of "name:value" in an INFO text, else `otherwise`. */
struct resp_value resp_info(const char *info, const char *name, const char *otherwise);
static inline bool resp_is_error(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ERROR;
}
const char *resp_library(void);

#endif
