/* avro_schema: parses an Avro schema into a normal form, and makes its parsing canonical form and fingerprint.
 *
 * Source: the Apache Avro 1.12 specification ("Parsing Canonical Form for Schemas"), and where readers of schemas differ, the
 * parser of Avro 1.12 for Java: types may be used before their definition, comments are permitted, logical types that do not fit
 * are ignored. A peer may write the text: size and depth are bounded. Only avro_schema_load reads a file. Child only.
 */
#ifndef SG_AVRO_SCHEMA_H
#define SG_AVRO_SCHEMA_H

#include "avro_walk.h"
#include "check.h"
#include "json.h"

#define AVRO_SCHEMA_MAX (1024 * 1024)
#define AVRO_WHY_MAX 400
#define AVRO_NAME_MAX 512 /* of a full name, with its NUL */

struct avro_schema {
	json_t *normal; /* with full names, without namespaces and docs; {"type": "int"} is "int" */
	json_t *names;  /* maps a full name to its definition in `normal` */
	const char *full_name; /* of the schema's top type; "" when that has no name */
	uint64_t fingerprint;  /* the CRC-64-AVRO of the parsing canonical form */
};

/* Parses a file; the child's exit frees the schema. NULL with *out filled (file-missing, file-unreadable, avro-invalid-schema). */
struct avro_schema *avro_schema_load(const struct check_run *run, const char *path,
				     struct diag *out);
/* The same for a schema that uses types which other files or subjects define. `known` maps full names to definitions in normal form
 * (names of an avro_schema); each takes its place where the schema first names it. NULL: there are none. */
struct avro_schema *avro_schema_load_known(const struct check_run *run, const json_t *known,
					   const char *path, struct diag *out);
/* The same for a schema that uses types which are not known yet: only its names are of use. */
struct avro_schema *avro_schema_load_open(const struct check_run *run, const json_t *known,
					  const char *path, struct diag *out);
struct avro_schema *avro_schema_parse_known(const json_t *known, const char *text, size_t len,
					    char *why, size_t size);
/* Parses a text. Returns NULL with the reason in `why`. The caller frees the schema with avro_schema_free. */
struct avro_schema *avro_schema_parse(const char *text, size_t len, char *why, size_t size);
void avro_schema_free(struct avro_schema *s);
/* Returns the parsing canonical form, which the caller frees. */
char *avro_canonical(const struct avro_schema *s);
/* Returns whether both schemas are the same except for docs; if not, `why` says where they differ. */
bool avro_same(const struct avro_schema *a, const struct avro_schema *b, char *why, size_t size);

#endif
