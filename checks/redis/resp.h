/* resp: the Redis protocol (RESP2) over net.h. hiredis makes the commands and reads the replies; its own connections
 * are not used: they know neither TLS (before 1.0) nor a deadline for names.
 *
 * Child only. Replies are bounded by RESP_REPLY_MAX bytes, and their arrays by RESP_ELEMENTS_MAX elements.
 */
#ifndef SG_RESP_H
#define SG_RESP_H

#include <hiredis/hiredis.h>

#include "net.h"

#define RESP_REPLY_MAX (1024 * 1024) /* INFO with everything a server has is a tenth of it */
#define RESP_ELEMENTS_MAX 10000      /* no command that is asked here answers with more than two */

struct resp {
	const struct check_run *run;
	struct conn conn;
	redisReader *reader;
	size_t bytes; /* of the reply that is being read */
};

void resp_begin(struct resp *r, const struct check_run *run, const struct conn *conn);
/* One command, one reply (freed at the child's end). NULL with *out filled: connect-closed, answer-timeout,
 * redis-not-redis, ... An error reply is a reply. `words` ends with NULL. */
redisReply *resp_ask(struct resp *r, struct diag *out, const char *const *words);
#define RESP(r, out, ...) resp_ask(r, out, (const char *const[]){__VA_ARGS__, NULL})
/* What an error reply means: NOAUTH, LOADING, ... (Redis documentation, "RESP errors"). `asked` names the command. */
enum result resp_fail(struct diag *out, const redisReply *reply, const struct resp *r,
		      const char *asked, bool with_login);
/* The value of "name:value" in an INFO text, or NULL. */
const char *resp_info(const char *info, const char *name, char *buf, size_t size);
static inline bool resp_is_error(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ERROR;
}
const char *resp_library(void);

#endif
