/* str: a bounded string builder, and the one place where foreign text becomes printable text.
 *
 * A builder gets its maximum length when it is made; it drops what does not fit, and sets `cut`. Foreign bytes (a peer's
 * answer, a library's log line, a file's content) pass through text_clean before they are stored in anything that is
 * printed, so that control characters never reach a terminal or forge a line.
 */
#ifndef SG_STR_H
#define SG_STR_H

#include <stdarg.h>

#include "util.h"

struct str {
	char *s; /* NUL-terminated, never NULL after str_init */
	size_t len, cap, max;
	bool cut; /* something did not fit */
};

void str_init(struct str *b, size_t max);
void str_free(struct str *b);
void str_reset(struct str *b);
void str_add(struct str *b, const char *text);
void str_addn(struct str *b, const char *text, size_t n);
void str_addc(struct str *b, char c);
void str_addf(struct str *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define cleanup_str __attribute__((cleanup(str_free)))

/* Copies `n` bytes of src into dst (size bytes, always terminated). Control characters, invisible characters, those that
 * change the direction of writing, and bytes that are not valid UTF-8 become '?'; newline, return and tab become a space;
 * runs of blanks become one, and blanks at both ends are dropped. A text that does not fit is cut at a character boundary
 * and ends in "...". Cleaning a cleaned text changes nothing. */
void text_clean_n(char *dst, size_t size, const char *src, size_t n);
void text_clean(char *dst, size_t size, const char *src);
/* The length in bytes of the character at s if it may be printed as it is, else 0. */
size_t text_printable_len(const char *s);

/* Appends a quoted JSON string. The text must be cleaned, or startguard's own. */
void str_add_json_string(struct str *b, const char *text);
/* Appends `"key": ` after *sep, which becomes ", " for the next one. */
void str_add_json_key(struct str *b, const char *key, const char **sep);
/* The same with a quoted value; NULL: null. */
void str_add_json_field(struct str *b, const char *key, const char *value, const char **sep);
/* Writes a code point up to 10FFFF as UTF-8 (RFC 3629), one to four bytes without a terminator; returns their number. */
size_t utf8_put(unsigned c, char *out);
/* Appends a line of text to a manual page's source. */
void str_add_roff(struct str *b, const char *text);

/* Appends the texts with `sep` between them. NULL-terminated; NULL: none. */
void str_add_joined(struct str *b, const char *const *texts, const char *sep);

/* 1: the text says on (1, true, yes, on); 0: off (0, false, no, off, or nothing); -1: neither. Case does not matter. */
int parse_switch(const char *text);

/* The ending of a counted noun: "%d topic%s", n, plural(n). */
static inline const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* The one of `words` (NULL-terminated) that a misspelt word is nearest to, or NULL when none is near enough. */
const char *nearest_word(const char *word, const char *const *words);
/* For the end of an error text: `; did you mean "near"?`, or an empty text when near is NULL. */
struct suggestion {
	char text[256];
};
struct suggestion did_you_mean(const char *near);
/* Edit distance with transpositions, capped: anything above `cap` is cap + 1. */
unsigned edit_distance(const char *a, const char *b, unsigned cap);

#endif
