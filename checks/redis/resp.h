/* resp: speaks the Redis protocol (RESP2) over a connection of net.h. hiredis formats the commands and parses the replies;
 * its own connections are not used: they have no TLS before 1.0, and no deadline for resolving a name.
 *
 * Child only. Accepts replies of at most RESP_REPLY_MAX bytes and, in all arrays together, RESP_ELEMENTS_MAX elements.
 */
#ifndef SG_RESP_H
#define SG_RESP_H

#include <hiredis/hiredis.h>

#include "tls.h"

#define RESP_REPLY_MAX (1024 * 1024) /* bytes; ten times the INFO of a large server */
#define RESP_ELEMENTS_MAX 10000      /* the commands of this kind are answered with two at most */

struct resp {
	const struct check_run *run;
	struct conn conn;
	redisReader *reader;
	bool with_login; /* AUTH was sent: a NOAUTH after it means that the login failed */
	size_t bytes;    /* bytes read of the present reply */
	size_t elements; /* elements of all its arrays */
	char first[64];  /* the reply's first bytes, to quote a peer that is not Redis */
};

void resp_begin(struct resp *r, const struct check_run *run, const struct conn *conn);
/* Sends one command and returns its reply, also an error reply (the child's exit frees it); `args` ends with NULL. Returns
 * NULL with *out filled when no reply came (connect-closed, answer-timeout, redis-not-redis, ...). */
redisReply *resp_command(struct resp *r, struct diag *out, const char *const *args);
#define RESP(r, out, ...) resp_command(r, out, (const char *const[]){__VA_ARGS__, NULL})
/* Sends one command and returns a reply of this type (REDIS_REPLY_STRING, ...); NULL with *out filled for any other. */
redisReply *resp_command_for(struct resp *r, int type, struct diag *out, const char *const *args);
#define RESP_FOR(r, type, out, ...) \
	resp_command_for(r, type, out, (const char *const[]){__VA_ARGS__, NULL})
/* Diagnoses an error reply: NOAUTH, LOADING, ... (Redis documentation, "RESP errors"). `asked` names the command. */
enum result resp_fail(struct diag *out, const redisReply *reply, const struct resp *r,
		      const char *asked);
struct resp_value {
	char text[64];
};
/* Finds the line "name:value" in the text of INFO. Returns false, with an empty text, when it is missing. */
bool resp_info(const char *info, const char *name, struct resp_value *value);
static inline bool resp_is_error(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ERROR;
}
const char *resp_library(void);

#endif
