/* unescape: decodes one escape of a text: percent-encoding, JSON, C and similar languages, HTML.
 *
 * Called by the scrubber, which must find a value in whatever form a peer writes it. It accepts what any of these
 * languages accepts, and does not enforce their rules. */
#ifndef SG_UNESCAPE_H
#define SG_UNESCAPE_H

#include "util.h"

#define UNESCAPE_MEANT 4 /* most bytes that one escape stands for: a character in UTF-8 */
#define UNESCAPE_LONG 14 /* most bytes that one escape takes: "&#x000001F600;" */

/* Decodes the escape at the beginning of the n bytes at s. Returns the number of bytes in `out`, never more than *used, the
 * length of the escape; 0 when no escape begins at s. */
size_t unescape(const char *s, size_t n, char out[UNESCAPE_MEANT], size_t *used);

#endif
