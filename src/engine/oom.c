#include "oom.h"

#define FILE_MAX (64 * 1024)

/* Returns the value of "oom_kill" in a file, or -1 when the file has none. */
static int64_t read_count(const char *path)
{
	static const char name[] = "\noom_kill ";
	cleanup_free char *text = file_read(path, FILE_MAX, NULL);
	const char *at = text ? strstr(text, name) : NULL;
	int64_t n = -1;

	if (at) {
		at += strlen(name);
		text[at - text + (ptrdiff_t)strcspn(at, "\n")] = '\0';
		if (parse_i64(at, 0, INT64_MAX, &n) < 0)
			n = -1;
	}
	return n;
}

static bool try_file(struct oom *o, const char *folder, const char *group, const char *file)
{
	int n = snprintf(o->path, sizeof o->path, "%s%s/%s", folder, group, file);

	o->count = n > 0 && (size_t)n < sizeof o->path ? read_count(o->path) : -1;
	return o->count >= 0;
}

/* Tries the group in a line of /proc/self/cgroup: "0::/a/b", or "4:cpu,memory:/a/b". Inside a container the group is often the
 * root of the mount, whatever its path on the host is. */
static bool try_line(struct oom *o, char *line)
{
	char *controllers = strchr(line, ':'),
	     *group = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!group)
		return false;
	*group++ = '\0';
	if (str_eq(controllers, ":"))
		return try_file(o, "/sys/fs/cgroup", group, "memory.events") ||
		       try_file(o, "/sys/fs/cgroup", "", "memory.events");
	return strstr(controllers, "memory") &&
	       (try_file(o, "/sys/fs/cgroup/memory", group, "memory.oom_control") ||
		try_file(o, "/sys/fs/cgroup/memory", "", "memory.oom_control"));
}

void oom_watch(struct oom *o)
{
	cleanup_free char *groups = file_read("/proc/self/cgroup", FILE_MAX, NULL);
	char *save = NULL;

	for (char *line = groups ? strtok_r(groups, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		if (try_line(o, line))
			return;
	if (!try_file(o, "/proc", "", "vmstat"))
		o->path[0] = '\0';
}

/* Consumes one kill, so that each of two children that were killed together gets a true answer. */
bool oom_happened(struct oom *o)
{
	if (!*o->path || read_count(o->path) <= o->count)
		return false;
	o->count++;
	return true;
}
