/* pq: runs a session with one PostgreSQL server through libpq, within the deadline, and diagnoses its failures.
 *
 * postgres calls it, and resolves host names itself, because libpq resolves without a deadline. A function that fails returns
 * RESULT_FAIL (pq_query: NULL) with *out filled. pq closes nothing; the child's exit does. Child only.
 */
#ifndef SG_PQ_H
#define SG_PQ_H

#include <libpq-fe.h>

#include "check.h"
#include "pq_options.h"

/* Where libpq goes on after a failure. */
enum pq_next {
	PQ_NOWHERE,      /* a server answered, or may still do so: libpq reports that */
	PQ_NEXT_HOST,    /* it can take no client now */
	PQ_NEXT_ADDRESS, /* no connection was made */
};

struct pq {
	const struct check_run *run;
	struct pq_options options; /* for this server only: one host, hostaddr and port */
	const char *host;          /* name, address, or folder of a Unix socket */
	int port;
	char peer[128]; /* subject of diagnoses */
	PGconn *conn;
	enum pq_next next; /* after pq_connect has failed */
};

/* Connects and logs in before `until`. */
enum result pq_connect(struct pq *pq, struct instant until, struct diag *out);
/* Sends one statement with parameters (a NULL-terminated list), or with params NULL one or several statements by the simple
 * protocol, and waits. `subject` is that of a failure. Returns the last result, which stays allocated, or NULL. */
PGresult *pq_query(struct pq *pq, const char *sql, const char *const *params, const char *subject,
		   struct diag *out);
/* Returns "libpq 15.18", for `startguard version`. */
const char *pq_library(void);

#endif
