/* check: the contract between startguard and one kind of check. Everything under checks/ includes this.
 *
 * A kind is one const struct: its keys (rows), `validate`, which judges them in the parent without I/O, and `run`, which
 * makes one blocking attempt in a fresh forked child. The engine retries, enforces deadlines, runs attempts in parallel,
 * kills and reports. An attempt may leak, block and crash; it must not print, exit or fork, except in kinds that run
 * programs and set .needs_exec.
 */
#ifndef SG_CHECK_H
#define SG_CHECK_H

#include "diag.h"
#include "instant.h"
#include "schema.h"
#include "scrub.h"
#include "secret.h"
#include "str.h"
#include "url.h"

struct check_sink; /* where records go; child.c */

struct check_run {
	const char *id;   /* "kafka.events" */
	const char *name; /* "events" */
	const void *conf; /* the struct that the kind's rows fill */
	/* Be done with a good message before it: the parent kills the child a little later. */
	struct instant deadline;
	int attempt; /* 1, 2, ... */
	struct check_sink *sink;
};

/* Says what the attempt does next ("connect to 127.0.0.1:9092"). Call it before everything that may block: the last step
 * survives SIGKILL, and the report shows it when the attempt is killed or crashes. */
void check_step(const struct check_run *run, enum phase phase, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Says that a phase is complete; goes into "reached" of the report ("resolve", "connect", "http 200"). */
void check_reached(const struct check_run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Adds a fact to the report; people see it with -v. Numbers, true and false become JSON numbers and booleans. The key is
 * lower_snake. At most 32 facts of an attempt are kept. */
void check_fact(const struct check_run *run, const char *key, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* The text after PASS on the line for people: "3 brokers, cluster MkU3, 2 topics". At most 120 bytes. */
void check_summary(const struct check_run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Fills *out and returns the code's result: `return check_fail(out, D_X, subject, "%s", reply);` */
#define check_fail diag_set

/* One form of `-w URL`, and how such a URL becomes keys of the kind. */
struct check_url {
	const char *scheme; /* "opa+https" */
	/* For help and messages: "opa+https://host:8181/v1/data/path/of/decision" */
	const char *example;
	const char *key; /* which gets the URL: after "://" alone, or under the scheme `as` */
	const char *as;  /* "https"; NULL: the key takes neither a scheme nor a user part */
	/* What follows `path_mark` ("/v1/data/") becomes the value of `path_key`, and is not part of the URL. NULL: the path
	 * belongs to the URL. */
	const char *path_mark, *path_key;
};

struct check_kind {
	const char *name;
	const char *summary; /* one line, no full stop */
	const struct schema *schema;
	/* The forms of `-w URL` that stand for it: none, one or two, then one without a scheme. */
	struct check_url urls[3];
	/* Why this build lacks the kind, which is known by name only; else NULL. */
	const char *unsupported;
	bool needs_exec; /* its child starts programs: the sandbox allows it */
	/* Does a check with this configuration start programs (librdkafka runs kinit for Kerberos)? NULL: never. Called in
	 * parent and child, before the sandbox; uses no network. */
	bool (*starts_programs)(const void *conf);
	/* The default of attempt_timeout, for a kind whose attempts are longer than others'; 0: that of the row. */
	struct duration attempt_timeout;
	/* Bytes that an attempt may use if it starts no programs; 0: SANDBOX_MEMORY. */
	uint64_t memory;
	/* For `startguard version`: the library it is linked with, "librdkafka 2.0.2". NULL: only the C library. */
	const char *(*library)(void);
	/* Judges what single rows cannot ("give url or free_port"). Returns NULL, or a problem text; *key names the key that
	 * it is about (NULL: the check as a whole). Called in the parent; no I/O, no handles of libraries. May be NULL. */
	const char *(*validate)(const void *conf, const char **key);
	/* Makes one attempt, in the child. RESULT_PASS, or what check_fail returned with *out filled. */
	enum result (*run)(const struct check_run *run, struct diag *out);
};

/* The kinds in the order of checks.def, with those that this build lacks; NULL past the end. */
const struct check_kind *check_kind_at(size_t i);
const struct check_kind *check_kind_find(const char *name);

#endif
