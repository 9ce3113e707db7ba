/* kafka_client: one librdkafka handle that tells why it fails.
 *
 * librdkafka's blocking calls sit out their timeout whatever happened; the reason arrives meanwhile on its own
 * threads, as log lines. A call is therefore made in a thread of its own (kafka_call) while the caller waits for
 * whichever comes first: the answer, a reason that cannot pass, or the deadline. Child only: nothing is ever
 * destroyed (rd_kafka_destroy can block for seconds), the child's exit does that.
 */
#ifndef SG_KAFKA_CLIENT_H
#define SG_KAFKA_CLIENT_H

#include <pthread.h>

#include "kafka_log.h"
#include "kafka_props.h"

#define KAFKA_PEERS_MAX 1024 /* brokers; larger clusters are beyond what a start check dials */

/* What is known about one address the library deals with. */
struct kafka_peer {
	char address[DIAG_SUBJECT_MAX];
	int32_t id; /* KAFKA_BOOTSTRAP until learned */
	bool bootstrap, up;
	bool asked;     /* a supposition was verified with kafka_probe */
	char state[32]; /* librdkafka's name of the connection's state */
	struct kafka_meaning meaning;
	char words[DIAG_CAUSE_MAX];
	long x509_error;
	char certificate[256];
};

struct kafka_client {
	const struct check_run *run;
	const struct kafka_props *props;
	rd_kafka_t *rk;
	bool dials_all; /* enable.sparse.connections=false was accepted */
	size_t n_bootstrap, n_probes;
	pthread_mutex_t lock; /* everything below: librdkafka's threads write it */
	pthread_cond_t changed;
	struct kafka_peer *peers[KAFKA_PEERS_MAX];
	size_t n_peers;
};

struct kafka_setting {
	const char *name, *value;
};

/* Dials the bootstrap servers; `reachable` gets those worth giving to the library, separated by commas, and
 * *n_reachable their number. 0; or -1 with the first one's dns-* or connect-* code in *out. */
int kafka_gate(const struct check_run *run, const struct strlist *servers, struct str *reachable,
	       size_t *n_reachable, struct diag *out);
/* A handle; `extra` ends with a NULL name and beats the service's own settings. NULL with *out filled. */
struct kafka_client *kafka_open(const struct check_run *run, const struct kafka_props *props,
				rd_kafka_type_t type, const char *bootstrap, size_t n_bootstrap,
				const struct kafka_setting *extra, struct diag *out);
/* Runs fn(arg) in a thread until it returns: 0; or -1 with *out filled, when no broker can be used or the
 * deadline is reached. `arg` must live on the heap and stay alive: the thread may still be running then. */
int kafka_call(struct kafka_client *client, void (*fn)(void *arg), void *arg, const char *what,
	       struct diag *out);
/* The best explanation for a call that failed as `words` says, from what was logged. Fills *out. */
enum verdict kafka_blame(struct kafka_client *client, const char *words, struct diag *out);

/* A broker from the metadata. */
struct kafka_broker {
	int32_t id;
	const char *host;
	int port;
};
/* Each of these must be reachable at the address it advertises and be ready to serve this client. 0 or -1. */
int kafka_reach(struct kafka_client *client, const struct kafka_broker *v, size_t n,
		struct diag *out);

#endif
