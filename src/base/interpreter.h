/* interpreter: names the file that the kernel needs to run a command and does not find: the program after "#!", or the loader of a
 * dynamically linked ELF program (a glibc program in a musl image).
 *
 * execve reports "No such file" for a command that exists, and for the service's only after all checks have passed. Reads files, runs
 * nothing. Examines the command and the program after its "#!", nothing else. Parent, for the service, and child, for the commands of
 * checks.
 */
#ifndef SG_INTERPRETER_H
#define SG_INTERPRETER_H

#include "err.h"
#include "util.h"

enum interpreter {
	INTERPRETER_NONE, /* the file needs none, or it could not be read: the kernel decides */
	INTERPRETER_SCRIPT,
	INTERPRETER_LOADER
};

/* Finds the file of the command `name`, in PATH when it has no slash. Returns its path, which the caller frees, or NULL with *error. */
char *interpreter_find_file(const char *name, int *error);
/* Finds the command `name`, in PATH when it has no slash, and what the kernel needs to run it. Returns its path, which the caller
 * frees, or NULL with *exit_code (127: it or its interpreter is missing, 126: it cannot be executed) and err. */
char *interpreter_find_command(const char *name, int *exit_code, struct err *err);
/* Finds the interpreter of `file` and copies its path to `out` as the kernel reads it, a carriage return included. */
enum interpreter interpreter_of(const char *file, char *out, size_t size);
/* Is `file` a regular file that this process may execute? Returns 0, else the errno. Does not read the file. */
int interpreter_access(const char *file);
/* Will the kernel find what it needs to run `file`, which interpreter_access has accepted? Returns 0, else the exit code with err:
 * 127 when the interpreter is missing, 126 when it cannot be executed. */
int interpreter_check(const char *file, struct err *err);
/* Is `file` a program for another machine? Then `out` gets "a program for arm, and this machine is x86-64". The kernel may still
 * run it with a registered emulator (binfmt_misc). */
bool interpreter_other_machine(const char *file, char *out, size_t size);
/* Says what keeps the kernel from running `file` after the errno EACCES, ENOEXEC or ENOENT: "its mode 0644 lets nobody run it", "it is a
 * link to /usr/bin/python3.9, which is not there". Returns an empty text when it is not known. */
const char *interpreter_obstacle(const char *file, int error, char *buf, size_t size);

#endif
