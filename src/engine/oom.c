#include "oom.h"

#define FILE_MAX (64 * 1024)

static int64_t read_count(const char *path)
{
	cleanup_free char *text = file_read(path, FILE_MAX, NULL);

	return text ? cgroup_oom_kills(text) : -1;
}

void oom_watch(struct oom *o, const struct cgroup *group)
{
	cgroup_oom_file(group, o->path, sizeof o->path);
	o->count = *o->path ? group->oom_kills : -1;
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
