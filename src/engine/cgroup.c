#include "cgroup.h"

#define FILE_MAX (64 * 1024)

/* The files of one version. */
static const struct version {
	const char *mount, *limit, *usage, *oom;
	const char *file_pages
	    [2]; /* in memory.stat: pages that the kernel drops before it kills; v1: "total_", with groups below */
} versions[] = {
    {"/sys/fs/cgroup/memory",
     "memory.limit_in_bytes",
     "memory.usage_in_bytes",
     "memory.oom_control",
     {"total_inactive_file ", "total_active_file "}},
    {"/sys/fs/cgroup",
     "memory.max",
     "memory.current",
     "memory.events",
     {"inactive_file ", "active_file "}},
};

/* Returns the number at the beginning of a text; -1: there is none ("max"). */
static int64_t number_of(const char *text)
{
	char digits[24];
	int64_t n;

	snprintf(digits, sizeof digits, "%.*s", (int)strspn(text, "0123456789"), text);
	return parse_i64(digits, 0, INT64_MAX, &n) == 0 ? n : -1;
}

/* ---- finding ------------------------------------------------------------------------------------------------------- */
static bool try_folder(struct cgroup *g, const char *root, bool second, const char *group)
{
	char file[CGROUP_PATH_MAX + 32];
	cleanup_free char *text = NULL;
	int n;

	g->second = second;
	g->mount_len = strlen(root) + strlen(versions[second].mount);
	n = snprintf(g->folder, sizeof g->folder, "%s%s%s", root, versions[second].mount, group);
	if (n > 0 && (size_t)n < sizeof g->folder) {
		cgroup_oom_file(g, file, sizeof file);
		text = file_read(file, FILE_MAX, NULL);
	}
	if (!text)
		g->folder[0] = '\0';
	g->oom_kills = text ? cgroup_oom_kills(text) : -1;
	return text;
}

/* Tries the group in a line of /proc/self/cgroup: "0::/a/b", or "4:cpu,memory:/a/b". */
static bool try_line(struct cgroup *g, const char *root, char *line)
{
	char *controllers = strchr(line, ':'),
	     *group = controllers ? strchr(controllers + 1, ':') : NULL;
	bool second;

	if (!group)
		return false;
	*group++ = '\0';
	second = str_eq(controllers, ":");
	if (!second && !strstr(controllers, "memory"))
		return false;
	if (str_eq(group, "/"))
		group = (char *)"";
	return try_folder(g, root, second, group) || try_folder(g, root, second, "");
}

void cgroup_find(struct cgroup *g, const char *root)
{
	char path[CGROUP_PATH_MAX];
	cleanup_free char *groups = NULL;
	char *save = NULL;

	*g = (struct cgroup){.oom_kills = -1};
	snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
	groups = file_read(path, FILE_MAX, NULL);
	for (char *line = groups ? strtok_r(groups, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		if (try_line(g, root, line))
			return;
}

int64_t cgroup_oom_kills(const char *text)
{
	static const char name[] = "\noom_kill ";
	const char *at = strstr(text, name);

	return at ? number_of(at + strlen(name)) : -1;
}

void cgroup_oom_file(const struct cgroup *g, char *path, size_t size)
{
	path[0] = '\0';
	if (g->folder[0])
		snprintf(path, size, "%s/%s", g->folder, versions[g->second].oom);
}

/* ---- memory -------------------------------------------------------------------------------------------------------- */
static char *read_in(const char *folder, const char *name)
{
	char path[CGROUP_PATH_MAX + 32];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return file_read(path, FILE_MAX, NULL);
}

static int64_t read_number(const char *folder, const char *name)
{
	cleanup_free char *text = read_in(folder, name);

	return text ? number_of(text) : -1;
}

/* Returns the value of a line "NAME VALUE"; 0: there is none. */
static int64_t stat_value(const char *stat, const char *name)
{
	for (const char *line = stat; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (str_starts(line, name)) {
			int64_t n = number_of(line + strlen(name));

			return n > 0 ? n : 0;
		}
	}
	return 0;
}

/* Returns the bytes that are left in one group; -1: it has no limit. */
static int64_t left_in(const char *folder, const struct version *v)
{
	int64_t limit = read_number(folder, v->limit), usage = read_number(folder, v->usage);
	cleanup_free char *stat = NULL;

	if (limit < 0 || usage < 0)
		return -1;
	stat = read_in(folder, "memory.stat");
	for (size_t i = 0; stat && i < ARRAY_LEN(v->file_pages); i++) {
		int64_t pages = stat_value(stat, v->file_pages[i]);

		usage -= pages < usage ? pages : usage;
	}
	return usage < limit ? limit - usage : 0;
}

int64_t cgroup_memory_left(const struct cgroup *g)
{
	char folder[CGROUP_PATH_MAX];
	int64_t least = -1;
	size_t n = strlen(g->folder);

	memcpy(folder, g->folder, n + 1);
	while (n > 0) {
		int64_t left = left_in(folder, &versions[g->second]);

		if (left >= 0 && (least < 0 || left < least))
			least = left;
		if (n <= g->mount_len)
			break;
		while (n > g->mount_len && folder[n - 1] != '/')
			n--;
		n -= n > g->mount_len; /* the slash */
		folder[n] = '\0';
	}
	return least;
}
