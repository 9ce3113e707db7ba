/* redis_error: says what an error reply of a Redis server means, by its first word or, where servers word it in their own way,
 * by the words in it.
 *
 * Pure. The first words are those of Redis 7.0, Valkey and Redis Sentinel ("RESP errors" in the Redis documentation, and the
 * strings of their sources); the other words are those of forks, proxies and managed services. Whether waiting can help
 * follows from the code (diag.def).
 */
#ifndef SG_REDIS_ERROR_H
#define SG_REDIS_ERROR_H

#include "check.h"

/* Returns the diagnosis for the text of an error reply, which has no leading "-"; redis-error for one that says nothing known. */
enum diag_code redis_error_code(const char *text);

/* Where a node of a cluster sends the client instead of answering. */
struct redis_redirect {
	bool is_ask;    /* ASK: for this one command, which needs ASKING before it; else MOVED */
	char host[256]; /* empty: the host that was asked, at another port */
	int port;
};
/* Splits "MOVED 3999 host:port" and "ASK 3999 host:port". Returns false for every other text. */
bool redis_error_redirect(const char *text, struct redis_redirect *out);

#endif
