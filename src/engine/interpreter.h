/* interpreter: names the file that the kernel needs to run a command and does not find: the program behind "#!", or the loader of
 * a dynamically linked ELF program (a glibc program in a musl image).
 *
 * execve would say "No such file" of a command that is plainly there, and only after all checks have passed. Reads files, runs
 * nothing. Looks at the command and the program behind its "#!", no further. Called by launch.
 */
#ifndef SG_INTERPRETER_H
#define SG_INTERPRETER_H

#include "err.h"
#include "util.h"

enum interpreter {
	INTERPRETER_NONE, /* none is needed, or none could be read: the kernel decides */
	INTERPRETER_SCRIPT,
	INTERPRETER_LOADER
};

/* The interpreter of `file`; its path goes to `out` as the kernel reads it, a carriage return included. */
enum interpreter interpreter_of(const char *file, char *out, size_t size);
/* Is `file` a regular file that this process may execute? 0, else the errno. Does not look into it. */
int interpreter_access(const char *file);
/* Will the kernel find what it needs to run `file`, which interpreter_access has accepted? 0, else the exit code with err: 127 when
 * the interpreter is missing, 126 when it cannot be executed. */
int interpreter_check(const char *file, struct err *err);
/* Is `file` a program for another machine? Then `out` says "a program for arm, and this machine is x86-64". The kernel may run it
 * all the same, by an emulator that is registered with it (binfmt_misc). */
bool interpreter_other_machine(const char *file, char *out, size_t size);

#endif
