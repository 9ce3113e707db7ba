/* sandbox_filter: compiles the system call filter of a sandbox profile with libseccomp, from the lists of forbidden calls.
 *
 * Called by sandbox.c only, in the parent, before the first fork. Installs nothing.
 */
#ifndef SG_SANDBOX_FILTER_H
#define SG_SANDBOX_FILTER_H

#include "sandbox.h"

/* Fills out->code and out->len; on failure out->missing gets the reason. The caller frees out->code. */
void sandbox_filter_make(struct sandbox_filter *out, enum sandbox_profile profile);

#endif
