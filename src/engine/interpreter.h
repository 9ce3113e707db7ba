/* interpreter: what else the kernel needs to run a file: the program behind "#!" and in turn what that needs, the loader of a
 * dynamically linked ELF program, the right machine. exec would say "No such file" of a file that is plainly there, and
 * only after all checks have passed.
 */
#ifndef SG_INTERPRETER_H
#define SG_INTERPRETER_H

#include "err.h"
#include "util.h"

enum interpreter {
	INTERPRETER_NONE, /* needed, or to be found out: the kernel decides */
	INTERPRETER_SCRIPT,
	INTERPRETER_LOADER
};

/* Its path in `out`, as the kernel reads it: with a carriage return, if there is one. */
enum interpreter interpreter_of(const char *file, char *out, size_t size);
/* Is it a regular file that this process may run? 0, else errno. Says nothing of what is in it. */
int interpreter_can_run(const char *file);
/* What certainly keeps the kernel from running `file`, which is there and may be run. 0: nothing; else the exit code, with err: 127
 * when something is missing, 126 when it cannot be run. */
int interpreter_trouble(const char *file, struct err *err);
/* "a program for arm, and this machine is x86-64"; false when it is none of another machine. The kernel may run it all the same,
 * by an emulator that is registered with it (binfmt_misc). */
bool interpreter_other_machine(const char *file, char *out, size_t size);
/* Certainly none: the kernel's list of them, this folder, can be read, and nothing on it is in use. Most containers do not see
 * it. */
bool interpreter_no_emulator(const char *folder);

#endif
