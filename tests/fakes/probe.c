/* probe: the guarded service of the tests. Prints as one JSON object what a started process finds: its place among
 * processes, signal state, descriptors, limits, arguments and environment. It looks before it changes anything.
 *
 *   probe [--exit N] [WORD...]
 */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void put_string(const char *text)
{
	putchar('"');
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			printf("\\%c", *p);
		else if (*p < 32 || *p == 127)
			printf("\\u%04x", *p);
		else
			putchar(*p);
	}
	putchar('"');
}

static void put_list(const char *name, char *const *list)
{
	printf(", \"%s\": [", name);
	for (size_t i = 0; list[i]; i++) {
		fputs(i ? ", " : "", stdout);
		put_string(list[i]);
	}
	putchar(']');
}

/* The descriptor that reads the folder is left out. */
static void put_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	const char *sep = "";

	fputs(", \"fds\": {", stdout);
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[64], target[PATH_MAX];
		ssize_t n;

		if (!isdigit((unsigned char)e->d_name[0]) || atoll(e->d_name) == dirfd(d))
			continue;
		snprintf(path, sizeof path, "/proc/self/fd/%.16s", e->d_name);
		n = readlink(path, target, sizeof target - 1);
		target[n < 0 ? 0 : n] = '\0';
		printf("%s\"%s\": ", sep, e->d_name);
		put_string(target);
		sep = ", ";
	}
	putchar('}');
	if (d)
		closedir(d);
}

static int count_tasks(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		n += isdigit((unsigned char)e->d_name[0]) != 0;
	if (d)
		closedir(d);
	return n;
}

static void put_status(void)
{
	static const char *const names[] = {"SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "Seccomp"};
	FILE *f = fopen("/proc/self/status", "re");
	char line[512];

	while (f && fgets(line, sizeof line, f))
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			size_t n = strlen(names[i]);

			if (strncmp(line, names[i], n) != 0 || line[n] != ':')
				continue;
			line[strcspn(line, "\n")] = '\0';
			printf(", \"%s\": ", names[i]);
			put_string(line + n + 1 + strspn(line + n + 1, " \t"));
		}
	if (f)
		fclose(f);
}

/* Pids of own children, also dead ones nobody has waited for. */
static void put_children(void)
{
	DIR *d = opendir("/proc");
	const char *sep = "";

	fputs(", \"children\": [", stdout);
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[64], text[1024], *end;
		int parent = 0;
		FILE *f;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof path, "/proc/%.16s/stat", e->d_name);
		f = fopen(path, "re");
		if (f && fgets(text, sizeof text, f) && (end = strrchr(text, ')')) &&
		    sscanf(end + 1, " %*c %d", &parent) == 1 && parent == getpid()) {
			printf("%s%s", sep, e->d_name);
			sep = ", ";
		}
		if (f)
			fclose(f);
	}
	putchar(']');
	if (d)
		closedir(d);
}

static void put_limits(void)
{
	static const struct {
		const char *name;
		int resource;
	} limits[] = {{"nofile", RLIMIT_NOFILE}, {"core", RLIMIT_CORE},
		      {"as", RLIMIT_AS},         {"stack", RLIMIT_STACK},
		      {"nproc", RLIMIT_NPROC},   {"memlock", RLIMIT_MEMLOCK},
		      {"fsize", RLIMIT_FSIZE},   {"data", RLIMIT_DATA}};
	const char *sep = "";

	fputs(", \"limits\": {", stdout);
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct rlimit r = {0, 0};

		getrlimit((__rlimit_resource_t)limits[i].resource, &r);
		printf("%s\"%s\": [%lld, %lld]", sep, limits[i].name, (long long)r.rlim_cur,
		       (long long)r.rlim_max);
		sep = ", ";
	}
	putchar('}');
}

static void put_file(const char *name, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[256];

	if (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		printf(", \"%s\": ", name);
		put_string(line);
	}
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	mode_t mask = umask(0);
	char cwd[PATH_MAX] = "?";
	int code = 0;

	umask(mask);
	if (!getcwd(cwd, sizeof cwd))
		perror("getcwd");
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "--exit") == 0)
			code = (int)strtol(argv[i + 1], NULL, 10);
	printf("{\"pid\": %d, \"ppid\": %d, \"pgid\": %d, \"sid\": %d, \"tasks\": %d, \"umask\": "
	       "\"%04o\", \"cwd\": ",
	       (int)getpid(), (int)getppid(), (int)getpgrp(), (int)getsid(0), count_tasks(),
	       (unsigned)mask);
	put_string(cwd);
	put_descriptors();
	put_children();
	put_status();
	put_limits();
	put_file("oom_score_adj", "/proc/self/oom_score_adj");
	put_file("coredump_filter", "/proc/self/coredump_filter");
	put_list("argv", argv);
	put_list("environ", environ);
	puts("}");
	return fflush(stdout) == 0 ? code : 1;
}
