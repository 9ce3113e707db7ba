/* arena: memory for the profile and everything that belongs to it. It is freed as a whole, or never. */
#ifndef SG_ARENA_H
#define SG_ARENA_H

#include "util.h"

struct arena_block;
struct arena {
	struct arena_block *head;
};

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
/* A copy as text_clean makes it; NULL for NULL. */
char *arena_strdup_clean(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void arena_free(struct arena *a);

#endif
