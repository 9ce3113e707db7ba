/* launch_exec replaces a process by the command, or says why it cannot. Not run under valgrind, which cannot go on after an exec that
 * fails in the kernel. */
#include "cm.h"
#include "folder.h"

#include "launch.h"

#include <elf.h>
#include <errno.h>
#include <sys/resource.h>

#define ENOUGH 8192

/* What launch_exec leads to in a process of its own: what it printed, or how it failed: "126 message". */
static void execs_in(bool no_stdin, const char *file, char *const *argv, const char *expected)
{
	char said[ENOUGH] = "";
	int p[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct launch_env env;
		struct err err = {0};
		char text[ENOUGH];
		int exit_code;

		launch_env_init(&env);
		if (no_stdin)
			close(STDIN_FILENO);
		dup2(p[1], STDOUT_FILENO);
		exit_code = launch_exec(file, argv, &env, &err);
		dprintf(STDOUT_FILENO, "%d %s", exit_code, err_text(&err, text, sizeof text));
		_exit(exit_code);
	}
	close(p[1]);
	while ((got = read(p[0], said + n, sizeof said - 1 - n)) > 0)
		n += (size_t)got;
	close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_string_equal(said, expected);
}

static void execs(const char *file, char *const *argv, const char *expected)
{
	execs_in(false, file, argv, expected);
	execs_in(true, file, argv, expected); /* then the next file gets the number 0 */
}

static void exec_takes_over(UNUSED void **state)
{
	char *argv[] = {(char *)"name", (char *)"a b", (char *)"", (char *)"c", NULL};

	script("s", "#!/bin/sh\nprintf '[%s]' \"$0\" \"$@\"\n");
	execs("./s", argv, "[./s][a b][][c]");
	argv[1] = NULL;
	execs("./s", argv, "[./s]");
}

static void a_text_goes_to_the_shell(UNUSED void **state)
{
	char text[600], *argv[] = {(char *)"name", (char *)"a b", (char *)"", (char *)"c", NULL};

	script("s", "printf '[%s]' \"$0\" \"$@\"\n");
	execs("./s", argv, "[./s][a b][][c]");
	argv[1] = NULL;
	execs("./s", argv, "[./s]");
	argv[0] = NULL; /* what stands behind the end is not looked at */
	argv[1] = (char *)"beyond";
	execs("./s", argv, "[./s]");
	argv[0] = (char *)"name";
	argv[1] = NULL;
	/* Only its beginning is looked at. */
	memset(text, ' ', sizeof text);
	memcpy(text, "printf yes; exit\n", 17);
	text[256] = '\0';
	file_of("late", text, sizeof text, 0755);
	execs("./late", argv, "yes");
	text[255] = '\0';
	file_of("early", text, sizeof text, 0755);
	execs("./early", argv, "126 exec ./early: Exec format error");
	file_of("one", "\n", 1, 0755);
	execs("./one", argv, "");
}

#if defined __x86_64__
#define THIS "x86-64"
#elif defined __aarch64__
#define THIS "aarch64"
#else
#define THIS "riscv"
#endif
#define WORDS                                                                   \
	"126 exec ./s390: it is a program for s390x, and this machine is " THIS \
	": Exec format error"

static void what_is_no_text_does_not(UNUSED void **state)
{
	char *argv[] = {(char *)"name", NULL};
	Elf64_Ehdr e = {.e_type = ET_EXEC, .e_machine = 0x1234};

	memcpy(e.e_ident, ELFMAG, SELFMAG);
	file_of("other", &e, sizeof e, 0755);
	execs("./other", argv, "126 exec ./other: Exec format error");
	e.e_machine = EM_S390;
	e.e_ident[EI_DATA] = ELFDATA2LSB;
	file_of("s390", &e, sizeof e, 0755);
	execs("./s390", argv, WORDS);
	file_of("empty", "", 0, 0755);
	execs("./empty", argv, "126 exec ./empty: it is empty: Exec format error");
	file_of("nul", "", 1, 0755);
	execs("./nul", argv, "126 exec ./nul: Exec format error");
}

static void exec_that_fails(UNUSED void **state)
{
	char *argv[] = {(char *)"name", NULL};

	folder("dir");
	script("old", "#!/opt/none/perl\n");
	file_of("text", "printf wrong", 12, 0644);
	execs("./missing", argv, "127 exec ./missing: No such file or directory");
	execs("./old", argv, "127 exec ./old: No such file or directory");
	execs("./text/x", argv, "127 exec ./text/x: Not a directory");
	execs("./text", argv,
	      "126 exec ./text: its mode 0644 lets nobody run it: chmod +x: Permission denied");
	execs("./dir", argv, "126 exec ./dir: it is a folder: Permission denied");
}

/* The arguments just fit, but not with the shell's own beside them: it is the file that cannot be run. */
static void a_shell_that_cannot_be_had(UNUSED void **state)
{
	static char big[200000];
	char *argv[] = {(char *)"n", big, big + sizeof big / 2, NULL};
	struct rlimit small = {512 << 10, 512 << 10};
	size_t fits = 1, not = sizeof big / 2 - 1;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct launch_env env;
		struct err err = {0};

		setrlimit(RLIMIT_STACK, &small);
		clearenv();
		launch_env_init(&env);
		script("s", "exit 7\n");
		memset(big, 'x', sizeof big - 1);
		big[sizeof big / 2 - 1] = '\0';
		while (not -fits > 1) {
			size_t middle = (fits + not ) / 2;

			argv[2] = big + sizeof big - 1 - middle;
			execv("./s", argv);
			*(errno == ENOEXEC ? &fits : &not ) = middle;
		}
		argv[2] = big + sizeof big - 1 - fits;
		if (fits == 1 || launch_exec("./s", argv, &env, &err) != 126)
			_exit(1);
		_exit(err.sys_errno == ENOEXEC ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* The error names the size of the environment, which often is the reason. */
static void too_much_is_said(UNUSED void **state)
{
	/* more than the kernel takes as one word (MAX_ARG_STRLEN, 128 KiB) */
	static char huge[200001];
	char *argv[] = {(char *)"name", huge, NULL};

	script("s", "#!/bin/sh\n");
	memset(huge, 'x', sizeof huge - 1);
	clearenv();
	setenv("A", "bc", 1);
	setenv("DE", "", 1);
	execs("./s", argv,
	      "126 exec ./s: its arguments or its environment (9 bytes): Argument list too long");
}

static void the_environment_is_passed_on(UNUSED void **state)
{
	char *argv[] = {(char *)"name", NULL};

	script("s", "#!/bin/sh\nprintf '%s' \"$MARK\"\n");
	script("t", "printf '%s' \"$MARK\"\n");
	setenv("MARK", "as it was", 1);
	execs("./s", argv, "as it was");
	execs("./t", argv, "as it was");
	unsetenv("MARK");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_FOLDER(exec_takes_over),
	    IN_A_FOLDER(a_text_goes_to_the_shell),
	    IN_A_FOLDER(what_is_no_text_does_not),
	    IN_A_FOLDER(exec_that_fails),
	    IN_A_FOLDER(a_shell_that_cannot_be_had),
	    IN_A_FOLDER(too_much_is_said),
	    IN_A_FOLDER(the_environment_is_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
