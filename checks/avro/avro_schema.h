/* avro_schema: Avro schemas as data: one normal form, the parsing canonical form, resolution, decoding.
 *
 * avro-c says whether a file is a schema at all; what startguard needs beyond that (fingerprints, the reason why two
 * schemas do not resolve, the byte at which a sample stops making sense) is here, after the Apache Avro 1.11
 * specification: "Parsing Canonical Form for Schemas", "Schema Resolution", "Binary Encoding". Foreign bytes: bounded
 * in size, depth and number of items. Pure but for avro_schema_load. Child only.
 */
#ifndef SG_AVRO_SCHEMA_H
#define SG_AVRO_SCHEMA_H

#include "check.h"
#include "json.h"

#define AVRO_SCHEMA_MAX (1024 * 1024)
#define AVRO_WHY_MAX 400

struct avro_schema {
	json_t *normal; /* every name in full, no namespaces, no docs; {"type": "int"} is "int" */
	json_t *names;  /* full name to its definition in `normal` */
	const char *full_name; /* of the top, when it is a named type; else "" */
	uint64_t fingerprint;  /* CRC-64-AVRO of the parsing canonical form */
};

/* NULL with *out filled (file-missing, file-unreadable, avro-invalid-schema). Lives until the child's end. */
struct avro_schema *avro_schema_load(const struct check_run *run, const char *path,
				     struct diag *out);
/* From text: NULL with why filled. */
struct avro_schema *avro_schema_parse(const char *text, size_t len, char *why, size_t size);
void avro_schema_free(struct avro_schema *s);
/* The parsing canonical form; the caller frees it. */
char *avro_canonical(const struct avro_schema *s);
/* CRC-64-AVRO (specification, "Schema Fingerprints"). */
uint64_t avro_crc64(const void *data, size_t len);
/* Are both one schema to every program (all but docs)? Else where they differ, in why. */
bool avro_same(const struct avro_schema *a, const struct avro_schema *b, char *why, size_t size);
/* Can data written with `writer` be read with `reader`? Else the reason. */
bool avro_can_read(const struct avro_schema *reader, const struct avro_schema *writer, char *why,
		   size_t size);
/* Walks one datum: the number of bytes it takes, or -1 with the reason in why. */
ssize_t avro_decode(const struct avro_schema *s, const unsigned char *data, size_t len, char *why,
		    size_t size);

/* A number of the datum, with the names of the fields that lead to it: "position.x". What stands in arrays and maps
 * counts as their field. Called while walking: also for data that turn out to be wrong further on. */
typedef void avro_number_fn(void *arg, const char *field, double value);
ssize_t avro_decode_numbers(const struct avro_schema *s, const unsigned char *data, size_t len,
			    avro_number_fn *fn, void *arg, char *why, size_t size);
/* Can a datum have a number at this field, named as above? */
bool avro_has_number(const struct avro_schema *s, const char *field);

#endif
