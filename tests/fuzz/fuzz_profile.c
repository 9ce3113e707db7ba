/* Profiles: any text is either refused with a message that names a place, or is a profile that `startguard show`
 * prints so that it reads back as itself. Files come from memory: the first part of the input is the profile, those
 * behind it (separated by 0x1e) are what "a", "b" and "c" hold for @include. */
#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>

#include "cmd.h"
#include "fuzz.h"
#include "profile.h"

static char *file[4];
static size_t n_file[4];
static bool reading;

char *__wrap_file_read(const char *path, size_t max, size_t *len);
char *__wrap_file_read(const char *path, size_t max, size_t *len)
{
	static const char *const names[] = {"m.cfg", "a", "b", "c"};
	struct fuzz_in in;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!str_eq(path, names[i]) || !file[i])
			continue;
		if (n_file[i] > max)
			break;
		in = fuzz_open((uint8_t *)file[i], n_file[i]);
		return fuzz_rest(&in, len);
	}
	errno = ENOENT;
	return NULL;
}

/* Each of the files in memory is one file, by whatever name it is reached. */
int __real_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st)
{
	static const char *const names[] = {"m.cfg", "a", "b", "c"};

	if (!reading) /* libFuzzer */
		return __real_stat(path, st);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(path, names[i]) && file[i]) {
			*st = (struct stat){.st_ino = i + 1, .st_mode = S_IFREG};
			return 0;
		}
	errno = ENOENT;
	return -1;
}

/* libconfig must find no @include that was not expanded already: it would read any file, without bounds. */
FILE *fopen(const char *path, const char *mode)
{
	static FILE *(*real)(const char *, const char *);

	FUZZ_CHECK(!reading);
	if (!real)
		real = (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, "fopen");
	return real(path, mode);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	setenv("A", "value", 1);
	setenv("HOSTS", "one:1,two:2", 1);
	setenv("ODD", "\"; x = ${A}; \033[31m$", 1);
	setenv("ON", "1", 1);
	setenv("NUMBER", "7", 1);
	return 0;
}

/* libconfig loses the texts it has read when it meets a syntax error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yylex\nleak:libconfig_yyparse\n";
}

static void judge(const struct problems *p, bool loud)
{
	for (size_t i = 0; i < p->n; i++) {
		FUZZ_CHECK(*p->v[i].text);
		if (loud && p->v[i].kind != PROBLEM_WARNING)
			fprintf(stderr, "%d: %s: %s\n", p->v[i].line, p->v[i].where, p->v[i].text);
	}
}

/* What `show` prints; NULL when the profile has errors. */
static char *shown(const char *mode, bool offline, bool must, size_t *n)
{
	struct profile p = {.n = 0};
	struct problems problems = {.arena = &p.arena};
	struct profile_options o = {
	    .profile = "m.cfg", .mode = mode, .timeout = DURATION_UNSET, .offline = offline};
	char *out = NULL;
	struct str b;

	reading = true;
	profile_load(&p, &o, &problems);
	reading = false;
	judge(&problems, must);
	for (size_t i = 0; i < p.n; i++)
		if (p.checks[i].incomplete)
			problems.errors++;
	if (problems.errors == 0) {
		str_init(&b, 64 * 1024 * 1024);
		show_profile(&b, &p);
		FUZZ_CHECK(!b.cut);
		out = b.s;
		*n = p.n;
	}
	problems_free(&problems);
	arena_free(&p.arena);
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	unsigned flags = fuzz_byte(&in);
	char *first, *second;
	size_t n, again;

	for (size_t i = 0; i < ARRAY_LEN(file); i++) {
		bool there = i == 0 || fuzz_left(&in) > 0;

		file[i] = there ? fuzz_until(&in, 0x1e, &n_file[i]) : NULL;
	}
	first = shown(flags & 1 ? "dev" : NULL, flags & 2, false, &n);
	for (size_t i = 0; i < ARRAY_LEN(file); i++) {
		free(file[i]);
		file[i] = NULL;
	}
	if (first) {
		for (const char *s = first; *s;) {
			size_t line = strcspn(s, "\n");

			FUZZ_CHECK(fuzz_is_clean(s, line));
			s += line + (s[line] == '\n');
		}
		/* A literal secret is not printed and therefore lost. */
		if (n > 0 && !strstr(first, "[secret]")) {
			file[0] = first;
			n_file[0] = strlen(first);
			second = shown(NULL, flags & 2, true, &again);
			if (!second || !str_eq(first, second))
				fprintf(stderr, "---- first\n%s---- second\n%s", first,
					second ? second : "refused\n");
			FUZZ_CHECK(second && again == n && str_eq(first, second));
			free(second);
			file[0] = NULL;
		}
		free(first);
	}
	return 0;
}
