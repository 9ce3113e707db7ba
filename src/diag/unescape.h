/* unescape: what the escapes in a text stand for: percent, JSON, C and its like, HTML. For the scrubber, which must know a
 * value however a peer spells it; so it takes what any of them would take, and is no parser of any. */
#ifndef SG_UNESCAPE_H
#define SG_UNESCAPE_H

#include "util.h"

#define UNESCAPE_MEANT 4 /* bytes that one escape stands for: a character of UTF-8 */
#define UNESCAPE_LONG 14 /* bytes that one escape takes: "&#x000001F600;" */

/* The bytes that the escape at s (n bytes are left) stands for, never more than it takes itself; 0: there is none.
 * *used: how many it takes. */
size_t unescape(const char *s, size_t n, char out[UNESCAPE_MEANT], size_t *used);

#endif
