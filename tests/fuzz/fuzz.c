#include "fuzz.h"

_Noreturn void fuzz_broken(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

unsigned fuzz_byte(struct fuzz_in *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

static char *block(const uint8_t *from, size_t n, size_t *len)
{
	char *text = xmalloc(n + 1);

	if (n > 0)
		memcpy(text, from, n);
	text[n] = '\0';
	if (len)
		*len = n;
	return text;
}

char *fuzz_until(struct fuzz_in *in, int sep, size_t *len)
{
	const uint8_t *from = in->p;
	const uint8_t *at = fuzz_left(in) ? memchr(from, sep, fuzz_left(in)) : NULL;
	size_t n = at ? (size_t)(at - from) : fuzz_left(in);

	in->p += at ? n + 1 : n;
	return block(from, n, len);
}

char *fuzz_rest(struct fuzz_in *in, size_t *len)
{
	const uint8_t *from = in->p;

	in->p = in->end;
	return block(from, (size_t)(in->end - from), len);
}

/* ---- what may be printed --------------------------------------------------------------------------------------- */
static bool never_printed(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x61c ||
	       (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || (cp >= 0xfdd0 && cp <= 0xfdef) || cp == 0xfeff ||
	       (cp >= 0xfff9 && cp <= 0xfffb) || cp % 0x10000 >= 0xfffe ||
	       (cp >= 0xe0000 && cp <= 0xe007f);
}

bool fuzz_is_clean(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + len;

	while (s < end) {
		uint32_t cp;
		int more;

		if (*s < 0x80) {
			cp = *s;
			more = 0;
		} else if (*s >= 0xc2 && *s <= 0xdf) {
			cp = *s & 0x1fu;
			more = 1;
		} else if (*s >= 0xe0 && *s <= 0xef) {
			cp = *s & 0x0fu;
			more = 2;
		} else if (*s >= 0xf0 && *s <= 0xf4) {
			cp = *s & 0x07u;
			more = 3;
		} else {
			return false;
		}
		if (end - s <= more)
			return false;
		for (int i = 1; i <= more; i++) {
			if (s[i] < 0x80 || s[i] > 0xbf)
				return false;
			cp = cp << 6 | (s[i] & 0x3fu);
		}
		if ((more == 2 && cp < 0x800) || (more == 3 && (cp < 0x10000 || cp > 0x10ffff)) ||
		    (cp >= 0xd800 && cp <= 0xdfff) || never_printed(cp))
			return false;
		s += more + 1;
	}
	return true;
}

void fuzz_check_diag(const struct diag *d)
{
	FUZZ_CHECK(d->code > D_NONE && d->code < D__COUNT);
	FUZZ_CHECK(memchr(d->subject, '\0', sizeof d->subject));
	FUZZ_CHECK(memchr(d->cause, '\0', sizeof d->cause));
	FUZZ_CHECK(memchr(d->hint, '\0', sizeof d->hint));
	FUZZ_CHECK(fuzz_is_clean(d->subject, strlen(d->subject)));
	FUZZ_CHECK(fuzz_is_clean(d->cause, strlen(d->cause)));
	FUZZ_CHECK(fuzz_is_clean(d->hint, strlen(d->hint)));
}
