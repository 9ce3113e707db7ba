/* pq: a session with one PostgreSQL server through libpq, within the deadline, and what its failures mean.
 *
 * Child only. A function that fails returns RESULT_FAIL (pq_query: NULL) with *out filled. libpq would resolve names without a
 * deadline, so the caller resolves them and gives addresses. Nothing is closed: the child's exit does that.
 */
#ifndef SG_PQ_H
#define SG_PQ_H

#include <libpq-fe.h>

#include "check.h"

#define PQ_OPTIONS_MAX 64 /* libpq 15 has 41 */

/* The arguments of PQconnectStartParams; some are added for each server. */
struct pq_options {
	const char *names[PQ_OPTIONS_MAX + 1], *values[PQ_OPTIONS_MAX + 1];
	size_t n;
};
/* Replaces or adds an option; keeps the pointers. */
void pq_set(struct pq_options *o, const char *name, const char *value);
/* The value, NULL when it is not given or empty. */
const char *pq_get(const struct pq_options *o, const char *name);

struct pq {
	const struct check_run *run;
	struct pq_options options; /* for this server alone: one host, hostaddr and port */
	const char *host;          /* name, address, or folder of a unix socket */
	int port;
	char peer[128]; /* subject of diagnoses */
	PGconn *conn;
};

/* Connects and logs in before `until`. */
enum result pq_connect(struct pq *pq, struct instant until, struct diag *out);
/* Sends statements of ours without parameters, or one with up to 4 (NULL-terminated list; NULL: the simple protocol, which
 * allows several), and waits. `subject` names what a failure belongs to. The last result, which stays allocated. */
PGresult *pq_query(struct pq *pq, const char *sql, const char *const *params, const char *subject,
		   struct diag *out);
/* "libpq 15.18", for `startguard version`. */
const char *pq_library(void);

#endif
