#include "resolve_srv.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <sys/socket.h>

#include "in_time.h"
#include "resolve.h"

#define ANSWER_MAX 65536 /* bytes; what TCP can carry */
#define RDATA_FIXED 6    /* priority, weight and port, before the target */

/* Shared with the thread, and outlives resolve_srv when the resolver hangs. */
struct search {
	char name[256];
	unsigned char answer[ANSWER_MAX];
	int len, host_error;
};

static void search_records(void *arg)
{
	struct search *s = arg;
	struct __res_state state = {0};

	s->len = -1;
	s->host_error = NETDB_INTERNAL;
	if (res_ninit(&state))
		return;
	s->len = res_nsearch(&state, s->name, ns_c_in, ns_t_srv, s->answer, sizeof s->answer);
	s->host_error = state.res_h_errno;
	res_nclose(&state);
}

static void read_record(const ns_msg *msg, const ns_rr *record, struct srv_targets *targets)
{
	struct srv_target *t = &targets->v[targets->n];
	const unsigned char *data = ns_rr_rdata(*record);
	size_t n;

	if (ns_rr_type(*record) != ns_t_srv || ns_rr_rdlen(*record) <= RDATA_FIXED ||
	    ns_name_uncompress(ns_msg_base(*msg), ns_msg_end(*msg), data + RDATA_FIXED, t->host,
			       sizeof t->host) < 0)
		return;
	n = strlen(t->host);
	if (n > 0 && t->host[n - 1] == '.')
		t->host[n - 1] = '\0';
	t->port = ns_get16(data + 4);
	targets->n++;
}

void srv_read_answer(const unsigned char *answer, size_t len, struct srv_targets *targets)
{
	ns_msg msg;
	ns_rr record;

	*targets = (struct srv_targets){.n = 0};
	if (len > ANSWER_MAX || ns_initparse(answer, (int)len, &msg))
		return;
	for (int i = 0; i < ns_msg_count(msg, ns_s_an) && targets->n < SRV_TARGETS_MAX; i++)
		if (!ns_parserr(&msg, ns_s_an, i, &record))
			read_record(&msg, &record, targets);
}

/* The query for addresses finds out whether a server was silent, failed, or could not be reached. */
static enum result fail_again(const struct check_run *run, const char *name, struct diag *out)
{
	struct addrinfo *ignored = NULL;

	if (resolve_host(run, name, 0, AF_UNSPEC, &ignored, out) &&
	    (out->code == D_DNS_TIMEOUT || out->code == D_DNS_SERVER_FAILED))
		return RESULT_FAIL;
	return check_fail(out, D_DNS_SERVER_FAILED, name,
			  "no name server answers the question for SRV records: %s",
			  hstrerror(TRY_AGAIN));
}

enum result resolve_srv(const struct check_run *run, const char *name, struct srv_targets *targets,
			struct diag *out)
{
	struct search *s = xcalloc(1, sizeof *s);

	*targets = (struct srv_targets){.n = 0};
	if (strlen(name) >= sizeof s->name)
		return check_fail(out, D_DNS_NO_SUCH_NAME, name,
				  "a host name has at most 253 characters");
	snprintf(s->name, sizeof s->name, "%s", name);
	check_step(run, PH_RESOLVE, "asking for SRV records of %s", name);
	if (!in_time(search_records, s, run->deadline))
		return check_fail(
		    out, D_DNS_TIMEOUT, name,
		    "the resolver did not come back before the deadline of the attempt");
	/* The length may be that of an answer which was cut. */
	if (s->len >= 0)
		srv_read_answer(s->answer, s->len < ANSWER_MAX ? (size_t)s->len : ANSWER_MAX,
				targets);
	if (targets->n > 0) {
		check_reached(run, "resolve");
		return RESULT_PASS;
	}
	if (s->len < 0 && s->host_error == TRY_AGAIN)
		return fail_again(run, name, out);
	if (s->len < 0 && s->host_error == HOST_NOT_FOUND)
		return check_fail(out, D_DNS_NO_SUCH_NAME, name, "the resolver says: %s",
				  hstrerror(HOST_NOT_FOUND));
	if (s->len < 0 && s->host_error != NO_DATA)
		return check_fail(out, D_DNS_SERVER_FAILED, name, "the resolver says: %s",
				  hstrerror(s->host_error));
	return check_fail(out, D_DNS_NO_ADDRESS, name, "the name has no SRV records");
}
