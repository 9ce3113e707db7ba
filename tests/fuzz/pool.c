/* pool: frees after each input what a child would leave to its end. Linked with --wrap for xmalloc and its kin and for
 * free, so that every block is still one of malloc's and a sanitizer sees its borders. */
#include <jansson.h>

#include "fuzz.h"

void *__real_xmalloc(size_t size);
void *__real_xcalloc(size_t n, size_t size);
void *__real_xrealloc(void *p, size_t size);
char *__real_xstrdup(const char *s);
void __real_free(void *p);
void *__wrap_xmalloc(size_t size);
void *__wrap_xcalloc(size_t n, size_t size);
void *__wrap_xrealloc(void *p, size_t size);
char *__wrap_xstrdup(const char *s);
void __wrap_free(void *p);

/* The libraries' own blocks stay, as they do in a child. Not weak itself: the sanitizer's own definition, which is weak too, would
 * be taken in its place. */
extern const char fuzz_asan_options[] __attribute__((weak));
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return fuzz_asan_options ? fuzz_asan_options : "detect_leaks=0:allocator_may_return_null=1";
}

static struct {
	void **slot; /* open addressing; (void *)1: was there */
	size_t n, used, cap;
} pool;

#define GONE ((void *)1)

static size_t place(const void *p)
{
	return (size_t)(((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u) & (pool.cap - 1);
}

static void insert(void *p)
{
	size_t i = place(p);

	while (pool.slot[i] && pool.slot[i] != GONE)
		i = (i + 1) & (pool.cap - 1);
	pool.used += !pool.slot[i];
	pool.slot[i] = p;
	pool.n++;
}

static void *keep(void *p)
{
	if (!p)
		return p;
	if (2 * (pool.used + 1) > pool.cap) {
		void **old = pool.slot;
		size_t n = pool.cap;

		pool.cap = n ? 2 * n : 1024;
		pool.slot = calloc(pool.cap, sizeof *pool.slot);
		pool.n = pool.used = 0;
		for (size_t i = 0; i < n; i++)
			if (old[i] && old[i] != GONE)
				insert(old[i]);
		__real_free(old);
	}
	insert(p);
	return p;
}

static void forget(const void *p)
{
	if (!p || !pool.cap)
		return;
	for (size_t i = place(p); pool.slot[i]; i = (i + 1) & (pool.cap - 1))
		if (pool.slot[i] == p) {
			pool.slot[i] = GONE;
			pool.n--;
			return;
		}
}

void *__wrap_xmalloc(size_t size)
{
	return keep(__real_xmalloc(size));
}

void *__wrap_xcalloc(size_t n, size_t size)
{
	return keep(__real_xcalloc(n, size));
}

void *__wrap_xrealloc(void *p, size_t size)
{
	forget(p);
	return keep(__real_xrealloc(p, size));
}

char *__wrap_xstrdup(const char *s)
{
	return keep(__real_xstrdup(s));
}

void __wrap_free(void *p)
{
	forget(p);
	__real_free(p);
}

static void *json_alloc(size_t size)
{
	return keep(malloc(size ? size : 1));
}

void fuzz_pool_reset(void)
{
	static bool begun;

	if (!begun) /* what the target keeps from its start stays */
		json_set_alloc_funcs(json_alloc, __wrap_free);
	for (size_t i = 0; begun && i < pool.cap; i++)
		if (pool.slot[i] && pool.slot[i] != GONE)
			__real_free(pool.slot[i]);
	if (pool.cap)
		memset(pool.slot, 0, pool.cap * sizeof *pool.slot);
	pool.n = pool.used = 0;
	begun = true;
}
