/* wire_format: checks that the last records of a topic have the format this service reads. It reads by offsets only: it joins
 * no group, commits nothing and creates no topic. */
#include "avro_types.h"
#include "check.h"
#include "kafka_client.h"
#include "kafka_keys.h"
#include "kafka_topic.h"
#include "record_judge.h"
#include "record_sample.h"

struct wire_format_conf {
	KAFKA_KEY_FIELDS
	const char *topic;
	int expect;
	const char *schema;
	int64_t sample;
	struct duration since, newest_within;
	struct strlist types, ranges;
	bool allow_empty;
};

static const struct key wire_format_keys[] = {
    KAFKA_KEYS(struct wire_format_conf),
    KEY_STR(struct wire_format_conf, topic, .flags = K_REQUIRED, .check = kafka_topic_name_problem,
	    .doc = "The topic whose last records are looked at. The principal must be allowed to "
		   "read it.",
	    .example = "\"orders\""),
    KEY_ENUM(struct wire_format_conf, expect, .flags = K_REQUIRED, .choices = record_format_keys,
	     .doc = "How every record must be written: one Avro datum and nothing else; the same "
		    "after the five bytes of a Confluent serialiser; or one JSON object or list.",
	     .example = "\"avro_bare\""),
    KEY_PATH(struct wire_format_conf, schema,
	     .doc = "Avro schema file that must decode every record to its last byte. Needed for "
		    "avro_bare; without it only the frame of avro_confluent is looked at. With "
		    "json no record must match it: it only names foreign records that are Avro of "
		    "this schema.",
	     .example = "\"schemas/order.avsc\""),
    KEY_STRLIST(struct wire_format_conf, types,
		.doc = "Schema files, as globs, that define named types which schema uses.",
		.example = "[\"schemas/customer.avsc\"]"),
    KEY_INT(struct wire_format_conf, sample, .def = "20", .min = "1", .max = "10000",
	    .doc = "How many records of each partition are looked at: the last ones."),
    KEY_DURATION(struct wire_format_conf, since, .min = "1s", .max = "87600h",
		 .doc = "Only records younger than this are judged, by their timestamps: what was "
			"written before a repair no longer fails the check. A record without a "
			"timestamp is judged.",
		 .example = "\"15m\""),
    KEY_DURATION(struct wire_format_conf, newest_within, .min = "1s", .max = "87600h",
		 .doc = "The newest record or tombstone of the topic must be younger than this: "
			"somebody writes here. A topic without any then fails, whatever "
			"allow_empty says.",
		 .example = "\"5m\""),
    KEY_STRLIST(struct wire_format_conf, ranges, .check = record_range_problem,
		.doc = "Numbers that make sense, as \"field min max\"; a dot leads into a record, "
		       "inf and -inf leave a side open. Values in lists and maps count as their "
		       "field; what is not finite is never in range.",
		.example = "[\"exploration_temp 0.1 1.0\", \"learning_rate 0 1\"]"),
    KEY_BOOL(struct wire_format_conf, allow_empty, .def = "true",
	     .doc = "Whether a topic without a record to judge passes: the report then says so. "
		    "With false the first record is waited for (with since, the first that is "
		    "young enough). Where records may lie further back than was looked, neither "
		    "passes."),
    KEY_END,
};

static const char *wire_format_validate(const void *conf, const char **key)
{
	const struct wire_format_conf *c = conf;
	const char *problem = kafka_client_conf_problem(&KAFKA_CONF(c), key);

	if (problem)
		return problem;
	*key = "schema";
	if (c->expect == RECORD_AVRO_BARE && !c->schema)
		return "is needed: bare Avro cannot be recognised without its schema";
	*key = "types";
	if (c->types.n && !c->schema)
		return "has no schema that could use them";
	*key = "ranges";
	if (c->ranges.n > RECORD_RANGES_MAX)
		return "has more than 32 entries";
	if (c->ranges.n && c->expect == RECORD_AVRO_CONFLUENT && !c->schema)
		return "needs schema: the fields are known by it alone";
	return NULL;
}

/* ---- one attempt --------------------------------------------------------------------------------------------- */

static enum result prepare_demand(const struct check_run *run, const struct wire_format_conf *c,
				  struct record_demand *want, struct diag *out)
{
	want->format = (enum record_format)c->expect;
	want->n_ranges = c->ranges.n;
	for (size_t i = 0; i < c->ranges.n; i++)
		record_range_parse(&want->ranges[i], c->ranges.v[i]);
	if (!c->schema)
		return RESULT_PASS;
	want->schema = avro_types_load_schema(run, &c->types, c->schema, out);
	if (!want->schema)
		return RESULT_FAIL;
	/* With json the ranges are about the JSON records, which no schema describes. */
	for (size_t i = 0; c->expect != RECORD_JSON && i < want->n_ranges; i++) {
		if (avro_has_number(want->schema, want->ranges[i].field))
			continue;
		check_fail(out, D_AVRO_NAME_MISMATCH, c->schema,
			   "the schema has no number at the field %s, which ranges names",
			   want->ranges[i].field);
		diag_hint(out, "correct ranges, or ship the schema that has the field");
		return RESULT_FAIL;
	}
	return RESULT_PASS;
}

static const char *wire_format_doubt(const void *conf, const char **key)
{
	const struct wire_format_conf *c = conf;

	return kafka_client_conf_doubt(&KAFKA_CONF(c), NULL, key);
}

static bool wire_format_starts_programs(const void *conf)
{
	const struct wire_format_conf *c = conf;

	return kafka_client_conf_starts_programs(&KAFKA_CONF(c));
}

static enum result sample_topic(const struct check_run *run, const struct wire_format_conf *c,
				struct record_tally *tally, struct record_sampled *done,
				struct diag *out)
{
	struct kafka_client_props *props = xcalloc(1, sizeof *props);
	struct record_sample_conf sample = {
	    .topic = c->topic, .per_partition = c->sample, .since = c->since};
	struct kafka_client *client;
	enum result r;

	check_step(run, PH_CONFIG, "reading the settings of the Kafka client");
	if (kafka_client_props_load(&KAFKA_CONF(c), props, out) != RESULT_PASS)
		return RESULT_FAIL;
	client = kafka_open(run, props, &c->bootstrap_servers, record_sample_overrides, out);
	if (!client)
		return RESULT_FAIL;
	r = record_sample(client, &sample, tally, done, out);
	if (r != RESULT_PASS)
		kafka_diagnose_end(&client, 1, out);
	return r;
}

static void report_facts(const struct check_run *run, const struct wire_format_conf *c,
			 const struct record_tally *t, const struct record_sampled *done)
{
	check_fact(run, "partitions", "%zu", done->partitions);
	check_fact(run, "partitions_empty", "%zu", done->empty);
	check_fact(run, "partitions_not_judged", "%zu", done->unjudged);
	check_fact(run, "records", "%zu", t->judged);
	for (enum record_format f = 0; f < RECORD_OTHER; f++)
		check_fact(run, record_format_keys[f], "%zu", t->formats[f]);
	check_fact(run, "other", "%zu", t->formats[RECORD_OTHER]);
	check_fact(run, "tombstones", "%zu", t->tombstones);
	check_fact(run, "too_large", "%zu", t->too_large);
	check_fact(run, "cut", "%s", done->cut ? "true" : "false");
	if (!duration_is_set(c->since) && !duration_is_set(c->newest_within))
		return;
	check_fact(run, "too_old", "%zu", done->old);
	if (duration_is_set(done->newest_age))
		check_fact(run, "newest_age_s", "%.1f", duration_ms(done->newest_age) / 1e3);
}

/* Writes "the newest record, in partition 1, is 3.2 h old", or why its age is not known. */
static void describe_newest(const struct record_sampled *done, char *buf, size_t size)
{
	char age[32];

	if (duration_is_set(done->newest_age))
		snprintf(buf, size, "the newest record, in partition %d, is %s old",
			 done->newest_partition, duration_text(done->newest_age, age, sizeof age));
	else
		snprintf(buf, size, "none of the %zu records that were read has a timestamp",
			 done->undated);
}

/* Fails when the newest record is older than newest_within. A topic that gave no record at all is left to judge_empty. */
static enum result judge_newest(const struct wire_format_conf *c, const struct record_sampled *done,
				struct diag *out)
{
	char newest[120], limit[32];

	if (!duration_is_set(c->newest_within) ||
	    (!duration_is_set(done->newest_age) && done->undated == 0) ||
	    (duration_is_set(done->newest_age) && done->newest_age.ns < c->newest_within.ns))
		return RESULT_PASS;
	describe_newest(done, newest, sizeof newest);
	return kafka_topic_fail(out, D_WIRE_STALE, c->topic, "%s%s; newest_within is %s", newest,
				done->cut ? ", as far as reading came (32 MiB, lower sample)" : "",
				duration_text(c->newest_within, limit, sizeof limit));
}

/* Writes why no record was judged. */
static void describe_nothing(const struct wire_format_conf *c, const struct record_tally *t,
			     const struct record_sampled *done, char *buf, size_t size)
{
	char only[48] = "", newest[120], limit[32];

	if (t->tombstones)
		snprintf(only, sizeof only, " (%zu tombstone%s)", t->tombstones,
			 plural(t->tombstones));
	if (duration_is_set(c->since) && done->unjudged) {
		describe_newest(done, newest, sizeof newest);
		snprintf(buf, size, "no record is younger than %s (since): %s",
			 duration_text(c->since, limit, sizeof limit), newest);
	} else if (done->unjudged) {
		snprintf(buf, size, "no record among its %s%lld offset%s%s",
			 done->whole ? "" : "last ", (long long)done->offsets,
			 plural(done->offsets), only);
	} else {
		snprintf(buf, size, "the topic is empty");
	}
}

/* Judges a topic that gave no record to judge. A log that was read as far back as there may be one counts as empty. */
static enum result judge_empty(const struct check_run *run, const struct wire_format_conf *c,
			       const struct record_tally *t, const struct record_sampled *done,
			       struct diag *out)
{
	bool unseen = !duration_is_set(done->newest_age); /* judge_newest has judged the others */
	char why[240];

	describe_nothing(c, t, done, why, sizeof why);
	if (!done->whole)
		return kafka_topic_fail(out, D_WIRE_NO_RECORD, c->topic,
					"%s; further back was not looked", why);
	if (!c->allow_empty)
		return kafka_topic_fail(out, D_WIRE_EMPTY_TOPIC, c->topic,
					"%s, and allow_empty is false: there is no record to judge",
					why);
	if (unseen && duration_is_set(c->newest_within))
		return kafka_topic_fail(out, D_WIRE_EMPTY_TOPIC, c->topic,
					"%s, and newest_within demands that somebody writes it",
					why);
	check_summary(run, "%s: nothing to judge", why);
	return RESULT_PASS;
}

static void report_summary(const struct check_run *run, const struct record_tally *t,
			   const struct record_sampled *done)
{
	char left_out[64] = "", without[64] = "", old[48] = "";

	if (done->old)
		snprintf(old, sizeof old, ", %zu too old to judge", done->old);
	if (t->too_large)
		snprintf(left_out, sizeof left_out, ", %zu too large to judge", t->too_large);
	if (done->unjudged)
		snprintf(without, sizeof without, ", %zu partition%s not judged", done->unjudged,
			 plural(done->unjudged));
	check_summary(run, "%zu record%s of %zu partition%s, all %s%s%s%s%s", t->judged,
		      plural(t->judged), done->partitions, plural(done->partitions),
		      record_format_name(t->want->format), old, left_out, without,
		      done->cut ? ", stopped at 32 MiB" : "");
}

static enum result wire_format_run(const struct check_run *run, struct diag *out)
{
	const struct wire_format_conf *c = run->conf;
	struct record_demand *want = xcalloc(1, sizeof *want);
	struct record_tally *tally = xcalloc(1, sizeof *tally);
	struct record_sampled done;

	tally->want = want;
	if (prepare_demand(run, c, want, out) != RESULT_PASS ||
	    sample_topic(run, c, tally, &done, out) != RESULT_PASS)
		return RESULT_FAIL;
	report_facts(run, c, tally, &done);
	if (record_judge(tally, c->topic, out) != RESULT_PASS ||
	    judge_newest(c, &done, out) != RESULT_PASS)
		return RESULT_FAIL;
	if (tally->judged == 0)
		return judge_empty(run, c, tally, &done, out);
	report_summary(run, tally, &done);
	return RESULT_PASS;
}

const struct check_kind check_wire_format = {
    .name = "wire_format",
    .summary =
	"the last records of a topic are bare Avro, Confluent-framed Avro or JSON, and no mixture",
    .schema =
	&(const struct schema){.size = sizeof(struct wire_format_conf), .keys = wire_format_keys},
    .validate = wire_format_validate,
    .doubt = wire_format_doubt,
    .starts_programs = wire_format_starts_programs,
    .memory = KAFKA_MEMORY,
    .run = wire_format_run,
};
