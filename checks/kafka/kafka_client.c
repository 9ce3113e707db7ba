#include "kafka_client.h"

#include <errno.h>

#include "kafka_tcp_race.h"
#include "kafka_broker_state.h"

#define BOOTSTRAPS_MAX 64
#define LOOK_AGAIN_MS 50
#define FETCH_TROUBLE_MAX (64 * 1024)
#define GLANCE_MS 1000 /* for a broker that is dialled in passing */

/* ---- calls ----------------------------------------------------------------------------------------------------- */

struct call {
	struct kafka_client *client;
	void (*fn)(void *arg);
	void *arg;
	bool done;
};

static void *call_thread(void *p)
{
	struct call *call = p;

	call->fn(call->arg);
	pthread_mutex_lock(&call->client->lock);
	call->done = true;
	pthread_cond_broadcast(&call->client->changed);
	pthread_mutex_unlock(&call->client->lock);
	return NULL;
}

/* Lock held. False at that time. */
static bool wait_until(struct kafka_client *c, struct instant until)
{
	struct timespec at = {.tv_sec = until.ns / 1000000000, .tv_nsec = until.ns % 1000000000};

	if (instant_is_never(until))
		return pthread_cond_wait(&c->changed, &c->lock) == 0;
	return pthread_cond_timedwait(&c->changed, &c->lock, &at) != ETIMEDOUT;
}

/* Lock held. False at the deadline. */
static bool wait_change(struct kafka_client *c)
{
	return wait_until(c, c->run->deadline);
}

bool kafka_wait(struct kafka_client *c, bool (*done)(const struct kafka_client *c),
		struct instant until)
{
	bool came;

	pthread_mutex_lock(&c->lock);
	while (!(came = done(c))) {
		struct instant now = instant_now();

		if (instant_left_ms(until, now) == 0)
			break;
		/* Now and then: what the library does not log is seen too. */
		wait_until(c,
			   instant_earlier(until, instant_after(now, DURATION_MS(LOOK_AGAIN_MS))));
	}
	pthread_mutex_unlock(&c->lock);
	return came;
}

struct instant kafka_patience(const struct kafka_client *c)
{
	struct instant now = instant_now();

	if (instant_is_never(c->run->deadline))
		return c->run->deadline;
	return instant_after(now,
			     (struct duration){instant_since(now, c->run->deadline).ns / 5 * 4});
}

/* Lock held. 0 when the call returned, 1 when every server failed (*out filled), 2 at the deadline. */
static int wait_call(struct kafka_client *c, const struct call *call, struct diag *out)
{
	while (!call->done) {
		const struct kafka_broker_state *failed = kafka_broker_states_all_failed(c);

		if (failed) {
			kafka_broker_state_tell(failed, out);
			return 1;
		}
		if (!kafka_broker_states_ask(c) && !wait_change(c) && !call->done)
			return 2;
	}
	return 0;
}

int kafka_call(struct kafka_client *c, void (*fn)(void *arg), void *arg, const char *what,
	       struct diag *out)
{
	struct call *call =
	    xcalloc(1, sizeof *call); /* outlives this function when the thread does */
	pthread_t thread;
	char words[160];
	int err, how;

	*call = (struct call){.client = c, .fn = fn, .arg = arg};
	err = pthread_create(&thread, NULL, call_thread, call);
	if (err) {
		check_fail(out, D_GUARD_NO_PROCESS, "", "no thread for a call of librdkafka: %s",
			   strerror(err));
		return -1;
	}
	pthread_detach(thread);
	pthread_mutex_lock(&c->lock);
	how = wait_call(c, call, out);
	pthread_mutex_unlock(&c->lock);
	if (how == 2) {
		snprintf(words, sizeof words, "no answer to %s in time (attempt_timeout)", what);
		kafka_diagnose(c, words, out);
	}
	return how == 0 ? 0 : -1;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static size_t keep_reachable(const struct kafka_tcp_race *dial, size_t n, struct str *reachable)
{
	char address[DIAG_SUBJECT_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		/* One that has not answered yet may be good: only what failed is left out. */
		if (!dial[i].connected && dial[i].diag.code != D_NONE)
			continue;
		hostport_text(dial[i].host, dial[i].port, address, sizeof address);
		str_addf(reachable, "%s%s", kept ? "," : "", address);
		kept++;
	}
	return kept;
}

/* Dials the bootstrap servers: a refused port or an unknown name is known at once and by its own code. `reachable`
 * gets those worth giving to the library. 0; or -1 with the first one's code in *out. */
static int gate(struct kafka_client *c, const struct strlist *servers, struct str *reachable,
		struct diag *out)
{
	struct kafka_tcp_race dial[BOOTSTRAPS_MAX] = {{.host = NULL}};
	char host[BOOTSTRAPS_MAX][256];
	size_t n = servers->n < BOOTSTRAPS_MAX ? servers->n : BOOTSTRAPS_MAX;

	for (size_t i = 0; i < n; i++) {
		kafka_address_split(servers->v[i], host[i], sizeof host[i], &dial[i].port);
		dial[i].host = host[i];
	}
	if (kafka_tcp_race(c->run, dial, n, c->props->family, true, c->run->deadline) == 0) {
		*out = dial[0].diag;
		if (n > 1)
			check_fail(out, dial[0].diag.code, dial[0].diag.subject,
				   "%s; nor can the other bootstrap server%s be reached",
				   dial[0].diag.cause, n > 2 ? "s" : "");
		return -1;
	}
	check_reached(c->run, "connect");
	c->n_bootstrap = keep_reachable(dial, n, reachable);
	return 0;
}

/* librdkafka has a thread for each broker: with the usual 8 MiB of stack a large cluster would be more than the child may
 * use. 1 MiB is eight times what musl gives. */
static void small_stacks(void)
{
	pthread_attr_t attr;

	if (pthread_attr_init(&attr))
		return;
	pthread_attr_setstacksize(&attr, 1024 * 1024);
	pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
}

static void init_lock(struct kafka_client *c)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attr);
}

static int configure(struct kafka_client *c, rd_kafka_conf_t *conf,
		     const struct kafka_prop_override *extra, struct diag *out)
{
	char ignored[256];

	if (kafka_client_props_apply(c->props, conf, out) < 0)
		return -1;
	for (; extra && extra->name; extra++)
		if (kafka_conf_put(conf, extra->name, extra->value, false, out) < 0)
			return -1;
	/* Not documented, in the library since 1.0: it dials every broker it learns of, at once. Without it the
	 * brokers are still dialled by ourselves, only TLS and login to each are then not seen. */
	c->dials_all = rd_kafka_conf_set(conf, "enable.sparse.connections", "false", ignored,
					 sizeof ignored) == RD_KAFKA_CONF_OK;
	rd_kafka_conf_enable_sasl_queue(conf, 1);
	return kafka_broker_states_watch(c, conf, out);
}

/* The handle, without servers yet. */
static struct kafka_client *make(const struct check_run *run,
				 const struct kafka_client_props *props, rd_kafka_type_t type,
				 const struct kafka_prop_override *extra, struct diag *out)
{
	struct kafka_client *c = xcalloc(1, sizeof *c);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char words[512] = "";

	c->run = run;
	c->props = props;
	init_lock(c);
	str_init(&c->fetch_trouble, FETCH_TROUBLE_MAX);
	small_stacks();
	if (configure(c, conf, extra, out) < 0)
		return NULL;
	/* What became of a record is told in the main queue. */
	if (type == RD_KAFKA_PRODUCER)
		rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
	c->rk = rd_kafka_new(type, conf, words, sizeof words);
	if (!c->rk) {
		check_fail(out, kafka_new_meaning(words), "librdkafka", "%s", words);
		return NULL;
	}
	/* Tokens are fetched in a thread of the library's: nobody here polls for it. */
	rd_kafka_sasl_background_callbacks_enable(c->rk);
	return c;
}

int kafka_try_open(const struct check_run *run, const struct kafka_client_props *props,
		   rd_kafka_type_t type, const struct kafka_prop_override *extra, struct diag *out)
{
	return make(run, props, type, extra, out) ? 0 : -1;
}

static int add_servers(struct kafka_client *c, struct diag *out)
{
	if (rd_kafka_brokers_add(c->rk, c->reachable) > 0)
		return 0;
	check_fail(out, D_KAFKA_PROPERTY, "bootstrap_servers", "librdkafka accepts none of %s",
		   c->reachable);
	return -1;
}

struct kafka_client *kafka_open(const struct check_run *run, const struct kafka_client_props *props,
				rd_kafka_type_t type, const struct strlist *servers,
				const struct kafka_prop_override *extra, struct diag *out)
{
	/* Without servers at first: what is wrong with the settings is to be heard also when none can be reached. */
	struct kafka_client *c = make(run, props, type, extra, out);
	struct str reachable;

	if (!c)
		return NULL;
	str_init(&reachable, BOOTSTRAPS_MAX * 300);
	if (gate(c, servers, &reachable, out) < 0)
		return NULL;
	c->reachable = reachable.s;
	return add_servers(c, out) < 0 ? NULL : c;
}

struct kafka_client *kafka_open_beside(const struct kafka_client *first, rd_kafka_type_t type,
				       const struct kafka_prop_override *extra, struct diag *out)
{
	struct kafka_client *c = make(first->run, first->props, type, extra, out);

	if (!c)
		return NULL;
	c->reachable = first->reachable;
	c->n_bootstrap = first->n_bootstrap;
	return add_servers(c, out) < 0 ? NULL : c;
}

/* ---- advertised addresses ------------------------------------------------------------------------------------------ */

static void broker_address(const struct kafka_broker *b, char *buf, size_t size)
{
	hostport_text(b->host, b->port, buf, size);
}

static void broker_subject(const struct kafka_broker *b, char *buf, size_t size)
{
	char address[DIAG_SUBJECT_MAX];

	broker_address(b, address, sizeof address);
	snprintf(buf, size, "broker %d at %.100s", b->id, address);
}

/* Lock held. */
static struct kafka_broker_state *peer_of(struct kafka_client *c, const struct kafka_broker *b)
{
	char address[DIAG_SUBJECT_MAX];

	broker_address(b, address, sizeof address);
	for (size_t i = 0; i < c->n_peers; i++)
		if (str_eq(c->peers[i]->address, address))
			return c->peers[i];
	return NULL;
}

/* One that was ready a moment ago has not got a wrong address: it has gone. */
static bool was_ready(struct kafka_client *c, const struct kafka_broker *b)
{
	const struct kafka_broker_state *peer;
	bool was;

	pthread_mutex_lock(&c->lock);
	peer = peer_of(c, b);
	was = peer && peer->was_up;
	pthread_mutex_unlock(&c->lock);
	return was;
}

static int fail_advertised(struct kafka_client *c, const struct kafka_broker *b,
			   const struct kafka_tcp_race *dial, size_t more, struct diag *out)
{
	bool name = diag_info(dial->diag.code)->phase == PH_RESOLVE;
	char subject[DIAG_SUBJECT_MAX], others[64] = "";

	broker_subject(b, subject, sizeof subject);
	if (more)
		snprintf(others, sizeof others, "; %zu more broker%s cannot be reached either",
			 more, plural(more));
	if (was_ready(c, b)) {
		check_fail(out, D_KAFKA_BROKER_LEFT, subject,
			   "broker %d was ready for this client, and now: %s%s", b->id,
			   dial->diag.cause, others);
		return -1;
	}
	check_fail(out, name ? D_KAFKA_ADVERTISED_UNRESOLVABLE : D_KAFKA_ADVERTISED_UNREACHABLE,
		   subject, "the bootstrap server answers, but broker %d advertises %s:%d: %s%s",
		   b->id, b->host, b->port, dial->diag.cause, others);
	return -1;
}

static int dial_brokers(struct kafka_client *c, const struct kafka_broker *v, size_t n, bool any,
			struct instant until, struct diag *out)
{
	struct kafka_tcp_race *dial = xcalloc(n, sizeof *dial);
	size_t failed = 0, first = 0, connected;

	for (size_t i = 0; i < n; i++)
		dial[i] = (struct kafka_tcp_race){.host = v[i].host, .port = v[i].port};
	connected = kafka_tcp_race(c->run, dial, n, c->props->family, any, until);
	if (connected == n || (any && connected > 0))
		return 0;
	for (size_t i = n; i-- > 0;) {
		if (dial[i].connected)
			continue;
		first = i;
		failed++;
	}
	return fail_advertised(c, &v[first], &dial[first], failed - 1, out);
}

/* Lock held. -1 with *out filled; 0 when not enough are up yet; 1 when they are. */
static int judge_brokers(struct kafka_client *c, const struct kafka_broker *v, size_t n, bool any,
			 struct diag *out)
{
	size_t up = 0, failed = 0;

	for (size_t i = 0; i < n; i++) {
		const struct kafka_broker_state *peer = peer_of(c, &v[i]);
		char subject[DIAG_SUBJECT_MAX];

		if (peer && kafka_broker_state_is_ready(c, peer)) {
			up++;
		} else if (peer && kafka_broker_state_is_final(peer)) {
			if (failed++ == 0) {
				broker_subject(&v[i], subject, sizeof subject);
				kafka_broker_state_explain(peer, subject, out);
			}
		}
	}
	if (any)
		return up > 0 ? 1 : failed == n ? -1 : 0;
	return failed > 0 ? -1 : up == n;
}

/* Lock held on entry and return. Was one asked? */
static bool ask_brokers(struct kafka_client *c, const struct kafka_broker *v, size_t n)
{
	/* Who did not answer is asked again, after the others. */
	for (int silent = 0; silent <= 1; silent++)
		for (size_t i = 0; i < n; i++) {
			struct kafka_broker_state *peer = peer_of(c, &v[i]);

			if (peer && peer->silent == silent && kafka_broker_state_ask(c, peer))
				return true;
		}
	return false;
}

static int fail_silent_broker(struct kafka_client *c, const struct kafka_broker *v, size_t n,
			      struct diag *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct kafka_broker_state *peer = peer_of(c, &v[i]);
		char subject[DIAG_SUBJECT_MAX];

		if (peer && kafka_broker_state_is_ready(c, peer))
			continue;
		broker_subject(&v[i], subject, sizeof subject);
		check_fail(out, D_ANSWER_TIMEOUT, subject,
			   peer && peer->up
			       ? "is connected, and does not answer whether it wants a login "
				 "(attempt_timeout); state %s"
			       : "connects, but is not ready for this client in time "
				 "(attempt_timeout); state %s",
			   peer && peer->state[0] ? peer->state : "not known");
		break;
	}
	return -1;
}

int kafka_reach(struct kafka_client *c, const struct kafka_broker *v, size_t n, bool any,
		struct diag *out)
{
	int settled = 0;

	if (n == 0)
		return 0;
	if (dial_brokers(c, v, n, any, c->run->deadline, out) < 0)
		return -1;
	if (!c->dials_all)
		return 0;
	check_step(c->run, PH_PROTOCOL, "waiting for %s%zu broker%s at the advertised address",
		   any && n > 1 ? "one of " : "", n, plural(n));
	pthread_mutex_lock(&c->lock);
	while ((settled = judge_brokers(c, v, n, any, out)) == 0) {
		if (!ask_brokers(c, v, n) && !wait_change(c)) {
			/* One may have become ready just now. */
			settled = judge_brokers(c, v, n, any, out);
			if (settled == 0)
				settled = fail_silent_broker(c, v, n, out);
			break;
		}
	}
	pthread_mutex_unlock(&c->lock);
	return settled < 0 ? -1 : 0;
}

int kafka_broken(struct kafka_client *c, const struct kafka_broker *v, size_t n, struct diag *out)
{
	struct instant glance = instant_after(instant_now(), DURATION_MS(GLANCE_MS));
	int found;

	if (n == 0)
		return 0;
	if (dial_brokers(c, v, n, false, instant_earlier(glance, c->run->deadline), out) < 0)
		return -1;
	pthread_mutex_lock(&c->lock);
	found = judge_brokers(c, v, n, false, out);
	pthread_mutex_unlock(&c->lock);
	return found < 0 ? -1 : 0;
}

void kafka_fetch_trouble(struct kafka_client *c, const char *topic, char *words, size_t size)
{
	char begin[300];
	const char *line;

	snprintf(begin, sizeof begin, "\n%s [0]: ", topic);
	words[0] = '\0';
	pthread_mutex_lock(&c->lock);
	line = strstr(c->fetch_trouble.s, begin);
	if (line) {
		line += strlen(begin);
		snprintf(words, size, "%.*s", (int)strcspn(line, "\n"), line);
	}
	pthread_mutex_unlock(&c->lock);
}

rd_kafka_resp_err_t kafka_answered_error(struct kafka_client *c)
{
	const struct kafka_request *waits;
	int err = 0;

	pthread_mutex_lock(&c->lock);
	waits = kafka_requests_oldest(&c->requests, KAFKA_API_METADATA);
	if (!waits || waits->api == c->repeated.api)
		err = c->repeated.err;
	c->repeated.err = 0;
	pthread_mutex_unlock(&c->lock);
	return (rd_kafka_resp_err_t)err;
}

int32_t kafka_ready_broker(struct kafka_client *c, const struct kafka_broker *v, size_t n)
{
	int32_t id = -1;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < n && id < 0; i++) {
		const struct kafka_broker_state *peer = peer_of(c, &v[i]);

		if (peer && peer->up_broker)
			id = v[i].id;
	}
	pthread_mutex_unlock(&c->lock);
	return id;
}

int kafka_throttled(struct kafka_client *c)
{
	int ms;

	/* It is told in the main queue, which nobody serves. */
	rd_kafka_poll(c->rk, 0);
	pthread_mutex_lock(&c->lock);
	ms = c->throttled_ms;
	pthread_mutex_unlock(&c->lock);
	return ms;
}

void kafka_explain_throttling(struct kafka_client *const *v, size_t n, struct diag *out)
{
	struct diag was = *out;
	int held = 0;

	if (was.code != D_ANSWER_TIMEOUT && was.code != D_KAFKA_NO_BROKERS &&
	    was.code != D_KAFKA_COORDINATOR && was.code != D_KAFKA_CANARY_FAILED)
		return;
	for (size_t i = 0; i < n; i++) {
		int ms = v[i] ? kafka_throttled(v[i]) : 0;

		held = ms > held ? ms : held;
	}
	if (held > 0)
		check_fail(out, D_KAFKA_THROTTLED, was.subject,
			   "%s; the broker holds this client back for %d ms", was.cause, held);
}
