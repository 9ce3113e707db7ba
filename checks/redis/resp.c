#include "resp.h"

#include <ctype.h>

/* hiredis allocates what the head of an array announces before anything of it has come (and has a limit of its own only
 * since 1.1): *2147483647 would be 16 GiB. The length of a bulk string is harmless: its bytes are counted as they come. */
#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif
static redisReplyObjectFunctions bounded; /* hiredis's own, but for the next */
static void *(*create_array)(const redisReadTask *task, element_count n);

static void *create_bounded_array(const redisReadTask *task, element_count n)
{
	return n > RESP_ELEMENTS_MAX ? NULL : create_array(task, n);
}

void resp_begin(struct resp *r, const struct check_run *run, const struct conn *conn)
{
	*r = (struct resp){.run = run, .conn = *conn, .reader = redisReaderCreate()};
	invariant(r->reader);
	if (!create_array) {
		bounded = *r->reader->fn;
		create_array = bounded.createArray;
		bounded.createArray = create_bounded_array;
	}
	r->reader->fn = &bounded;
	r->reader->maxbuf = 0;
}

const char *resp_library(void)
{
	static char text[64];

	snprintf(text, sizeof text, "hiredis %d.%d.%d", HIREDIS_MAJOR, HIREDIS_MINOR,
		 HIREDIS_PATCH);
	return text;
}

static enum result fail_not_redis(struct resp *r, const char *buf, size_t n, struct diag *out)
{
	const unsigned char *b = (const unsigned char *)buf;
	char words[120];

	/* A TLS record of type alert: the peer wants TLS (RFC 8446 section 5.1). */
	if (n >= 2 && b[0] == 21 && b[1] == 3)
		return check_fail(out, D_TLS_REQUIRED, r->conn.peer,
				  "the peer answers with a TLS alert");
	text_clean_n(words, sizeof words, buf, n);
	return check_fail(out, D_REDIS_NOT_REDIS, r->conn.peer,
			  "the answer is not of the Redis protocol; it begins with: %s", words);
}

/* What the connection cannot know: which answer is missing, and that a part of it came. */
static enum result fail_late(const struct resp *r, const char *asked, struct diag *out)
{
	if (!r->bytes)
		return check_fail(out, D_ANSWER_TIMEOUT, r->conn.peer, "no answer to %s in time",
				  asked);
	return check_fail(out, D_ANSWER_TIMEOUT, r->conn.peer,
			  "the answer to %s began, but was not complete in time: %zu bytes came",
			  asked, r->bytes);
}

redisReply *resp_ask(struct resp *r, struct diag *out, const char *const *words)
{
	char *command, buf[16 * 1024], first[64];
	size_t n_first = 0;
	void *reply = NULL;
	int argc = 0, len;

	while (words[argc])
		argc++;
	len = redisFormatCommandArgv(&command, argc, (const char **)words, NULL);
	invariant(len > 0);
	r->bytes = 0;
	if (net_write(r->run, &r->conn, command, (size_t)len, out))
		return NULL;
	for (;;) {
		ssize_t n;

		if (redisReaderGetReply(r->reader, &reply) != REDIS_OK) {
			if (r->reader->err == REDIS_ERR_OOM)
				check_fail(out, D_ANSWER_TOO_LARGE, r->conn.peer,
					   "the answer to %s is an array of more than %d elements",
					   words[0], RESP_ELEMENTS_MAX);
			else
				fail_not_redis(r, first, n_first, out);
			return NULL;
		}
		if (reply)
			return reply;
		n = net_read(r->run, &r->conn, buf, sizeof buf, out);
		if (n < 0 && out->code == D_ANSWER_TIMEOUT)
			fail_late(r, words[0], out);
		if (n < 0)
			return NULL;
		if (!n) {
			check_fail(out, r->bytes ? D_ANSWER_TRUNCATED : D_CONNECT_CLOSED,
				   r->conn.peer, "the peer closed the connection in answer to %s",
				   words[0]);
			return NULL;
		}
		if (!n_first) {
			n_first = (size_t)n < sizeof first ? (size_t)n : sizeof first;
			memcpy(first, buf, n_first);
		}
		r->bytes += (size_t)n;
		if (r->bytes > RESP_REPLY_MAX) {
			check_fail(out, D_ANSWER_TOO_LARGE, r->conn.peer,
				   "the answer to %s is larger than %d MiB", words[0],
				   RESP_REPLY_MAX >> 20);
			return NULL;
		}
		redisReaderFeed(r->reader, buf, (size_t)n);
	}
}

/* First match wins. What an error begins with is a whole word: BUSYKEY is not BUSY. */
static const struct {
	const char *words;
	enum diag_code code;
} error_begins[] = {
    {"LOADING", D_REDIS_LOADING},
    {"MASTERDOWN", D_REDIS_MASTER_DOWN},
    {"READONLY", D_REDIS_READONLY},
    {"BUSY", D_REDIS_BUSY},
    {"MISCONF", D_REDIS_MISCONF},
    {"OOM", D_REDIS_OUT_OF_MEMORY},
    {"CLUSTERDOWN", D_REDIS_CLUSTER_DOWN},
    {"NOREPLICAS", D_REDIS_REPLICAS},
    {"DENIED", D_REDIS_PROTECTED_MODE},
    {"WRONGPASS", D_AUTH_FAILED},
    {"ERR invalid password", D_AUTH_FAILED},
    {"ERR max number of clients", D_REDIS_MAX_CLIENTS},
    {"ERR DB index is out of range", D_REDIS_DATABASE},
    {"ERR invalid DB index", D_REDIS_DATABASE},
    {"ERR SELECT is not allowed in cluster mode", D_REDIS_DATABASE},
    {"ERR unknown command", D_REDIS_COMMAND},
    {"ERR unknown subcommand", D_REDIS_COMMAND},
    {"NOPERM", D_AUTH_FORBIDDEN},
    {"NOAUTH", D_AUTH_REQUIRED},
};

static bool begins_with_words(const char *text, const char *words)
{
	size_t n = strlen(words);

	return !strncasecmp(text, words, n) && !isalnum((unsigned char)text[n]);
}

/* A well-formed error is an answer of Redis, whatever it says. */
static enum diag_code error_code(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(error_begins); i++)
		if (begins_with_words(text, error_begins[i].words))
			return error_begins[i].code;
	/* ACL DRYRUN: "ERR Command 'x' not found". */
	return begins_with_words(text, "ERR Command") && strstr(text, "not found") ? D_REDIS_COMMAND
										   : D_REDIS_ERROR;
}

enum result resp_fail(struct diag *out, const redisReply *reply, const struct resp *r,
		      const char *asked, bool with_login)
{
	enum diag_code code;

	if (!resp_is_error(reply))
		return check_fail(out, D_PROTOCOL_MISMATCH, r->conn.peer,
				  "%s: an answer of another type than expected", asked);
	code = error_code(reply->str);
	if (code == D_AUTH_REQUIRED && with_login)
		code = D_AUTH_FAILED;
	return check_fail(out, code, r->conn.peer, "%s: %s", asked, reply->str);
}

const char *resp_info(const char *info, const char *name, char *buf, size_t size)
{
	size_t n = strlen(name);

	for (const char *line = info; line && *line;
	     line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		if (!strncmp(line, name, n) && line[n] == ':') {
			snprintf(buf, size, "%.*s", (int)strcspn(line + n + 1, "\r\n"),
				 line + n + 1);
			return buf;
		}
	return NULL;
}
