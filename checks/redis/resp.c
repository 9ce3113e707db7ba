#include "resp.h"

#include "redis_error.h"

/* hiredis allocates an array as soon as it has read the length (it has no limit before 1.1): *2147483647 would take 16 GiB.
 * Since 1.0 arrays may nest to any depth, and ten bytes that announce a thousand elements take eight thousand bytes, so the
 * limit is for all arrays of a reply together. A bulk string's length needs no limit: read_more counts the bytes that arrive. */
#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif
static redisReplyObjectFunctions bounded; /* hiredis's, but with create_bounded_array */
static void *(*create_array)(const redisReadTask *task, element_count n);

static void *create_bounded_array(const redisReadTask *task, element_count n)
{
	struct resp *r = task->privdata;

	if ((size_t)n > RESP_ELEMENTS_MAX - r->elements)
		return NULL;
	r->elements += (size_t)n;
	return create_array(task, n);
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

/* Diagnoses a reply that hiredis could not parse. */
static void fail_parse(struct resp *r, const char *asked, struct diag *out)
{
	size_t n = r->bytes < sizeof r->first ? r->bytes : sizeof r->first;
	char start[120];

	if (r->reader->err == REDIS_ERR_OOM) {
		check_fail(out, D_ANSWER_TOO_LARGE, r->conn.peer,
			   "the arrays of the answer to %s have more than %d elements", asked,
			   RESP_ELEMENTS_MAX);
	} else if (tls_is_alert(r->first, n)) {
		check_fail(out, D_TLS_REQUIRED, r->conn.peer, "the peer answers with a TLS alert");
	} else {
		text_clean_n(start, sizeof start, r->first, n);
		check_fail(out, D_REDIS_NOT_REDIS, r->conn.peer,
			   "the answer is not of the Redis protocol; it begins with: %s", start);
	}
}

/* The cause says which command was sent and how many bytes of the reply came; net_read knows neither. */
static enum result fail_answer_timeout(const struct resp *r, const char *asked, struct diag *out)
{
	if (!r->bytes)
		return check_fail(out, D_ANSWER_TIMEOUT, r->conn.peer, "no answer to %s in time",
				  asked);
	return check_fail(out, D_ANSWER_TIMEOUT, r->conn.peer,
			  "the answer to %s began, but was not complete in time: %zu bytes came",
			  asked, r->bytes);
}

/* Reads more of the reply into hiredis's buffer. */
static enum result read_more(struct resp *r, const char *asked, struct diag *out)
{
	char buf[16 * 1024];
	size_t n, space = r->bytes < sizeof r->first ? sizeof r->first - r->bytes : 0;

	if (net_read(r->run, &r->conn, buf, sizeof buf, &n, out))
		return out->code == D_ANSWER_TIMEOUT ? fail_answer_timeout(r, asked, out)
						     : RESULT_FAIL;
	if (!n)
		return check_fail(out, r->bytes ? D_ANSWER_TRUNCATED : D_CONNECT_CLOSED,
				  r->conn.peer, "the peer closed the connection in answer to %s",
				  asked);
	if (space)
		memcpy(r->first + r->bytes, buf, n < space ? n : space);
	r->bytes += n;
	if (r->bytes > RESP_REPLY_MAX)
		return check_fail(out, D_ANSWER_TOO_LARGE, r->conn.peer,
				  "the answer to %s is larger than %d MiB", asked,
				  RESP_REPLY_MAX >> 20);
	redisReaderFeed(r->reader, buf, n);
	return RESULT_PASS;
}

/* Is this the answer to a line of the PROXY protocol? A load balancer that sends it to a server that expects none makes every answer
 * belong to the command before, so nothing that follows can be trusted. */
static bool answers_proxy_line(const redisReply *reply)
{
	static const char words[] = "unknown command";
	const char *what = resp_is_error(reply) ? strcasestr(reply->str, words) : NULL;

	if (!what)
		return false;
	what += sizeof words - 1;
	return str_starts(what + strspn(what, " '`"), "PROXY");
}

static enum result fail_proxy_line(const struct resp *r, const char *asked, const char *text,
				   struct diag *out)
{
	check_fail(out, D_PROTOCOL_MISMATCH, r->conn.peer,
		   "the answer to %s is to a line that was not sent: %s", asked, text);
	diag_hint(out, "a proxy in between sends the PROXY protocol to a server that does not "
		       "expect it: switch that off (send-proxy, proxy_protocol)");
	return RESULT_FAIL;
}

redisReply *resp_command(struct resp *r, struct diag *out, const char *const *args)
{
	char *command;
	void *reply = NULL;
	int argc = 0, len;

	while (args[argc])
		argc++;
	len = redisFormatCommandArgv(&command, argc, (const char **)args, NULL);
	invariant(len > 0);
	r->bytes = 0;
	r->elements = 0;
	r->reader->privdata = r;
	if (net_write(r->run, &r->conn, command, (size_t)len, out))
		return NULL;
	while (!reply) {
		if (redisReaderGetReply(r->reader, &reply) != REDIS_OK) {
			fail_parse(r, args[0], out);
			return NULL;
		}
		if (!reply && read_more(r, args[0], out))
			return NULL;
	}
	if (answers_proxy_line(reply)) {
		fail_proxy_line(r, args[0], ((redisReply *)reply)->str, out);
		return NULL;
	}
	return reply;
}

redisReply *resp_command_for(struct resp *r, int type, struct diag *out, const char *const *args)
{
	redisReply *reply = resp_command(r, out, args);

	if (!reply || reply->type == type)
		return reply;
	resp_fail(out, reply, r, args[0]);
	return NULL;
}

enum result resp_fail(struct diag *out, const redisReply *reply, const struct resp *r,
		      const char *asked)
{
	enum diag_code code;

	if (!resp_is_error(reply))
		return check_fail(out, D_PROTOCOL_MISMATCH, r->conn.peer,
				  "%s: an answer of another type than expected", asked);
	code = redis_error_code(reply->str);
	if (code == D_AUTH_REQUIRED && r->with_login)
		code = D_AUTH_FAILED;
	return check_fail(out, code, r->conn.peer, "%s: %s", asked, reply->str);
}

bool resp_info(const char *info, const char *name, struct resp_value *value)
{
	size_t n = strlen(name);

	for (const char *line = info; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, n) && line[n] == ':') {
			line += n + 1;
			snprintf(value->text, sizeof value->text, "%.*s",
				 (int)strcspn(line, "\r\n"), line);
			return true;
		}
	}
	value->text[0] = 0;
	return false;
}
