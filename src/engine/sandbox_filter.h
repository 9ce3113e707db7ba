/* sandbox_filter: compiles the system call filter of a sandbox profile to a program for the kernel (classic BPF).
 *
 * For x86_64 and aarch64 startguard compiles it itself, in microseconds, from the numbers in sandbox_calls.def. For other
 * architectures, and in a build with WITH_SECCOMP=1, libseccomp compiles the same rules in 0.4 ms. Both programs give the same verdicts
 * (tests/unit/test_sandbox_filter.c). Called by sandbox.c only, in the parent, before the first fork. Installs nothing.
 */
#ifndef SG_SANDBOX_FILTER_H
#define SG_SANDBOX_FILTER_H

#include "sandbox.h"

/* Fills `out`; on failure out->missing gets the reason. The caller frees out->code. */
void sandbox_filter_make(struct sandbox_filter *out, enum sandbox_profile profile);

/* The compilers, for sandbox_filter_make and the test. Each fills `out` as sandbox_filter_make does. */
enum sandbox_arch { SANDBOX_X86_64, SANDBOX_AARCH64 };
void sandbox_compile(struct sandbox_filter *out, enum sandbox_profile profile,
		     enum sandbox_arch arch);
/* For the architecture of this build. Defined only in a build with libseccomp. */
void sandbox_libseccomp_compile(struct sandbox_filter *out, enum sandbox_profile profile);
/* "libseccomp 2.5.4", the library at run time; static memory. */
const char *sandbox_libseccomp(void);

#endif
