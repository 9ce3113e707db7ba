#include "resolve.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <sys/socket.h>
#include <unistd.h>

#include "in_time.h"

/* The thread of getaddrinfo shares it, and it outlives resolve_host when the resolver hangs. */
struct lookup {
	char host[256], port[8];
	struct addrinfo hints, *list;
	int eai, sys_errno;
};

static void call_getaddrinfo(void *arg)
{
	struct lookup *q = arg;

	q->eai = getaddrinfo(q->host, q->port, &q->hints, &q->list);
	q->sys_errno = errno;
}

static int server_socket(const struct __res_state *state, int i)
{
	struct sockaddr_in6 *six = state->_u._ext.nsaddrs[i];
	bool v6 = six && six->sin6_family == AF_INET6;
	const struct sockaddr *addr =
	    v6 ? (const struct sockaddr *)six : (const struct sockaddr *)&state->nsaddr_list[i];
	int fd = socket(addr->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, addr, v6 ? sizeof *six : sizeof state->nsaddr_list[i])) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Sends one query to one server. Returns the rcode of its answer, or -1. Sets *err to the errno of the call that
 * failed, else to 0, also when the server was silent. */
static int query_server(const struct __res_state *state, int i, const unsigned char *query, int len,
			struct instant until, int *err)
{
	unsigned char answer[NS_PACKETSZ * 2];
	cleanup_fd int fd = server_socket(state, i);

	*err = 0;
	if (fd < 0 || send(fd, query, (size_t)len, MSG_NOSIGNAL) != len) {
		*err = errno;
		return -1;
	}
	while (instant_poll(fd, POLLIN, until) > 0) {
		ssize_t n = recv(fd, answer, sizeof answer, MSG_DONTWAIT);

		if (n >= NS_HFIXEDSZ && answer[0] == query[0] && answer[1] == query[1])
			return answer[3] & 15;
		if (n < 0) {
			*err = errno; /* ECONNREFUSED, mostly: no server listens there */
			return -1;
		}
	}
	return -1;
}

/* How the name servers respond to a query of our own. */
enum servers { SERVERS_SILENT, SERVERS_FAIL, SERVERS_UNREACHABLE };

/* What a query of our own has found out, for the cause. */
struct servers_said {
	int err;                       /* SERVERS_UNREACHABLE: the last errno */
	const char *rcode;             /* SERVERS_FAIL: the name of the failure; NULL: not known */
	char server[INET6_ADDRSTRLEN]; /* who answered so */
};

/* The codes of RFC 1035 section 4.1.1 that resolvers give for a failure. */
static const char *rcode_name(int rcode)
{
	return rcode == ns_r_servfail  ? "SERVFAIL"
	       : rcode == ns_r_refused ? "REFUSED"
	       : rcode == ns_r_formerr ? "FORMERR"
	       : rcode == ns_r_notimpl ? "NOTIMP"
				       : NULL;
}

static void keep_server(const struct __res_state *state, int i, struct servers_said *said)
{
	const struct sockaddr_in6 *six = state->_u._ext.nsaddrs[i];

	if (six && six->sin6_family == AF_INET6)
		inet_ntop(AF_INET6, &six->sin6_addr, said->server, sizeof said->server);
	else
		inet_ntop(AF_INET, &state->nsaddr_list[i].sin_addr, said->server,
			  sizeof said->server);
}

/* EAI_AGAIN means that no server answered, or that one answered with a failure; glibc does not report which. Sends a query
 * to each server of resolv.conf until one answers. Returns SERVERS_FAIL when that answer is a failure, and also when the
 * resolver returned sooner than the time-out of a silent server: a server then failed for another name of the search list,
 * or for another record type. Returns SERVERS_UNREACHABLE, with the last errno in *said, when the query could not be sent to
 * any server or all refused it. */
static enum servers query_servers(const char *host, struct duration waited, struct instant until,
				  struct servers_said *said)
{
	unsigned char query[NS_PACKETSZ];
	struct __res_state state = {0};
	int len, rcode = -1;
	bool silence, reached = false;

	if (res_ninit(&state))
		return SERVERS_SILENT;
	len = res_nmkquery(&state, ns_o_query, host, ns_c_in, ns_t_a, NULL, 0, NULL, query,
			   sizeof query);
	for (int i = 0; i < state.nscount && len > 0 && rcode < 0; i++) {
		rcode = query_server(
		    &state, i, query, len,
		    instant_share(instant_now(), until, (size_t)(state.nscount - i)), &said->err);
		reached |= rcode >= 0 || !said->err;
		said->rcode = rcode_name(rcode);
		keep_server(&state, i, said);
	}
	silence = waited.ns >= DURATION_S(state.retrans).ns;
	res_nclose(&state);
	if (rcode == ns_r_noerror || rcode == ns_r_nxdomain)
		return silence ? SERVERS_SILENT : SERVERS_FAIL;
	if (rcode < 0)
		return reached || len <= 0 ? SERVERS_SILENT : SERVERS_UNREACHABLE;
	return SERVERS_FAIL;
}

static bool is_ascii(const char *text)
{
	while (*text && !(*text & 0x80))
		text++;
	return !*text;
}

static enum result fail_eai(struct diag *out, int eai, int sys_errno, const char *host)
{
	enum diag_code code = eai == EAI_NONAME                            ? D_DNS_NO_SUCH_NAME
			      : eai == EAI_NODATA || eai == EAI_ADDRFAMILY ? D_DNS_NO_ADDRESS
									   : D_DNS_SERVER_FAILED;

	check_fail(out, code, host, "the resolver says: %s",
		   eai == EAI_SYSTEM ? strerror(sys_errno) : gai_strerror(eai));
	/* RFC 2782: _kafka._tcp.example.org has records that name hosts and ports, and no address. */
	if (code != D_DNS_SERVER_FAILED && host[0] == '_' &&
	    (strcasestr(host, "._tcp.") || strcasestr(host, "._udp.")))
		diag_hint(
		    out, "this is the name of SRV records, which have no address: give a host that "
			 "they name, and its port (dig SRV shows them)");
	if (code == D_DNS_NO_SUCH_NAME && !is_ascii(host))
		diag_hint(out, "a name with letters outside of ASCII is known to name servers as "
			       "xn--...: write it so (idn2 prints that form)");
	return RESULT_FAIL;
}

bool resolve_is_literal(const char *host)
{
	unsigned char buf[16];

	return inet_pton(AF_INET, host, buf) == 1 || inet_pton(AF_INET6, host, buf) == 1 ||
	       strchr(host, '%');
}

static enum result fail_again(const struct check_run *run, const char *host, struct duration waited,
			      struct diag *out)
{
	struct instant until =
	    instant_earlier(run->deadline, instant_after(instant_now(), DURATION_S(2)));
	/* Without the file the resolver asks a server on this host (resolv.conf(5)). */
	bool no_file = access("/etc/resolv.conf", F_OK) && errno == ENOENT;
	const char *server = no_file
				 ? "there is no /etc/resolv.conf, and no name server at 127.0.0.1"
				 : "no name server of resolv.conf";
	struct servers_said said = {0};

	check_step(run, PH_RESOLVE, "asking the name servers about %s once more", host);
	switch (query_servers(host, waited, until, &said)) {
	case SERVERS_SILENT:
		return check_fail(out, D_DNS_TIMEOUT, host, "%s answered in time", server);
	case SERVERS_FAIL:
		if (said.rcode)
			return check_fail(out, D_DNS_SERVER_FAILED, host,
					  "the name server %s answered with a failure: %s",
					  said.server, said.rcode);
		return check_fail(out, D_DNS_SERVER_FAILED, host,
				  "the name server answered with a failure (%s)",
				  gai_strerror(EAI_AGAIN));
	case SERVERS_UNREACHABLE:
		break;
	}
	check_fail(out, D_DNS_SERVER_FAILED, host, "%s can be reached: %s", server,
		   strerror(said.err));
	out->sys_errno = said.err;
	return RESULT_FAIL;
}

enum result resolve_host(const struct check_run *run, const char *host, int port, int family,
			 struct addrinfo **list, struct diag *out)
{
	struct lookup *q = xcalloc(1, sizeof *q);
	struct instant begin = instant_now();
	bool literal = resolve_is_literal(host);

	if (strlen(host) >= sizeof q->host)
		return check_fail(out, D_DNS_NO_SUCH_NAME, host,
				  "a host name has at most 253 characters");
	snprintf(q->host, sizeof q->host, "%s", host);
	snprintf(q->port, sizeof q->port, "%d", port);
	/* AI_ADDRCONFIG is not set: it hides addresses in a container without routes, where the error of connect says more. */
	q->hints = (struct addrinfo){.ai_family = family,
				     .ai_socktype = SOCK_STREAM,
				     .ai_flags = AI_NUMERICSERV | (literal ? AI_NUMERICHOST : 0)};
	if (literal) {
		call_getaddrinfo(q);
	} else {
		check_step(run, PH_RESOLVE, "resolving %s", host);
		if (!in_time(call_getaddrinfo, q, run->deadline))
			return check_fail(
			    out, D_DNS_TIMEOUT, host,
			    "the resolver did not come back before the deadline of the attempt");
	}
	if (q->eai == EAI_AGAIN)
		return fail_again(run, host, instant_since(begin, instant_now()), out);
	if (q->eai)
		return fail_eai(out, q->eai, q->sys_errno, host);
	if (!literal)
		check_reached(run, "resolve");
	*list = q->list;
	return RESULT_PASS;
}
