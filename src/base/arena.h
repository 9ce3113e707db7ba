/* arena: allocates memory for the profile and everything that belongs to it; arena_free frees all of it at once. */
#ifndef SG_ARENA_H
#define SG_ARENA_H

#include "util.h"

struct arena_block;
struct arena {
	struct arena_block *head;
};

void *arena_alloc(struct arena *a, size_t size); /* returns zeroed memory, aligned for any type */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
/* Returns a copy that text_clean has cleaned; NULL for NULL. */
char *arena_strdup_clean(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void arena_free(struct arena *a);

#endif
