/* kafka_client: wraps one librdkafka handle and finds out why its calls fail.
 *
 * librdkafka's blocking calls last until their timeout whatever happened, while its own threads log the reason. kafka_call
 * therefore makes each call in a separate thread, and the caller waits for whichever comes first: the answer, a reason that
 * waiting cannot help, or the deadline. The checks kafka and wire_format call it. Child only: it never destroys a handle,
 * because rd_kafka_destroy can block for seconds; the child's exit frees it.
 */
#ifndef SG_KAFKA_CLIENT_H
#define SG_KAFKA_CLIENT_H

#include <pthread.h>

#include "kafka_log.h"
#include "kafka_client_prop.h"
#include "kafka_metadata.h"
#include "kafka_requests.h"
#include "tls_fail.h"

#define KAFKA_BROKERS_MAX \
	1024 /* brokers whose state is watched; a check does not support a larger cluster */

#define KAFKA_ADDRESSES_MAX 16 /* of one name; of more it is enough that so many have failed */

/* State of one server address, as librdkafka reported it and kafka_probe found. */
struct kafka_broker_state {
	char address[DIAG_SUBJECT_MAX];
	int32_t id;     /* broker id; KAFKA_BOOTSTRAP until metadata has named it */
	bool bootstrap; /* the address is one of the bootstrap servers */
	/* Of the name's addresses those that librdkafka has tried last, one for each of its threads; newest first. */
	struct kafka_tried {
		pthread_t thread;
		char ip[64]; /* empty: none yet */
	} tried[2];
	unsigned addresses; /* how many the name has; 0: not counted yet */
	/* Those of them to which a connection has failed. */
	char failed[KAFKA_ADDRESSES_MAX][64];
	unsigned n_failed;
	/* Whether a connection is ready: any, the bootstrap's, the broker's, at any time so far. */
	bool up, up_bootstrap, up_broker, was_up;
	/* The broker has answered a request that it answers only after the login, if it wants one. */
	bool answered;
	bool guess_probed;   /* kafka_probe has tested the library's guess */
	bool refuted;        /* kafka_probe found that this client cannot work here */
	bool ready_probed;   /* kafka_probe has learned whether this broker wants a login */
	bool probe_silent;   /* the last kafka_probe got no answer */
	char connection[32]; /* connection state in librdkafka's names, such as "UP" */
	struct kafka_meaning meaning;
	char reason[DIAG_CAUSE_MAX]; /* log message that `meaning` comes from */
	struct tls_refusal refusal;  /* the certificate that was refused, if one was */
};

struct kafka_client {
	const struct check_run *run;
	const struct kafka_client_props *props;
	rd_kafka_t *rk;
	bool connects_to_all; /* librdkafka accepted enable.sparse.connections=false */
	char *reachable;      /* the bootstrap servers given to the library, separated by commas */
	size_t n_bootstrap, n_probes;

	/* Protects all members below, which librdkafka's threads write. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Why there is no token for OAUTHBEARER; without a token librdkafka does not even connect. */
	struct kafka_broker_state no_token;
	struct kafka_broker_state *brokers[KAFKA_BROKERS_MAX];
	size_t n_brokers;
	/* Answers to FindCoordinator, requests for groups that were sent (see on_sent), and the broker id of the last one. */
	unsigned coordinators_found, groups_asked, classic_groups_asked, new_groups_asked;
	int32_t group_broker;
	/* Whether InitProducerId and Metadata have been answered, also with an error. */
	bool producer_id_answered, metadata_answered;
	struct kafka_requests requests;
	int throttled_ms; /* longest delay by which a broker throttled this client for a quota */
	/* With enable.idempotence: whether the handle has a producer id, and the last error if not. */
	bool has_producer_id;
	char producer_id_trouble[DIAG_CAUSE_MAX];
	/* The error in the last answer to ListOffsets, or 0, and the broker that sent it (needs debug=broker). */
	int offsets_error;
	int32_t offsets_broker;
};

/* ---- handles ------------------------------------------------------------------------------------------------- */

/* Opens a consumer handle without group on the servers that can be reached. `extra` ends with a NULL name and overrides the
 * service's settings. Returns NULL with *out filled: kafka-property and the like, or the first server's dns-* or connect-*. */
struct kafka_client *kafka_open(const struct check_run *run, const struct kafka_client_props *props,
				const struct strlist *servers,
				const struct kafka_prop_override *extra, struct diag *out);
/* Opens a producer handle with the settings and servers of `first`. Returns NULL with *out filled. */
struct kafka_client *kafka_open_beside(const struct kafka_client *first,
				       const struct kafka_prop_override *extra, struct diag *out);
/* Tries whether librdkafka accepts these settings for a producer handle. Needs no server. */
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
/* Returns when to stop waiting for an answer: early enough to diagnose before run->deadline why none came. */
struct instant kafka_answer_deadline(const struct kafka_client *client);

/* ---- brokers ------------------------------------------------------------------------------------------------- */

/* Fails unless all brokers (with `any`: one) are reachable at their advertised address and ready to serve this client. */
enum result kafka_reach(struct kafka_client *client, const struct kafka_brokers *brokers, bool any,
			struct diag *out);
/* Fails only for a fault that is known already or appears within 1 s; a broker that is merely slow does not fail. */
enum result kafka_reach_now(struct kafka_client *client, const struct kafka_brokers *brokers,
			    struct diag *out);
/* Returns the id of one of the brokers that is ready, or -1. */
int32_t kafka_ready_broker(struct kafka_client *client, const struct kafka_brokers *brokers);

/* ---- why it failed ------------------------------------------------------------------------------------------- */

/* Fills *out with the best explanation that librdkafka's log gives for a call that failed with the text `reason`. */
enum result kafka_diagnose(struct kafka_client *client, const char *reason, struct diag *out);
/* Does the same for an error that satisfies kafka_is_silence(): connect-closed when the connection was opened again. */
enum result kafka_diagnose_error(struct kafka_client *client, rd_kafka_resp_err_t err,
				 const char *reason, struct diag *out);
/* Fills *out with answer-timeout and returns true when a request on a ready connection has no answer yet. */
bool kafka_diagnose_unanswered(struct kafka_client *client, const char *reason, struct diag *out);
/* Completes the diagnosis that an attempt with these handles (some may be NULL) ends with: a timeout becomes kafka-throttled when a
 * broker throttled a handle, and a failure of TLS gets what the broker shows on a further connection. */
void kafka_diagnose_end(struct kafka_client *const *v, size_t n, struct diag *out);
/* Returns and clears the error of the last answer to ListOffsets, which librdkafka hides by repeating the request. Returns 0
 * when there was none, a later answer was good, or the oldest open request is another one. Needs debug=broker. */
rd_kafka_resp_err_t kafka_take_offsets_error(struct kafka_client *client);

#endif
