/* avro: checks that schema files are those that the service was built with, and that a sample decodes with them. */
#include <avro.h>
#include <ctype.h>
#include <errno.h>

#include "avro_decode.h"
#include "avro_frame.h"
#include "avro_resolution.h"
#include "avro_types.h"
#include "check.h"
#include "file_fail.h"

enum sample_format { FORMAT_BARE, FORMAT_CONFLUENT, FORMAT_CONTAINER };
static const char *const formats[] = {"bare", "confluent", "object_container", NULL};

#define SAMPLE_MAX (16 * 1024 * 1024)

struct avro_conf {
	const char *schema;
	struct strlist schemas, types;
	const char *full_name, *fingerprint, *readable_by, *reads, *sample;
	int format;
};

static const char *fingerprint_problem(const char *text)
{
	return strlen(text) == 16 && strspn(text, "0123456789abcdefABCDEF") == 16
		   ? NULL
		   : "is not 16 hexadecimal digits";
}

static const struct key avro_keys[] = {
    KEY_PATH(struct avro_conf, schema, .doc = "The schema file.",
	     .example = "\"schemas/reward_event.avsc\""),
    KEY_STRLIST(
	struct avro_conf, schemas,
	.doc = "Schema files, as globs: each must match and every file must be a schema. A file "
	       "may use the types of the others.",
	.example = "[\"/app/proto/*.avsc\"]"),
    KEY_STRLIST(struct avro_conf, types,
		.doc = "Schema files, as globs, that define named types which schema uses.",
		.example = "[\"schemas/customer.avsc\"]"),
    KEY_STR(struct avro_conf, full_name, .doc = "Namespace and name the schema must have.",
	    .example = "\"soma.cognition.RewardEvent\""),
    KEY_STR(struct avro_conf, fingerprint, .check = fingerprint_problem,
	    .doc = "CRC-64-AVRO of the schema's parsing canonical form, 16 hexadecimal digits (as "
		   "a number, or in fastavro's byte order).",
	    .example = "\"8c1f0a5d3b2e4976\""),
    KEY_PATH(struct avro_conf, readable_by,
	     .doc = "Schema file of a reader: it must be able to read what this one writes.",
	     .example = "\"consumer/reward_event.avsc\""),
    KEY_PATH(struct avro_conf, reads,
	     .doc = "Schema file of a writer: this one must be able to read what that one writes.",
	     .example = "\"producer/reward_event.avsc\""),
    KEY_PATH(struct avro_conf, sample,
	     .doc = "File of bytes that must decode with the schema, with none left.",
	     .example = "\"tests/reward_event.bin\""),
    KEY_ENUM(struct avro_conf, format, .choices = formats, .def = "bare",
	     .doc = "How the sample's bytes are framed: bare, with the five bytes a Confluent "
		    "serialiser puts in front, or an object container file."),
    KEY_END,
};

static const char *avro_validate(const void *conf, const char **key)
{
	const struct avro_conf *c = conf;
	const struct {
		const char *key;
		bool given;
	} one[] = {{"types", c->types.n > 0},
		   {"full_name", c->full_name},
		   {"fingerprint", c->fingerprint},
		   {"readable_by", c->readable_by},
		   {"reads", c->reads},
		   {"sample", c->sample}};

	if (!c->schema && !c->schemas.n)
		return "give schema or schemas";
	if (c->schema && c->schemas.n) {
		*key = "schemas";
		return "and schema exclude each other";
	}
	for (size_t i = 0; c->schemas.n && i < ARRAY_LEN(one); i++)
		if (one[i].given) {
			*key = one[i].key;
			return "is about one file: give schema instead of schemas";
		}
	return NULL;
}

static enum result load_schemas(const struct check_run *run, const struct avro_conf *c,
				struct diag *out)
{
	size_t count;

	if (avro_types_load(run, &c->schemas, NULL, json_object(), &count, out))
		return RESULT_FAIL;
	check_fact(run, "schemas", "%zu", count);
	check_summary(run, "%zu schema%s", count, plural(count));
	return RESULT_PASS;
}

static enum result read_container(const struct avro_conf *c, const struct avro_schema *s,
				  struct diag *out)
{
	avro_file_reader_t reader;
	avro_schema_t writer;
	avro_value_iface_t *iface;
	avro_value_t value;
	int records = 0, r;

	if (avro_file_reader(c->sample, &reader))
		return check_fail(out, D_AVRO_DECODE, c->sample, "%s", avro_strerror());
	writer = avro_file_reader_get_writer_schema(reader);
	if (*s->full_name && avro_schema_name(writer) &&
	    !str_eq(avro_schema_name(writer),
		    strrchr(s->full_name, '.') ? strrchr(s->full_name, '.') + 1 : s->full_name))
		return check_fail(out, D_AVRO_DECODE, c->sample,
				  "the container holds %s, the schema is %s",
				  avro_schema_name(writer), s->full_name);
	iface = avro_generic_class_from_schema(writer);
	avro_generic_value_new(iface, &value);
	while (!(r = avro_file_reader_read_value(reader, &value)))
		records++;
	if (r != EOF)
		return check_fail(out, D_AVRO_DECODE, c->sample, "record %d: %s", records,
				  avro_strerror());
	return RESULT_PASS;
}

/* Diagnoses a sample that does not decode in the format of the profile. One that decodes to its last byte in another format tells more
 * than what the decoder met: then *out says which. */
static void name_other_format(const struct avro_conf *c, const struct avro_schema *s,
			      const unsigned char *data, size_t len, struct diag *out)
{
	bool container = len > 4 && memcmp(data, "Obj\1", 4) == 0;
	struct avro_frame frame = {.len = 0};
	const char *format = "object_container";

	if (!container && !avro_frame_find(s, data, len, &frame))
		return;
	if (!container)
		format = frame.len == 0                      ? "bare"
			 : frame.len == AVRO_FRAME_CONFLUENT ? "confluent"
							     : NULL;
	if (format && str_eq(format, formats[c->format]))
		return;
	if (container)
		check_fail(out, D_AVRO_DECODE, c->sample,
			   "format is %s, and the file is an object container", formats[c->format]);
	else
		check_fail(out, D_AVRO_DECODE, c->sample,
			   "format is %s, and the bytes decode to the last one %s%s",
			   formats[c->format], frame.len ? "behind " : "by themselves", frame.text);
	if (format)
		diag_hint(out, "give format = \"%s\", or a sample that is %s", format,
			  formats[c->format]);
	else
		diag_hint(out, "cut the %zu bytes off the sample: no format has this frame",
			  frame.len);
}

static enum result decode_bytes(const struct avro_conf *c, const struct avro_schema *s,
				const unsigned char *data, size_t len, struct diag *out)
{
	size_t head = c->format == FORMAT_CONFLUENT ? AVRO_FRAME_CONFLUENT : 0;
	char why[AVRO_WHY_MAX];
	ssize_t n;

	if (head && (len < head || data[0] != 0))
		return check_fail(out, D_AVRO_DECODE, c->sample,
				  "no Confluent header: the first of five bytes is not zero");
	n = avro_decode(s, data + head, len - head, NULL, NULL, why, sizeof why);
	if (n < 0 && len && (data[0] == '{' || data[0] == '['))
		return check_fail(out, D_AVRO_DECODE, c->sample, "%s; the bytes look like JSON",
				  why);
	if (n < 0)
		return check_fail(out, D_AVRO_DECODE, c->sample, "%s", why);
	if ((size_t)n + head < len)
		return check_fail(out, D_AVRO_BYTES_LEFT, c->sample,
				  "%zu of %zu bytes are left over", len - head - (size_t)n, len);
	return RESULT_PASS;
}

static enum result decode_sample(const struct check_run *run, const struct avro_conf *c,
				 const struct avro_schema *s, struct diag *out)
{
	unsigned char *data;
	enum result r;
	size_t len;

	check_step(run, PH_ASSERT, "decoding the sample %s", c->sample);
	data = (unsigned char *)file_read(c->sample, SAMPLE_MAX, &len);
	if (!data)
		return file_fail(out, errno, c->sample, "sample");
	r = c->format == FORMAT_CONTAINER ? read_container(c, s, out)
					  : decode_bytes(c, s, data, len, out);
	if (r == RESULT_PASS)
		check_reached(run, "sample");
	else
		name_other_format(c, s, data, len, out);
	return r;
}

/* The caller gives one schema, reader or writer; the function loads the other, which is NULL, from its file. */
static enum result check_can_read(const struct check_run *run, const json_t *known,
				  const char *reader_file, const struct avro_schema *reader,
				  const char *writer_file, const struct avro_schema *writer,
				  struct diag *out)
{
	char why[AVRO_WHY_MAX];

	if (!reader)
		reader = avro_schema_load_known(run, known, reader_file, out);
	if (!writer && reader)
		writer = avro_schema_load_known(run, known, writer_file, out);
	if (!reader || !writer)
		return RESULT_FAIL;
	if (!avro_can_read(reader, writer, why, sizeof why))
		return check_fail(out, D_AVRO_INCOMPATIBLE, reader_file,
				  "it cannot read what %s writes: %s", writer_file, why);
	check_reached(run, "resolution");
	return RESULT_PASS;
}

static enum result check_identity(const struct avro_conf *c, const struct avro_schema *s,
				  const char *print, struct diag *out)
{
	char swapped[17];

	snprintf(swapped, sizeof swapped, "%016llx",
		 (unsigned long long)__builtin_bswap64(s->fingerprint));
	if (c->full_name && !str_eq(c->full_name, s->full_name))
		return check_fail(out, D_AVRO_NAME_MISMATCH, c->schema,
				  "the schema is %s, expected %s",
				  *s->full_name ? s->full_name : "of no named type", c->full_name);
	/* Java's tools print the number, fastavro its bytes in little-endian order: profiles may hold either. */
	if (c->fingerprint && strcasecmp(c->fingerprint, print) != 0 &&
	    strcasecmp(c->fingerprint, swapped) != 0)
		return check_fail(out, D_AVRO_FINGERPRINT, c->schema,
				  "the fingerprint is %s, expected %s", print, c->fingerprint);
	return RESULT_PASS;
}

static enum result avro_run(const struct check_run *run, struct diag *out)
{
	const struct avro_conf *c = run->conf;
	json_t *known = json_object();
	struct avro_schema *s;
	size_t count;
	char print[17];
	enum result r;

	if (c->schemas.n)
		return load_schemas(run, c, out);
	if (avro_types_load(run, &c->types, c->schema, known, &count, out))
		return RESULT_FAIL;
	s = avro_schema_load_known(run, known, c->schema, out);
	if (!s)
		return RESULT_FAIL;
	check_reached(run, "parse");
	snprintf(print, sizeof print, "%016llx", (unsigned long long)s->fingerprint);
	check_fact(run, "full_name", "%s", s->full_name);
	check_fact(run, "fingerprint", "%s", print);
	check_summary(run, "%s %.8s %zu fields", *s->full_name ? s->full_name : c->schema, print,
		      json_array_size(json_object_get(s->normal, "fields")));
	r = check_identity(c, s, print, out);
	if (r == RESULT_PASS && c->readable_by)
		r = check_can_read(run, known, c->readable_by, NULL, c->schema, s, out);
	if (r == RESULT_PASS && c->reads)
		r = check_can_read(run, known, c->schema, s, c->reads, NULL, out);
	if (r == RESULT_PASS && c->sample)
		r = decode_sample(run, c, s, out);
	return r;
}

static const char *avro_library(void)
{
	return "avro-c " AVRO_C_VERSION; /* the library has no call for its version */
}

const struct check_kind check_avro = {
    .name = "avro",
    .summary = "Avro schema files parse, have the right name and fingerprint, and decode a sample",
    .schema = &(const struct schema){.size = sizeof(struct avro_conf), .keys = avro_keys},
    .library = avro_library,
    .validate = avro_validate,
    .run = avro_run,
};
