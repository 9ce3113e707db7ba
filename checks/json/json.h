/* json: a thin, bounded reader over jansson. Pure; foreign text is at most JSON_TEXT_MAX bytes and JSON_DEPTH_MAX deep. */
#ifndef SG_JSON_H
#define SG_JSON_H

#include <jansson.h>

#include "util.h"

#define JSON_TEXT_MAX (4 * 1024 * 1024)
#define JSON_DEPTH_MAX 64

/* For rows (.check): NULL when text is JSON, else what is wrong. */
const char *json_problem(const char *text);
/* For rows (.check): NULL when text is a JSON pointer (RFC 6901). */
const char *json_pointer_problem(const char *text);
/* NULL with a reason in err (line, what) when it is not JSON. Any value, not only objects. Integers of 64 bits are exact;
 * larger ones are read as doubles (15 digits), and numbers beyond 1.8e308 are refused. */
json_t *json_read(const char *text, size_t len, char *err, size_t err_size);
/* The same for foreign documents that must not be quoted: objects and lists only, whole numbers of any size (as reals),
 * and a reason without a piece of the text. */
json_t *json_read_document(const char *text, size_t len, char *err, size_t err_size);
/* RFC 6901. NULL: nothing there. Borrowed. */
json_t *json_at(json_t *root, const char *pointer);
/* Deep equality; 1 and 1.0 are equal, numbers that differ are not. */
bool json_same(const json_t *a, const json_t *b);
/* Compact text for causes, cut to size, cleaned. Returns buf. */
const char *json_short(const json_t *v, char *buf, size_t size);
const char *json_type_name(const json_t *v); /* object, array, string, number, boolean, null */
/* Only inside objects: the string at key, or NULL. */
const char *json_str(const json_t *obj, const char *key);

/* "jansson 2.14", for `startguard version`. */
const char *json_library(void);

#endif
