#include "pq.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>

#include "net.h"
#include "system_ca.h"
#include "tls.h"

#define STATE_LENGTH 5             /* characters of an SQLSTATE (PostgreSQL's manual, appendix A) */
#define PROBE_SIZE 200             /* bytes */
#define CANNOT_CONNECT_NOW "57P03" /* the server starts, recovers or shuts down */
/* What pgbouncer's console answers to every statement of SQL. */
#define CONSOLE_WORDS "use SHOW HELP"
/* Time before the end of an attempt that is kept for probing a silent peer. */
#define PROBE_TIME DURATION_MS(400)
/* How long a peer that has answered is given to say more. */
#define MORE_TIME DURATION_MS(100)

/* ---- errors to codes ------------------------------------------------------------------------------------------ */
/* Returns the code for an error of pgbouncer, which mostly sends the SQLSTATE of a protocol violation. */
static enum diag_code pooler_code(const char *text)
{
	static const struct {
		const char *phrase;
		enum diag_code code;
	} phrases[] = {
	    {"no such database", D_POSTGRES_NO_DATABASE},
	    {"database does not exist", D_POSTGRES_NO_DATABASE},
	    {"no such user", D_AUTH_FAILED},
	    {"auth failed", D_AUTH_FAILED},
	    {"authentication failed", D_AUTH_FAILED},
	    {"login rejected", D_AUTH_FAILED},
	    {"unsupported startup parameter", D_POSTGRES_SETTING},
	    {"SSL required", D_TLS_REQUIRED},
	    {"no more connections allowed", D_POSTGRES_MAX_CONNECTIONS},
	    {"sorry, too many clients", D_POSTGRES_MAX_CONNECTIONS},
	};

	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (strcasestr(text, phrases[i].phrase))
			return phrases[i].code;
	/* The server's own words, which pgbouncer hands on without the server's SQLSTATE. */
	return str_starts(text, "database \"") && strstr(text, "\" does not exist")
		   ? D_POSTGRES_NO_DATABASE
		   : D_POSTGRES_POOLER;
}

static enum diag_code state_code(const char *state, const char *text)
{
	static const struct {
		const char *begin;
		enum diag_code code;
	} states[] = {
	    {"57P", D_POSTGRES_STARTING},
	    {"53300", D_POSTGRES_MAX_CONNECTIONS},
	    {"28P01", D_AUTH_FAILED},
	    {"3D000", D_POSTGRES_NO_DATABASE},
	    {"3F000", D_POSTGRES_TABLE_MISSING},
	    {"42P01", D_POSTGRES_TABLE_MISSING},
	    {"42501", D_POSTGRES_PRIVILEGE},
	    {"57014", D_POSTGRES_STATEMENT_TIMEOUT},
	};

	if (str_eq(state, "08P01"))
		return pooler_code(text);
	/* These names occur in the message in every language (lc_messages). */
	if (str_eq(state, "28000"))
		return strstr(text, "pg_hba.conf")              ? D_POSTGRES_HBA
		       : strcasestr(text, "client certificate") ? D_TLS_CLIENT_CERT_REQUIRED
								: D_AUTH_FAILED;
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (str_starts(state, states[i].begin))
			return states[i].code;
	return D_POSTGRES_ERROR;
}

/* Finds the first (or last) "SEVERITY:  STATE: message" in a verbose error text, where libpq puts the errors of several tries
 * on separate lines. Fills *state and *message; returns false when there is none. */
static bool find_state(const char *text, bool last, char state[STATE_LENGTH + 1], char *message,
		       size_t size)
{
	bool found = false;

	for (const char *p = strstr(text, ":  "); p; p = strstr(p + 1, ":  ")) {
		const char *s = p + 3;
		size_t n = 0;

		while (n < STATE_LENGTH &&
		       (isdigit((unsigned char)s[n]) || isupper((unsigned char)s[n])))
			n++;
		if (n < STATE_LENGTH || strncmp(s + n, ": ", 2) != 0)
			continue;
		memcpy(state, s, STATE_LENGTH);
		state[STATE_LENGTH] = '\0';
		text_clean_n(message, size, s + n + 2, strcspn(s + n + 2, "\n"));
		found = true;
		if (!last)
			break;
	}
	return found;
}

/* Connects to the address that libpq was given, without libpq. */
static enum result connect_again(const struct check_run *run, const struct pq *pq,
				 struct conn *conn, struct diag *out)
{
	const char *address = pq_get(&pq->options, "hostaddr");

	if (pq->host[0] == '/')
		return net_connect_unix(run, pq->peer, conn, out);
	return net_connect(run, address && *address ? address : pq->host, pq->port, conn, out);
}

/* ---- probing the peer ------------------------------------------------------------------------------------------------- */
/* After its answer of one byte PostgreSQL waits for the client. More bytes, which may come a little later, show another protocol: the
 * "S" of SSH is libpq's yes to TLS. */
static void read_more(const struct check_run *run, struct conn *conn, char *answer, size_t *n)
{
	struct check_run shorter = *run;
	struct diag ignored = {0};
	size_t more = 0;

	shorter.deadline = instant_earlier(run->deadline, instant_after(instant_now(), MORE_TIME));
	if (*n > 0 && !net_read(&shorter, conn, answer + *n, PROBE_SIZE - *n, &more, &ignored))
		*n += more;
}

/* Sends libpq's SSLRequest, and `more` for peers that wait for the end of a line, on a separate connection. Stores the answer
 * and the number of its bytes; *n is 0 when the peer closed the connection. */
static enum result probe_peer(const struct pq *pq, struct instant until, const char *more,
			      struct conn *conn, char *answer, size_t *n, struct diag *out)
{
	static const char request[] = "\0\0\0\x08\x04\xd2\x16\x2f";
	struct check_run run = *pq->run;
	char packet[32];
	size_t len = sizeof request - 1;

	memcpy(packet, request, len);
	memcpy(packet + len, more, strlen(more));
	run.deadline = until;
	if (connect_again(&run, pq, conn, out))
		return RESULT_FAIL;
	if (net_write(&run, conn, packet, len + strlen(more), out))
		return RESULT_FAIL;
	if (net_read(&run, conn, answer, PROBE_SIZE, n, out))
		return RESULT_FAIL;
	if (!*more)
		read_more(&run, conn, answer, n);
	return RESULT_PASS;
}

/* The answer to an SSLRequest (PostgreSQL protocol, "SSL Session Encryption"): S, N, or an ErrorResponse of a server without TLS
 * support, or one that cannot start a process. After N or S an ErrorResponse may follow at once, to the bytes that were sent with
 * the request; after S also a TLS record. */
static bool is_postgres_answer(const char *answer, size_t n)
{
	if (n > 1 && (answer[0] == 'S' || answer[0] == 'N')) {
		answer++;
		n--;
		if (answer[0] == 0x15 || answer[0] == 0x16) /* alert, handshake: RFC 8446, 5.1 */
			return n == 1 || answer[1] == 0x03;
	}
	if (n == 1)
		return answer[0] == 'S' || answer[0] == 'N' || answer[0] == 'E';
	return n > 1 && answer[0] == 'E' &&
	       answer[1] == '\0'; /* its length of four bytes is small */
}

static enum result fail_mismatch(const struct pq *pq, const char *answer, size_t n,
				 struct diag *out)
{
	char begin[PROBE_SIZE * 4];

	text_clean_n(begin, sizeof begin, answer, n);
	return check_fail(out, D_PROTOCOL_MISMATCH, pq->peer,
			  "the answer is not PostgreSQL's; it begins with: %s", begin);
}

/* Does libpq compare the certificate with CAs, and with the name? Of sslmode "require" only if there is a file of CAs. */
static struct tls_conf tls_conf_of(const struct pq *pq)
{
	const char *ca = pq_get(&pq->options, "sslrootcert"),
		   *mode = pq_get(&pq->options, "sslmode");
	bool full = mode && str_eq(mode, "verify-full"), some = mode && str_eq(mode, "verify-ca");

	return (struct tls_conf){.ca_file = ca && !str_eq(ca, "system") ? ca : NULL,
				 .cert_file = pq_get(&pq->options, "sslcert"),
				 .key_file = pq_get(&pq->options, "sslkey"),
				 .any_certificate = !full && !some && !ca,
				 .any_name = !full && !(ca && str_eq(ca, "system"))};
}

static bool demands_tls(const struct pq *pq)
{
	const char *mode = pq_get(&pq->options, "sslmode");

	return mode && !str_eq(mode, "disable") && !str_eq(mode, "allow") &&
	       !str_eq(mode, "prefer");
}

/* Repeats the handshake with OpenSSL, which reports certificate and error, and asks for the version where none is common. Keeps
 * libpq's diagnosis if the handshake succeeds, or does not end. */
static enum result fail_handshake(const struct pq *pq, struct diag *out)
{
	struct tls_conf tls = tls_conf_of(pq);
	struct diag this = {0}, ignored = {0};
	struct tls_answer common;
	struct conn conn;
	char answer[PROBE_SIZE];
	size_t n;

	if (probe_peer(pq, pq->run->deadline, "", &conn, answer, &n, &this) || !n)
		return RESULT_FAIL;
	if (!is_postgres_answer(answer, n))
		return fail_mismatch(pq, answer, n, out);
	if (n != 1 || answer[0] != 'S')
		return RESULT_FAIL;
	if (tls_handshake(pq->run, &conn, pq->host, &tls, &this) && this.code != D_ANSWER_TIMEOUT) {
		*out = this;
		if (diag_info(this.code)->phase != PH_CONFIG)
			snprintf(out->subject, sizeof out->subject, "%s", pq->peer);
	}
	if (tls_may_lack_common(out) &&
	    !probe_peer(pq, pq->run->deadline, "", &conn, answer, &n, &ignored) && n == 1) {
		common = tls_ask(conn.fd, pq->host, pq->run->deadline);
		tls_tell_common(out, &common, true);
	}
	return RESULT_FAIL;
}

/* Loads the files with OpenSSL, which finds out more than libpq says, and keeps libpq's words when they can be loaded. */
static void fail_file(const struct pq *pq, const char *text, struct diag *out)
{
	struct tls_conf tls = tls_conf_of(pq);
	struct diag this = {0};

	if (strstr(text, "has group or world access"))
		diag_hint(out, "%s",
			  "libpq takes no private key that others may read: give the file the mode "
			  "0600, or 0640 if root owns it (Kubernetes: defaultMode of the volume)");
	else if (!pq_get(&pq->options, "sslpassword") && tls_files(&tls, &this))
		*out = this;
}

/* Fails by libpq's own texts about TLS and logins, which are English because startguard never calls setlocale. */
static enum result fail_by_text(struct pq *pq, const char *text, struct diag *out)
{
	static const struct {
		const char *phrase;
		enum diag_code code;
	} phrases[] = {
	    {"server does not support SSL", D_TLS_PEER_IS_PLAINTEXT},
	    {"does not match host name", D_TLS_WRONG_NAME},
	    {"root certificate file", D_TLS_CA_UNREADABLE},
	    {"does not match private key", D_TLS_KEY_MISMATCH},
	    {"private key file", D_TLS_CA_UNREADABLE},
	    {"certificate file", D_TLS_CA_UNREADABLE},
	    {"no password supplied", D_AUTH_REQUIRED},
	    {"authentication method", D_AUTH_MECHANISM},
	    {"authentication requires", D_AUTH_MECHANISM},
	    {"channel binding", D_AUTH_MECHANISM},
	    {"SASL authentication", D_AUTH_MECHANISM},
	    {"GSSAPI", D_AUTH_MECHANISM},
	};

	/* An end of the stream may come after the handshake as well. */
	if (strstr(text, "SSL error") && !strstr(text, "unexpected eof")) {
		tls_fail_text(out, text, pq->peer);
		tls_tell_own_file(out, pq_get(&pq->options, "sslcert"));
		return fail_handshake(pq, out);
	}
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
		if (!strstr(text, phrases[i].phrase))
			continue;
		check_fail(out, phrases[i].code, pq->peer, "%s", text);
		if ((out->code == D_TLS_WRONG_NAME || out->code == D_TLS_PEER_IS_PLAINTEXT) &&
		    fail_handshake(pq, out))
			tls_hint_name(out, pq->host);
		else if (out->code == D_TLS_CA_UNREADABLE)
			fail_file(pq, text, out);
		return RESULT_FAIL;
	}
	return RESULT_PASS;
}

/* Probes the peer, because the connection failed without an error from the server. */
static enum result fail_without_state(struct pq *pq, const char *text, struct diag *out)
{
	struct conn conn;
	char answer[PROBE_SIZE];
	size_t n;

	if (fail_by_text(pq, text, out))
		return RESULT_FAIL;
	if (probe_peer(pq, pq->run->deadline, "", &conn, answer, &n, out))
		return RESULT_FAIL;
	if (n > 0 && !is_postgres_answer(answer, n))
		return fail_mismatch(pq, answer, n, out);
	if (strstr(text, "invalid response to SSL negotiation") ||
	    strstr(text, "expected authentication request") ||
	    strstr(text, "lost synchronization") || strstr(text, "unencrypted data after SSL"))
		return check_fail(out, D_PROTOCOL_MISMATCH, pq->peer, "%s", text);
	check_fail(out, D_CONNECT_CLOSED, pq->peer, "%s", text);
	return n == 1 && answer[0] == 'S' && demands_tls(pq) ? fail_handshake(pq, out)
							     : RESULT_FAIL;
}

/* Probes a peer that sent nothing: a server of another protocol often waits for the end of a line. */
static enum result fail_silent(const struct pq *pq, struct instant until, struct diag *out)
{
	struct diag ignored = {0};
	struct conn conn;
	char answer[PROBE_SIZE];
	size_t n;

	if (!probe_peer(pq, until, "\r\nPING\r\n\r\n", &conn, answer, &n, &ignored) && n > 0 &&
	    !is_postgres_answer(answer, n))
		return fail_mismatch(pq, answer, n, out);
	return check_fail(out, D_ANSWER_TIMEOUT, pq->peer,
			  "the server accepted the connection and did not answer");
}

/* ---- connecting ------------------------------------------------------------------------------------------------------ */
/* Returns whether the login succeeded. Sets *at to libpq's last state, and *timeout when `until` was reached. */
static bool poll_connection(PGconn *conn, struct instant until, ConnStatusType *at, bool *timeout)
{
	PostgresPollingStatusType want = PGRES_POLLING_WRITING;

	*timeout = false;
	*at = PQstatus(conn);
	while (want != PGRES_POLLING_OK && want != PGRES_POLLING_FAILED) {
		short events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT;

		if (instant_poll(PQsocket(conn), events, until) == 0) {
			*timeout = true;
			return false;
		}
		*at = PQstatus(conn);
		want = PQconnectPoll(conn);
	}
	return want == PGRES_POLLING_OK;
}

/* libpq's own receiver prints what the server says to stderr. */
static void drop_notice(void *ctx, const PGresult *notice)
{
	(void)ctx;
	(void)notice;
}

static PGconn *start_connection(const struct pq_options *options)
{
	PGconn *conn;
	const char *password;

	system_ca_export(); /* for sslrootcert=system */
	conn = PQconnectStartParams(options->names, options->values, 0);
	if (!conn)
		die("libpq has no memory");
	PQsetNoticeReceiver(conn, drop_notice, NULL);
	/* Gives the SQLSTATE of errors that come before any result. */
	PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	/* A password from ~/.pgpass is not registered yet. */
	password = PQpass(conn);
	if (password)
		scrub_register(password);
	return conn;
}

/* Returns whether pg_hba.conf has an entry for this client with TLS, when it has none without. Sends no password. */
static bool accepts_with_tls(const struct pq *pq)
{
	struct pq_options options = pq->options;
	char state[STATE_LENGTH + 1] = "", message[DIAG_CAUSE_MAX];
	ConnStatusType at = CONNECTION_BAD;
	bool timeout;
	PGconn *conn;

	pq_set(&options, "sslmode", "require");
	pq_set(&options, "sslrootcert", "");
	pq_set(&options, "password", "");
	pq_set(&options, "passfile", "/dev/null");
	conn = start_connection(&options);
	if (PQstatus(conn) != CONNECTION_BAD &&
	    poll_connection(conn, pq->run->deadline, &at, &timeout))
		return true;
	if (strstr(PQerrorMessage(conn), "no password supplied"))
		return true;
	return find_state(PQerrorMessage(conn), false, state, message, sizeof message) &&
	       state_code(state, message) != D_POSTGRES_HBA && at == CONNECTION_AWAITING_RESPONSE;
}

static enum result fail_state(const struct pq *pq, const char *state, const char *message,
			      struct diag *out)
{
	enum diag_code code = state_code(state, message);
	const char *mode = pq_get(&pq->options, "sslmode");

	if (code == D_POSTGRES_HBA && mode && (str_eq(mode, "disable") || str_eq(mode, "allow")) &&
	    pq->host[0] != '/' && accepts_with_tls(pq)) {
		check_fail(out, D_TLS_REQUIRED, pq->peer, "%s (%s)", message, state);
		diag_hint(out, "set sslmode to require, or better to verify-full with ca_file");
		return RESULT_FAIL;
	}
	check_fail(out, code, pq->peer, "%s (%s)", message, state);
	if (code == D_POSTGRES_SETTING)
		diag_hint(out, "add it to ignore_startup_parameters of pgbouncer, or drop it here");
	return RESULT_FAIL;
}

static enum result fail_connect(struct pq *pq, ConnStatusType at, struct diag *out)
{
	const char *text = PQerrorMessage(pq->conn), *mode = pq_get(&pq->options, "sslmode");
	char state[STATE_LENGTH + 1], message[DIAG_CAUSE_MAX];
	/* Use the error of the try with TLS: "allow" makes that try last, "prefer" first. */
	bool last = mode && str_eq(mode, "allow");

	if (at == CONNECTION_STARTED)
		pq->next = PQ_NEXT_ADDRESS;
	if (find_state(text, last, state, message, sizeof message)) {
		if (str_eq(state, CANNOT_CONNECT_NOW))
			pq->next = PQ_NEXT_HOST;
		return fail_state(pq, state, message, out);
	}
	text_clean_n(message, sizeof message, text, strcspn(text, "\n"));
	if (at == CONNECTION_STARTED && !fail_by_text(pq, text, out)) {
		struct conn conn;

		if (connect_again(pq->run, pq, &conn, out)) {
			snprintf(out->subject, sizeof out->subject, "%s", pq->peer);
			return RESULT_FAIL;
		}
	}
	return fail_without_state(pq, message, out);
}

static enum result fail_timeout(struct pq *pq, ConnStatusType at, struct instant until,
				struct diag *out)
{
	const char *limit = pq_get(&pq->options, "connect_timeout");
	int64_t seconds = 0;

	if (at == CONNECTION_STARTED || at == CONNECTION_NEEDED) {
		pq->next = PQ_NEXT_ADDRESS;
		return check_fail(out, D_CONNECT_TIMEOUT, pq->peer,
				  "the connection attempt was not answered");
	}
	/* Without a limit libpq waits for the silent server and tries no other. */
	if (limit && !parse_i64(limit, 1, INT32_MAX, &seconds))
		pq->next = PQ_NEXT_ADDRESS;
	return fail_silent(pq, until, out);
}

enum result pq_connect(struct pq *pq, struct instant until, struct diag *out)
{
	struct instant now = instant_now();
	struct instant soon = {until.ns - PROBE_TIME.ns};
	ConnStatusType at;
	bool timeout;

	check_step(pq->run, PH_CONNECT, "connecting and logging in at %s", pq->peer);
	pq->next = PQ_NOWHERE;
	pq->conn = start_connection(&pq->options);
	if (PQstatus(pq->conn) == CONNECTION_BAD) {
		const char *text = PQerrorMessage(pq->conn);

		/* A Unix socket may fail in PQconnectStartParams already. */
		return strstr(text, "connection to server")
			   ? fail_connect(pq, CONNECTION_STARTED, out)
			   : check_fail(out, D_POSTGRES_SETTING, pq->peer, "%s", text);
	}
	if (instant_reached(soon, now))
		soon = until;
	if (!poll_connection(pq->conn, soon, &at, &timeout))
		return timeout ? fail_timeout(pq, at, until, out) : fail_connect(pq, at, out);
	check_reached(pq->run, "connect");
	if (PQsslInUse(pq->conn))
		check_reached(pq->run, "tls");
	check_reached(pq->run, "auth");
	return RESULT_PASS;
}

/* ---- statements ------------------------------------------------------------------------------------------------------ */
/* Sends what libpq has buffered, and reads until a result has come. */
static enum result await_result(struct pq *pq, struct diag *out)
{
	int unsent;

	while ((unsent = PQflush(pq->conn)) > 0 || PQisBusy(pq->conn)) {
		short events = (short)(POLLIN | (unsent > 0 ? POLLOUT : 0));

		if (instant_poll(PQsocket(pq->conn), events, pq->run->deadline) == 0)
			return check_fail(out, D_ANSWER_TIMEOUT, pq->peer,
					  "the server did not answer a statement");
		if (!PQconsumeInput(pq->conn))
			return RESULT_PASS; /* PQgetResult returns the error */
	}
	return RESULT_PASS;
}

static enum result fail_result(const struct pq *pq, const PGresult *r, const char *subject,
			       struct diag *out)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

	if (!state || !text)
		return check_fail(out, D_CONNECT_CLOSED, pq->peer, "%s", PQerrorMessage(pq->conn));
	if (strstr(text, CONSOLE_WORDS)) {
		check_fail(out, D_POSTGRES_NO_DATABASE, pq->peer,
			   "database %s is the console of pgbouncer", PQdb(pq->conn));
		diag_hint(out, "give a database that pgbouncer.ini lists under [databases]");
		return RESULT_FAIL;
	}
	return check_fail(out, state_code(state, text), subject, "%s (%s)", text, state);
}

PGresult *pq_query(struct pq *pq, const char *sql, const char *const *params, const char *subject,
		   struct diag *out)
{
	PGresult *r, *last = NULL;
	bool failed = false;
	int n = 0;

	while (params && params[n])
		n++;
	PQsetnonblocking(pq->conn, 1);
	if (!(params ? PQsendQueryParams(pq->conn, sql, n, NULL, params, NULL, NULL, 0)
		     : PQsendQuery(pq->conn, sql))) {
		check_fail(out, D_CONNECT_CLOSED, pq->peer, "%s", PQerrorMessage(pq->conn));
		return NULL;
	}
	for (;;) {
		struct diag ignored = {0};

		if (await_result(pq, failed ? &ignored : out))
			return NULL;
		r = PQgetResult(pq->conn);
		if (!r)
			break;
		if (failed)
			continue; /* up to the end of the answer, so that another statement can be sent */
		last = r;
		failed = PQresultStatus(r) == PGRES_FATAL_ERROR ||
			 PQresultStatus(r) == PGRES_BAD_RESPONSE;
		if (failed) {
			fail_result(pq, r, subject, out);
		} else if (PQresultStatus(r) != PGRES_COMMAND_OK &&
			   PQresultStatus(r) != PGRES_TUPLES_OK) {
			check_fail(out, D_POSTGRES_ERROR, subject, "the statement is not a query");
			return NULL;
		}
	}
	if (!last)
		check_fail(out, D_CONNECT_CLOSED, pq->peer, "%s", PQerrorMessage(pq->conn));
	return failed ? NULL : last;
}

const char *pq_library(void)
{
	static char text[32];
	int v = PQlibVersion();

	snprintf(text, sizeof text, "libpq %d.%d", v / 10000, v % 10000);
	return text;
}
