/* json: reads and compares JSON with jansson, and finds values in it. Pure.
 *
 * A text may come from a peer, so the module accepts at most JSON_TEXT_MAX bytes and JSON_DEPTH_MAX levels. The kinds
 * free no value: the child's exit does that. The parent reads only the files of switches.
 */
#ifndef SG_JSON_H
#define SG_JSON_H

#include <jansson.h>

#include "util.h"

#define JSON_TEXT_MAX (4 * 1024 * 1024)
#define JSON_DEPTH_MAX 64

/* For key rows (.check). Returns NULL when text is JSON, else the problem. */
const char *json_problem(const char *text);
/* For key rows (.check). Returns NULL when text is a JSON pointer (RFC 6901), else the problem, valid until the next call. */
const char *json_pointer_problem(const char *text);
/* Parses any value, not only an object. Returns NULL with the line and the reason in err when the text is not JSON. Integers
 * of 64 bits are exact; larger ones become doubles (15 digits); numbers beyond 1.8e308 are refused. */
json_t *json_read(const char *text, size_t len, char *err, size_t err_size);
/* Parses an object or array that no message may quote: the reason in err holds nothing of the text. Integers beyond 64
 * bits become doubles. */
json_t *json_read_document(const char *text, size_t len, char *err, size_t err_size);
/* Returns the value at a JSON pointer (RFC 6901), owned by root; NULL when there is none. */
json_t *json_at(json_t *root, const char *pointer);
/* Returns whether two values are deeply equal; 1 equals 1.0. */
bool json_same(const json_t *a, const json_t *b);
struct json_excerpt {
	char text[160];
};
/* Returns the value as compact JSON for causes, cut and cleaned; "nothing" for NULL. */
struct json_excerpt json_short(const json_t *v);
/* Returns "object", "array", "string", "number", "boolean", "null"; "nothing" for NULL. */
const char *json_type_name(const json_t *v);
/* Returns the string at key; NULL when obj is not an object (or NULL) or has no string there. */
const char *json_str(const json_t *obj, const char *key);

/* Returns "jansson 2.14", for `startguard version`. */
const char *json_library(void);

#endif
