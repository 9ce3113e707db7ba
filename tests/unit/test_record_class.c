/* wire_class and record_judge: which format a record has, and what many of them are together. The vectors are records of a
 * real system, written with three generations of its schemas. */
#include "record_judge.h"

#include <ctype.h>
#include <math.h>

#include "cm.h"

#define CONFIG                                                                             \
	"{\"type\":\"record\",\"name\":\"ConfigUpdate\",\"namespace\":\"soma.cognition\"," \
	"\"fields\":[{\"name\":\"learning_rate\",\"type\":\"float\"},{\"name\":"           \
	"\"exploration_temp\",\"type\":\"float\"},{\"name\":\"ts\",\"type\":\"string\"}]}"
#define REWARD                                                                                    \
	"{\"type\":\"record\",\"name\":\"RewardEvent\",\"fields\":[{\"name\":\"frame_id\","       \
	"\"type\":\"string\"},{\"name\":\"r_task\",\"type\":\"float\"},{\"name\":\"r_user\","     \
	"\"type\":\"float\"},{\"name\":\"r_latency\",\"type\":\"float\"},{\"name\":\"r_safety\"," \
	"\"type\":\"float\"},{\"name\":\"r_cost\",\"type\":\"float\"},{\"name\":\"total\","       \
	"\"type\":\"float\"},{\"name\":\"ts\",\"type\":\"string\"}]}"
#define BELIEF                                                                              \
	"{\"type\":\"record\",\"name\":\"BeliefUpdate\",\"fields\":[{\"name\":\"domain\","  \
	"\"type\":{\"type\":\"enum\",\"name\":\"Domain\",\"symbols\":[\"state\",\"agent\"," \
	"\"action\"]}},{\"name\":\"ts\",\"type\":\"string\"},{\"name\":\"delta_error\","    \
	"\"type\":\"float\"},{\"name\":\"confidence\",\"type\":\"float\"},{\"name\":"       \
	"\"evidence\",\"type\":{\"type\":\"map\",\"values\":\"string\"}},{\"name\":"        \
	"\"posterior\",\"type\":{\"type\":\"map\",\"values\":\"string\"}},{\"name\":"       \
	"\"model_ver\",\"type\":\"string\"},{\"name\":\"latency_ms\",\"type\":\"int\"}]}"
#define NESTED                                                                                    \
	"{\"type\":\"record\",\"name\":\"Frame\",\"fields\":[{\"name\":\"weights\",\"type\":"     \
	"{\"type\":\"map\",\"values\":\"double\"}},{\"name\":\"inner\",\"type\":[\"null\","       \
	"{\"type\":\"record\",\"name\":\"Inner\",\"fields\":[{\"name\":\"n\",\"type\":\"long\"}," \
	"{\"name\":\"list\",\"type\":{\"type\":\"array\",\"items\":\"int\"}}]}]}]}"

#define TIME "323032352d31312d30385431353a30303a30305a" /* 2025-11-08T15:00:00Z */
#define CONFIG_A "cdcc4c3d52b81e3f28" TIME
#define CONFIG_D "cdcc4c3d52b81e3f020000803f020000803f020000803f28" TIME
#define CONFIG_N \
	"cdcc4c3d52b81e3f020000803f020000803f020000803f020000803f020000803f020000803f28" TIME
#define REWARD_A "06662d310000803f0000003f0000803e0000803f0000003e0000004028" TIME
#define REWARD_N "06662d310000803f0000003f0000803e0000803f0000003e00000040020861636d650028" TIME
#define BELIEF_A "0028" TIME "0000003f0000003f000004763106" /* begins with 00: not a frame */
#define FRAME "0000000007"
#define JSON_CONFIG                                                                             \
	"={\"tenant\": \"acme\", \"learning_rate\": 0.05, \"exploration_temp\": 0.62, \"ts\": " \
	"\"2025-11-08T15:00:00Z\"}"

/* Hexadecimal digits, or text behind "=". */
static size_t bytes_of(const char *text, unsigned char *buf, size_t size)
{
	size_t n = 0;

	if (*text == '=') {
		n = strlen(text + 1);
		assert_true(n <= size);
		memcpy(buf, text + 1, n);
		return n;
	}
	for (; *text; text += 2) {
		unsigned byte;

		assert_true(n < size);
		assert_int_equal(sscanf(text, "%2x", &byte), 1);
		buf[n++] = (unsigned char)byte;
	}
	return n;
}

static struct avro_schema *parsed[64];

static const struct avro_schema *schema_of(const char *text)
{
	static const char *texts[ARRAY_LEN(parsed)];
	char why[AVRO_WHY_MAX];
	size_t i;

	if (!text)
		return NULL;
	for (i = 0; parsed[i]; i++)
		if (str_eq(texts[i], text))
			return parsed[i];
	texts[i] = text;
	parsed[i] = avro_schema_parse(text, strlen(text), why, sizeof why);
	if (!parsed[i])
		fail_msg("%s: %s", text, why);
	return parsed[i];
}

static int free_schemas(UNUSED void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(parsed) && parsed[i]; i++)
		avro_schema_free(parsed[i]);
	return 0;
}

static struct record_demand want_of(enum record_format format, const char *schema,
				    const char *range)
{
	struct record_demand want = {.format = format, .schema = schema_of(schema)};

	if (range) {
		assert_null(record_range_problem(range));
		record_range_parse(&want.ranges[want.n_ranges++], range);
	}
	return want;
}

struct record_case {
	const char *bytes;
	enum record_format expect;
	const char *schema, *range;
	enum record_format format;
	enum record_fault fault;
	const char *words; /* in text or why */
};

static void check_records(const struct record_case *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct record_demand want = want_of(v[i].expect, v[i].schema, v[i].range);
		struct record_class r;
		unsigned char buf[512];
		size_t len = bytes_of(v[i].bytes, buf, sizeof buf);

		/* Exactly as long as it is: a sanitizer sees a step beyond. */
		unsigned char *exact = xmalloc(len ? len : 1);

		memcpy(exact, buf, len);
		record_classify(&want, exact, len, &r);
		free(exact);
		if (r.format != v[i].format || r.fault != v[i].fault)
			fail_msg("%s: format %d fault %d: %s; %s", v[i].bytes, r.format, r.fault,
				 r.text, r.why);
		if (!strstr(r.text, v[i].words) && !strstr(r.why, v[i].words))
			fail_msg("%s: \"%s\" is neither in \"%s\" nor in \"%s\"", v[i].bytes,
				 v[i].words, r.text, r.why);
	}
}

/* The decode matrix of that system: what its readers took for success. */
static void test_vectors(UNUSED void **state)
{
	static const struct record_case v[] = {
	    {CONFIG_A, RECORD_AVRO_BARE, CONFIG, "exploration_temp 0.1 1", RECORD_AVRO_BARE,
	     RECORD_GOOD, "bare Avro of 29 bytes"},
	    {JSON_CONFIG, RECORD_AVRO_BARE, CONFIG, "exploration_temp 0.1 1", RECORD_JSON,
	     RECORD_GOOD, "71 bytes left over gets wrong values, exploration_temp = 7.55458e+31"},
	    {JSON_CONFIG, RECORD_AVRO_BARE, CONFIG, NULL, RECORD_JSON, RECORD_GOOD,
	     "object of 97 bytes"},
	    {JSON_CONFIG, RECORD_AVRO_CONFLUENT, CONFIG, NULL, RECORD_JSON, RECORD_GOOD,
	     "71 bytes left"},
	    {JSON_CONFIG, RECORD_AVRO_BARE, REWARD, NULL, RECORD_JSON, RECORD_GOOD,
	     "object of 97 bytes"},
	    {CONFIG_D, RECORD_AVRO_BARE, CONFIG, NULL, RECORD_OTHER, RECORD_BYTES_LEFT,
	     "34 of 44 bytes"},
	    {CONFIG_N, RECORD_AVRO_BARE, CONFIG, NULL, RECORD_OTHER, RECORD_BYTES_LEFT,
	     "49 of 59 bytes"},
	    {REWARD_A, RECORD_AVRO_BARE, REWARD, NULL, RECORD_AVRO_BARE, RECORD_GOOD, "49 bytes"},
	    {REWARD_N, RECORD_AVRO_BARE, REWARD, NULL, RECORD_OTHER, RECORD_BYTES_LEFT,
	     "left over"},
	    {BELIEF_A, RECORD_AVRO_BARE, CONFIG, NULL, RECORD_OTHER, RECORD_UNDECODED,
	     "byte 9, ts"},
	    {BELIEF_A, RECORD_AVRO_BARE, BELIEF, NULL, RECORD_AVRO_BARE, RECORD_GOOD, "bare"},
	    {BELIEF_A, RECORD_AVRO_CONFLUENT, NULL, NULL, RECORD_OTHER, RECORD_GOOD,
	     "beginning with 00 .."},
	    {FRAME CONFIG_A, RECORD_AVRO_BARE, CONFIG, NULL, RECORD_AVRO_CONFLUENT, RECORD_GOOD,
	     "schema id 7"},
	    {FRAME BELIEF_A, RECORD_AVRO_BARE, CONFIG, NULL, RECORD_AVRO_CONFLUENT,
	     RECORD_UNDECODED, "schema id 7"},
	    {CONFIG_A, RECORD_JSON, CONFIG, NULL, RECORD_AVRO_BARE, RECORD_GOOD,
	     "all its 29 bytes decode with the schema soma.cognition.ConfigUpdate"},
	    {"0461ff", RECORD_JSON, "\"bytes\"", NULL, RECORD_AVRO_BARE, RECORD_GOOD,
	     "all its 3 bytes decode with the schema given"},
	    {CONFIG_A "00", RECORD_JSON, CONFIG, NULL, RECORD_OTHER, RECORD_BYTES_LEFT,
	     "read with the schema: 1 of 30 bytes are left over"},
	    {JSON_CONFIG, RECORD_JSON, CONFIG, NULL, RECORD_JSON, RECORD_GOOD,
	     "a JSON object of 97 bytes"},
	    {CONFIG_A, RECORD_JSON, NULL, NULL, RECORD_OTHER, RECORD_GOOD,
	     "29 bytes, beginning with cd .."},
	};

	check_records(v, ARRAY_LEN(v));
}

static void test_formats(UNUSED void **state)
{
	static const struct record_case v[] = {
	    /* JSON */
	    {"={}", RECORD_JSON, NULL, NULL, RECORD_JSON, RECORD_GOOD, "object of 2 bytes"},
	    {"=[]", RECORD_JSON, NULL, NULL, RECORD_JSON, RECORD_GOOD, "array of 2 bytes"},
	    {"= \n{\"a\":1} \n", RECORD_JSON, NULL, NULL, RECORD_JSON, RECORD_GOOD, "object"},
	    {"={\"a\":123456789012345678901234567890}", RECORD_JSON, NULL, NULL, RECORD_JSON,
	     RECORD_GOOD, "object"},
	    {"=5", RECORD_JSON, NULL, NULL, RECORD_OTHER, RECORD_GOOD, "1 byte,"},
	    {"=\"text\"", RECORD_JSON, NULL, NULL, RECORD_OTHER, RECORD_GOOD, "6 bytes"},
	    {"=null", RECORD_JSON, NULL, NULL, RECORD_OTHER, RECORD_GOOD, "4 bytes"},
	    {"={\"a\":1}{\"a\":2}", RECORD_JSON, NULL, NULL, RECORD_OTHER, RECORD_GOOD,
	     "something follows the end"},
	    {"={\"secret", RECORD_JSON, NULL, NULL, RECORD_OTHER, RECORD_GOOD, "ends too early"},
	    {"={\"a\":NaN}", RECORD_JSON, NULL, NULL, RECORD_OTHER, RECORD_GOOD, "not the syntax"},
	    {"={\"a\":1e999}", RECORD_JSON, NULL, NULL, RECORD_OTHER, RECORD_GOOD, "no double"},
	    {"7b2261223a22ff227d", RECORD_JSON, NULL, NULL, RECORD_OTHER, RECORD_GOOD, "not UTF-8"},
	    {"efbbbf7b7d", RECORD_JSON, NULL, NULL, RECORD_OTHER, RECORD_GOOD, "byte order mark"},
	    {"", RECORD_JSON, NULL, NULL, RECORD_OTHER, RECORD_GOOD, "an empty value"},
	    /* frames */
	    {FRAME CONFIG_A, RECORD_AVRO_CONFLUENT, CONFIG, NULL, RECORD_AVRO_CONFLUENT,
	     RECORD_GOOD, "7"},
	    {FRAME CONFIG_A, RECORD_AVRO_CONFLUENT, NULL, NULL, RECORD_AVRO_CONFLUENT, RECORD_GOOD,
	     "34"},
	    {FRAME CONFIG_D, RECORD_AVRO_CONFLUENT, CONFIG, NULL, RECORD_AVRO_CONFLUENT,
	     RECORD_BYTES_LEFT, "34 of 44"},
	    {FRAME "01", RECORD_AVRO_CONFLUENT, CONFIG, NULL, RECORD_AVRO_CONFLUENT,
	     RECORD_UNDECODED, "after the frame: byte 0"},
	    {FRAME, RECORD_AVRO_CONFLUENT, NULL, NULL, RECORD_AVRO_CONFLUENT, RECORD_GOOD,
	     "5 bytes"},
	    {"00000007", RECORD_AVRO_CONFLUENT, NULL, NULL, RECORD_OTHER, RECORD_GOOD, "4 bytes"},
	    {"0000000000", RECORD_AVRO_CONFLUENT, NULL, NULL, RECORD_OTHER, RECORD_GOOD, "5 bytes"},
	    {"0000ffffff", RECORD_AVRO_CONFLUENT, NULL, NULL, RECORD_AVRO_CONFLUENT, RECORD_GOOD,
	     "id"},
	    {"0001000000", RECORD_AVRO_CONFLUENT, NULL, NULL, RECORD_OTHER, RECORD_GOOD,
	     "00 01 00 00"},
	    {"0101000000", RECORD_AVRO_CONFLUENT, NULL, NULL, RECORD_OTHER, RECORD_GOOD, "5 bytes"},
	    {FRAME "7b7d", RECORD_AVRO_CONFLUENT, NULL, NULL, RECORD_OTHER, RECORD_GOOD,
	     "around JSON"},
	    {FRAME "7b7d", RECORD_AVRO_CONFLUENT, CONFIG, NULL, RECORD_OTHER, RECORD_GOOD,
	     "around JSON"},
	    {FRAME "7b7d", RECORD_JSON, NULL, NULL, RECORD_OTHER, RECORD_GOOD, "around JSON"},
	    {FRAME "0102", RECORD_JSON, NULL, NULL, RECORD_AVRO_CONFLUENT, RECORD_GOOD,
	     "schema id 7"},
	    /* others that have a mark */
	    {"4f626a0104", RECORD_AVRO_BARE, CONFIG, NULL, RECORD_OTHER, RECORD_UNDECODED,
	     "container"},
	    {"c3010102030405060708", RECORD_AVRO_CONFLUENT, NULL, NULL, RECORD_OTHER, RECORD_GOOD,
	     "single-object"},
	    {"1f8b08", RECORD_JSON, NULL, NULL, RECORD_OTHER, RECORD_GOOD, "gzip"},
	    {"000000000000000007" CONFIG_A, RECORD_AVRO_BARE, CONFIG, NULL, RECORD_OTHER,
	     RECORD_UNDECODED, "a frame of Apicurio's with the eight bytes of id 7"},
	    /* what a string holds is no matter: its length stands before it */
	    {"=\n{\"a\"}", RECORD_AVRO_BARE, "\"string\"", NULL, RECORD_AVRO_BARE, RECORD_GOOD,
	     "bare"},
	    {"=\x20{\"a\": 1, \"b\": 2}", RECORD_AVRO_BARE, "\"string\"", NULL, RECORD_AVRO_BARE,
	     RECORD_GOOD, "bare"},
	    {"=\x20{\"a\": 1, \"b\": 2}", RECORD_JSON, NULL, NULL, RECORD_JSON, RECORD_GOOD,
	     "object"},
	    {"", RECORD_AVRO_BARE, "\"null\"", NULL, RECORD_AVRO_BARE, RECORD_GOOD, "0 bytes"},
	    {"", RECORD_AVRO_BARE, CONFIG, NULL, RECORD_OTHER, RECORD_UNDECODED, "an empty value"},
	};

	check_records(v, ARRAY_LEN(v));
}

static void test_numbers(UNUSED void **state)
{
	static const struct record_case v[] = {
	    {CONFIG_A, RECORD_AVRO_BARE, CONFIG, "exploration_temp 0 0.5", RECORD_AVRO_BARE,
	     RECORD_RANGE, "exploration_temp is 0.62, the profile allows 0 to 0.5"},
	    {CONFIG_A, RECORD_AVRO_BARE, CONFIG, "exploration_temp 0.7 inf", RECORD_AVRO_BARE,
	     RECORD_RANGE, "0.62"},
	    {FRAME CONFIG_A, RECORD_AVRO_CONFLUENT, CONFIG, "exploration_temp 0.7 1",
	     RECORD_AVRO_CONFLUENT, RECORD_RANGE, "0.62"},
	    {"cdcc4c3d0000c07f28" TIME, RECORD_AVRO_BARE, CONFIG, "exploration_temp -inf inf",
	     RECORD_AVRO_BARE, RECORD_RANGE, "is nan"},
	    {"cdcc4c3d0000807f28" TIME, RECORD_AVRO_BARE, CONFIG, "exploration_temp -inf inf",
	     RECORD_AVRO_BARE, RECORD_RANGE, "is inf"},
	    {"cdcc4c3d0000c07f28" TIME, RECORD_AVRO_BARE, CONFIG, "learning_rate 0 1",
	     RECORD_AVRO_BARE, RECORD_GOOD, "bare"},
	    {"cdcc4c3d3333333f28" TIME, RECORD_AVRO_BARE, CONFIG, "exploration_temp 0.7 1",
	     RECORD_AVRO_BARE, RECORD_GOOD, "bare"}, /* 0.7f is below 0.7 */
	    {"cdcc4c3d3233333f28" TIME, RECORD_AVRO_BARE, CONFIG, "exploration_temp 0.7 1",
	     RECORD_AVRO_BARE, RECORD_RANGE, "0.7"},
	    /* maps, unions, lists */
	    {"02026100000000000000400000", RECORD_AVRO_BARE, NESTED, "weights 0 1",
	     RECORD_AVRO_BARE, RECORD_RANGE, "weights is 2"},
	    {"000213040206000000", RECORD_AVRO_BARE, NESTED, "inner.n 0 1", RECORD_OTHER,
	     RECORD_BYTES_LEFT, "left over"},
	    {"00021302060800", RECORD_AVRO_BARE, NESTED, "inner.n 0 1", RECORD_OTHER,
	     RECORD_UNDECODED, "inner.list"},
	    {"000213020600", RECORD_AVRO_BARE, NESTED, "inner.n 0 1", RECORD_AVRO_BARE,
	     RECORD_RANGE, "inner.n is -10"},
	    {"000202020600", RECORD_AVRO_BARE, NESTED, "inner.list 0 2", RECORD_AVRO_BARE,
	     RECORD_RANGE, "inner.list is 3"},
	    {"0000", RECORD_AVRO_BARE, NESTED, "inner.n 0 1", RECORD_AVRO_BARE, RECORD_GOOD,
	     "bare"},
	    /* JSON */
	    {"={\"a\": 2}", RECORD_JSON, NULL, "a 0 1", RECORD_JSON, RECORD_RANGE, "a is 2"},
	    {"={\"a\": 1}", RECORD_JSON, NULL, "a 0 1", RECORD_JSON, RECORD_GOOD, "object"},
	    {"={\"a\": {\"b\": [0, 2]}}", RECORD_JSON, NULL, "a.b 0 1", RECORD_JSON, RECORD_RANGE,
	     "a.b is 2"},
	    {"=[{\"a\": 1}, {\"a\": 2}]", RECORD_JSON, NULL, "a 0 1", RECORD_JSON, RECORD_RANGE,
	     "a is 2"},
	    {"={\"a\": {\"x\": 0.5, \"y\": 2}}", RECORD_JSON, NULL, "a 0 1", RECORD_JSON,
	     RECORD_RANGE, "a is 2"},
	    {"={\"a\": \"0.5\"}", RECORD_JSON, NULL, "a 0 1", RECORD_JSON, RECORD_RANGE,
	     "a is a string, the profile has a range for it"},
	    {"={\"a\": null}", RECORD_JSON, NULL, "a 0 1", RECORD_JSON, RECORD_GOOD, "object"},
	    {"={\"b\": 7}", RECORD_JSON, NULL, "a 0 1", RECORD_JSON, RECORD_GOOD, "object"},
	    {"={\"a\": 20000000000000000000}", RECORD_JSON, NULL, "a 0 1", RECORD_JSON,
	     RECORD_RANGE, "2e+19"},
	};

	check_records(v, ARRAY_LEN(v));
}

static void test_large(UNUSED void **state)
{
	struct record_demand want = want_of(RECORD_JSON, NULL, NULL);
	unsigned char *data = xcalloc(1, RECORD_BYTES_MAX + 1);
	struct record_class r;

	memset(data, ' ', RECORD_BYTES_MAX + 1);
	memcpy(data, "{}", 2);
	record_classify(&want, data, RECORD_BYTES_MAX, &r);
	assert_int_equal(r.format, RECORD_JSON);
	record_classify(&want, data, RECORD_BYTES_MAX + 1, &r);
	assert_int_equal(r.fault, RECORD_TOO_LARGE);
	/* Nested as deep as it is long. */
	memset(data, '[', RECORD_BYTES_MAX);
	record_classify(&want, data, RECORD_BYTES_MAX, &r);
	assert_int_equal(r.format, RECORD_OTHER);
	assert_non_null(strstr(r.why, "nested"));
	free(data);
}

static void test_ranges(UNUSED void **state)
{
	static const char *const good[] = {"a 0 1", "a.b -1.5 1e3", " a 0 0 ", "a -inf inf",
					   "a 5 inf"};
	static const char *const bad[] = {"",      "a",      "a 0",     "a 0 1 2", "a 2 1",
					  "a x 1", "a 0 1x", "a nan 1", "0 1"};
	const struct avro_schema *s = schema_of(NESTED);

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (record_range_problem(good[i]))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!record_range_problem(bad[i]))
			fail_msg("taken: %s", bad[i]);
	assert_true(avro_has_number(s, "weights"));
	assert_true(avro_has_number(s, "inner.n"));
	assert_true(avro_has_number(s, "inner.list"));
	assert_false(avro_has_number(s, "inner"));
	assert_false(avro_has_number(s, "inner.x"));
	assert_false(avro_has_number(s, "inner.n.x"));
	assert_false(avro_has_number(s, "weights.a"));
	assert_false(avro_has_number(s, ""));
	assert_false(avro_has_number(schema_of(CONFIG), "ts"));
	assert_true(avro_has_number(schema_of("\"int\""), ""));
}

/* ---- many records --------------------------------------------------------------------------------------------- */

static void test_judge(UNUSED void **state)
{
	static const struct {
		enum record_format expect;
		const char *schema, *range;
		const char *records[4]; /* "-": a tombstone */
		enum diag_code code;
		const char *words[2];
	} v[] = {
	    {RECORD_AVRO_BARE, CONFIG, NULL, {CONFIG_A, "-", CONFIG_A}, D_NONE, {NULL}},
	    {RECORD_AVRO_BARE, CONFIG, NULL, {NULL}, D_NONE, {NULL}},
	    {RECORD_AVRO_BARE, CONFIG, NULL, {"-"}, D_NONE, {NULL}},
	    {RECORD_AVRO_BARE,
	     CONFIG,
	     NULL,
	     {CONFIG_A, JSON_CONFIG, JSON_CONFIG},
	     D_WIRE_FORMAT_MIXED,
	     {"expected bare Avro; of 3 sampled records: 1 bare Avro, 2 JSON",
	      "partition 3 offset 101: a JSON object"}},
	    {RECORD_JSON,
	     NULL,
	     NULL,
	     {"={}", FRAME "02"},
	     D_WIRE_FORMAT_MIXED,
	     {"1 Confluent-framed, 1 JSON"}},
	    {RECORD_AVRO_CONFLUENT,
	     CONFIG,
	     NULL,
	     {CONFIG_A, FRAME CONFIG_A},
	     D_WIRE_FORMAT_MIXED,
	     {"1 bare Avro, 1 Confluent-framed", "partition 3 offset 100: bare Avro"}},
	    {RECORD_AVRO_BARE,
	     CONFIG,
	     NULL,
	     {JSON_CONFIG, "-", JSON_CONFIG},
	     D_WIRE_FORMAT_OTHER,
	     {"2 of 2 sampled records: JSON, expected bare Avro",
	      "the first is at partition 3 offset 100"}},
	    {RECORD_AVRO_BARE,
	     CONFIG,
	     NULL,
	     {FRAME REWARD_A},
	     D_WIRE_FORMAT_OTHER,
	     {"Confluent-framed, expected bare Avro", "schema id 7"}},
	    {RECORD_JSON,
	     NULL,
	     NULL,
	     {"={}", "=5"},
	     D_WIRE_FORMAT_OTHER,
	     {"1 of 2 sampled records: of no known format, expected JSON", "beginning with 35"}},
	    {RECORD_AVRO_CONFLUENT,
	     NULL,
	     NULL,
	     {CONFIG_A},
	     D_WIRE_FORMAT_OTHER,
	     {"expected Confluent-framed"}},
	    {RECORD_AVRO_BARE,
	     CONFIG,
	     NULL,
	     {CONFIG_A, "0102"},
	     D_AVRO_DECODE,
	     {"1 of 2 sampled records: the schema does not decode them",
	      "2 bytes, beginning with 01 02; byte 0, learning_rate"}},
	    {RECORD_AVRO_CONFLUENT,
	     CONFIG,
	     NULL,
	     {FRAME BELIEF_A, FRAME CONFIG_A},
	     D_AVRO_DECODE,
	     {"schema id 7, 41 bytes; after the frame"}},
	    {RECORD_AVRO_BARE,
	     CONFIG,
	     NULL,
	     {CONFIG_A, CONFIG_D, CONFIG_N},
	     D_AVRO_BYTES_LEFT,
	     {"2 of 3", "partition 3 offset 101: 44 bytes"}},
	    {RECORD_AVRO_CONFLUENT,
	     CONFIG,
	     NULL,
	     {FRAME CONFIG_D},
	     D_AVRO_BYTES_LEFT,
	     {"34 of 44"}},
	    {RECORD_AVRO_BARE,
	     CONFIG,
	     "exploration_temp 0 0.5",
	     {CONFIG_A},
	     D_WIRE_VALUE_RANGE,
	     {"1 of 1", "exploration_temp is 0.62"}},
	    {RECORD_JSON,
	     NULL,
	     "a 0 1",
	     {"={}", "={\"b\":1}"},
	     D_WIRE_VALUE_RANGE,
	     {"none of 2 sampled records has the field a"}},
	    {RECORD_JSON, NULL, "a 0 1", {"={}", "={\"a\":1}"}, D_NONE, {NULL}},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct record_demand want = want_of(v[i].expect, v[i].schema, v[i].range);
		struct record_tally t = {.want = &want};
		struct diag d = {.code = D_NONE};

		for (int j = 0; j < 4 && v[i].records[j]; j++) {
			unsigned char buf[512];
			bool tombstone = str_eq(v[i].records[j], "-");
			size_t len = tombstone ? 0 : bytes_of(v[i].records[j], buf, sizeof buf);

			record_tally_add(&t, 3, 100 + j, tombstone ? NULL : buf, len);
		}
		record_judge(&t, "cog.config.updates", &d);
		if (d.code != v[i].code)
			fail_msg("case %zu: %s: %s", i, diag_info(d.code)->code, d.cause);
		for (int j = 0; j < 2 && v[i].words[j]; j++)
			if (!strstr(d.cause, v[i].words[j]))
				fail_msg("case %zu: no \"%s\" in \"%s\"", i, v[i].words[j],
					 d.cause);
		if (d.code != D_NONE)
			assert_string_equal(d.subject, "topic cog.config.updates");
	}
}

static void test_only_large(UNUSED void **state)
{
	struct record_demand want = want_of(RECORD_JSON, NULL, NULL);
	struct record_tally t = {.want = &want};
	struct diag d = {.code = D_NONE};
	unsigned char *data = xcalloc(1, RECORD_BYTES_MAX + 1);

	record_tally_add(&t, 0, 0, data, RECORD_BYTES_MAX + 1);
	assert_int_equal(record_judge(&t, "t", &d), RESULT_FAIL);
	assert_int_equal(d.code, D_ANSWER_TOO_LARGE);
	record_tally_add(&t, 0, 1, "{}", 2);
	assert_int_equal(record_judge(&t, "t", &d), RESULT_PASS);
	free(data);
}

/* What stands in a record is not told: not by JSON that is none, not by bytes of no format. */
static void test_nothing_leaks(UNUSED void **state)
{
	static const char *const records[] = {
	    "={\"name\": \"Ada Lovelace\"",  "={\"name\": Ada Lovelace}",
	    "={\"name\": \"Ada Lovelace\"}", "=name Ada Lovelace",
	    FRAME "0c416461204c6f",          "=\"Ada Lovelace\""};
	static const enum record_format formats[] = {RECORD_AVRO_BARE, RECORD_AVRO_CONFLUENT,
						     RECORD_JSON};

	for (size_t i = 0; i < ARRAY_LEN(records); i++)
		for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
			struct record_demand want =
			    want_of(formats[f], formats[f] == RECORD_JSON ? NULL : CONFIG, NULL);
			struct record_class r;
			unsigned char buf[64];
			size_t len = bytes_of(records[i], buf, sizeof buf);

			record_classify(&want, buf, len, &r);
			assert_null(strstr(r.text, "Ada"));
			assert_null(strstr(r.why, "Ada"));
			assert_null(strstr(r.text, "Love"));
			assert_null(strstr(r.why, "Love"));
		}
}

/* Any bytes: no step outside of them, and always one of the answers. */
static void test_random_records(UNUSED void **state)
{
	static const char *const schemas[] = {CONFIG, REWARD, BELIEF, NESTED};
	uint64_t seed = 20251108;
	struct record_demand want[ARRAY_LEN(schemas) * 3];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(schemas); i++)
		for (enum record_format f = RECORD_AVRO_BARE; f <= RECORD_JSON; f++)
			want[n++] = want_of(f, f == RECORD_JSON ? NULL : schemas[i], "inner.n 0 1");
	for (int run = 0; run < 100000; run++) {
		size_t len = cm_random(&seed) % 40;
		unsigned char *data = xmalloc(len ? len : 1);
		struct record_class r;

		for (size_t i = 0; i < len; i++)
			data[i] = (unsigned char)(cm_random(&seed) >> 32);
		/* Often the beginnings that lead far into the code. */
		if (len > 6 && run % 3 == 0)
			memcpy(data, "\0\0\0\0\7{", 6);
		if (len > 6 && run % 3 == 1)
			memcpy(data, "{\"a\":1", 6);
		record_classify(&want[(size_t)run % n], data, len, &r);
		assert_in_range(r.format, 0, RECORD_OTHER);
		assert_true(r.text[0] != '\0');
		assert_true(r.fault != RECORD_TOO_LARGE);
		free(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),        cmocka_unit_test(test_formats),
	    cmocka_unit_test(test_numbers),        cmocka_unit_test(test_large),
	    cmocka_unit_test(test_ranges),         cmocka_unit_test(test_judge),
	    cmocka_unit_test(test_only_large),     cmocka_unit_test(test_nothing_leaks),
	    cmocka_unit_test(test_random_records),
	};

	return cmocka_run_group_tests(tests, NULL, free_schemas);
}
