/* Avro schema files that use each other's types: what they mean does not depend on the order in which they are read. */
#include <errno.h>
#include <glob.h>

#include "avro_text.h"
#include "avro_types.h"
#include "fuzz.h"

#define FILES_MAX 8

static char *files[FILES_MAX];
static size_t lengths[FILES_MAX], n_files;
static bool backwards;

char *__wrap_file_read(const char *path, size_t max, size_t *len);
char *__wrap_file_read(const char *path, size_t max, size_t *len)
{
	size_t i = (size_t)(*path - '0');
	struct fuzz_in in;

	FUZZ_CHECK(i < n_files && !path[1]);
	if (lengths[i] > max) {
		errno = EFBIG;
		return NULL;
	}
	in = fuzz_open((uint8_t *)files[i], lengths[i]);
	return fuzz_rest(&in, len);
}

/* With offsets of 64 bits, glob is glob64. */
int __real_glob64(const char *pattern, int flags, int (*fail)(const char *, int), glob_t *out);
int __wrap_glob64(const char *pattern, int flags, int (*fail)(const char *, int), glob_t *out);
int __wrap_glob64(const char *pattern, int flags, int (*fail)(const char *, int), glob_t *out)
{
	static char names[FILES_MAX][2], *list[FILES_MAX + 1];

	if (!str_eq(pattern, "files"))
		return __real_glob64(pattern, flags, fail, out);
	for (size_t i = 0; i < n_files; i++) {
		names[i][0] = (char)('0' + (backwards ? n_files - 1 - i : i));
		list[i] = names[i];
	}
	list[n_files] = NULL;
	*out = (glob_t){.gl_pathv = list, .gl_pathc = n_files};
	return n_files ? 0 : GLOB_NOMATCH;
}

void __wrap_check_step(const struct check_run *run, enum phase phase, const char *fmt, ...);
void __wrap_check_step(const struct check_run *run, enum phase phase, const char *fmt, ...)
{
	(void)run; /* there is nobody to tell */
	(void)phase;
	(void)fmt;
}

static enum result load(const struct check_run *run, bool turned, json_t *known)
{
	const char *globs[] = {"files"};
	const struct strlist list = {.v = globs, .n = 1};
	struct diag d = {.code = D_NONE};
	size_t count;
	enum result r;

	backwards = turned;
	r = avro_types_load(run, &list, NULL, known, &count, &d);
	FUZZ_CHECK((r == RESULT_PASS) == (d.code == D_NONE));
	if (r)
		fuzz_check_diag(&d);
	else
		FUZZ_CHECK(count == n_files);
	return r;
}

/* Counts the definitions of each name, without its namespace; returns whether there are two of one. */
static bool defines_twice(const json_t *v, json_t *seen)
{
	const char *name = json_str(v, "name"), *key;
	const json_t *member;
	bool twice = false;
	size_t i;

	if (name && (json_object_get(v, "fields") || json_object_get(v, "symbols") ||
		     json_object_get(v, "size"))) {
		name = strrchr(name, '.') ? strrchr(name, '.') + 1 : name;
		twice = json_object_get(seen, name) != NULL;
		json_object_set_new(seen, name, json_true());
	}
	json_array_foreach((json_t *)v, i, member) twice |= defines_twice(member, seen);
	json_object_foreach((json_t *)v, key, member) twice |= defines_twice(member, seen);
	return twice;
}

static bool any_name_twice(void)
{
	json_t *seen = json_object();
	bool twice = false;
	char why[200];

	for (size_t i = 0; i < n_files; i++) {
		json_t *v = json_read(files[i], lengths[i], why, sizeof why);

		twice |= !v || defines_twice(v, seen);
	}
	return twice;
}

/* Each file, with all types known, is the same schema whoever read the types; and is one by itself when it is written. */
static void compare(const json_t *forth, const json_t *back)
{
	char why[AVRO_WHY_MAX], *text;
	struct avro_schema *a, *b;

	for (size_t i = 0; i < n_files; i++) {
		a = avro_schema_parse_known(forth, files[i], lengths[i], why, sizeof why);
		FUZZ_CHECK(a);
		text = avro_schema_text(a);
		if (text) {
			b = avro_schema_parse(text, strlen(text), why, sizeof why);
			FUZZ_CHECK(b || strstr(why, "depth"));
			FUZZ_CHECK(!b || a->fingerprint == b->fingerprint);
		}
		if (!back)
			continue;
		b = avro_schema_parse_known(back, files[i], lengths[i], why, sizeof why);
		FUZZ_CHECK(b && a->fingerprint == b->fingerprint);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	struct check_run run = {.id = "avro.a", .name = "a", .deadline = INSTANT_NEVER};
	json_t *forth, *back;
	enum result r;

	for (n_files = 0; n_files < FILES_MAX && fuzz_left(&in); n_files++)
		files[n_files] = fuzz_until(&in, 0x1e, &lengths[n_files]);
	forth = json_object();
	back = json_object();
	r = load(&run, false, forth);
	if (!any_name_twice()) {
		FUZZ_CHECK(load(&run, true, back) == r);
		if (!r)
			compare(forth, back);
	} else if (!r) {
		compare(forth, NULL);
	}
	for (size_t i = 0; i < n_files; i++)
		free(files[i]);
	fuzz_pool_reset();
	return 0;
}
