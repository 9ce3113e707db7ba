/* interpreter: which other file the kernel needs to run this one: the program behind "#!", or the loader of a
 * dynamically linked ELF program. When it is missing, exec says "No such file" of a file that is plainly there. */
#ifndef SG_INTERPRETER_H
#define SG_INTERPRETER_H

#include "util.h"

/* Its absolute path in `out`. False when the file needs none, or none that can be found out: the kernel decides. */
bool interpreter_of(const char *file, char *out, size_t size);

#endif
