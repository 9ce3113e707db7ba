/* avro_types: reads Avro schema files that use each other's named types, whatever the order of the files.
 *
 * Child only: the child's exit frees what it loads.
 */
#ifndef SG_AVRO_TYPES_H
#define SG_AVRO_TYPES_H

#include "avro_schema.h"

/* Loads every file that the globs match, each of which must match one. Adds the types that the files define to `known`, an object
 * as avro_schema_parse_known takes it; of two definitions of one name the first stays. The files may use the types of `user` too, the
 * schema that they are for (NULL: none). *count becomes the number of files. Returns RESULT_FAIL with *out filled (file-missing, and
 * as avro_schema_load) when a file cannot be read with the types of all others. */
enum result avro_types_load(const struct check_run *run, const struct strlist *globs,
			    const char *user, json_t *known, size_t *count, struct diag *out);
/* Loads one schema file, which may use the types of the files that the globs match. As avro_schema_load. */
struct avro_schema *avro_types_load_schema(const struct check_run *run, const struct strlist *globs,
					   const char *path, struct diag *out);

#endif
