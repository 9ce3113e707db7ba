/* check: the contract between startguard and one kind of check. Everything under checks/ includes this.
 *
 * A kind is one const struct: its keys (rows), what it validates without I/O (in the parent), and `run`: one
 * blocking attempt, straight-line, in a fresh forked child. Retrying, deadlines, parallelism, killing and
 * reporting are not its business. It may leak, block and crash; it must not print, exit or fork (kinds that
 * run programs excepted: they set .needs_exec).
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
	struct instant
	    deadline; /* soft: be done with a good message before it; the parent kills a little later */
	int attempt; /* 1, 2, ... */
	struct check_sink *sink;
};

/* A breadcrumb: how far it got ("connect", "127.0.0.1:9092"). Leave one before each thing that may block,
 * phrased as what is being done; survives SIGKILL and is shown when the attempt is killed or crashes. */
void check_step(const struct check_run *run, enum phase phase, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* A phase was completed: goes into "reached" of the report ("resolve", "connect", "http 200"). */
void check_reached(const struct check_run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A fact for the report and the PASS line. Numbers and true/false become JSON numbers and booleans.
 * Key: lower_snake. At most 32 facts of an attempt are kept. */
void check_fact(const struct check_run *run, const char *key, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* What stands behind PASS on the line for people: "3 brokers, cluster MkU3, 2 topics". At most 120 bytes. */
void check_summary(const struct check_run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Fills *out and returns the code's verdict: `return check_fail(out, D_X, subject, "%s", words);` */
#define check_fail diag_set

/* One form of `-w URL`, and how such a URL becomes keys of the kind. */
struct check_url {
	const char *scheme; /* "opa+https" */
	const char
	    *example; /* "opa+https://host:8181/v1/data/path/of/decision"; for help and messages */
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
	/* The forms of `-w URL` that stand for it: none, or up to two, then one without a scheme. */
	struct check_url urls[3];
	const char *unsupported; /* not NULL: known by name only; why this build lacks it */
	bool needs_exec;         /* its child starts programs: the sandbox allows it */
	/* May be NULL: never. Parent and child, before the sandbox; no network. Does a check with this configuration start programs
	 * (librdkafka runs kinit for Kerberos)? */
	bool (*starts_programs)(const void *conf);
	uint64_t memory; /* bytes it may use when it starts none; 0: SANDBOX_MEMORY */
	/* "librdkafka 2.0.2": the library it is linked with, for `startguard version`. NULL: only the C library. */
	const char *(*library)(void);
	/* May be NULL. Parent, no I/O, no library handles. What single rows cannot say ("give url or free_port").
	 * Returns NULL, or a problem text; *key names the key it belongs to (NULL: the check as a whole). */
	const char *(*validate)(const void *conf, const char **key);
	/* Child. One attempt. RESULT_PASS, or what check_fail returned with *out filled. */
	enum result (*run)(const struct check_run *run, struct diag *out);
};

/* All kinds in the order of checks.def, those this build lacks too; NULL past the end. */
const struct check_kind *check_kind_at(size_t i);
const struct check_kind *check_kind_find(const char *name);

#endif
