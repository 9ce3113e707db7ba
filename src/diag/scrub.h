/* scrub: takes the values of secrets out of every text that a child sends to the parent.
 *
 * A child registers the values that it reads. The parent reads none, but registers those that ${NAME} takes from variables into
 * the text of a profile, before it prints any of that text; its children inherit them. scrub() masks a registered value
 * verbatim, percent-encoded, in base64 (at any offset) and escaped as in JSON, C or HTML; it also masks every part of
 * 8 bytes or more, because peers and libraries cut texts. The module reads no secret, and no function fails.
 */
#ifndef SG_SCRUB_H
#define SG_SCRUB_H

#include "arena.h"

/* Linux's limit for one environment entry (MAX_ARG_STRLEN), in bytes. scrub_register ignores longer values. */
#define SCRUB_VALUE_MAX (128 * 1024)

/* Adds a value to those that scrub() masks. Ignores values of fewer than 4 bytes: they would mask pieces of ordinary
 * words. */
void scrub_register(const char *value);
/* While it is on, scrub_register takes values that no check has named as its secret: those of the environment, which a program may
 * print. Of these, one of fewer than 8 bytes is left where a letter or digit follows it: it is likely a part of a word. */
void scrub_words(bool on);
/* Exempts a text that is not secret: scrub() keeps parts of a secret that also occur in it ("orders" of
 * "orders-password"). Keeps the pointer; ignores NULL. Call it before scrub_register. */
void scrub_exempt(const char *text);
/* Replaces every form of every registered value in place; the text never grows. Of a value that was cut it
 * leaves at most 3 bytes where the cut is visible ("...", or the end of a text of 100 bytes or more), else at most 7. */
void scrub(char *text);
/* Returns a copy without secrets and control characters (text_clean); NULL for NULL. */
char *scrub_copy(struct arena *a, const char *text);
/* Replaces in place what looks like the user part of an address ("user:password@host"), even if it was not registered:
 * a message may quote a password that the profile has under the wrong key. */
void scrub_user_parts(char *text);
/* For tests that run many cases in one process: forgets all values and exempt texts. */
void scrub_forget(void);

#endif
