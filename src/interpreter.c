#include "interpreter.h"

#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#define HEAD_MAX 256   /* what the kernel looks at (BINPRM_BUF_SIZE) */
#define HEADERS_MAX 64 /* program headers; real programs have about a dozen */

/* "#! /path argument" */
static bool of_script(const char *head, char *out, size_t size)
{
	const char *begin = head + 2 + strspn(head + 2, " \t");

	snprintf(out, size, "%.*s", (int)strcspn(begin, " \t\r\n"), begin);
	return *out == '/';
}

static bool read_path(int fd, const ElfW(Phdr) * ph, char *out, size_t size)
{
	size_t want = ph->p_filesz < size - 1 ? ph->p_filesz : size - 1;
	ssize_t n = pread(fd, out, want, (off_t)ph->p_offset);

	out[n > 0 ? n : 0] = '\0';
	return *out == '/';
}

/* The segment PT_INTERP (System V gABI, "Program Interpreter"), of programs for this machine's word size. */
static bool of_elf(int fd, const char *head, char *out, size_t size)
{
	ElfW(Ehdr) elf;
	ElfW(Phdr) ph;

	memcpy(&elf, head, sizeof elf);
	if (elf.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
	    elf.e_phentsize != sizeof ph)
		return false;
	for (size_t i = 0; i < elf.e_phnum && i < HEADERS_MAX; i++) {
		off_t at = (off_t)(elf.e_phoff + i * sizeof ph);

		if (pread(fd, &ph, sizeof ph, at) != (ssize_t)sizeof ph)
			return false;
		if (ph.p_type == PT_INTERP)
			return read_path(fd, &ph, out, size);
	}
	return false;
}

bool interpreter_of(const char *file, char *out, size_t size)
{
	cleanup_fd int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char head[HEAD_MAX + 1] = "";
	ssize_t n = fd < 0 ? -1 : pread(fd, head, HEAD_MAX, 0);

	if (n > 2 && head[0] == '#' && head[1] == '!')
		return of_script(head, out, size);
	if (n >= (ssize_t)sizeof(ElfW(Ehdr)) && memcmp(head, ELFMAG, SELFMAG) == 0)
		return of_elf(fd, head, out, size);
	return false;
}
