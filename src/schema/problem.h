/* problem: collects everything that is wrong with a profile, a policy or a command line, so that one start shows all of
 * it. Prints nothing. It cleans the texts, masks user parts of addresses and keeps the texts in the arena; problems_free frees
 * the array. */
#ifndef SG_PROBLEM_H
#define SG_PROBLEM_H

#include <stdarg.h>

#include "arena.h"
#include "diag.h"
#include "str.h"

/* PROBLEM_USAGE: an error of the command line, not of the profile. */
enum problem_kind { PROBLEM_WARNING, PROBLEM_POLICY, PROBLEM_ERROR, PROBLEM_USAGE };
struct problem {
	enum problem_kind kind;
	enum diag_code code; /* of a policy problem: secret-literal, ...; else D_NONE */
	const char *file;    /* NULL: not from a file */
	int line;
	const char *where; /* "kafka.events"; may be "" */
	const char *text;
};
struct problems {
	struct arena *arena;
	struct problem *v;
	size_t n, cap;
	/* an error of the command line counts as error and as usage */
	size_t errors, usages, policies, warnings;
};

/* Adds a problem. Always returns -1, for `return problem_error(...);`. */
int problem_add(struct problems *p, enum problem_kind kind, enum diag_code code, const char *file,
		int line, const char *where, const char *fmt, ...) PRINTF_LIKE(7, 8);
#define problem_error(p, file, line, where, ...) \
	problem_add(p, PROBLEM_ERROR, D_NONE, file, line, where, __VA_ARGS__)
/* Adds a mistake of the command line. */
#define problem_usage(p, where, ...) \
	problem_add(p, PROBLEM_USAGE, D_NONE, NULL, 0, where, __VA_ARGS__)
void problem_vadd(struct problems *p, enum problem_kind kind, enum diag_code code, const char *file,
		  int line, const char *where, const char *fmt, va_list ap) PRINTF_LIKE(7, 0);
/* Appends "file:line: where: text", with "warning: " before the text of a warning. */
void problem_text(struct str *out, const struct problem *p);
/* Makes an error a warning. */
void problem_lower(struct problems *p, size_t i);
/* Sorts the problems of one file by line, keeps the order otherwise. */
void problems_sort(struct problems *p);
void problems_free(struct problems *p);

#endif
