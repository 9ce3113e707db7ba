/* avro_schema: reads an Avro schema into one normal form, and makes its parsing canonical form and fingerprint.
 *
 * avro-c says whether a text is a schema at all; the rest follows the Apache Avro 1.11 specification ("Parsing Canonical Form
 * for Schemas"). Foreign bytes: bounded in size and depth. Works on memory alone but for avro_schema_load; child only.
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
	const char *full_name; /* of the whole schema, when it is a named type; else "" */
	uint64_t fingerprint;  /* CRC-64-AVRO of the parsing canonical form */
};

/* Reads a file. NULL with *out filled (file-missing, file-unreadable, avro-invalid-schema). Lives until the child's end. */
struct avro_schema *avro_schema_load(const struct check_run *run, const char *path,
				     struct diag *out);
/* From text. NULL with the reason in `why`. The caller frees it with avro_schema_free. */
struct avro_schema *avro_schema_parse(const char *text, size_t len, char *why, size_t size);
void avro_schema_free(struct avro_schema *s);
/* The parsing canonical form; the caller frees it. */
char *avro_canonical(const struct avro_schema *s);
/* Are both the same schema to every program (all but docs count)? If not, `why` says where they differ. */
bool avro_same(const struct avro_schema *a, const struct avro_schema *b, char *why, size_t size);

/* For walks over `normal`: the definition that a type's name stands for, the base of a logical type, else the type itself. */
const json_t *avro_definition(const struct avro_schema *s, const json_t *type);
/* "union", "record", "int": what a type is that avro_definition returned. */
const char *avro_type(const json_t *type);

#endif
