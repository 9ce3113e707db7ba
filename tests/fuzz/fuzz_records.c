/* Records of a topic: their format, the numbers in them, and the one finding about all of them. */
#include "fuzz.h"
#include "record_judge.h"

static const char schema_text[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"},"
    "{\"name\":\"score\",\"type\":[\"null\",\"double\"]},{\"name\":\"n\",\"type\":"
    "{\"type\":\"array\",\"items\":\"int\"}}]}";

static void range(const char *text)
{
	struct record_range r;

	if (record_range_problem(text))
		return;
	record_range_parse(&r, text);
	FUZZ_CHECK(*r.field && strlen(r.field) < RECORD_FIELD_MAX && r.min <= r.max);
}

static void judge(const struct record_demand *want, const struct record_tally *t, const void *value,
		  size_t len)
{
	struct record_class r;

	record_classify(want, value, len, &r);
	FUZZ_CHECK(r.format < RECORD__COUNT && r.fault <= RECORD_TOO_LARGE);
	FUZZ_CHECK(*r.text && strlen(r.text) < sizeof r.text && strlen(r.why) < sizeof r.why);
	FUZZ_CHECK(r.format != RECORD_AVRO_BARE || want->schema);
	FUZZ_CHECK(r.fault != RECORD_RANGE || r.format == want->format);
	FUZZ_CHECK(t->judged + t->too_large + t->tombstones > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	unsigned flags = fuzz_byte(&in);
	struct record_demand want = {.format = (enum record_format)(flags % RECORD_OTHER)};
	struct record_tally tally = {.want = &want};
	char why[AVRO_WHY_MAX], *text;
	struct diag d = {.code = D_NONE};
	size_t len, records = 0;

	if (flags & 0x80) {
		text = fuzz_rest(&in, NULL);
		range(text);
		free(text);
		return 0;
	}
	if (flags & 4)
		want.schema = avro_schema_parse(schema_text, strlen(schema_text), why, sizeof why);
	if (flags & 8)
		record_range_parse(&want.ranges[want.n_ranges++], "score 0 1");
	if (flags & 16)
		record_range_parse(&want.ranges[want.n_ranges++], "n -5 inf");
	while (fuzz_left(&in) > 0) {
		text = fuzz_until(&in, 0x1e, &len);
		record_tally_add(&tally, 0, (int64_t)records, len == 1 ? NULL : text, len);
		judge(&want, &tally, text, len);
		records++;
		free(text);
	}
	FUZZ_CHECK(tally.judged + tally.too_large + tally.tombstones == records);
	if (record_judge(&tally, "orders", &d) != RESULT_PASS)
		fuzz_check_diag(&d);
	fuzz_pool_reset();
	return 0;
}
