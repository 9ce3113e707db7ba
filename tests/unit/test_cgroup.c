/* cgroup, and what an attempt may use of its memory: the files of both versions in a folder of the test. */
#include "cgroup.h"

#include "folder.h"
#include "sandbox.h"

#define MIB (1ll << 20)

static void text_of(const char *path, const char *text)
{
	file_of(path, text, strlen(text), 0644);
}

static void folders(const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		folder(names[i]);
}

static void begin(const char *groups)
{
	static const char *const names[] = {"proc", "proc/self", "sys", "sys/fs", "sys/fs/cgroup"};

	folders(names, ARRAY_LEN(names));
	text_of("proc/self/cgroup", groups);
}

static int64_t left(void)
{
	struct cgroup g;

	cgroup_find(&g, ".");
	return cgroup_memory_left(&g);
}

static void no_group_no_limit(UNUSED void **state)
{
	struct cgroup g;
	char path[64];

	begin("");
	assert_int_equal(left(), -1);
	text_of("proc/self/cgroup", "nonsense\n3:cpu:/a\n0::/gone\n");
	assert_int_equal(left(), -1);
	cgroup_find(&g, ".");
	cgroup_oom_file(&g, path, sizeof path);
	assert_string_equal(path, "");
}

/* As a container of Kubernetes sees its own group: the root of the mount. */
static void the_second_version(UNUSED void **state)
{
	static const struct {
		const char *max, *current, *stat;
		int64_t left;
	} rows[] = {
	    {"max\n", "1000\n", "", -1},
	    {"104857600\n", "41943040\n", NULL, 60 * MIB},
	    {"104857600\n", "41943040\n", "anon 1\nfile 5\n", 60 * MIB},
	    /* What the kernel can drop is free; tmpfs (shmem) it cannot drop. */
	    {"104857600\n", "94371840\n",
	     "anon 1\nfile 73400320\nshmem 10485760\ninactive_anon 9\ninactive_file "
	     "20971520\nactive_file "
	     "41943040\n",
	     70 * MIB},
	    {"104857600\n", "41943040\n", "inactive_file 9223372036854775807\nactive_file 7",
	     100 * MIB},
	    {"1000\n", "2000\n", "", 0},
	    {"", "2000\n", "", -1},
	    {"99999999999999999999\n", "2000\n", "", -1},
	    {"1000\n", NULL, "", -1},
	};

	begin("0::/kubepods/pod1/c1\n");
	text_of("sys/fs/cgroup/memory.events", "oom_kill 0\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		text_of("sys/fs/cgroup/memory.max", rows[i].max);
		unlink("sys/fs/cgroup/memory.stat");
		unlink("sys/fs/cgroup/memory.current");
		if (rows[i].current)
			text_of("sys/fs/cgroup/memory.current", rows[i].current);
		if (rows[i].stat)
			text_of("sys/fs/cgroup/memory.stat", rows[i].stat);
		if (left() != rows[i].left)
			fail_msg("row %zu: %lld", i, (long long)left());
	}
}

/* Without a namespace of its own a group is deep in the tree, and a limit above it holds as well. */
static void the_groups_above_count(UNUSED void **state)
{
	static const char *const names[] = {"sys/fs/cgroup/a.slice", "sys/fs/cgroup/a.slice/b"};
	struct cgroup g;
	char path[128];

	begin("12:pids:/x\n0::/a.slice/b\n");
	folders(names, ARRAY_LEN(names));
	text_of("sys/fs/cgroup/a.slice/b/memory.events", "oom_kill 0\n");
	text_of("sys/fs/cgroup/a.slice/b/memory.max", "max\n");
	text_of("sys/fs/cgroup/a.slice/b/memory.current", "5\n");
	assert_int_equal(left(), -1);
	text_of("sys/fs/cgroup/a.slice/memory.max", "104857600\n");
	text_of("sys/fs/cgroup/a.slice/memory.current", "94371840\n");
	assert_int_equal(left(), 10 * MIB);
	text_of("sys/fs/cgroup/a.slice/b/memory.max", "1048581\n");
	assert_int_equal(left(), MIB);
	text_of("sys/fs/cgroup/memory.max", "7\n");
	text_of("sys/fs/cgroup/memory.current", "4\n");
	assert_int_equal(left(), 3);
	cgroup_find(&g, ".");
	cgroup_oom_file(&g, path, sizeof path);
	assert_string_equal(path, "./sys/fs/cgroup/a.slice/b/memory.events");
}

static void the_first_version(UNUSED void **state)
{
	struct cgroup g;
	char path[128];

	begin("5:cpu,cpuacct:/docker/1\n4:memory:/docker/1\n0::/\n");
	folder("sys/fs/cgroup/memory");
	text_of("sys/fs/cgroup/memory/memory.oom_control", "oom_kill 0\n");
	text_of("sys/fs/cgroup/memory/memory.limit_in_bytes", "104857600\n");
	text_of("sys/fs/cgroup/memory/memory.usage_in_bytes", "94371840\n");
	text_of("sys/fs/cgroup/memory/memory.stat",
		"inactive_file 7\ntotal_inactive_file 20971520\ntotal_active_file 10485760\n");
	assert_int_equal(left(), 40 * MIB);
	cgroup_find(&g, ".");
	cgroup_oom_file(&g, path, sizeof path);
	assert_string_equal(path, "./sys/fs/cgroup/memory/memory.oom_control");
	/* no limit */
	text_of("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	assert_true(left() > 1ll << 60);
}

static void an_attempt_leaves_the_container_its_memory(UNUSED void **state)
{
	static const struct {
		int64_t left;
		uint64_t most, memory;
	} rows[] = {
	    {-1, SANDBOX_MEMORY, 512 * MIB},        {-1, 2048 * MIB, 2048 * MIB},
	    {1ll << 62, SANDBOX_MEMORY, 512 * MIB}, {2000 * MIB, SANDBOX_MEMORY, 500 * MIB},
	    {2000 * MIB, 2048 * MIB, 1000 * MIB},   {100 * MIB, SANDBOX_MEMORY, 25 * MIB},
	    {100 * MIB, 2048 * MIB, 50 * MIB},      {40 * MIB, SANDBOX_MEMORY, 16 * MIB},
	    {20 * MIB, 2048 * MIB, 15 * MIB},       {8 * MIB, SANDBOX_MEMORY, 6 * MIB},
	    {MIB, SANDBOX_MEMORY, 4 * MIB},         {0, 2048 * MIB, 4 * MIB},
	    {100 * MIB, 8 * MIB, 8 * MIB},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sandbox f = {.memory_left = rows[i].left};

		if (sandbox_memory(&f, rows[i].most) != rows[i].memory)
			fail_msg("row %zu: %llu MiB", i,
				 (unsigned long long)sandbox_memory(&f, rows[i].most) >> 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_FOLDER(no_group_no_limit),
	    IN_A_FOLDER(the_second_version),
	    IN_A_FOLDER(the_groups_above_count),
	    IN_A_FOLDER(the_first_version),
	    cmocka_unit_test(an_attempt_leaves_the_container_its_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
