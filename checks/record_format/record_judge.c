#include "record_judge.h"

const char *record_format_name(enum record_format format)
{
	static const char *const names[] = {
	    [RECORD_AVRO_BARE] = "bare Avro",
	    [RECORD_AVRO_CONFLUENT] = "Confluent-framed",
	    [RECORD_JSON] = "JSON",
	    [RECORD_OTHER] = "of no known format",
	};

	_Static_assert(ARRAY_LEN(names) == RECORD__COUNT, "one name for each format");
	return names[format];
}

/* ---- counting ----------------------------------------------------------------------------------------------- */

static void add_finding(struct record_finding *f, int32_t partition, int64_t offset,
			const struct record_class *record)
{
	if (f->n == 0)
		*f = (struct record_finding){0, partition, offset, *record};
	f->n++;
}

bool record_tally_add(struct record_tally *t, int32_t partition, int64_t offset, const void *value,
		      size_t len)
{
	struct record_class record;

	if (!value) {
		t->tombstones++;
		return false;
	}
	record_classify(t->want, value, len, &record);
	if (record.fault == RECORD_TOO_LARGE) {
		t->too_large++;
		return false;
	}
	t->judged++;
	t->formats[record.format]++;
	t->seen |= record.seen;
	if (record.format != t->want->format)
		add_finding(&t->foreign[record.format], partition, offset, &record);
	add_finding(&t->faults[record.fault], partition, offset, &record);
	return true;
}

/* ---- judging ------------------------------------------------------------------------------------------------ */

/* Writes "partition 2 offset 17: a JSON object of 97 bytes, ...". */
static void describe_finding(const struct record_finding *f, char *buf, size_t size)
{
	snprintf(buf, size, "partition %d offset %lld: %s%s%s", f->partition, (long long)f->offset,
		 f->record.text, f->record.why[0] ? "; " : "", f->record.why);
}

static enum result fail_at(const struct record_tally *t, enum diag_code code, const char *subject,
			   const struct record_finding *f, const char *what, struct diag *out)
{
	char first[2 * RECORD_TEXT_MAX + 64];

	describe_finding(f, first, sizeof first);
	return check_fail(out, code, subject, "%zu of %zu sampled records: %s; %s%s", f->n,
			  t->judged, what, f->n > 1 ? "the first is at " : "", first);
}

/* Writes how many records have which format: "12 bare Avro, 8 JSON". */
static void list_formats(const struct record_tally *t, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (enum record_format f = 0; f < RECORD__COUNT; f++)
		if (t->formats[f] && n < size)
			n += (size_t)snprintf(buf + n, size - n, "%s%zu %s", n ? ", " : "",
					      t->formats[f], record_format_name(f));
}

/* Returns the first record of an unexpected format, in the order of the formats, or NULL. */
static const struct record_finding *first_foreign(const struct record_tally *t)
{
	for (enum record_format f = 0; f < RECORD__COUNT; f++)
		if (t->foreign[f].n)
			return &t->foreign[f];
	return NULL;
}

static enum result fail_mixed(const struct record_tally *t, const char *subject,
			      const struct record_finding *f, struct diag *out)
{
	char held[160], first[2 * RECORD_TEXT_MAX + 64];

	list_formats(t, held, sizeof held);
	describe_finding(f, first, sizeof first);
	return check_fail(out, D_WIRE_FORMAT_MIXED, subject,
			  "expected %s; of %zu sampled records: %s; %s",
			  record_format_name(t->want->format), t->judged, held, first);
}

static enum result fail_other_format(const struct record_tally *t, const char *subject,
				     const struct record_finding *f, struct diag *out)
{
	char what[96];

	snprintf(what, sizeof what, "%s, expected %s", record_format_name(f->record.format),
		 record_format_name(t->want->format));
	return fail_at(t, D_WIRE_FORMAT_OTHER, subject, f, what, out);
}

/* Returns how many known formats occur; a record of unknown format does not prove a mixture. */
static size_t count_known_formats(const struct record_tally *t)
{
	size_t n = 0;

	for (enum record_format f = 0; f < RECORD_OTHER; f++)
		n += t->formats[f] > 0;
	return n;
}

static enum result judge_format(const struct record_tally *t, const char *subject, struct diag *out)
{
	const struct record_finding *f = first_foreign(t);

	if (f && count_known_formats(t) > 1)
		return fail_mixed(t, subject, f, out);
	/* Of a record of unknown format it is only certain that the schema does not decode it. */
	if (f && (t->want->format != RECORD_AVRO_BARE || f->record.format != RECORD_OTHER))
		return fail_other_format(t, subject, f, out);
	if (t->faults[RECORD_UNDECODED].n)
		return fail_at(t, D_AVRO_DECODE, subject, &t->faults[RECORD_UNDECODED],
			       "the schema does not decode them", out);
	if (t->faults[RECORD_BYTES_LEFT].n)
		return fail_at(t, D_AVRO_BYTES_LEFT, subject, &t->faults[RECORD_BYTES_LEFT],
			       "the schema decodes them, but not to their end", out);
	return f ? fail_other_format(t, subject, f, out) : RESULT_PASS;
}

static enum result judge_ranges(const struct record_tally *t, const char *subject, struct diag *out)
{
	if (t->faults[RECORD_RANGE].n)
		return fail_at(t, D_WIRE_VALUE_RANGE, subject, &t->faults[RECORD_RANGE],
			       "a number outside of its range", out);
	/* Only for JSON: with a schema, .run has checked the fields, and a record may lack numbers in an empty map. */
	for (size_t i = 0; t->want->format == RECORD_JSON && i < t->want->n_ranges; i++) {
		if (t->seen & (uint32_t)1 << i)
			continue;
		return check_fail(out, D_WIRE_VALUE_RANGE, subject,
				  "none of %zu sampled records has the field %s, for which the "
				  "profile has a range",
				  t->judged, t->want->ranges[i].field);
	}
	return RESULT_PASS;
}

enum result record_judge(const struct record_tally *t, const char *topic, struct diag *out)
{
	char subject[DIAG_SUBJECT_MAX];

	snprintf(subject, sizeof subject, "topic %.*s", (int)(sizeof subject - sizeof "topic "),
		 topic);
	if (t->judged == 0 && t->too_large > 0) {
		check_fail(out, D_ANSWER_TOO_LARGE, subject,
			   "all %zu sampled records are larger than %d KiB: none was judged",
			   t->too_large, RECORD_BYTES_MAX / 1024);
		diag_hint(out, "leave wire_format out for topics with records of this size");
		return RESULT_FAIL;
	}
	if (t->judged == 0)
		return RESULT_PASS;
	return judge_format(t, subject, out) == RESULT_PASS ? judge_ranges(t, subject, out)
							    : RESULT_FAIL;
}
