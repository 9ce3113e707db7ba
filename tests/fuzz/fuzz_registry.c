/* A schema registry that answers anything: versions, references, levels and judgements, without HTTP in between. */
#include <errno.h>
#include <glob.h>

#include "fuzz.h"
#include "profile.h"
#include "web.h"

#define REQUESTS_MAX \
	20000 /* what the bounds of references and versions allow is far less than what would hang */

static const struct profile_check *checks[4];
static struct fuzz_in answers;
static char *file;
static size_t file_len, requests;
static bool attempting;

char *__wrap_file_read(const char *path, size_t max, size_t *len);
char *__wrap_file_read(const char *path, size_t max, size_t *len)
{
	struct fuzz_in in = fuzz_open((uint8_t *)file, file_len);

	if (file_len > max || (!str_eq(path, "/schema") && !str_eq(path, "/type"))) {
		errno = file_len > max ? EFBIG : ENOENT;
		return NULL;
	}
	if (str_eq(path, "/type")) /* a part of the file, so that the types may fit */
		free(fuzz_until(&in, 0x1f, NULL));
	else
		return fuzz_until(&in, 0x1f, len);
	return fuzz_rest(&in, len);
}

/* With offsets of 64 bits, glob is glob64. */
int __real_glob64(const char *pattern, int flags, int (*fail)(const char *, int), glob_t *out);
int __wrap_glob64(const char *pattern, int flags, int (*fail)(const char *, int), glob_t *out);
int __wrap_glob64(const char *pattern, int flags, int (*fail)(const char *, int), glob_t *out)
{
	static char name[] = "/type", *list[] = {name, NULL};

	if (!attempting)
		return __real_glob64(pattern, flags, fail, out);
	*out = (glob_t){.gl_pathv = list, .gl_pathc = 1};
	return 0;
}

/* Nothing is registered, and nothing but the registry's own paths is asked for. */
static void judge_request(const char *path, const char *body)
{
	char err[200];
	json_t *root = body ? json_read(body, strlen(body), err, sizeof err) : NULL;

	FUZZ_CHECK(++requests < REQUESTS_MAX);
	FUZZ_CHECK(path[0] == '/' && strlen(path) < URL_MAX);
	for (const char *p = path; *p; p++)
		FUZZ_CHECK(strchr("/-_.~%?=", *p) || (*p >= '0' && *p <= '9') ||
			   (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z'));
	if (!body)
		return;
	FUZZ_CHECK(str_starts(path, "/compatibility/subjects/s/versions") ||
		   str_eq(path, "/subjects/s?normalize=true"));
	FUZZ_CHECK(json_str(root, "schema"));
	json_decref(root);
}

enum result __wrap_web_request_below(const struct web_request *base, const char *path,
				     const char *body, struct web_response *resp, struct diag *out);
enum result __wrap_web_request_below(const struct web_request *base, const char *path,
				     const char *body, struct web_response *resp, struct diag *out)
{
	static const long statuses[] = {200, 404, 422, 403, 401, 405, 429, 500, 409, 302};
	unsigned status;

	(void)base;
	judge_request(path, body);
	if (!fuzz_left(&answers))
		return check_fail(out, D_CONNECT_REFUSED, "f:8081", "no more answers");
	*resp = (struct web_response){.ms = 1};
	status = fuzz_byte(&answers);
	resp->status = statuses[status % ARRAY_LEN(statuses)];
	resp->body = fuzz_until(&answers, 0x1e, &resp->len);
	text_clean(resp->body_start, sizeof resp->body_start, resp->body);
	snprintf(resp->subject, sizeof resp->subject, "http://f:8081%.40s", path);
	return RESULT_PASS;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const groups[] = {
	    "subjects=({ name = \"s\"; schema = \"/schema\"; must = \"same\"; type = \"ANY\"; })",
	    "subjects=({ name = \"s\"; schema = \"/schema\"; must = \"compatible\"; type = "
	    "\"ANY\"; compatibility = \"FULL\"; })",
	    "subjects=({ name = \"s\"; schema = \"/schema\"; must = \"compatible\"; types = "
	    "[\"/type\"]; })",
	    "subjects=({ name = \"s\"; schema = \"/schema\"; must = \"same\"; types = "
	    "[\"/type\"]; version = \"3\"; })",
	};

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		const char *words[] = {"url=http://f:8081", groups[i], NULL};

		checks[i] = fuzz_check("schema_registry", words);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	unsigned which = fuzz_byte(&in);
	struct diag d;

	fuzz_pool_reset();
	requests = 0;
	file = fuzz_until(&in, 0x1e, &file_len);
	answers = in;
	fuzz_peer_says(data, 0, 0); /* there are no connections */
	attempting = true;
	fuzz_attempt(checks[which % ARRAY_LEN(checks)], false, &d);
	attempting = false;
	free(file);
	return 0;
}
