#include "problem.h"

#include "scrub.h"
#include "str.h"

int problem_add(struct problems *p, enum problem_kind kind, enum diag_code code, const char *file,
		int line, const char *where, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_vadd(p, kind, code, file, line, where, fmt, ap);
	va_end(ap);
	return -1;
}

void problem_vadd(struct problems *p, enum problem_kind kind, enum diag_code code, const char *file,
		  int line, const char *where, const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof text, fmt, ap);
	scrub(text);
	scrub_user_parts(text);
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 16;
		p->v = xrealloc(p->v, p->cap * sizeof *p->v);
	}
	p->v[p->n++] = (struct problem){.kind = kind,
					.code = code,
					.file = arena_strdup_clean(p->arena, file),
					.line = line,
					.where = scrub_copy(p->arena, where),
					.text = arena_strdup_clean(p->arena, text)};
	*(kind == PROBLEM_POLICY    ? &p->policies
	  : kind == PROBLEM_WARNING ? &p->warnings
				    : &p->errors) += 1;
	p->usages += kind == PROBLEM_USAGE;
}

void problem_text(struct str *out, const struct problem *p)
{
	if (p->file && p->line > 0)
		str_addf(out, "%s:%d: ", p->file, p->line);
	else if (p->file)
		str_addf(out, "%s: ", p->file);
	str_addf(out, "%s%s%s%s", p->where, *p->where ? ": " : "",
		 p->kind == PROBLEM_WARNING ? "warning: " : "", p->text);
}

void problem_lower(struct problems *p, size_t i)
{
	invariant(p->v[i].kind == PROBLEM_ERROR);
	p->v[i].kind = PROBLEM_WARNING;
	p->errors--;
	p->warnings++;
}

static bool goes_before(const struct problem *a, const struct problem *b)
{
	/* Files keep the order in which they were read; only lines of one file are compared. */
	return a->file && b->file && str_eq(a->file, b->file) && a->line < b->line;
}

void problems_sort(struct problems *p)
{
	/* Insertion sort: stable, and the list is short and nearly sorted. */
	for (size_t i = 1; i < p->n; i++) {
		struct problem one = p->v[i];
		size_t j = i;

		for (; j > 0 && goes_before(&one, &p->v[j - 1]); j--)
			p->v[j] = p->v[j - 1];
		p->v[j] = one;
	}
}

void problems_free(struct problems *p)
{
	free(p->v);
	p->v = NULL;
	p->n = p->cap = 0;
}
