/* replay: runs a fuzz target over files and folders of inputs, without libFuzzer: the committed corpora become a test
 * that any compiler builds. Prints how many inputs were run; none at all is a failure, and so is one that takes long. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX (4 * 1024 * 1024)
#define SECONDS_EACH 60 /* for one input, on a machine that does something else as well */

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static size_t run_path(const char *path);

/* Memory and files of its own: the target may have put others in the place of xmalloc and file_read. */
static size_t run_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *data;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size > INPUT_MAX) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(EXIT_FAILURE);
	}
	data = malloc((size_t)st.st_size + !st.st_size);
	if (!data || read(fd, data, (size_t)st.st_size) != st.st_size) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(EXIT_FAILURE);
	}
	close(fd);
	fprintf(stderr, "%s\n", path);
	alarm(SECONDS_EACH);
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	alarm(0);
	free(data);
	return 1;
}

static size_t run_folder(const char *path)
{
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort);
	size_t runs = 0;

	for (int i = 0; i < n; i++) {
		char *inner = NULL;

		if (list[i]->d_name[0] != '.' &&
		    asprintf(&inner, "%s/%s", path, list[i]->d_name) > 0)
			runs += run_path(inner);
		free(inner);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return runs;
}

static size_t run_path(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? run_folder(path) : run_file(path);
}

int main(int argc, char **argv)
{
	size_t runs = 0;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		runs += run_path(argv[i]);
	printf("%zu inputs\n", runs);
	return runs > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
