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

void oom_watch(struct oom *o, const struct cgroup *group)
{
	cgroup_oom_file(group, o->path, sizeof o->path);
	o->count = *o->path ? read_count(o->path) : -1;
	if (o->count >= 0)
		return;
	snprintf(o->path, sizeof o->path, "/proc/vmstat");
	o->count = read_count(o->path);
	if (o->count < 0)
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
