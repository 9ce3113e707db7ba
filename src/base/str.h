/* str: builds bounded strings, and makes foreign text printable.
 *
 * str_init sets the maximum length; a builder drops what does not fit and sets `cut`. Foreign bytes (a peer's
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
	bool cut; /* some text did not fit and was dropped */
};

void str_init(struct str *b, size_t max);
void str_free(struct str *b);
void str_reset(struct str *b);
void str_add(struct str *b, const char *text);
void str_addn(struct str *b, const char *text, size_t n);
void str_addc(struct str *b, char c);
void str_addf(struct str *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define cleanup_str __attribute__((cleanup(str_free)))

/* Copies `n` bytes of src into dst (size bytes, always terminated). Control characters, invisible characters, private ones, those that
 * change the direction of writing, and bytes that are not valid UTF-8 become '?'; newline, return and tab become a space;
 * runs of blanks become one, and blanks at both ends are dropped. A text that does not fit is cut at a character boundary
 * and ends in "...". Cleaning a cleaned text changes nothing. */
void text_clean_n(char *dst, size_t size, const char *src, size_t n);
void text_clean(char *dst, size_t size, const char *src);
/* Returns the length in bytes of the character at s when it is printable, else 0. */
size_t text_printable_len(const char *s);

/* Appends a quoted JSON string. Foreign text must have passed text_clean. */
void str_add_json_string(struct str *b, const char *text);
/* Appends `"key": ` after *sep, which it sets to ", " for the next key. */
void str_add_json_key(struct str *b, const char *key, const char **sep);
/* Appends a key and a quoted value; writes null for NULL. */
void str_add_json_field(struct str *b, const char *key, const char *value, const char **sep);
/* Returns the length of the UTF-8 sequence at s, of which n bytes may be read, and its code point in *cp; returns 0 when the sequence
 * is not valid (RFC 3629: overlong forms and surrogates are not). */
size_t utf8_decode(const unsigned char *s, size_t n, uint32_t *cp);
/* Returns the first byte from p on that is not UTF-8, or NULL. A NUL is a character like others. */
const char *utf8_find_wrong(const char *p, const char *end);
/* Counts the characters of UTF-8 between two places of a text. */
size_t utf8_length(const char *from, const char *to);
/* Writes a code point up to 10FFFF as UTF-8 (RFC 3629), one to four bytes without a terminator; returns their number. */
size_t utf8_put(unsigned c, char *out);
/* Appends a line of text to a manual page's source. */
void str_add_roff(struct str *b, const char *text);

/* Appends the texts with `sep` between them. `texts` ends with NULL; NULL itself is an empty list. */
void str_add_joined(struct str *b, const char *const *texts, const char *sep);

/* Returns 1 for 1, true, yes and on; 0 for 0, false, no, off and ""; -1 for any other text. Case does not matter. */
int parse_switch(const char *text);

/* Returns the ending of a counted noun: ("%zu topic%s", n, plural(n)). */
static inline const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* Returns the word of `words` (NULL-terminated) that is nearest to a misspelt one; NULL when none is near enough. */
const char *nearest_word(const char *word, const char *const *words);
/* Returns the second text of the first of n rows that begins with this word, or NULL. */
const char *word_meaning(const char *word, const char *const (*rows)[2], size_t n);
/* The end of an error message: `; did you mean "near"?`, or an empty text when near is NULL. */
struct suggestion {
	char text[256];
};
struct suggestion did_you_mean(const char *near);
/* Returns the edit distance with transpositions; cap + 1 for any distance above `cap`. */
unsigned edit_distance(const char *a, const char *b, unsigned cap);

/* Returns the length of the variable name at the beginning of the text; 0: there is no name. */
size_t env_name_length(const char *text);
/* Does s begin with a blank beyond ASCII, as web pages and word processors have them? */
bool text_is_odd_blank(const char *s);
/* Returns what looks wrong at a value that a person or a template has written ("ends in a line end"), or NULL. */
const char *text_flaw(const char *value);

#endif
