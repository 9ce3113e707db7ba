/* The command of the service: where it is found, why it is not, what runs it, and its environment. */
#include "cm.h"
#include "folder.h"

#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interpreter.h"

#define ENOUGH 8192
#define THERE(command, by) "command \"" command "\" is there, but " by ", which runs it, "
#define MISSING(command, by) THERE(command, by) "is not in this image"

/* ---- interpreter_find_command ---------------------------------------------------------------------------------------------------- */
static void found(const char *path, const char *name, const char *expected)
{
	int exit_code = 1;
	struct err err = {0};
	char *file;

	if (path)
		setenv("PATH", path, 1);
	file = interpreter_find_command(name, &exit_code, &err);
	assert_non_null(file);
	assert_string_equal(file, expected);
	assert_string_equal(err.text, "");
	free(file);
}

static void not_found(const char *path, const char *name, int expected, const char *message)
{
	int exit_code = 1;
	struct err err = {0};
	char text[ENOUGH];

	setenv("PATH", path, 1);
	assert_null(interpreter_find_command(name, &exit_code, &err));
	assert_int_equal(exit_code, expected);
	assert_string_equal(err_text(&err, text, sizeof text), message);
}

static void finds_the_first_of_path(UNUSED void **state)
{
	folder("a");
	folder("b");
	script("a/one", "#!/bin/sh\n");
	script("b/one", "#!/bin/sh\n");
	script("b/two", "#!/bin/sh\n");
	found("a:b", "one", "a/one");
	found("b:a", "one", "b/one");
	found("a:b", "two", "b/two");
	found("nowhere:a:b", "two", "b/two");
	found("b", "two", "b/two");
	not_found("a", "two", 127, "command \"two\" not found in PATH");
	not_found("a:nowhere", "two", 127, "command \"two\" not found in PATH");
	/* A file where a folder should be is passed over like a folder that is missing. */
	not_found("a/one", "two", 127, "command \"two\" not found in PATH");
	found("a/one:b", "two", "b/two");
}

/* As POSIX has it, and every shell: an empty element is the working directory. */
static void an_empty_element_is_here(UNUSED void **state)
{
	folder("a");
	script("here", "#!/bin/sh\n");
	script("a/there", "#!/bin/sh\n");
	found("", "here", "./here");
	found(":a", "here", "./here");
	found("a:", "here", "./here");
	found("a::nowhere", "here", "./here");
	found(":a", "there", "a/there");
	found("::a", "there", "a/there");
	not_found("a", "here", 127, "command \"here\" not found in PATH");
}

static void without_path_the_usual_places(UNUSED void **state)
{
	int exit_code;
	struct err err;
	char *file;

	unsetenv("PATH");
	file = interpreter_find_command("sh", &exit_code, &err);
	assert_non_null(file);
	assert_true(strcmp(file, "/usr/bin/sh") == 0 || strcmp(file, "/bin/sh") == 0);
	free(file);
	assert_null(interpreter_find_command("no-such-command", &exit_code, &err));
	assert_int_equal(exit_code, 127);
}

static void a_name_with_a_slash_is_a_file(UNUSED void **state)
{
	folder("a");
	script("a/one", "#!/bin/sh\n");
	script("a/two", "#!/bin/sh\n");
	folder("a/sub");
	file_of("a/text", "#!/bin/sh\n", 10, 0644);
	found("a", "a/one", "a/one");
	found("nowhere", "./a/two", "./a/two");
	not_found("a", "./two", 127, "command \"./two\" cannot be run: No such file or directory");
	not_found("a", "a/one/two", 127, "command \"a/one/two\" cannot be run: Not a directory");
	not_found("a", "a/sub", 126, "command \"a/sub\" cannot be run: Is a directory");
	not_found("a", "a/text", 126,
		  "command \"a/text\" cannot be run: Permission denied: its mode "
		  "0644 lets nobody run it: chmod +x");
	not_found("a", "", 127, "the command is empty: No such file or directory");
}

/* A file that cannot be executed is passed over, and reported when no later folder has a better one. */
static void what_cannot_be_run_is_told(UNUSED void **state)
{
	folder("a");
	folder("b");
	folder("a/dir");
	folder("a/both");
	file_of("a/text", "#!/bin/sh\n", 10, 0644);
	script("b/text", "#!/bin/sh\n");
	script("b/dir", "#!/bin/sh\n");
	file_of("b/both", "x", 1, 0644);
	found("a:b", "text", "b/text");
	found("a:b", "dir", "b/dir");
	not_found("a", "text", 126, "command \"text\" cannot be run: Permission denied");
	not_found("a:nowhere", "text", 126, "command \"text\" cannot be run: Permission denied");
	not_found("nowhere:a", "dir", 126, "command \"dir\" cannot be run: Is a directory");
	not_found("a:b", "both", 126, "command \"both\" cannot be run: Permission denied");
}

static void a_missing_interpreter_is_named(UNUSED void **state)
{
	folder("a");
	folder("b");
	script("a/old", "#! /opt/none/perl -w\n");
	script("b/old", "#!/bin/sh\n");
	script("b/plain", "no interpreter\n");
	not_found("a", "old", 127, MISSING("a/old", "/opt/none/perl"));
	/* exec would not go on to the next either. */
	not_found("a:b", "old", 127, MISSING("a/old", "/opt/none/perl"));
	not_found("b", "a/old", 127, MISSING("a/old", "/opt/none/perl"));
	found("b:a", "old", "b/old");
	found("b", "plain", "b/plain");
	found("a", "b/plain", "b/plain");
}

static void obstacle(const char *file, int error, const char *expected)
{
	char buf[ENOUGH] = "untouched";

	assert_string_equal(interpreter_obstacle(file, error, buf, sizeof buf), expected);
}

static void what_is_in_the_way_is_named(UNUSED void **state)
{
	char mode[100];

	folder("d");
	file_of("closed", "x", 1, 0644);
	file_of("open", "x", 1, 0755);
	assert_int_equal(mkfifo("pipe", 0755), 0);
	snprintf(mode, sizeof mode, "mode 0755, owner %u:%u, this is user %u", geteuid(), getegid(),
		 geteuid());
	obstacle("closed", EACCES, "its mode 0644 lets nobody run it: chmod +x");
	obstacle("open", EACCES, mode);
	obstacle("d", EACCES, "it is a folder");
	obstacle("pipe", EACCES, "it is no regular file");
	snprintf(mode, sizeof mode, "a folder of its path is closed to user %u", geteuid());
	obstacle("gone", EACCES, mode);
	file_of("empty", "", 0, 0755);
	obstacle("empty", ENOEXEC, "it is empty");
	script("late", " #!/bin/sh\n");
	obstacle("late", ENOEXEC, "its #! must be its first two characters");
	script("marked", "\xef\xbb\xbf#!/bin/sh\n");
	obstacle("marked", ENOEXEC, "a byte order mark stands before its #!: save it without one");
	obstacle("open", ENOEXEC, "");
	obstacle("open", ENOMEM, "");
}

static void a_link_that_leads_nowhere_is_followed(UNUSED void **state)
{
	folder("d");
	file_of("d/there", "x", 1, 0755);
	assert_int_equal(symlink("gone", "d/near"), 0);
	assert_int_equal(symlink("/nowhere/far", "absolute"), 0);
	assert_int_equal(symlink("d/near", "chain"), 0);
	assert_int_equal(symlink("d/there", "good"), 0);
	assert_int_equal(symlink("circle", "circle"), 0);
	obstacle("d/near", ENOENT, "it is a link to d/gone, which is not there");
	obstacle("./absolute", ENOENT, "it is a link to /nowhere/far, which is not there");
	obstacle("./chain", ENOENT, "it is a link to ./d/gone, which is not there");
	obstacle("./good", ENOENT, "");
	obstacle("./circle", ENOENT, "");
	/* Without a slash it is looked up in PATH, and is none of these. */
	obstacle("absolute", ENOENT, "");
	assert_int_equal(symlink("z", "d/short"), 0);
	obstacle("d/short", ENOENT, "it is a link to d/z, which is not there");
}

static void eight_links_are_followed(UNUSED void **state)
{
	char from[] = "d/0", to[] = "1";

	folder("d");
	for (; *to <= '9'; from[2]++, (*to)++)
		assert_int_equal(symlink(to, from), 0);
	obstacle("d/0", ENOENT, "");
	obstacle("d/1", ENOENT, "it is a link to d/9, which is not there");
}

static void words_of_a_shell(UNUSED void **state)
{
#define NOT_FOUND(name) "command \"" name "\" not found in PATH"
#define PART_OF_THE_SHELL "; it is a part of the shell: -- sh -c \"...\""
#define A_VARIABLE "; for a variable before the command write: -- env NAME=VALUE COMMAND ..."
	folder("a");
	not_found("a", "cd", 127, NOT_FOUND("cd") PART_OF_THE_SHELL);
	not_found("a", "export", 127, NOT_FOUND("export") PART_OF_THE_SHELL);
	not_found("a", "if", 127, NOT_FOUND("if") PART_OF_THE_SHELL);
	not_found("a", "A=1", 127, NOT_FOUND("A=1") A_VARIABLE);
	not_found("a", "NAME=1", 127, NOT_FOUND("NAME=1") A_VARIABLE);
	not_found("a", "=1", 127, NOT_FOUND("=1"));
	not_found("a", "-x=1", 127, NOT_FOUND("-x=1"));
	not_found("a", "serve", 127, NOT_FOUND("serve"));
	not_found("a", "one word", 127,
		  NOT_FOUND("one word") "; it is one word with blanks: write each word by itself, "
					"or: -- sh -c \"...\"");
}

/* ---- interpreter_of ------------------------------------------------------------------------------------------------- */
static void of_file(const char *file, const char *expected)
{
	char out[256] = "/untouched";

	if (expected) {
		assert_int_not_equal(interpreter_of(file, out, sizeof out), INTERPRETER_NONE);
		assert_string_equal(out, expected);
	} else {
		assert_int_equal(interpreter_of(file, out, sizeof out), INTERPRETER_NONE);
	}
}

static void of_bytes(const void *bytes, size_t n, const char *expected)
{
	file_of("f", bytes, n, 0600);
	of_file("f", expected);
}

static void of_text(const char *text, const char *expected)
{
	of_bytes(text, strlen(text), expected);
}

static void interpreters_of_scripts(UNUSED void **state)
{
	char line[ENOUGH], cut[ENOUGH], out[8];

	of_text("#!/bin/sh\n", "/bin/sh");
	of_text("#!/bin/sh", "/bin/sh");
	of_text("#! \t/usr/bin/env  python3 -u\nrest", "/usr/bin/env");
	of_text("#!/bin/sh\t-e\n", "/bin/sh");
	of_text("#!/bin/sh\r\n", "/bin/sh\r"); /* the kernel keeps it */
	of_text("#!/", "/");
	of_text("#!relative\n", "relative"); /* the kernel looks from the working directory */
	of_text("#!\n/bin/sh\n", NULL);
	of_text("#!", NULL);
	of_text("#", NULL);
	of_text("", NULL);
	of_text("?!/bin/sh\n", NULL);
	of_text("#?/bin/sh\n", NULL);
	of_text("echo plain\n", NULL);
	of_bytes("#!/bin/\0sh\n", 11, "/bin/");
	/* As the kernel: no more than 256 bytes of the first line, and a path that may go on there is none. */
	memset(line, 'x', sizeof line);
	memcpy(line, "#!/", 3);
	of_bytes(line, sizeof line, NULL);
	of_bytes(line, 256, NULL);
	line[256] = '\n';
	of_bytes(line, sizeof line, NULL);
	line[255] = ' ';
	memset(cut, 0, sizeof cut);
	memcpy(cut, line + 2, 253);
	of_bytes(line, sizeof line, cut);
	of_bytes(line, 255, cut);
	file_of("f", "#!/usr/bin/perl\n", 16, 0600);
	assert_int_equal(interpreter_of("f", out, sizeof out), INTERPRETER_SCRIPT);
	assert_string_equal(out, "/usr/bi");
}

static void what_is_no_file_has_none(UNUSED void **state)
{
	folder("dir");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	of_file("dir", NULL);
	of_file("fifo", NULL); /* opening it does not wait for a writer */
	of_file("missing", NULL);
	of_file("/dev/null", NULL);
}

struct elf {
	ElfW(Ehdr) head;
	ElfW(Phdr) ph[80];
	char path[300];
};

static ElfW(Half) own_machine(void)
{
	ElfW(Ehdr) head = {0};
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_int_equal(read(fd, &head, sizeof head), sizeof head);
	close(fd);
	return head.e_machine;
}

/* A program with n headers, the last of which names its loader. */
static struct elf program(size_t n, const char *loader)
{
	struct elf e = {0};

	memcpy(e.head.e_ident, ELFMAG, SELFMAG);
	e.head.e_ident[EI_CLASS] = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
	e.head.e_machine = own_machine();
	e.head.e_phoff = offsetof(struct elf, ph);
	e.head.e_phentsize = sizeof(ElfW(Phdr));
	e.head.e_phnum = (ElfW(Half))n;
	for (size_t i = 0; i < n; i++) {
		e.ph[i].p_type = i + 1 == n ? PT_INTERP : PT_LOAD;
		e.ph[i].p_offset = i + 1 == n ? offsetof(struct elf, path) : 0;
		e.ph[i].p_filesz = i + 1 == n ? strlen(loader) + 1 : sizeof e;
	}
	snprintf(e.path, sizeof e.path, "%s", loader);
	return e;
}

static void of_program(const struct elf *e, const char *expected)
{
	of_bytes(e, sizeof *e, expected);
}

static void interpreters_of_programs(UNUSED void **state)
{
	struct elf e;

	for (size_t n = 1; n <= 64; n++) {
		e = program(n, "/lib/ld-test.so");
		of_program(&e, "/lib/ld-test.so");
	}
	e = program(65, "/lib/ld-test.so"); /* so many that it is no real program */
	of_program(&e, NULL);
	e = program(0, "/lib/ld-test.so");
	of_program(&e, NULL);
	e = program(3, "/lib/ld-test.so");
	e.ph[2].p_type = PT_DYNAMIC; /* statically linked */
	of_program(&e, NULL);
	e = program(2, "relative/ld.so");
	of_program(&e, NULL);
	e = program(2, "/lib/ld-test.so");
	e.ph[1].p_filesz = 5; /* without its end */
	of_program(&e, "/lib/");
	e.ph[1].p_filesz = 1;
	of_program(&e, "/");
	e.ph[1].p_filesz = 0;
	of_program(&e, NULL);
	e = program(2, "/lib/ld-test.so");
	e.head.e_phnum = 1; /* the second is not there */
	of_program(&e, NULL);
	e = program(2, "");
	of_program(&e, NULL);
}

static void programs_of_other_machines(UNUSED void **state)
{
	struct elf e = program(1, "/lib/ld-test.so");

	e.head.e_ident[EI_CLASS] = sizeof(void *) == 8 ? ELFCLASS32 : ELFCLASS64;
	of_program(&e, NULL);
	e = program(1, "/lib/ld-test.so");
	e.head.e_phentsize++;
	of_program(&e, NULL);
	for (int i = 0; i < SELFMAG; i++) {
		e = program(1, "/lib/ld-test.so");
		e.head.e_ident[i] ^= 1;
		of_program(&e, NULL);
	}
}

/* Whatever is cut off: no answer, or the right one, and never a read beyond what is there. */
static void programs_that_are_cut_off(UNUSED void **state)
{
	struct elf e = program(3, "/lib/ld-test.so");
	size_t headers = offsetof(struct elf, ph) + 3 * sizeof(ElfW(Phdr));

	for (size_t n = 0; n < headers; n++)
		of_bytes(&e, n, NULL);
	of_bytes(&e, headers, NULL);
	of_bytes(&e, offsetof(struct elf, path), NULL);
	of_bytes(&e, offsetof(struct elf, path) + 4, "/lib");
	/* The head alone, complete, of a program without headers to follow. */
	e = program(0, "/lib/ld-test.so");
	of_bytes(&e, sizeof e.head, NULL);
	/* The smallest file that says something: the loader's header may lie in the head itself. */
	e = program(1, "/lib/ld-test.so");
	e.head.e_phoff = 0;
	of_bytes(&e, sizeof e.head, NULL);
}

static void programs_that_lie(UNUSED void **state)
{
	static const ElfW(Off) places[] = {(ElfW(Off)) - 1, (ElfW(Off)) - 4096, (ElfW(Off))1 << 62,
					   (ElfW(Off))INT64_MAX, 1 << 30};
	char out[16], beyond[300];
	struct elf e;

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		e = program(2, "/lib/ld-test.so");
		e.head.e_phoff = places[i];
		of_program(&e, NULL);
		e = program(2, "/lib/ld-test.so");
		e.ph[1].p_offset = places[i];
		of_program(&e, NULL);
	}
	/* A loader name of any size is cut at the buffer, with its NUL. */
	memset(beyond, 'y', sizeof beyond - 1);
	beyond[0] = '/';
	beyond[sizeof beyond - 1] = '\0';
	e = program(1, beyond);
	e.ph[0].p_filesz = (ElfW(Xword)) - 1;
	file_of("f", &e, sizeof e, 0600);
	memset(out, 'z', sizeof out);
	assert_int_equal(interpreter_of("f", out, sizeof out - 1), INTERPRETER_LOADER);
	assert_string_equal(out, "/yyyyyyyyyyyyy");
	assert_int_equal(out[sizeof out - 1], 'z');
	for (size_t n = sizeof out - 3; n < sizeof out + 3; n++) {
		e.ph[0].p_filesz = (ElfW(Xword))n;
		file_of("f", &e, sizeof e, 0600);
		assert_int_equal(interpreter_of("f", out, sizeof out - 1), INTERPRETER_LOADER);
		assert_in_range(strlen(out), sizeof out - 3, sizeof out - 2);
		assert_int_equal(out[sizeof out - 1], 'z');
	}
	e.ph[0].p_filesz = (ElfW(Xword)) - 1;
	beyond[255] = '\0';
	of_program(&e, beyond);
	/* One that fits to the byte, and one that ends before its size says so. */
	e = program(1, "/lib/ld-test.so");
	e.ph[0].p_filesz = 255;
	of_program(&e, "/lib/ld-test.so");
	e.head.e_phnum = (ElfW(Half)) - 1;
	memset(&e.ph[0], 0, sizeof e.ph);
	of_program(&e, NULL);
}

/* A head alone, of the machine `number`. */
static struct elf head_of(unsigned number, unsigned char data)
{
	struct elf e = program(1, "/lib/ld-test.so");

	e.head.e_machine = (ElfW(Half))number;
	if (data == ELFDATA2MSB)
		e.head.e_machine = (ElfW(Half))(number >> 8 | number << 8);
	e.head.e_ident[EI_DATA] = data;
	return e;
}

static void of_machine(unsigned number, unsigned char data, const char *name)
{
	struct elf e = head_of(number, data);
	char out[96] = "untouched", expected[96];

	file_of("f", &e, sizeof e.head, 0700);
	if (name) {
		assert_true(interpreter_other_machine("f", out, sizeof out));
		snprintf(expected, sizeof expected, "a program for %s, and this machine is ", name);
		assert_int_equal(strncmp(out, expected, strlen(expected)), 0);
		assert_true(out[strlen(expected)] != '\0');
		of_file("f", NULL); /* an emulator may keep its loader elsewhere */
	} else {
		assert_false(interpreter_other_machine("f", out, sizeof out));
		assert_string_equal(out, "untouched");
	}
	file_of("f", &e, sizeof e.head - 1, 0700);
	assert_false(interpreter_other_machine("f", out, sizeof out));
}

static void other_machines_are_named(UNUSED void **state)
{
	bool arm = own_machine() == EM_AARCH64, intel = own_machine() == EM_X86_64;

	of_machine(own_machine(), ELFDATA2LSB, NULL);
	of_machine(EM_AARCH64, ELFDATA2LSB, arm ? NULL : "aarch64");
	of_machine(EM_ARM, ELFDATA2LSB, arm ? NULL : "arm"); /* its kernel may run those, too */
	of_machine(EM_X86_64, ELFDATA2LSB, intel ? NULL : "x86-64");
	of_machine(EM_386, ELFDATA2LSB, intel ? NULL : "i386");
	of_machine(EM_S390, ELFDATA2MSB, "s390x"); /* its numbers begin with the high byte */
	of_machine(EM_PPC64, ELFDATA2MSB, "ppc64");
	of_machine(EM_PPC64, ELFDATA2LSB, "ppc64");
	of_machine(0x1234, ELFDATA2LSB, NULL); /* an unknown machine */
	file_of("f", "#!/bin/sh\n", 10, 0700);
	assert_false(interpreter_other_machine("f", (char[96]){""}, 96));
	assert_false(interpreter_other_machine("missing", (char[96]){""}, 96));
}

static void a_program_of_another_machine_is_in_the_way(UNUSED void **state)
{
	char machine[96], expected[120];

	struct elf e = head_of(EM_S390, ELFDATA2MSB);

	file_of("f", &e, sizeof e.head, 0700);
	assert_true(interpreter_other_machine("f", machine, sizeof machine));
	snprintf(expected, sizeof expected, "it is %s", machine);
	obstacle("f", ENOEXEC, expected);
}

/* ---- what keeps the kernel from running it ----------------------------------------------------------------------------- */
#define LINE_1 "command \"s\" is there, but its line 1 "
#define RETURN                                                                                   \
	"ends in a carriage return: the kernel takes it for a part of the program's name; save " \
	"the file with Unix line ends"

static void trouble(const char *file, int expected, const char *message)
{
	struct err err = {0};
	char text[ENOUGH];

	assert_int_equal(interpreter_check(file, &err), expected);
	assert_string_equal(err_text(&err, text, sizeof text), message);
}

static void trouble_of(const char *line, int expected, const char *message)
{
	script("s", line);
	trouble("s", expected, message);
}

static void a_carriage_return_is_named(UNUSED void **state)
{
	trouble_of("#!/bin/sh\r\necho\r\n", 127, LINE_1 RETURN);
	not_found("", "s", 127, "command \"./s\" is there, but its line 1 " RETURN);
	trouble_of("#! /bin/sh\r", 127, LINE_1 RETURN);
	script("t", "#!./s\n");
	trouble("t", 127, "command \"t\" is there, but line 1 of ./s, which runs it, " RETURN);
	/* One whose name ends so is run. */
	script("odd\r", "#!/bin/sh\n");
	trouble_of("#!./odd\r\n", 0, "");
	/* env looks for its word as it stands; what others make of theirs is their affair. */
	trouble_of("#!/usr/bin/env sh\r\n", 127, LINE_1 RETURN);
	trouble_of("#!/usr/bin/env \t sh\r\n", 127, LINE_1 RETURN);
	trouble_of("#!/usr/bin/env sh\n\r\n", 0, "");
	trouble_of("#!/usr/bin/env -S sh\r\n", 0, "");
	trouble_of("#!/usr/bin/env A=1\r\n", 0, "");
	trouble_of("#!/usr/bin/env\n\r\n", 0, "");
	trouble_of("#!/bin/sh -e\r\n", 0, "");
	script("s", "#!env sh\r\n"); /* no such file here */
	trouble("s", 127, MISSING("s", "env"));
	trouble_of("#!/no/sh -e\r\n", 127, MISSING("s", "/no/sh"));
	trouble_of("#!\r\n", 127, LINE_1 RETURN);
	trouble_of("#!\n", 0, "");
	trouble_of("plain\r\n", 0, "");
}

static void what_runs_it_must_run(UNUSED void **state)
{
	char loader[128];
	struct elf e;

	folder("dir");
	file_of("text", "#!/bin/sh\n", 10, 0644);
	assert_int_equal(mkfifo("fifo", 0755), 0);
	trouble_of("#!dir\n", 126, THERE("s", "dir") "cannot be run: Is a directory");
	trouble_of("#!./text\n", 126, THERE("s", "./text") "cannot be run: Permission denied");
	trouble_of("#!fifo\n", 126, THERE("s", "fifo") "cannot be run: Permission denied");
	not_found("", "fifo", 126, "command \"fifo\" cannot be run: Permission denied");
	trouble_of("#!./text/sh\n", 127, MISSING("s", "./text/sh"));
	/* The loader of a program, and of the program that runs a script. */
	e = program(1, "/lib/none.so");
	file_of("p", &e, sizeof e, 0755);
	trouble("p", 127, MISSING("p", "/lib/none.so"));
	trouble_of("#!p\n", 127, MISSING("s", "/lib/none.so"));
	e = program(1, "/etc");
	file_of("p", &e, sizeof e, 0755);
	trouble("s", 126, THERE("s", "/etc") "cannot be run: Is a directory");
	/* A loader is no script to follow further. */
	script("loader", "#!/no/such\n");
	snprintf(loader, sizeof loader, "%s/loader", folder_root);
	e = program(1, loader);
	file_of("p", &e, sizeof e, 0755);
	trouble("s", 0, "");
}

/* Two levels are looked at: the command, and the program behind its "#!". The kernel follows further, and may refuse. */
static void scripts_that_run_scripts(UNUSED void **state)
{
	script("broken", "#!/no/such\n");
	trouble_of("#!broken\n", 127, MISSING("s", "/no/such"));
	script("t", "#!s\n");
	trouble("t", 0, "");
	script("self", "#!self\n");
	trouble("self", 0, "");
}

/* Started without a standard input, the next file gets the number 0. */
static void without_standard_input(UNUSED void **state)
{
	int saved = dup(STDIN_FILENO);

	close(STDIN_FILENO);
	script("f", "#!/bin/sh\n");
	of_file("f", "/bin/sh");
	assert_false(interpreter_other_machine("f", (char[96]){""}, 96));
	assert_int_equal(open("f", O_RDONLY | O_CLOEXEC), STDIN_FILENO); /* none was left open */
	close(STDIN_FILENO);
	if (saved >= 0) {
		dup2(saved, STDIN_FILENO);
		close(saved);
	}
}

static void this_program_has_one(UNUSED void **state)
{
	char out[256];

	assert_int_equal(interpreter_of("/proc/self/exe", out, sizeof out), INTERPRETER_LOADER);
	assert_int_equal(access(out, X_OK), 0);
}

/* ---- launch_env ------------------------------------------------------------------------------------------------------ */
static void expect_env(const struct launch_env *env, const char *expected)
{
	char all[ENOUGH] = "";
	size_t n = 0;

	for (size_t i = 0; env->v[i]; i++) {
		size_t len = strlen(all);

		snprintf(all + len, sizeof all - len, "%s%s", i ? "|" : "", env->v[i]);
		n++;
	}
	assert_int_equal(env->n, n);
	assert_true(env->n == 0 || env->n < env->cap);
	assert_string_equal(all, expected);
}

static void the_environment_is_kept(UNUSED void **state)
{
	char *odd[] = {(char *)"A=1",  (char *)"NAME",  (char *)"A=2", (char *)"=x",
		       (char *)"AB=3", (char *)"C=a=b", (char *)"A=4", NULL};
	char **before = environ;
	struct launch_env env;

	environ = odd;
	launch_env_init(&env);
	environ = before;
	expect_env(&env, "A=1|NAME|A=2|=x|AB=3|C=a=b|A=4");
	assert_ptr_not_equal(env.v[0], odd[0]);
	launch_env_set(&env, "NAME", "new"); /* no NAME=VALUE: another thing */
	expect_env(&env, "A=1|NAME|A=2|=x|AB=3|C=a=b|A=4|NAME=new");
	launch_env_set(&env, "A", "5");
	expect_env(&env, "A=5|NAME|=x|AB=3|C=a=b|NAME=new");
	launch_env_set(&env, "AB", NULL);
	expect_env(&env, "A=5|NAME|=x|C=a=b|NAME=new");
	launch_env_set(&env, "none", NULL);
	launch_env_set(&env, "C", "");
	expect_env(&env, "A=5|NAME|=x|C=|NAME=new");
	launch_env_free(&env);
	assert_true(!env.v && env.n == 0 && env.cap == 0);
}

static void an_environment_of_any_size(UNUSED void **state)
{
	char **before = environ, *none[] = {NULL}, name[16], value[16];
	struct launch_env env;

	for (int i = 0; i < 2; i++) {
		environ = i ? none : NULL;
		launch_env_init(&env);
		environ = before;
		expect_env(&env, "");
		launch_env_set(&env, "none", NULL);
		expect_env(&env, "");
		launch_env_free(&env);
	}
	environ = none;
	launch_env_init(&env);
	environ = before;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "N%d", i);
		snprintf(value, sizeof value, "%d", i * i);
		launch_env_set(&env, name, value);
		assert_int_equal(env.n, i + 1);
		assert_true(env.n < env.cap && env.cap <= 2048);
		assert_null(env.v[env.n]);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "N%d=%d", i, i * i);
		assert_string_equal(env.v[i], name);
	}
	launch_env_free(&env);
}

#ifdef __GLIBC__
/* How much more is in use after a hundred times than after one: nothing, when all is given back. */
static void nothing_is_left(void (*what)(void))
{
	size_t before;

	for (int i = 0; i < 10; i++) /* what the allocator keeps for itself is kept by now */
		what();
	before = mallinfo2().uordblks;
	for (int i = 0; i < 100; i++)
		what();
	assert_true(mallinfo2().uordblks <= before);
}

static void search_in_vain(void)
{
	int exit_code;
	struct err err;

	assert_null(interpreter_find_command("old", &exit_code, &err));
	assert_null(interpreter_find_command("none", &exit_code, &err));
	interpreter_other_machine("a/old", (char[96]){""}, 96);
}

static void make_an_environment(void)
{
	struct launch_env env;

	launch_env_init(&env);
	launch_env_set(&env, "A", "another");
	launch_env_set(&env, "B", "one more");
	launch_env_set(&env, "C", "the last");
	launch_env_set(&env, "A", NULL);
	launch_env_free(&env);
}

static void memory_is_given_back(UNUSED void **state)
{
	char *two[] = {(char *)"A=1", (char *)"A=2", NULL}, **before = environ;

	folder("a");
	script("a/old", "#!/opt/none/perl\n");
	setenv("PATH", "nowhere:a", 1);
	nothing_is_left(search_in_vain);
	environ = two;
	nothing_is_left(make_an_environment);
	environ = before;
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_FOLDER(finds_the_first_of_path),
	    IN_A_FOLDER(an_empty_element_is_here),
	    IN_A_FOLDER(without_path_the_usual_places),
	    IN_A_FOLDER(a_name_with_a_slash_is_a_file),
	    IN_A_FOLDER(what_cannot_be_run_is_told),
	    IN_A_FOLDER(a_missing_interpreter_is_named),
	    IN_A_FOLDER(what_is_in_the_way_is_named),
	    IN_A_FOLDER(a_link_that_leads_nowhere_is_followed),
	    IN_A_FOLDER(eight_links_are_followed),
	    IN_A_FOLDER(words_of_a_shell),
	    IN_A_FOLDER(interpreters_of_scripts),
	    IN_A_FOLDER(what_is_no_file_has_none),
	    IN_A_FOLDER(interpreters_of_programs),
	    IN_A_FOLDER(programs_of_other_machines),
	    IN_A_FOLDER(programs_that_are_cut_off),
	    IN_A_FOLDER(programs_that_lie),
	    IN_A_FOLDER(other_machines_are_named),
	    IN_A_FOLDER(a_program_of_another_machine_is_in_the_way),
	    IN_A_FOLDER(a_carriage_return_is_named),
	    IN_A_FOLDER(what_runs_it_must_run),
	    IN_A_FOLDER(scripts_that_run_scripts),
	    IN_A_FOLDER(without_standard_input),
	    IN_A_FOLDER(this_program_has_one),
#ifdef __GLIBC__
	    IN_A_FOLDER(memory_is_given_back),
#endif
	    cmocka_unit_test(the_environment_is_kept),
	    cmocka_unit_test(an_environment_of_any_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
