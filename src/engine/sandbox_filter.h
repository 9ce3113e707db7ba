/* sandbox_filter: the lists of forbidden system calls, and the filter made of them by libseccomp.
 *
 * Called by sandbox.c only, in the parent, before the first fork. Nothing is installed here.
 */
#ifndef SG_SANDBOX_FILTER_H
#define SG_SANDBOX_FILTER_H

#include "sandbox.h"

/* Fills out->code and out->len; or out->missing. */
void sandbox_filter_make(struct sandbox_filter *out, enum sandbox_profile room);

#endif
