/* registry_schema: the schema file of the service as it is compared with, or sent to, a registry. Child only. */
#ifndef SG_REGISTRY_SCHEMA_H
#define SG_REGISTRY_SCHEMA_H

#include "registry_subject.h"
#include "registry_types.h"

/* Reads the file, which must be UTF-8: it becomes a part of JSON. Returns NULL with *out filled (file-missing, file-unreadable,
 * file-content). */
char *registry_schema_read(const char *path, size_t *len, struct diag *out);
/* Parses an Avro file with the types of the key `types`, and those of the registered references for what these lack. Returns NULL with
 * *out filled. */
struct avro_schema *registry_schema_load(const struct registry_found *found,
					 const struct registry_types *types, struct diag *out);
/* Returns the body of a request about a schema: its type, and the registered references unless `references` is NULL. */
char *registry_schema_body(const char *text, const char *type, const json_t *references);

#endif
