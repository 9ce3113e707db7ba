/* unescape: decodes one escape of a text: percent-encoding, JSON, C and similar languages, HTML.
 *
 * Called by the scrubber, which must find a value in whatever form a peer writes it. It accepts what any of these
 * languages accepts, and does not parse any of them strictly. */
#ifndef SG_UNESCAPE_H
#define SG_UNESCAPE_H

#include "util.h"

#define UNESCAPE_MEANT 4 /* most bytes that one escape stands for: a character in UTF-8 */
#define UNESCAPE_LONG 14 /* most bytes that one escape takes: "&#x000001F600;" */

/* Decodes the escape at s, of which n bytes are left. Returns how many bytes it stands for, never more than the *used bytes
 * it takes; 0: there is no escape. */
size_t unescape(const char *s, size_t n, char out[UNESCAPE_MEANT], size_t *used);

#endif
