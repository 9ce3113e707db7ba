/* scrub: takes the values of secrets out of every text that a child sends to the parent.
 *
 * Child only: a child registers the values that it reads, the parent knows none. scrub() removes a registered value as
 * it is, percent-encoded, in base64 (wherever the value begins in it) and escaped as in JSON, C or HTML; and every piece
 * of 8 bytes or more, because peers and libraries cut texts. Nothing here reads a secret or fails.
 */
#ifndef SG_SCRUB_H
#define SG_SCRUB_H

#include "util.h"

/* What Linux takes as one entry of an environment (MAX_ARG_STRLEN), in bytes. Longer values are not registered. */
#define SCRUB_VALUE_MAX (128 * 1024)

/* Adds a value to those that are removed. Values of fewer than 4 bytes are ignored: they would take pieces out of
 * ordinary words. */
void scrub_register(const char *value);
/* Exempts a text that is not secret: pieces of a secret that occur in it as well ("orders" of "orders-password") stay.
 * Keeps the pointer; ignores NULL. Call it before the secrets are registered. */
void scrub_exempt(const char *text);
/* Replaces every form of every registered value in place; the text never grows. Of a value that was cut, at most 3 bytes
 * stay where the cut is visible ("...", or the end of a text of 100 bytes or more), at most 7 elsewhere. */
void scrub(char *text);
/* Replaces what looks like the user part of an address ("user:password@host") in place, registered or not: a message
 * that quotes a value may quote one that was put under the wrong key. */
void scrub_user_parts(char *text);
/* For tests that run many cases in one process: forgets all values and exempt texts. */
void scrub_forget(void);

#endif
