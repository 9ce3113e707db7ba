#include "flow_record.h"

#include "avro_types.h"
#include "kafka_client.h"
#include "kafka_topic.h"
#include "record_sample.h"

#define KEPT_MAX 4096                    /* records of one topic */
#define KEPT_BYTES_MAX (8 * 1024 * 1024) /* of their values */
#define VERIFY_MS 500 /* least time that is left for asking the cluster after a step's end */

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

static const struct key record_keys[] = {
    KAFKA_KEYS(struct flow_record_conf),
    KEY_STR(struct flow_record_conf, topic, .flags = K_REQUIRED, .check = kafka_topic_name_problem,
	    .doc = "The topic on which the record must appear. The principal must be allowed to "
		   "read it.",
	    .example = "\"orders\""),
    KEY_ENUM(struct flow_record_conf, format, .flags = K_REQUIRED, .choices = record_format_keys,
	     .doc = "How the record must be written, as expect of wire_format says it.",
	     .example = "\"avro_bare\""),
    KEY_PATH(struct flow_record_conf, schema,
	     .doc = "Avro schema file that must decode the record to its last byte. Needed for "
		    "both Avro formats.",
	     .example = "\"schemas/order.avsc\""),
    KEY_STRLIST(struct flow_record_conf, types,
		.doc = "Schema files, as globs, that define named types which schema uses.",
		.example = "[\"schemas/customer.avsc\"]"),
    KEY_STRLIST(struct flow_record_conf, where, .flags = K_REQUIRED,
		.check = flow_condition_problem,
		.doc = "Which record is meant: place=value, where the place is names with dots or "
		       "a JSON pointer. Also != >= <= > <. All must hold; records that do not "
		       "meet them are skipped.",
		.example = "[\"order_id={random}\"]"),
    KEY_STRLIST(struct flow_record_conf, holds, .check = flow_condition_problem,
		.doc = "What that record must hold besides, written as where is.",
		.example = "[\"total=0.37\"]"),
    KEY_STRLIST(struct flow_record_conf, capture, .check = flow_capture_problem,
		.doc = "Values of the record that later steps may use: name=place.",
		.example = "[\"total=total\"]"),
    KEY_DURATION(struct flow_record_conf, within, .def = "10s", .min = "10ms", .max = "30m",
		 .doc = "How long the record may take."),
    KEY_END,
};
const struct schema flow_record_schema = {.size = sizeof(struct flow_record_conf),
					  .keys = record_keys};

const char *flow_record_problem(const struct flow_record_conf *c, const char **key)
{
	const char *problem = kafka_client_conf_problem(&KAFKA_CONF(c), key);

	if (problem)
		return problem;
	*key = "schema";
	if (c->format != RECORD_JSON && !c->schema)
		return "is needed: the fields of an Avro record are known by it alone";
	if (c->format == RECORD_JSON && c->schema)
		return "is for Avro: leave it out with format = \"json\"";
	*key = "types";
	if (c->types.n && !c->schema)
		return "has no schema that could use them";
	return NULL;
}

bool flow_record_starts_programs(const struct flow_record_conf *c)
{
	return kafka_client_conf_starts_programs(&KAFKA_CONF(c));
}

/* ---- topics -------------------------------------------------------------------------------------------------------- */

struct kept {
	int32_t partition;
	int64_t offset;
	bool tombstone, taken;
	size_t len;
	unsigned char value[];
};
/* A topic that is followed, for all steps that wait for its records. */
struct topic {
	struct record_follow *follow;
	struct kept **v;
	size_t n, bytes;
	size_t dropped; /* records that came and are not kept any more */
};
struct flow_record {
	const struct flow_record_conf *conf;
	struct kafka_client *client;
	struct topic *topic;
	struct record_demand want;
};

static bool same_lists(const struct strlist *a, const struct strlist *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!str_eq(a->v[i], b->v[i]))
			return false;
	return true;
}

static bool same_texts(const char *a, const char *b)
{
	return a && b ? str_eq(a, b) : a == b;
}

static bool same_properties(const struct pairlist *a, const struct pairlist *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!str_eq(a->v[i].name, b->v[i].name) ||
		    !same_texts(a->v[i].value, b->v[i].value) ||
		    a->v[i].secret.kind != b->v[i].secret.kind ||
		    !same_texts(a->v[i].secret.text, b->v[i].secret.text))
			return false;
	return true;
}

/* Do both connect to the same cluster in the same way? */
static bool same_client(const struct flow_record_conf *a, const struct flow_record_conf *b)
{
	return same_lists(&a->bootstrap_servers, &b->bootstrap_servers) &&
	       same_properties(&a->properties, &b->properties) &&
	       same_texts(a->properties_file, b->properties_file) &&
	       same_texts(a->client_id, b->client_id);
}

static enum result check_places(const struct flow_record *r, const struct strlist *items,
				bool capture, struct diag *out)
{
	struct flow_needs needs;
	struct flow_names none = {.n = 0};
	enum result result = RESULT_PASS;

	flow_needs_init(&needs, items->n, 0);
	for (size_t i = 0; i < items->n && result == RESULT_PASS; i++) {
		if (capture)
			flow_needs_add_capture(&needs, items->v[i]);
		else
			flow_needs_add_condition(&needs, items->v[i], &none);
		if (avro_has_scalar(r->want.schema, needs.v[i].path))
			continue;
		result = check_fail(out, D_AVRO_NAME_MISMATCH, r->conf->schema,
				    "the schema has no scalar at %s, which the step names",
				    needs.v[i].place);
		diag_hint(out, "correct the step, or ship the schema that has the field");
	}
	flow_needs_free(&needs);
	return result;
}

static enum result load_schema(struct flow_run *f, struct flow_record *r, struct diag *out)
{
	const struct flow_record_conf *c = r->conf;

	r->want.format = (enum record_format)c->format;
	if (!c->schema)
		return RESULT_PASS;
	r->want.schema = avro_types_load_schema(f->run, &c->types, c->schema, out);
	if (!r->want.schema || check_places(r, &c->where, false, out) ||
	    check_places(r, &c->holds, false, out) || check_places(r, &c->capture, true, out))
		return RESULT_FAIL;
	return RESULT_PASS;
}

static struct kafka_client *open_client(struct flow_run *f, const struct flow_record_conf *c,
					struct diag *out)
{
	struct kafka_client_props *props = xcalloc(1, sizeof *props);

	check_step(f->run, PH_CONFIG, "reading the settings of the Kafka client");
	if (kafka_client_props_load(&KAFKA_CONF(c), props, out) != RESULT_PASS)
		return NULL;
	return kafka_open(f->run, props, &c->bootstrap_servers, record_sample_overrides, out);
}

struct flow_record *flow_record_open(struct flow_run *f, const struct flow_record_conf *c,
				     struct flow_record *const *earlier, size_t n, struct diag *out)
{
	struct flow_record *r = xcalloc(1, sizeof *r);

	r->conf = c;
	if (load_schema(f, r, out))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (!earlier[i] || !same_client(earlier[i]->conf, c))
			continue;
		r->client = earlier[i]->client;
		if (str_eq(earlier[i]->conf->topic, c->topic))
			r->topic = earlier[i]->topic;
	}
	if (!r->client)
		r->client = open_client(f, c, out);
	if (!r->client || r->topic)
		return r->client ? r : NULL;
	r->topic = xcalloc(1, sizeof *r->topic);
	r->topic->v = xcalloc(KEPT_MAX, sizeof *r->topic->v);
	r->topic->follow = record_follow_open(r->client, c->topic, out);
	if (!r->topic->follow) {
		kafka_diagnose_end(&r->client, 1, out);
		return NULL;
	}
	return r;
}

/* ---- records that are kept --------------------------------------------------------------------------------------------- */

static void drop_oldest(struct topic *t)
{
	t->bytes -= t->v[0]->len;
	free(t->v[0]);
	memmove(t->v, t->v + 1, (t->n - 1) * sizeof *t->v);
	t->n--;
	t->dropped++;
}

static struct kept *keep(struct topic *t, const rd_kafka_message_t *m)
{
	struct kept *k = xmalloc(sizeof *k + m->len);

	*k = (struct kept){.partition = m->partition,
			   .offset = m->offset,
			   .tombstone = !m->payload,
			   .len = m->payload ? m->len : 0};
	if (m->payload)
		memcpy(k->value, m->payload, m->len);
	while (t->n == KEPT_MAX || (t->n > 0 && t->bytes + k->len > KEPT_BYTES_MAX))
		drop_oldest(t);
	t->v[t->n++] = k;
	t->bytes += k->len;
	return k;
}

/* ---- one step ------------------------------------------------------------------------------------------------------------ */

struct search {
	struct flow_run *f;
	const struct check_run *step;
	struct flow_record *r;
	struct flow_needs needs; /* where, then holds, then capture */
	size_t n_where, n_holds;
	/* Records that were skipped, and why. */
	size_t seen, tombstones, too_large, foreign, others;
	char foreign_text[RECORD_TEXT_MAX]; /* the first record of another format */
	char other_text[300];               /* why the last other record is not the one */
};

static void prepare_needs(struct search *s)
{
	const struct flow_record_conf *c = s->r->conf;

	flow_needs_init(&s->needs, c->where.n + c->holds.n + c->capture.n, s->f->tolerance);
	for (size_t i = 0; i < c->where.n; i++)
		flow_needs_add_condition(&s->needs, c->where.v[i], &s->f->names);
	for (size_t i = 0; i < c->holds.n; i++)
		flow_needs_add_condition(&s->needs, c->holds.v[i], &s->f->names);
	for (size_t i = 0; i < c->capture.n; i++)
		flow_needs_add_capture(&s->needs, c->capture.v[i]);
	s->n_where = c->where.n;
	s->n_holds = c->holds.n;
}

static bool read_json_record(struct search *s, const struct kept *k)
{
	char why[AVRO_WHY_MAX];
	/* Not json_read_document, which makes doubles of all integers: `why` is not shown. */
	json_t *root = json_read((const char *)k->value, k->len, why, sizeof why);

	if (!root)
		return false;
	flow_needs_read_json(&s->needs, root);
	json_decref(root);
	return true;
}

static bool read_avro_record(struct search *s, const struct kept *k, size_t head)
{
	char why[AVRO_WHY_MAX];

	return s->r->want.schema && k->len >= head &&
	       flow_needs_read_avro(&s->needs, s->r->want.schema, k->value + head, k->len - head,
				    why) >= 0;
}

/* Fails because this record is the one, and is wrong. */
PRINTF_LIKE(4, 5)
static enum result fail_record(const struct search *s, const struct kept *k, struct diag *out,
			       const char *fmt, ...)
{
	char text[500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return kafka_topic_fail(out, D_FLOW_RECORD_DIFFERS, s->r->conf->topic,
				"partition %d offset %lld: %s", k->partition, (long long)k->offset,
				text);
}

/* Looks whether a record of another format is the one: then its service writes the wrong format. */
static enum result judge_foreign(struct search *s, const struct kept *k,
				 const struct record_class *class, struct diag *out)
{
	bool read = class->format == RECORD_JSON    ? read_json_record(s, k)
		    : class->format == RECORD_OTHER ? read_avro_record(s, k, 0)
						    : read_avro_record(s, k, RECORD_FRAME);

	if (read && !flow_needs_unmet(&s->needs, 0, s->n_where))
		return fail_record(s, k, out, "the record that where finds is %s%s%s, expected %s",
				   class->text, *class->why ? ": " : "", class->why,
				   record_format_name(s->r->want.format));
	if (!s->foreign++)
		snprintf(s->foreign_text, sizeof s->foreign_text, "%s", class->text);
	return RESULT_PASS;
}

static enum result judge_expected(struct search *s, struct kept *k, struct diag *out)
{
	size_t holds_end = s->n_where + s->n_holds;
	const struct flow_need *unmet;
	char text[300];

	if (s->r->want.format == RECORD_JSON)
		read_json_record(s, k);
	else
		read_avro_record(s, k,
				 s->r->want.format == RECORD_AVRO_CONFLUENT ? RECORD_FRAME : 0);
	unmet = flow_needs_unmet(&s->needs, 0, s->n_where);
	if (unmet) {
		flow_need_text(unmet, s->other_text, sizeof s->other_text);
		s->others++;
		return RESULT_PASS;
	}
	flow_needs_hide(&s->needs, holds_end);
	unmet = flow_needs_unmet(&s->needs, s->n_where, holds_end);
	if (unmet) {
		flow_need_text(unmet, text, sizeof text);
		return fail_record(s, k, out, "%s", text);
	}
	k->taken = true;
	snprintf(text, sizeof text, "topic %s", s->r->conf->topic);
	return flow_take_captures(s->f, &s->needs, holds_end, text, out);
}

/* Judges one record; k->taken tells whether it is the one. */
static enum result judge_record(struct search *s, struct kept *k, struct diag *out)
{
	struct record_class class;

	if (k->taken)
		return RESULT_PASS;
	s->seen++;
	s->tombstones += k->tombstone;
	if (k->tombstone)
		return RESULT_PASS;
	record_classify(&s->r->want, k->value, k->len, &class);
	s->too_large += class.fault == RECORD_TOO_LARGE;
	if (class.fault == RECORD_TOO_LARGE)
		return RESULT_PASS;
	if (class.format != s->r->want.format || class.fault != RECORD_GOOD)
		return judge_foreign(s, k, &class, out);
	return judge_expected(s, k, out);
}

static void add_skipped(struct str *text, const struct search *s)
{
	const char *sep = ": ";

	if (s->others) {
		str_addf(text, "%s%zu not met by where (of the last: %s)", sep, s->others,
			 s->other_text);
		sep = ", ";
	}
	if (s->foreign) {
		str_addf(text, "%s%zu not %s (the first: %s)", sep, s->foreign,
			 record_format_name(s->r->want.format), s->foreign_text);
		sep = ", ";
	}
	if (s->tombstones) {
		str_addf(text, "%s%zu tombstone%s", sep, s->tombstones, plural(s->tombstones));
		sep = ", ";
	}
	if (s->too_large)
		str_addf(text, "%s%zu too large to judge", sep, s->too_large);
}

static enum result fail_no_record(struct search *s, struct diag *out)
{
	struct topic *t = s->r->topic;
	size_t partitions = record_follow_partitions(t->follow);
	char limit[80];
	struct str text;

	if (instant_left_ms_now(s->f->run->deadline) > VERIFY_MS &&
	    record_follow_verify(t->follow, out) != RESULT_PASS)
		return RESULT_FAIL;
	flow_limit_text(s->f, s->step, s->r->conf->within, limit, sizeof limit);
	str_init(&text, DIAG_CAUSE_MAX);
	if (!s->seen)
		str_addf(&text, "no record came to its %zu partition%s %s", partitions,
			 plural(partitions), limit);
	else
		str_addf(&text, "%zu record%s came %s, none is the one", s->seen, plural(s->seen),
			 limit);
	add_skipped(&text, s);
	if (t->dropped)
		str_addf(&text, "; %zu came during earlier steps and were not kept", t->dropped);
	kafka_topic_fail(out, D_FLOW_NO_RECORD, s->r->conf->topic, "%s", text.s);
	str_free(&text);
	return RESULT_FAIL;
}

static enum result search_kept(struct search *s, bool *found, struct diag *out)
{
	struct topic *t = s->r->topic;
	enum result r = RESULT_PASS;

	for (size_t i = 0; r == RESULT_PASS && !*found && i < t->n; i++) {
		bool before = t->v[i]->taken;

		r = judge_record(s, t->v[i], out);
		*found = !before && t->v[i]->taken;
	}
	return r;
}

static enum result search_new(struct search *s, struct diag *out)
{
	struct topic *t = s->r->topic;
	rd_kafka_message_t *m;
	struct kept *k;

	for (;;) {
		if (record_follow_next(t->follow, s->step->deadline, &m, out) != RESULT_PASS)
			return RESULT_FAIL;
		if (!m)
			return fail_no_record(s, out);
		k = keep(t, m);
		rd_kafka_message_destroy(m);
		if (judge_record(s, k, out) != RESULT_PASS)
			return RESULT_FAIL;
		if (k->taken)
			return RESULT_PASS;
	}
}

enum result flow_record_expect(struct flow_run *f, const struct check_run *step,
			       struct flow_record *r, struct diag *out)
{
	struct search s = {.f = f, .step = step, .r = r};
	bool found = false;
	enum result result;

	check_step(step, PH_ASSERT, "waiting for a record of topic %s", r->conf->topic);
	prepare_needs(&s);
	result = search_kept(&s, &found, out);
	if (result == RESULT_PASS && !found)
		result = search_new(&s, out);
	flow_needs_free(&s.needs);
	return result;
}
