/* Avro data from outside: the decoder reads no byte beyond the end, and its work is bounded by the size of the data. */
#include "avro_frame.h"
#include "fuzz.h"

static const char *const schemas[] = {
    "\"null\"",
    "{\"type\":\"array\",\"items\":\"null\"}",
    "{\"type\":\"map\",\"values\":[\"null\",\"string\",{\"type\":\"array\",\"items\":\"int\"}]}",
    "{\"type\":\"record\",\"name\":\"a.R\",\"fields\":[{\"name\":\"n\",\"type\":[\"null\",\"R\"]},"
    "{\"name\":\"v\",\"type\":\"long\"}]}",
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"l\",\"type\":{\"type\":\"array\","
    "\"items\":\"R\"}}]}",
    "{\"type\":\"record\",\"name\":\"All\",\"fields\":[{\"name\":\"b\",\"type\":\"boolean\"},"
    "{\"name\":\"i\",\"type\":\"int\"},{\"name\":\"f\",\"type\":\"float\"},"
    "{\"name\":\"d\",\"type\":\"double\"},{\"name\":\"y\",\"type\":\"bytes\"},"
    "{\"name\":\"s\",\"type\":\"string\"},{\"name\":\"x\",\"type\":{\"type\":\"fixed\","
    "\"name\":\"F\",\"size\":3}},{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\","
    "\"symbols\":[\"A\",\"B\"]}},{\"name\":\"t\",\"type\":{\"type\":\"long\",\"logicalType\":"
    "\"timestamp-millis\"}}]}",
    /* A record of records of records of nulls: no byte of data, and ever more values. */
    "[{\"type\":\"record\",\"name\":\"N0\",\"fields\":[{\"name\":\"a\",\"type\":\"null\"}]},"
    "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"N1\",\"fields\":["
    "{\"name\":\"a\",\"type\":\"N0\"},{\"name\":\"b\",\"type\":\"N0\"}]}}]",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	unsigned which = fuzz_byte(&in);
	char why[AVRO_WHY_MAX] = "", *text = NULL;
	struct avro_schema *s;
	struct avro_frame frame;
	const char *schema = schemas[which % ARRAY_LEN(schemas)];
	size_t len = strlen(schema);
	ssize_t used;

	if (which >= 0x80) /* the input brings its own */
		schema = text = fuzz_until(&in, '\n', &len);
	s = avro_schema_parse(schema, len, why, sizeof why);
	FUZZ_CHECK(s || text);
	if (s) {
		*why = '\0';
		used = avro_decode(s, in.p, fuzz_left(&in), NULL, NULL, why, sizeof why);
		if (used < 0)
			FUZZ_CHECK(*why);
		else
			FUZZ_CHECK((size_t)used <= fuzz_left(&in));
		/* The bytes that were used suffice, but the bound on the number of values depends on the size of the data. */
		if (used >= 0)
			FUZZ_CHECK(avro_decode(s, in.p, (size_t)used, NULL, NULL, why,
					       sizeof why) == used ||
				   strstr(why, "more than"));
		if (avro_frame_find(s, in.p, fuzz_left(&in), &frame))
			FUZZ_CHECK(avro_decode(s, in.p + frame.len, fuzz_left(&in) - frame.len,
					       NULL, NULL, why, sizeof why) ==
				   (ssize_t)(fuzz_left(&in) - frame.len));
		if (used > 0)
			FUZZ_CHECK(avro_decode(s, in.p, (size_t)used - 1, NULL, NULL, why,
					       sizeof why) < 0);
	}
	free(text);
	fuzz_pool_reset();
	return 0;
}
