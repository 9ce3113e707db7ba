/* fence_filter: the lists of forbidden system calls, and the filter made of them by libseccomp.
 *
 * Called by fence.c only, in the parent, before the first fork. Nothing is installed here.
 */
#ifndef SG_FENCE_FILTER_H
#define SG_FENCE_FILTER_H

#include "sandbox.h"

/* Fills out->code and out->len; or out->missing. */
void fence_filter_make(struct fence_filter *out, enum fence_room room);

#endif
