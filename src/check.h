/* check: the contract between startguard and one kind of check. Everything under checks/ includes this.
 *
 * A kind is one const struct: its keys (rows), `validate`, which judges them in the parent without I/O, and `run`, which
 * makes one blocking attempt in a forked child. The engine retries, enforces deadlines, runs attempts in parallel,
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

struct check_sink; /* where the attempt's records go; child.c defines it */

struct check_run {
	const char *id;   /* "kafka.events" */
	const char *name; /* "events" */
	const void *conf; /* the struct that the kind's rows fill */
	/* The attempt should fail with a good message before it: the parent kills the child a little later. */
	struct instant deadline;
	int attempt; /* its number: 1, 2, ... */
	struct check_sink *sink;
};

/* Reports the attempt's next step ("connect to 127.0.0.1:9092"). Call it before everything that may block: the last step survives
 * SIGKILL, and the report shows it when the attempt is killed or crashes. */
void check_step(const struct check_run *run, enum phase phase, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Reports that a phase is complete, for "reached" in the report ("resolve", "connect", "http 200"). */
void check_reached(const struct check_run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Adds a fact to the report; people see it with -v. Numbers, true and false become JSON numbers and booleans. The key is
 * lower_snake. At most 32 facts of an attempt are kept. */
void check_fact(const struct check_run *run, const char *key, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Sets the text after PASS on the line for people: "3 brokers, cluster MkU3, 2 topics". At most 120 bytes. */
void check_summary(const struct check_run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Fills *out and returns the code's result: `return check_fail(out, D_X, subject, "%s", reply);` */
#define check_fail diag_set

/* One form of `-w URL`, and how such a URL becomes keys of the kind. */
struct check_url {
	const char *scheme; /* "opa+https" */
	/* For help and messages: "opa+https://host:8181/v1/data/path/of/decision" */
	const char *example;
	const char *key; /* the key that gets the URL, with the scheme `as` or without a scheme */
	const char *as;  /* "https"; NULL: the key takes neither a scheme nor a user part */
	const char *const *
	    also; /* further schemes of this form, which the key gets as they are; NULL-terminated, or NULL */
	/* The path after `path_mark` ("/v1/data/") becomes the value of `path_key`, not a part of the URL. NULL: the URL keeps it. */
	const char *path_mark, *path_key;
	/* The key that gets the host, which is the percent-encoded path of a unix socket; NULL: the host is one. */
	const char *socket_key;
};

struct check_kind {
	const char *name;
	const char *summary; /* one line, no full stop */
	const struct schema *schema;
	/* At most four forms of `-w URL` for this kind; an entry without a scheme ends them. */
	struct check_url urls[5];
	/* The reason when this build lacks the kind and knows only its name; else NULL. */
	const char *unsupported;
	bool has_side_effects; /* each attempt changes the system: lint warns of it in mode prod */
	bool needs_exec;       /* the child starts programs, which the sandbox then allows */
	/* Does a check with this configuration start programs (librdkafka runs kinit for Kerberos)? NULL: never. Called in
	 * the child, before the sandbox; uses no network. */
	bool (*starts_programs)(const void *conf);
	/* The default of attempt_timeout, for a kind whose attempts are longer than others'; 0: that of the row. */
	struct duration attempt_timeout;
	/* Returns the longest time that an attempt with this configuration may use: the default of attempt_timeout, and the least
	 * that may be given for it. NULL: the configuration does not say. Pure. */
	struct duration (*needed_time)(const void *conf);
	/* May a child that made an attempt with this configuration make further attempts, of this or other checks of the kind? Only
	 * where an attempt reads no secret, parses nothing that a peer sends after it connected, starts no program and leaves no
	 * thread behind when it passes or fails to connect. NULL: never. Pure. */
	bool (*may_share_child)(const void *conf);
	/* Bytes that an attempt may use if it starts no programs; 0: SANDBOX_MEMORY. */
	uint64_t memory;
	/* For `startguard version`: the library it is linked with, "librdkafka 2.0.2". NULL: only the C library. */
	const char *(*library)(void);
	/* Checks rules about several keys ("give url or free_port"). Returns NULL, or a problem text; *key names the key that the
	 * problem is about (NULL: the check as a whole). Called in the parent; no I/O, no handles of libraries. May be NULL. */
	const char *(*validate)(const void *conf, const char **key);
	/* For lint: names what of a valid configuration is likely not meant. Returns and sets as `validate` does. May be NULL. */
	const char *(*doubt)(const void *conf, const char **key);
	/* Makes one attempt, in the child. Returns RESULT_PASS, or what check_fail returned with *out filled. */
	enum result (*run)(const struct check_run *run, struct diag *out);
};

/* Returns kind `i` in the order of checks.def, which includes those that this build lacks; NULL past the end. */
const struct check_kind *check_kind_at(size_t i);
const struct check_kind *check_kind_find(const char *name);

#endif
