/* kafka_client: one librdkafka handle that knows why it fails.
 *
 * librdkafka's blocking calls last until their timeout whatever happened; the reason arrives meanwhile on the library's own
 * threads, as log lines. kafka_call therefore makes each call in a thread of its own, while the caller waits for whichever
 * comes first: the answer, a reason that waiting cannot help, or the deadline. Child only: no handle is ever destroyed
 * (rd_kafka_destroy can block for seconds), the child's exit does that.
 */
#ifndef SG_KAFKA_CLIENT_H
#define SG_KAFKA_CLIENT_H

#include <pthread.h>

#include "kafka_log.h"
#include "kafka_client_prop.h"
#include "kafka_metadata.h"
#include "kafka_requests.h"

#define KAFKA_BROKERS_MAX \
	1024 /* brokers; larger clusters are beyond what a start check connects to */

/* What is known about one address the library deals with. */
struct kafka_broker_state {
	char address[DIAG_SUBJECT_MAX];
	int32_t id;     /* KAFKA_BOOTSTRAP until learned */
	bool bootstrap; /* it is one of the bootstrap servers */
	/* Connected; `up` is what counts. */
	bool up, up_bootstrap, up_broker, was_up;
	/* It has answered a request that a listener answers only after the login, if it wants one. */
	bool answered;
	bool guess_probed; /* kafka_probe has looked into what the library only guesses */
	bool refuted;      /* kafka_probe found that this client cannot work there */
	bool ready_probed; /* kafka_probe has learned whether this broker wants a login after all */
	bool probe_silent; /* the last kafka_probe had no answer */
	char connection[32]; /* librdkafka's name of the connection's state */
	struct kafka_meaning meaning;
	char reason[DIAG_CAUSE_MAX]; /* the message that the meaning was read from */
	long x509_error;
	char certificate[256];
};

struct kafka_client {
	const struct check_run *run;
	const struct kafka_client_props *props;
	rd_kafka_t *rk;
	bool connects_to_all; /* enable.sparse.connections=false was accepted */
	char *reachable;      /* the bootstrap servers given to the library, separated by commas */
	size_t n_bootstrap, n_probes;

	/* For all members below: librdkafka's threads write them. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Why there is no token for OAUTHBEARER: without one the library does not even connect. */
	struct kafka_broker_state no_token;
	struct kafka_broker_state *brokers[KAFKA_BROKERS_MAX];
	size_t n_brokers;
	/* How far the requests about groups have got, and the last coordinator that was asked. */
	unsigned coordinators_found, groups_asked;
	int32_t group_broker;
	/* True after an error answer too. */
	bool producer_id_answered, metadata_answered;
	struct kafka_requests requests;
	int throttled_ms; /* the longest time a broker held this client back for a quota */
	/* With enable.idempotence: whether the handle has its id, and why not yet. */
	bool has_producer_id;
	char producer_id_trouble[DIAG_CAUSE_MAX];
	/* The last error in an answer to ListOffsets, which the library then asks again (debug=broker), and the broker that
	 * gave it; 0: none. */
	int offsets_error;
	int32_t offsets_broker;
};

/* ---- handles ------------------------------------------------------------------------------------------------- */

/* A consumer's handle, without group, on those of the servers that can be reached; `extra` ends with a NULL name and beats the service's own
 * settings. NULL with *out filled: kafka-property and the like, or the first server's dns-* or connect-* code. */
struct kafka_client *kafka_open(const struct check_run *run, const struct kafka_client_props *props,
				const struct strlist *servers,
				const struct kafka_prop_override *extra, struct diag *out);
/* Opens a producer's handle with the settings and servers of `first`; does not try the servers again. NULL with *out
 * filled. */
struct kafka_client *kafka_open_beside(const struct kafka_client *first,
				       const struct kafka_prop_override *extra, struct diag *out);
/* Would the library make a producer's handle with these settings? Needs no server. */
enum result kafka_try_open(const struct check_run *run, const struct kafka_client_props *props,
			   const struct kafka_prop_override *extra, struct diag *out);

/* ---- calls --------------------------------------------------------------------------------------------------- */

/* Runs fn(arg) in a thread until it returns; fails when no broker can be used or the deadline is reached. `arg` must live
 * on the heap and is never freed: the thread may still be running then. `what` names the request for the diagnosis. */
enum result kafka_call(struct kafka_client *client, void (*fn)(void *arg), void *arg,
		       const char *what, struct diag *out);
/* Waits until done(client) is true or `until` is reached; returns what done() said last. done() is called with the lock
 * held, whenever the library reports a change and at least every 50 ms. The caller does not hold the lock. */
bool kafka_wait(struct kafka_client *client, bool (*done)(const struct kafka_client *client),
		struct instant until);
/* When to stop waiting for an answer: early enough to find out before run->deadline why it did not come. */
struct instant kafka_answer_deadline(const struct kafka_client *client);

/* ---- brokers ------------------------------------------------------------------------------------------------- */

/* The brokers (with `any`: one) must be reachable at the address they advertise and be ready to serve this client. */
enum result kafka_reach(struct kafka_client *client, const struct kafka_brokers *brokers, bool any,
			struct diag *out);
/* The same, for what is known already or seen within a second: a broker that is merely slow does not fail. */
enum result kafka_reach_now(struct kafka_client *client, const struct kafka_brokers *brokers,
			    struct diag *out);
/* The id of a listed broker that is ready, or -1. */
int32_t kafka_ready_broker(struct kafka_client *client, const struct kafka_brokers *brokers);

/* ---- why it failed ------------------------------------------------------------------------------------------- */

/* Fills *out with the best explanation for a call that failed as `reason` says, from what the library logged. */
enum result kafka_diagnose(struct kafka_client *client, const char *reason, struct diag *out);
/* As kafka_diagnose, for a request whose error fulfils kafka_is_silence(): connect-closed when the connection ended and
 * was opened again. */
enum result kafka_diagnose_error(struct kafka_client *client, rd_kafka_resp_err_t err,
				 const char *reason, struct diag *out);
/* Fills *out with answer-timeout and returns true when a request on a ready connection has no answer yet. */
bool kafka_diagnose_unanswered(struct kafka_client *client, const char *reason, struct diag *out);
/* Replaces a timeout in *out by kafka-throttled when a broker held one of these handles back for a quota. Handles may be
 * NULL. */
void kafka_diagnose_throttling(struct kafka_client *const *v, size_t n, struct diag *out);
/* The error in the last answer to ListOffsets since the previous call, which the library hides by asking again; 0: none, or
 * a later answer was good and the library waits for another request. Needs debug=broker. */
rd_kafka_resp_err_t kafka_take_offsets_error(struct kafka_client *client);

#endif
