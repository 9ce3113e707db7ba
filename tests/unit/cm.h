/* cm: cmocka with the headers it wants before it, and a random source that repeats itself. */
#ifndef SG_TEST_CM_H
#define SG_TEST_CM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util.h" /* UNUSED */

/* xorshift64*: the same numbers in every run for the same seed, which must not be 0. */
static inline uint64_t cm_random(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * 2685821657736338717u;
}

#endif
