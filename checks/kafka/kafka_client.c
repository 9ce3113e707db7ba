#include "kafka_client.h"

#include <errno.h>
#include <malloc.h>

#include "kafka_address.h"
#include "kafka_broker_state.h"
#include "kafka_events.h"
#include "kafka_key_files.h"
#include "kafka_tcp_race.h"
#include "system_ca.h"

#define BOOTSTRAPS_MAX 64
#define WAKE_MS 50        /* longest wait for a change that librdkafka may not have logged */
#define REACH_NOW_MS 1000 /* limit for the connects of kafka_reach_now */

/* ---- calls ----------------------------------------------------------------------------------------------------- */

struct call {
	struct kafka_client *client;
	void (*fn)(void *arg);
	void *arg;
	bool done;
};

static void *run_call(void *p)
{
	struct call *call = p;

	call->fn(call->arg);
	pthread_mutex_lock(&call->client->lock);
	call->done = true;
	pthread_cond_broadcast(&call->client->changed);
	pthread_mutex_unlock(&call->client->lock);
	return NULL;
}

/* Lock held. Returns false when `until` is reached. */
static bool wait_for_change(struct kafka_client *c, struct instant until)
{
	struct timespec at = {.tv_sec = until.ns / 1000000000, .tv_nsec = until.ns % 1000000000};

	if (instant_is_never(until))
		return pthread_cond_wait(&c->changed, &c->lock) == 0;
	return pthread_cond_timedwait(&c->changed, &c->lock, &at) != ETIMEDOUT;
}

bool kafka_wait(struct kafka_client *c, bool (*done)(const struct kafka_client *c),
		struct instant until)
{
	bool came;

	pthread_mutex_lock(&c->lock);
	while (!(came = done(c))) {
		struct instant now = instant_now();

		if (instant_reached(until, now))
			break;
		/* Wake up regularly as well: librdkafka does not log every change. */
		wait_for_change(c,
				instant_earlier(until, instant_after(now, DURATION_MS(WAKE_MS))));
	}
	pthread_mutex_unlock(&c->lock);
	return came;
}

struct instant kafka_answer_deadline(const struct kafka_client *c)
{
	struct instant now = instant_now();

	if (instant_is_never(c->run->deadline))
		return c->run->deadline;
	return instant_after(now,
			     (struct duration){instant_since(now, c->run->deadline).ns / 5 * 4});
}

enum call_end { CALL_RETURNED, CALL_NO_SERVER, CALL_DEADLINE };

/* Lock held. Returns CALL_NO_SERVER with *out filled when every server has failed. */
static enum call_end wait_call(struct kafka_client *c, const struct call *call, struct diag *out)
{
	while (!call->done) {
		const struct kafka_broker_state *failed;

		kafka_broker_states_count_addresses(c);
		failed = kafka_broker_states_all_failed(c);
		if (failed && !call->done) {
			kafka_broker_state_diagnose(failed, out);
			return CALL_NO_SERVER;
		}
		if (!kafka_broker_states_probe(c) && !wait_for_change(c, c->run->deadline) &&
		    !call->done)
			return CALL_DEADLINE;
	}
	return CALL_RETURNED;
}

enum result kafka_call(struct kafka_client *c, void (*fn)(void *arg), void *arg, const char *what,
		       struct diag *out)
{
	struct call *call = xcalloc(1, sizeof *call); /* the thread may outlive this function */
	enum call_end end;
	pthread_t thread;
	char reason[160];
	int err;

	*call = (struct call){.client = c, .fn = fn, .arg = arg};
	err = pthread_create(&thread, NULL, run_call, call);
	if (err)
		return check_fail(out, D_GUARD_NO_PROCESS, "",
				  "no thread for a call of librdkafka: %s", strerror(err));
	pthread_detach(thread);
	pthread_mutex_lock(&c->lock);
	end = wait_call(c, call, out);
	pthread_mutex_unlock(&c->lock);
	if (end != CALL_DEADLINE)
		return end == CALL_RETURNED ? RESULT_PASS : RESULT_FAIL;
	snprintf(reason, sizeof reason, "no answer to %s in time (attempt_timeout)", what);
	return kafka_diagnose(c, reason, out);
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static size_t keep_reachable(const struct kafka_tcp_target *server, size_t n, struct str *reachable)
{
	char address[DIAG_SUBJECT_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		/* Leave out only servers that failed: one that has not answered yet may still do so. */
		if (!server[i].connected && server[i].diag.code != D_NONE)
			continue;
		hostport_text(server[i].host, server[i].port, address, sizeof address);
		str_addf(reachable, "%s%s", kept ? "," : "", address);
		kept++;
	}
	return kept;
}

/* Connects to the bootstrap servers, so that a refused port or an unknown name fails at once with its own code. Stores the
 * servers that did not fail in `reachable`; when all failed, fills *out with the first server's code. */
static enum result race_servers(struct kafka_client *c, const struct strlist *servers,
				struct str *reachable, struct diag *out)
{
	struct kafka_tcp_target server[BOOTSTRAPS_MAX] = {{.host = NULL}};
	char host[BOOTSTRAPS_MAX][256];
	size_t n = servers->n < BOOTSTRAPS_MAX ? servers->n : BOOTSTRAPS_MAX;

	for (size_t i = 0; i < n; i++) {
		kafka_address_split(servers->v[i], host[i], sizeof host[i], &server[i].port);
		server[i].host = host[i];
	}
	if (kafka_tcp_race(c->run, server, n, c->props->family, true, c->run->deadline) == 0) {
		*out = server[0].diag;
		if (n > 1)
			check_fail(out, server[0].diag.code, server[0].diag.subject,
				   "%s; nor can the other bootstrap server%s be reached",
				   server[0].diag.cause, n > 2 ? "s" : "");
		return RESULT_FAIL;
	}
	check_reached(c->run, "connect");
	c->n_bootstrap = keep_reachable(server, n, reachable);
	return RESULT_PASS;
}

/* Limits thread stacks to 1 MiB: librdkafka has a thread for each broker, and with the usual 8 MiB those of a large cluster
 * would exceed the child's memory limit. musl's default is an eighth of 1 MiB. */
static void limit_stacks(void)
{
	pthread_attr_t attr;

	if (pthread_attr_init(&attr))
		return;
	pthread_attr_setstacksize(&attr, 1024 * 1024);
	pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
}

/* glibc reserves and maps a heap for each thread that allocates. The threads of one handle hardly meet in one heap. */
static void share_heap(void)
{
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
#endif
}

static void init_lock(struct kafka_client *c)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attr);
}

static enum result configure_handle(struct kafka_client *c, rd_kafka_conf_t *conf,
				    const struct kafka_prop_override *extra, struct diag *out)
{
	char ignored[256];

	if (kafka_client_props_apply(c->props, conf, out) != RESULT_PASS ||
	    kafka_prop_overrides_apply(extra, conf, out) != RESULT_PASS)
		return RESULT_FAIL;
	/* An undocumented property of librdkafka since 1.0: it connects at once to every broker it learns. Without it
	 * kafka_reach still tries TCP, but cannot see TLS and login to each broker. */
	c->connects_to_all = rd_kafka_conf_set(conf, "enable.sparse.connections", "false", ignored,
					       sizeof ignored) == RD_KAFKA_CONF_OK;
	rd_kafka_conf_enable_sasl_queue(conf, 1);
	return kafka_events_watch(c, conf, out);
}

/* Creates the handle, without servers yet. Returns NULL with *out filled. */
static struct kafka_client *create_handle(const struct check_run *run,
					  const struct kafka_client_props *props,
					  rd_kafka_type_t type,
					  const struct kafka_prop_override *extra, struct diag *out)
{
	struct kafka_client *c = xcalloc(1, sizeof *c);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char error[512] = "";

	c->run = run;
	c->props = props;
	init_lock(c);
	limit_stacks();
	share_heap();
	system_ca_export();
	if (configure_handle(c, conf, extra, out) != RESULT_PASS)
		return NULL;
	/* A producer reports in the main queue whether a record arrived. */
	if (type == RD_KAFKA_PRODUCER)
		rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
	c->rk = rd_kafka_new(type, conf, error, sizeof error);
	if (!c->rk) {
		kafka_fail_new(props, error, out);
		return NULL;
	}
	/* Lets librdkafka fetch tokens in a background thread, because startguard polls no callbacks. */
	rd_kafka_sasl_background_callbacks_enable(c->rk);
	return c;
}

enum result kafka_try_open(const struct check_run *run, const struct kafka_client_props *props,
			   const struct kafka_prop_override *extra, struct diag *out)
{
	return create_handle(run, props, RD_KAFKA_PRODUCER, extra, out) ? RESULT_PASS : RESULT_FAIL;
}

/* Returns c, or NULL with *out filled. */
static struct kafka_client *add_servers(struct kafka_client *c, struct diag *out)
{
	if (rd_kafka_brokers_add(c->rk, c->reachable) > 0)
		return c;
	check_fail(out, D_KAFKA_PROPERTY, "bootstrap_servers", "librdkafka accepts none of %s",
		   c->reachable);
	return NULL;
}

struct kafka_client *kafka_open(const struct check_run *run, const struct kafka_client_props *props,
				const struct strlist *servers,
				const struct kafka_prop_override *extra, struct diag *out)
{
	/* Try the settings first, so that wrong ones are reported even when no server can be reached. */
	struct kafka_client *c = create_handle(run, props, RD_KAFKA_CONSUMER, extra, out);
	struct str reachable;

	str_init(&reachable, BOOTSTRAPS_MAX * 300);
	if (!c || kafka_client_props_fit(props, servers, out) != RESULT_PASS ||
	    race_servers(c, servers, &reachable, out) != RESULT_PASS)
		return NULL;
	c->reachable = reachable.s;
	return add_servers(c, out);
}

struct kafka_client *kafka_open_beside(const struct kafka_client *first,
				       const struct kafka_prop_override *extra, struct diag *out)
{
	struct kafka_client *c =
	    create_handle(first->run, first->props, RD_KAFKA_PRODUCER, extra, out);

	if (!c)
		return NULL;
	c->reachable = first->reachable;
	c->n_bootstrap = first->n_bootstrap;
	return add_servers(c, out);
}

/* ---- advertised addresses ------------------------------------------------------------------------------------------ */

/* Returns whether the broker was ready before: then its address is right, and it has left. */
static bool was_ready(struct kafka_client *c, const struct kafka_broker *b)
{
	const struct kafka_broker_state *state;
	bool was;

	pthread_mutex_lock(&c->lock);
	state = kafka_broker_state_find(c, b->address);
	was = state && state->was_up;
	pthread_mutex_unlock(&c->lock);
	return was;
}

static enum result fail_advertised(struct kafka_client *c, const struct kafka_broker *b,
				   const struct diag *why, size_t more, struct diag *out)
{
	char others[64] = "";

	if (more)
		snprintf(others, sizeof others, "; %zu more broker%s cannot be reached either",
			 more, plural(more));
	if (was_ready(c, b))
		return check_fail(out, D_KAFKA_BROKER_LEFT, b->subject,
				  "broker %d was ready for this client, and now: %s%s", b->id,
				  why->cause, others);
	return kafka_fail_advertised(out, b->id, b->address, why, others);
}

static enum result connect_to_brokers(struct kafka_client *c, const struct kafka_brokers *brokers,
				      bool any, struct instant until, struct diag *out)
{
	struct kafka_tcp_target *race = xcalloc(brokers->n, sizeof *race);
	size_t failed = 0, first = 0, connected;

	for (size_t i = 0; i < brokers->n; i++)
		race[i] = (struct kafka_tcp_target){.host = brokers->v[i].host,
						    .port = brokers->v[i].port};
	connected = kafka_tcp_race(c->run, race, brokers->n, c->props->family, any, until);
	if (connected == brokers->n || (any && connected > 0))
		return RESULT_PASS;
	for (size_t i = brokers->n; i-- > 0;) {
		if (race[i].connected)
			continue;
		first = i;
		failed++;
	}
	return fail_advertised(c, &brokers->v[first], &race[first].diag, failed - 1, out);
}

enum readiness { BROKERS_WAITED_FOR, BROKERS_READY, BROKERS_FAILED };

/* Lock held on entry and return. Returns BROKERS_FAILED with *out filled with the first failed broker's reason. */
static enum readiness judge_brokers(struct kafka_client *c, const struct kafka_brokers *brokers,
				    bool any, struct diag *out)
{
	size_t up = 0, failed = 0;

	kafka_broker_states_count_addresses(c);
	for (size_t i = 0; i < brokers->n; i++) {
		const struct kafka_broker_state *state =
		    kafka_broker_state_find(c, brokers->v[i].address);

		if (state && kafka_broker_state_is_ready(c, state))
			up++;
		else if (state && kafka_broker_state_is_final(state) && failed++ == 0)
			kafka_broker_state_diagnose_as(state, brokers->v[i].subject, out);
	}
	if (any ? up > 0 : up == brokers->n)
		return BROKERS_READY;
	return failed >= (any ? brokers->n : 1) ? BROKERS_FAILED : BROKERS_WAITED_FOR;
}

/* Lock held on entry and return. Returns whether a broker was probed. */
static bool probe_brokers(struct kafka_client *c, const struct kafka_brokers *brokers)
{
	/* Probe brokers that did not answer a probe again after the others. */
	for (int silent = 0; silent <= 1; silent++)
		for (size_t i = 0; i < brokers->n; i++) {
			struct kafka_broker_state *state =
			    kafka_broker_state_find(c, brokers->v[i].address);

			if (state && state->probe_silent == silent &&
			    kafka_broker_state_probe(c, state))
				return true;
		}
	return false;
}

/* Lock held. Fails for the first broker that is not ready. */
static enum result fail_silent_broker(struct kafka_client *c, const struct kafka_brokers *brokers,
				      struct diag *out)
{
	const struct kafka_broker_state *state = NULL;
	size_t i = 0;

	for (; i < brokers->n; i++) {
		state = kafka_broker_state_find(c, brokers->v[i].address);
		if (!state || !kafka_broker_state_is_ready(c, state))
			break;
	}
	return check_fail(out, D_ANSWER_TIMEOUT, brokers->v[i].subject,
			  state && state->up
			      ? "is connected, and does not answer whether it wants a login "
				"(attempt_timeout); state %s"
			      : "connects, but is not ready for this client in time "
				"(attempt_timeout); state %s",
			  state && state->connection[0] ? state->connection : "not known");
}

/* Lock held on entry and return, released while waiting. */
static enum result wait_for_brokers(struct kafka_client *c, const struct kafka_brokers *brokers,
				    bool any, struct diag *out)
{
	enum readiness r;

	while ((r = judge_brokers(c, brokers, any, out)) == BROKERS_WAITED_FOR) {
		if (probe_brokers(c, brokers) || wait_for_change(c, c->run->deadline))
			continue;
		/* Judge once more: a broker may have become ready in the last wait. */
		r = judge_brokers(c, brokers, any, out);
		if (r == BROKERS_WAITED_FOR)
			return fail_silent_broker(c, brokers, out);
		break;
	}
	return r == BROKERS_READY ? RESULT_PASS : RESULT_FAIL;
}

enum result kafka_reach(struct kafka_client *c, const struct kafka_brokers *brokers, bool any,
			struct diag *out)
{
	size_t n = brokers->n;
	enum result r;

	if (n == 0)
		return RESULT_PASS;
	r = connect_to_brokers(c, brokers, any, c->run->deadline, out);
	if (r != RESULT_PASS || !c->connects_to_all)
		return r;
	check_step(c->run, PH_PROTOCOL, "waiting for %s%zu broker%s at the advertised address",
		   any && n > 1 ? "one of " : "", n, plural(n));
	pthread_mutex_lock(&c->lock);
	r = wait_for_brokers(c, brokers, any, out);
	pthread_mutex_unlock(&c->lock);
	return r;
}

enum result kafka_reach_now(struct kafka_client *c, const struct kafka_brokers *brokers,
			    struct diag *out)
{
	struct instant soon = instant_after(instant_now(), DURATION_MS(REACH_NOW_MS));
	enum readiness now;

	if (brokers->n == 0)
		return RESULT_PASS;
	if (connect_to_brokers(c, brokers, false, instant_earlier(soon, c->run->deadline), out) !=
	    RESULT_PASS)
		return RESULT_FAIL;
	pthread_mutex_lock(&c->lock);
	now = judge_brokers(c, brokers, false, out);
	pthread_mutex_unlock(&c->lock);
	return now == BROKERS_FAILED ? RESULT_FAIL : RESULT_PASS;
}

int32_t kafka_ready_broker(struct kafka_client *c, const struct kafka_brokers *brokers)
{
	int32_t id = -1;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < brokers->n && id < 0; i++) {
		const struct kafka_broker_state *state =
		    kafka_broker_state_find(c, brokers->v[i].address);

		if (state && state->up_broker)
			id = brokers->v[i].id;
	}
	pthread_mutex_unlock(&c->lock);
	return id;
}
