#include "interpreter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "path_problem.h"
#include "str.h"

#define HEAD_MAX 256   /* bytes that the kernel reads (BINPRM_BUF_SIZE) */
#define HEADERS_MAX 64 /* program headers; real programs have about a dozen */
#define LINKS_MAX 8    /* bin/python, python3, python3.11 and what those are on the system */
#define LEVELS_MAX 2   /* the command, and the program after its "#!" */

/* The first bytes of a file. */
struct head {
	char text[HEAD_MAX + 1];
	ssize_t n; /* -1: the file could not be read */
};

static int open_head(const char *file, struct head *h)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	memset(h->text, 0, sizeof h->text);
	h->n = pread(fd, h->text, HEAD_MAX, 0);
	return fd;
}

/* ---- scripts ---------------------------------------------------------------------------------------------------------- */
/* Returns where the path begins in "#! /path argument", and its length in *n. A carriage return before the line end belongs to the
 * path, as it does for the kernel. NULL when the path reaches the end of `h`: it may be longer, and the kernel refuses such a
 * file. */
static const char *interpreter_path(const struct head *h, size_t *n)
{
	const char *begin = h->text + 2 + strspn(h->text + 2, " \t");

	*n = strcspn(begin, " \t\n");
	return begin + *n == h->text + HEAD_MAX ? NULL : begin;
}

static enum interpreter read_script(const struct head *h, char *out, size_t size)
{
	size_t n;
	const char *begin = interpreter_path(h, &n);

	if (!begin || n == 0)
		return INTERPRETER_NONE;
	snprintf(out, size, "%.*s", (int)n, begin);
	return INTERPRETER_SCRIPT;
}

/* Does a carriage return at the end of line 1 make the script fail? The kernel takes it for a part of the interpreter's name, and
 * /usr/bin/env for a part of the program's name. Other interpreters may accept one in their argument. */
static bool line_ends_in_return(const char *script, const char *path, bool path_is_missing)
{
	struct head h;
	/* cppcheck-suppress unreadVariable ; closed at the end of its scope */
	UNUSED cleanup_fd int fd = open_head(script, &h);
	size_t n, rest;
	const char *argument = interpreter_path(&h, &n);

	if (path_is_missing || !argument)
		return str_ends(path, "\r");
	argument += n;
	argument += strspn(argument, " \t");
	rest = strcspn(argument, "\n");
	/* Without an argument, argument[-1] is the path's last character. */
	return str_ends(path, "/env") && *argument != '-' && !memchr(argument, '=', rest) &&
	       argument[rest - 1] == '\r';
}

/* ---- programs --------------------------------------------------------------------------------------------------------- */
/* The ELF header of startguard itself, a symbol of the linker. NOLINTNEXTLINE(bugprone-reserved-identifier) */
extern const ElfW(Ehdr) __ehdr_start __attribute__((weak, visibility("hidden")));

static const struct machine {
	unsigned number;
	char family; /* a kernel may run programs of every machine in its family */
	const char *name;
} machines[] = {
    {EM_X86_64, 'x', "x86-64"}, {EM_386, 'x', "i386"},      {EM_AARCH64, 'a', "aarch64"},
    {EM_ARM, 'a', "arm"},       {EM_RISCV, 'r', "riscv"},   {EM_PPC64, 'p', "ppc64"},
    {EM_PPC, 'p', "ppc"},       {EM_S390, 's', "s390x"},    {EM_MIPS, 'm', "mips"},
    {258, 'l', "loongarch"},    {EM_SPARCV9, 'c', "sparc"}, {EM_SPARC, 'c', "sparc"},
};

static const struct machine *find_machine(unsigned number)
{
	for (size_t i = 0; i < ARRAY_LEN(machines); i++)
		if (machines[i].number == number)
			return &machines[i];
	return NULL;
}

static unsigned own_machine(void)
{
	return &__ehdr_start ? __ehdr_start.e_machine : EM_NONE;
}

static bool is_elf(const struct head *h)
{
	return h->n >= (ssize_t)sizeof(ElfW(Ehdr)) && memcmp(h->text, ELFMAG, SELFMAG) == 0;
}

static bool read_path(int fd, const ElfW(Phdr) * ph, char *out, size_t size)
{
	size_t want = ph->p_filesz < size - 1 ? ph->p_filesz : size - 1;
	ssize_t n = pread(fd, out, want, (off_t)ph->p_offset);

	out[n > 0 ? n : 0] = '\0';
	return *out == '/';
}

/* Reads the loader's path from the segment PT_INTERP (System V gABI, "Program Interpreter"), only for programs of this machine and
 * word size: for others an emulator may look for the loader under another root. */
static enum interpreter read_elf(int fd, const struct head *h, char *out, size_t size)
{
	ElfW(Ehdr) elf;
	ElfW(Phdr) ph;

	memcpy(&elf, h->text, sizeof elf);
	if (elf.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
	    elf.e_machine != own_machine() || elf.e_phentsize != sizeof ph)
		return INTERPRETER_NONE;
	for (size_t i = 0; i < elf.e_phnum && i < HEADERS_MAX; i++) {
		off_t at = (off_t)(elf.e_phoff + i * sizeof ph);

		if (pread(fd, &ph, sizeof ph, at) != (ssize_t)sizeof ph)
			return INTERPRETER_NONE;
		if (ph.p_type == PT_INTERP)
			return read_path(fd, &ph, out, size) ? INTERPRETER_LOADER
							     : INTERPRETER_NONE;
	}
	return INTERPRETER_NONE;
}

bool interpreter_other_machine(const char *file, char *out, size_t size)
{
	struct head h;
	/* cppcheck-suppress unreadVariable ; closed at the end of its scope */
	UNUSED cleanup_fd int fd = open_head(file, &h);
	const unsigned char *at = (const unsigned char *)h.text + offsetof(Elf64_Ehdr, e_machine);
	const struct machine *own = find_machine(own_machine()), *its;

	its = find_machine(h.text[EI_DATA] == ELFDATA2MSB ? (unsigned)at[0] << 8 | at[1]
							  : (unsigned)at[1] << 8 | at[0]);
	if (!is_elf(&h) || !own || !its || its->family == own->family)
		return false;
	snprintf(out, size, "a program for %s, and this machine is %s", its->name, own->name);
	return true;
}

/* ---- files that cannot be run ------------------------------------------------------------------------------------------ */
static void describe_denied(const char *file, char *buf, size_t size)
{
	struct stat st;
	struct statvfs fs;

	if (stat(file, &st))
		snprintf(buf, size, "a folder of its path is closed to user %u", geteuid());
	else if (S_ISDIR(st.st_mode))
		snprintf(buf, size, "it is a folder");
	else if (!S_ISREG(st.st_mode))
		snprintf(buf, size, "it is no regular file");
	else if (!(st.st_mode & 0111))
		snprintf(buf, size, "its mode %04o lets nobody run it: chmod +x",
			 st.st_mode & 07777);
	else if (!statvfs(file, &fs) && fs.f_flag & ST_NOEXEC)
		snprintf(buf, size, "its file system is mounted with noexec");
	else
		snprintf(buf, size, "%s", path_owner(&st).text);
}

static void describe_format(const char *file, char *buf, size_t size)
{
	struct head h;
	/* cppcheck-suppress unreadVariable ; closed at the end of its scope */
	UNUSED cleanup_fd int fd = open_head(file, &h);
	char machine[96];

	if (interpreter_other_machine(file, machine, sizeof machine))
		snprintf(buf, size, "it is %s", machine);
	else if (h.n == 0)
		snprintf(buf, size, "it is empty");
	else if (str_starts(h.text, "\xef\xbb\xbf#!"))
		snprintf(buf, size, "a byte order mark stands before its #!: save it without one");
	else if (str_starts(h.text + strspn(h.text, " \t\r\n"), "#!"))
		snprintf(buf, size, "its #! must be its first two characters");
}

/* Follows links to where they lead nowhere: a virtual environment that was copied into another image has one to its Python. */
static void describe_dangling(const char *file, char *buf, size_t size)
{
	char at[PATH_MAX], target[PATH_MAX];
	struct stat st;
	ssize_t n;

	snprintf(at, sizeof at, "%s", file);
	for (int hops = 0; hops < LINKS_MAX && (n = readlink(at, target, sizeof target - 1)) > 0;
	     hops++) {
		size_t folder = *target == '/' ? 0 : (size_t)(strrchr(at, '/') - at + 1);

		target[n] = '\0';
		if (folder + (size_t)n >= sizeof at)
			return;
		memcpy(at + folder, target, (size_t)n + 1);
		if (lstat(at, &st))
			snprintf(buf, size, "it is a link to %s, which is not there", at);
	}
}

const char *interpreter_obstacle(const char *file, int error, char *buf, size_t size)
{
	buf[0] = '\0';
	if (error == EACCES)
		describe_denied(file, buf, size);
	else if (error == ENOEXEC)
		describe_format(file, buf, size);
	else if (error == ENOENT && strchr(file, '/'))
		describe_dangling(file, buf, size);
	return buf;
}

/* ---- any file -------------------------------------------------------------------------------------------------------------- */
enum interpreter interpreter_of(const char *file, char *out, size_t size)
{
	struct head h;
	cleanup_fd int fd = open_head(file, &h);

	if (str_starts(h.text, "#!"))
		return read_script(&h, out, size);
	return is_elf(&h) ? read_elf(fd, &h, out, size) : INTERPRETER_NONE;
}

int interpreter_access(const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	return access(file, X_OK) < 0 ? errno : 0;
}

static int refuse_interpreter(const char *file, const char *interpreter, int error, struct err *err)
{
	bool missing = errno_is_missing(error);

	err_make(err, missing ? 0 : error, "command \"%s\" is there, but %s, which runs it, %s",
		 file, interpreter, missing ? "is not in this image" : "cannot be run");
	return missing ? 127 : 126;
}

static int refuse_carriage_return(const char *file, const char *script, struct err *err)
{
	static const char why[] =
	    "ends in a carriage return: the kernel takes it for a part of the "
	    "program's name; save the file with Unix line ends";

	if (script == file)
		err_make(err, 0, "command \"%s\" is there, but its line 1 %s", file, why);
	else
		err_make(err, 0, "command \"%s\" is there, but line 1 of %s, which runs it, %s",
			 file, script, why);
	return 127;
}

int interpreter_check(const char *file, struct err *err)
{
	char names[LEVELS_MAX][HEAD_MAX + 1];
	const char *script = file;

	for (int level = 0; level < LEVELS_MAX; level++) {
		char *name = names[level];
		enum interpreter what = interpreter_of(script, name, sizeof names[0]);
		int error = what == INTERPRETER_NONE ? 0 : interpreter_access(name);

		if (what == INTERPRETER_SCRIPT && line_ends_in_return(script, name, error != 0))
			return refuse_carriage_return(file, script, err);
		if (error != 0)
			return refuse_interpreter(file, name, error, err);
		if (what != INTERPRETER_SCRIPT)
			return 0;
		script = name;
	}
	return 0;
}

/* ---- commands --------------------------------------------------------------------------------------------------------- */
/* The PATH that container engines set. */
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

char *interpreter_find_file(const char *name, int *error)
{
	const char *path = getenv("PATH");

	*error = ENOENT;
	if (strchr(name, '/')) {
		*error = interpreter_access(name);
		return *error == 0 ? xstrdup(name) : NULL;
	}
	for (const char *p = path ? path : PATH_DEFAULT; *name;) {
		size_t n = strcspn(p, ":");
		char *file;
		int why;

		/* An empty entry is the working directory (POSIX, "PATH"). */
		if (asprintf(&file, "%.*s/%s", n ? (int)n : 1, n ? p : ".", name) < 0)
			die("out of memory");
		why = interpreter_access(file);
		if (why == 0)
			return file;
		free(file);
		/* The file exists but is not executable: report that unless a later folder has an executable one. */
		if (!errno_is_missing(why))
			*error = why;
		if (!p[n])
			break;
		p += n + 1;
	}
	return NULL;
}

/* Returns what is likely wrong with a command that is not found, when it is written for a shell; else an empty text. */
static const char *shell_hint(const char *name)
{
	static const char *const builtins[] = {"cd",   "source", ".",     "export", "exec",
					       "eval", "set",    "umask", "ulimit", "if"};
	size_t n = env_name_length(name);

	if (n > 0 && name[n] == '=')
		return "; for a variable before the command write: -- env NAME=VALUE COMMAND ...";
	if (strpbrk(name, " \t"))
		return "; it is one word with blanks: write each word by itself, or: -- sh -c "
		       "\"...\"";
	for (size_t i = 0; i < ARRAY_LEN(builtins); i++)
		if (str_eq(builtins[i], name))
			return "; it is a part of the shell: -- sh -c \"...\"";
	return "";
}

/* Checks the interpreter as well: exec reports "No such file or directory" for a script whose shell is not in this image. */
char *interpreter_find_command(const char *name, int *exit_code, struct err *err)
{
	char why[160] = "";
	int error;
	char *file = interpreter_find_file(name, &error);

	*exit_code = file ? interpreter_check(file, err) : errno_is_missing(error) ? 127 : 126;
	if (file && *exit_code == 0)
		return file;
	if (!*name)
		err_make(err, ENOENT, "the command is empty");
	else if (!file && *exit_code == 127 && !strchr(name, '/'))
		err_make(err, 0, "command \"%s\" not found in PATH%s", name, shell_hint(name));
	else if (!file && strchr(name, '/') && *interpreter_obstacle(name, error, why, sizeof why))
		err_make(err, 0, "command \"%s\" cannot be run: %s: %s", name, strerror(error),
			 why);
	else if (!file)
		err_make(err, error, "command \"%s\" cannot be run%s", name, shell_hint(name));
	free(file);
	return NULL;
}
