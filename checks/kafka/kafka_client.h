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
#include "kafka_client_prop.h"
#include "kafka_requests.h"

#define KAFKA_BROKERS_MAX 1024 /* brokers; larger clusters are beyond what a start check dials */

/* What is known about one address the library deals with. */
struct kafka_broker_state {
	char address[DIAG_SUBJECT_MAX];
	int32_t id; /* KAFKA_BOOTSTRAP until learned */
	bool bootstrap;
	bool up, up_bootstrap, up_broker; /* the first is what counts */
	bool answered;                    /* a request that wants a login where there is one */
	bool was_up;                      /* at some time in this attempt */
	bool asked;                       /* a supposition was put to kafka_probe ... */
	bool settled;                     /* ... which found that this client cannot work there */
	bool tested;    /* so was a readiness that nobody had put to the test ... */
	bool silent;    /* ... or it had no answer */
	char state[32]; /* librdkafka's name of the connection's state */
	struct kafka_meaning meaning;
	char words[DIAG_CAUSE_MAX];
	long x509_error;
	char certificate[256];
};

struct kafka_client {
	const struct check_run *run;
	const struct kafka_client_props *props;
	rd_kafka_t *rk;
	bool dials_all;  /* enable.sparse.connections=false was accepted */
	char *reachable; /* the bootstrap servers given to the library, with commas */
	size_t n_bootstrap, n_probes;
	pthread_mutex_t lock; /* everything below: librdkafka's threads write it */
	pthread_cond_t changed;
	struct kafka_broker_state
	    login; /* what keeps the library from trying any: it has no token */
	struct kafka_broker_state *peers[KAFKA_BROKERS_MAX];
	size_t n_peers;
	/* Where the questions about groups have got to. */
	unsigned coordinators_found, groups_asked;
	bool producer_id_answered, metadata_answered; /* well or with an error */
	int32_t group_broker;                         /* the coordinator that was asked last */
	struct kafka_requests requests;
	int throttled_ms; /* the longest time a broker wanted this client to wait for the sake of a quota */
	struct str fetch_trouble;                 /* lines "TOPIC [0]: words" (debug=topic) */
	bool has_producer_id;                     /* of a handle with enable.idempotence ... */
	char producer_id_trouble[DIAG_CAUSE_MAX]; /* ... and why it has none yet */
	struct {
		int err; /* the last that a broker gave to what the library then asks again (debug=broker); 0: none */
		int16_t api;
		int32_t broker;
	} repeated;
};

struct kafka_prop_override {
	const char *name, *value;
};

/* A handle on those of the servers that can be reached; `extra` ends with a NULL name and beats the service's own
 * settings. NULL with *out filled: kafka-property and the like, or the first server's dns-* or connect-* code. */
struct kafka_client *kafka_open(const struct check_run *run, const struct kafka_client_props *props,
				rd_kafka_type_t type, const struct strlist *servers,
				const struct kafka_prop_override *extra, struct diag *out);
/* A further handle beside one that works: same settings, same servers, without dialling them again. */
struct kafka_client *kafka_open_beside(const struct kafka_client *first, rd_kafka_type_t type,
				       const struct kafka_prop_override *extra, struct diag *out);
/* Would the library make such a handle? No server is needed. 0 or -1. */
int kafka_try_open(const struct check_run *run, const struct kafka_client_props *props,
		   rd_kafka_type_t type, const struct kafka_prop_override *extra, struct diag *out);
/* Runs fn(arg) in a thread until it returns: 0; or -1 with *out filled, when no broker can be used or the
 * deadline is reached. `arg` must live on the heap and stay alive: the thread may still be running then. */
int kafka_call(struct kafka_client *client, void (*fn)(void *arg), void *arg, const char *what,
	       struct diag *out);
/* Waits, lock not held, until done(client) or `until`: did it come? done is called with the lock held, at every news from
 * the library and now and then. */
bool kafka_wait(struct kafka_client *client, bool (*done)(const struct kafka_client *client),
		struct instant until);
/* When to stop waiting for an answer, so that there is time left to find out why it did not come. */
struct instant kafka_patience(const struct kafka_client *client);
static inline bool kafka_is_past(struct instant until)
{
	return instant_left_ms(until, instant_now()) == 0;
}
/* The best explanation for a call that failed as `words` says, from what was logged. Fills *out. */
enum result kafka_diagnose(struct kafka_client *client, const char *words, struct diag *out);
/* Is there a connection that is ready, and on it a request without an answer? Then *out is filled: answer-timeout. */
bool kafka_unanswered(struct kafka_client *client, const char *words, struct diag *out);
/* As kafka_diagnose, for a request that ended with an error of which kafka_is_silence() is true: when it was the connection that
 * ended, and it is there again, that is connect-closed. */
enum result kafka_diagnose_error(struct kafka_client *client, rd_kafka_resp_err_t err,
				 const char *words, struct diag *out);

struct kafka_metadata {
	const struct rd_kafka_metadata *md;
	char *cluster; /* came with it; brokers before 0.10.1 have none: NULL */
};
/* Of `only`, or with NULL of the topics this handle knows (all of the cluster when it knows none). A question that is lost is
 * asked once more. 0; or -1 with *out filled: also of a server that speaks Kafka and has no metadata. */
int kafka_get_metadata(struct kafka_client *client, rd_kafka_topic_t *only,
		       struct kafka_metadata *metadata, struct diag *out);

/* A broker from the metadata. */
struct kafka_broker {
	int32_t id;
	const char *host;
	int port;
};
/* These (with `any`: one of them) must be reachable at the address they advertise and be ready to serve this client.
 * 0 or -1. */
int kafka_reach(struct kafka_client *client, const struct kafka_broker *v, size_t n, bool any,
		struct diag *out);
/* Is one of these known, or seen at once, not to be usable at its advertised address? -1 with *out filled, else 0. Waits
 * for none that is merely slow. */
int kafka_broken(struct kafka_client *client, const struct kafka_broker *v, size_t n,
		 struct diag *out);
/* The longest time a broker wanted this handle to wait for the sake of a quota, in milliseconds. */
int kafka_throttled(struct kafka_client *client);
/* What came late or not at all, as *out says, may have been held back for a quota: then that is the reason. Of these
 * handles some may be NULL. */
void kafka_explain_throttling(struct kafka_client *const *v, size_t n, struct diag *out);
/* What the library said last of partition 0 of a topic that it cannot fetch (debug=topic); "": nothing. */
void kafka_fetch_trouble(struct kafka_client *client, const char *topic, char *words, size_t size);
/* The error a broker gave last to a question that the library asks again because of it (debug=broker), since this was
 * called before; 0: none, or it was answered well since and another question waits. What is on its way when the time is up
 * was answered then. */
rd_kafka_resp_err_t kafka_answered_error(struct kafka_client *client);
/* The id of one of these that is ready now, or -1. */
int32_t kafka_ready_broker(struct kafka_client *client, const struct kafka_broker *v, size_t n);

#endif
