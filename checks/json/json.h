/* json: reads and compares JSON with jansson, and finds values in it. Pure.
 *
 * Every text it reads may come from a peer: at most JSON_TEXT_MAX bytes and JSON_DEPTH_MAX levels are accepted. Values
 * are never freed by the kinds: the child's exit does that.
 */
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
/* Any value, not only an object; NULL with the line and the reason in err when the text is not JSON. Integers of 64 bits
 * are exact; larger ones become doubles (15 digits), and numbers beyond 1.8e308 are refused. */
json_t *json_read(const char *text, size_t len, char *err, size_t err_size);
/* The same for documents that no message may quote: an object or array, integers of any size (as doubles), and a reason
 * that quotes nothing of the text. */
json_t *json_read_document(const char *text, size_t len, char *err, size_t err_size);
/* The value at a JSON pointer (RFC 6901), owned by root; NULL: none. */
json_t *json_at(json_t *root, const char *pointer);
/* Deep equality; 1 and 1.0 are equal, numbers that differ are not. */
bool json_same(const json_t *a, const json_t *b);
struct json_excerpt {
	char text[160];
};
/* Compact text for causes, cut and cleaned; "nothing" for NULL. */
struct json_excerpt json_short(const json_t *v);
/* "object", "array", "string", "number", "boolean", "null"; "nothing" for NULL. */
const char *json_type_name(const json_t *v);
/* The string at key; NULL when obj is not an object (or NULL) or has no string there. */
const char *json_str(const json_t *obj, const char *key);

/* "jansson 2.14", for `startguard version`. */
const char *json_library(void);

#endif
