/* file: a path, or every path a glob matches, is there and is what the service needs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "check.h"
#include "file_fail.h"
#include "json.h"
#include "json_expect.h"
#include "path_problem.h"

static const char *const types[] = {"file", "dir", "socket", "fifo", "device", "directory", NULL};

#define READ_SIZE ((size_t)64 * 1024)

struct file_conf {
	const char *path;
	int type;
	bool absent, readable, writable, executable, not_empty;
	struct size min_size;
	const char *mode_at_most, *owner, *sha256, *contains, *not_contains;
	struct grouplist json;
};

static const char *mode_problem(const char *text)
{
	char *end;
	unsigned long m = strtoul(text, &end, 8);

	return *end || !*text || m > 07777 ? "is not an octal mode such as 0640" : NULL;
}

static const char *sha256_problem(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64
		   ? NULL
		   : "is not 64 hexadecimal digits";
}

static const struct key file_keys[] = {
    KEY_PATH(struct file_conf, path, .flags = K_REQUIRED,
	     .doc = "The path, or a glob: at least one must match, and every match must hold.",
	     .example = "\"/app/models/*.onnx\""),
    KEY_BOOL(struct file_conf, absent, .def = "false",
	     .doc =
		 "Nothing may be there, not even a link that leads nowhere. Takes no other key."),
    KEY_ENUM(struct file_conf, type, .choices = types,
	     .doc = "What kind of file it must be (links are followed).", .example = "\"dir\""),
    KEY_BOOL(struct file_conf, readable, .def = "true",
	     .doc = "Whether this user must be able to read it."),
    KEY_BOOL(struct file_conf, writable, .def = "false",
	     .doc = "Whether this user must be able to write it (a folder: create files in it). "
		    "Asked of the kernel, nothing is written."),
    KEY_BOOL(struct file_conf, executable, .def = "false",
	     .doc = "Whether this user must be able to execute it."),
    KEY_BOOL(struct file_conf, not_empty, .def = "false",
	     .doc = "Whether it must hold something (a folder: an entry)."),
    KEY_SIZE(struct file_conf, min_size, .doc = "The least size.", .example = "\"1KiB\""),
    KEY_STR(struct file_conf, mode_at_most, .check = mode_problem,
	    .doc = "No permission bit outside of this mode may be set.", .example = "\"0640\""),
    KEY_STR(struct file_conf, owner,
	    .doc = "Owner it must have: name or number, with group behind a colon if wanted.",
	    .example = "\"app:app\""),
    KEY_STR(struct file_conf, sha256, .check = sha256_problem,
	    .doc = "SHA-256 its content must have.",
	    .example = "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""),
    KEY_STR(struct file_conf, contains, .doc = "Text its content must hold.",
	    .example = "\"[learner]\""),
    KEY_STR(struct file_conf, not_contains, .doc = "Text its content must not hold.",
	    .example = "\"debug = true\""),
    KEY_GROUPLIST(struct file_conf, json, .sub = &json_expect_schema,
		  .doc = "Values that must stand in its content, a JSON document of at most 4 MiB.",
		  .example = "( { at = \"/strict_avro\"; equals = true; } )"),
    KEY_END,
};

/* The first key that is given and that only a file can meet; NULL: none. */
static const char *content_key(const struct file_conf *c)
{
	return c->contains              ? "contains"
	       : c->not_contains        ? "not_contains"
	       : c->json.n              ? "json"
	       : c->sha256              ? "sha256"
	       : c->min_size.bytes >= 0 ? "min_size"
					: NULL;
}

static const char *file_validate(const void *conf, const char **key)
{
	const struct file_conf *c = conf;

	*key = "absent";
	if (c->absent && (content_key(c) || c->type != ENUM_UNSET || c->writable || c->executable ||
			  c->not_empty || c->mode_at_most || c->owner))
		return "takes no key but path";
	*key = content_key(c);
	if (c->type != ENUM_UNSET && !str_eq(types[c->type], "file") && *key)
		return "is for type = \"file\" only";
	*key = "json";
	for (size_t i = 0; i < c->json.n; i++) {
		const char *problem = json_expect_problem(GROUP_AT(c->json, struct json_expect, i));

		if (problem)
			return problem;
	}
	return NULL;
}

static const char *type_name(mode_t m)
{
	return S_ISREG(m)    ? "file"
	       : S_ISLNK(m)  ? "link"
	       : S_ISDIR(m)  ? "dir"
	       : S_ISSOCK(m) ? "socket"
	       : S_ISFIFO(m) ? "fifo"
			     : "device";
}

/* "dir" and "directory" mean the same. */
static const char *wanted_type(const struct file_conf *c)
{
	return str_eq(types[c->type], "directory") ? "dir" : types[c->type];
}

static enum result owner_is(const char *wanted, const struct stat *st, const char *path,
			    struct diag *out)
{
	cleanup_free char *copy = xstrdup(wanted);
	char *group = strchr(copy, ':');
	int64_t uid = -1, gid = -1;
	const struct passwd *pw;
	const struct group *gr;

	if (group)
		*group++ = '\0';
	if (*copy && parse_i64(copy, 0, UINT32_MAX, &uid)) {
		pw = getpwnam(copy);
		if (!pw)
			return check_fail(out, D_FILE_MODE, path, "this system knows no user %s",
					  copy);
		uid = pw->pw_uid;
	}
	if (group && *group && parse_i64(group, 0, UINT32_MAX, &gid)) {
		gr = getgrnam(group);
		if (!gr)
			return check_fail(out, D_FILE_MODE, path, "this system knows no group %s",
					  group);
		gid = gr->gr_gid;
	}
	if ((uid >= 0 && uid != st->st_uid) || (gid >= 0 && gid != st->st_gid))
		return check_fail(out, D_FILE_MODE, path, "its owner is %u:%u, not %s", st->st_uid,
				  st->st_gid, wanted);
	return RESULT_PASS;
}

/* Asks the kernel: modes, ACLs, read-only mounts and security modules all count. System call filters of container engines that do
 * not know faccessat2 answer it with EPERM, which the C library takes for the kernel's answer; access is an older call. */
static bool is_allowed(const char *path, int access_wanted)
{
	if (!faccessat(AT_FDCWD, path, access_wanted, AT_EACCESS))
		return true;
	return errno == EPERM && getuid() == geteuid() && getgid() == getegid() &&
	       !access(path, access_wanted);
}

/* May this user do it? */
static enum result may(const char *verb, int access, enum diag_code code, const struct stat *st,
		       const char *path, struct diag *out)
{
	if (is_allowed(path, access))
		return RESULT_PASS;
	return check_fail(out, code, path, "%s: %s; %s", verb, strerror(errno),
			  path_owner(st).text);
}

static enum result permissions_are(const struct file_conf *c, const struct stat *st,
				   const char *path, struct diag *out)
{
	enum result r = RESULT_PASS;

	if (c->readable && !S_ISSOCK(st->st_mode))
		r = may("read", R_OK, D_FILE_UNREADABLE, st, path, out);
	if (r == RESULT_PASS && c->writable)
		r = may("write", S_ISDIR(st->st_mode) ? W_OK | X_OK : W_OK, D_FILE_NOT_WRITABLE, st,
			path, out);
	if (r == RESULT_PASS && c->executable)
		r = may("execute", X_OK, D_FILE_MODE, st, path, out);
	return r;
}

/* O_NONBLOCK: a path that has become a FIFO since it was looked at would wait for a writer. */
static enum result open_regular(const char *path, int *fd, struct diag *out)
{
	struct stat st;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd < 0 || fstat(*fd, &st))
		return file_fail(out, errno, path, "open");
	if (!S_ISREG(st.st_mode))
		return check_fail(out, D_FILE_WRONG_TYPE, path, "it is a %s, not a file",
				  type_name(st.st_mode));
	return RESULT_PASS;
}

static enum result checksum_is(const struct check_run *run, const struct file_conf *c,
			       const char *path, struct diag *out)
{
	unsigned char buf[64 * 1024], digest[EVP_MAX_MD_SIZE];
	char hex[65] = "";
	cleanup_fd int fd = -1;
	enum result r = open_regular(path, &fd, out);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned n_digest = 0;
	ssize_t n;

	if (r != RESULT_PASS)
		return r;
	check_step(run, PH_ASSERT, "reading %s", path);
	EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	while ((n = fd_read_full(fd, buf, sizeof buf)) > 0) {
		EVP_DigestUpdate(md, buf, (size_t)n);
		/* A short read is the end of the file. */
		if ((size_t)n == sizeof buf && instant_reached(run->deadline, instant_now()))
			return check_fail(out, D_GUARD_DEADLINE, path,
					  "the file could not be read to its end in time");
	}
	if (n < 0)
		return file_fail(out, errno, path, "read");
	EVP_DigestFinal_ex(md, digest, &n_digest);
	for (unsigned i = 0; i < n_digest && i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return strcasecmp(hex, c->sha256)
		   ? check_fail(out, D_FILE_CHECKSUM, path, "its SHA-256 is %s", hex)
		   : RESULT_PASS;
}

/* Quotes the value that is wrong, but no more of a file that may hold secrets. */
static enum result json_is(const struct file_conf *c, const char *path, const char *text, size_t n,
			   struct diag *out)
{
	char why[480];
	bool wrong_type;
	json_t *root = json_read(text, n, why, sizeof why);

	if (!root) {
		/* The reason that json_read gives quotes the text; this one does not. */
		snprintf(why, sizeof why, "it is empty");
		if (n)
			(void)json_read_document(text, n, why, sizeof why);
		return check_fail(out, D_FILE_CONTENT, path, "it is not a JSON document: %s", why);
	}
	for (size_t i = 0; i < c->json.n; i++) {
		const struct json_expect *e = GROUP_AT(c->json, struct json_expect, i);

		if (!json_at(root, e->at ? e->at : ""))
			return check_fail(out, D_FILE_CONTENT, path, "there is nothing at %s",
					  e->at);
		if (!json_expect_holds(e, root, why, sizeof why, &wrong_type))
			return check_fail(out, D_FILE_CONTENT, path, "%s", why);
	}
	return RESULT_PASS;
}

struct content {
	struct str text; /* for the JSON parser: the first JSON_TEXT_MAX bytes and one more */
	size_t size;
	bool contains, contains_forbidden;
};

/* Reads the file in windows that overlap by what a searched text may reach into the next one: a small container has no memory for a
 * large file. */
static enum result read_content(const struct check_run *run, const struct file_conf *c,
				const char *path, int fd, struct content *seen, struct diag *out)
{
	size_t wanted = c->contains ? strlen(c->contains) : 0;
	size_t forbidden = c->not_contains ? strlen(c->not_contains) : 0;
	size_t overlap = wanted > forbidden ? wanted : forbidden, held = 0;
	cleanup_free char *window = xmalloc(READ_SIZE + overlap);
	ssize_t n;

	str_init(&seen->text, JSON_TEXT_MAX + 2);
	seen->contains = wanted == 0; /* an empty text is in every file */
	seen->contains_forbidden = c->not_contains && forbidden == 0;
	while ((n = fd_read_full(fd, window + held, READ_SIZE)) > 0) {
		if (c->json.n)
			str_addn(&seen->text, window + held, (size_t)n);
		seen->size += (size_t)n;
		held += (size_t)n;
		if (wanted && memmem(window, held, c->contains, wanted))
			seen->contains = true;
		if (forbidden && memmem(window, held, c->not_contains, forbidden))
			seen->contains_forbidden = true;
		if (held > overlap) {
			memmove(window, window + held - overlap, overlap);
			held = overlap;
		}
		if ((size_t)n == READ_SIZE && instant_reached(run->deadline, instant_now()))
			return check_fail(out, D_GUARD_DEADLINE, path,
					  "the file could not be read to its end in time");
	}
	return n < 0 ? file_fail(out, errno, path, "read") : RESULT_PASS;
}

static enum result content_is(const struct check_run *run, const struct file_conf *c,
			      const char *path, struct diag *out)
{
	struct content seen = {0};
	cleanup_fd int fd = -1;
	enum result r = open_regular(path, &fd, out);

	if (r == RESULT_PASS)
		r = read_content(run, c, path, fd, &seen, out);
	if (r != RESULT_PASS)
		return r;
	if (c->contains && !seen.contains)
		return check_fail(out, D_FILE_CONTENT, path,
				  "%zu bytes, and \"%s\" is not among them", seen.size,
				  c->contains);
	if (c->not_contains && seen.contains_forbidden)
		return check_fail(out, D_FILE_CONTENT, path, "it holds \"%s\", and must not",
				  c->not_contains);
	return c->json.n ? json_is(c, path, seen.text.s, seen.text.len, out) : RESULT_PASS;
}

/* Counts the bytes of a file, up to `wanted`, by reading them: those of procfs, and of some FUSE file systems, have the size 0. */
static int64_t count_bytes(const struct check_run *run, const char *path, int64_t wanted)
{
	struct diag ignored = {0};
	cleanup_fd int fd = -1;
	char buf[4096];
	int64_t count = 0;
	ssize_t n;

	if (open_regular(path, &fd, &ignored) != RESULT_PASS)
		return 0;
	while (count < wanted && (n = fd_read_full(fd, buf, sizeof buf)) > 0 &&
	       !instant_reached(run->deadline, instant_now()))
		count += n;
	return count;
}

static enum result size_is(const struct check_run *run, const struct file_conf *c, const char *path,
			   const struct stat *st, struct diag *out)
{
	int64_t wanted = c->min_size.bytes > 0 ? c->min_size.bytes : c->not_empty,
		size = st->st_size;

	if (S_ISDIR(st->st_mode))
		return c->not_empty && !dir_has_entry(path)
			   ? check_fail(out, D_FILE_TOO_SMALL, path, "it is empty")
			   : RESULT_PASS;
	if (!size && wanted)
		size = count_bytes(run, path, wanted);
	if (c->not_empty && !size)
		return check_fail(out, D_FILE_TOO_SMALL, path, "it is empty");
	if (size < wanted)
		return check_fail(out, D_FILE_TOO_SMALL, path,
				  "it has %lld bytes, at least %lld are demanded", (long long)size,
				  (long long)wanted);
	return RESULT_PASS;
}

static enum result one_file(const struct check_run *run, const char *path, struct diag *out)
{
	const struct file_conf *c = run->conf;
	unsigned long allowed;
	struct stat st;
	enum result r;

	if (stat(path, &st))
		return file_fail(out, errno, path, "stat");
	if (c->type != ENUM_UNSET && !str_eq(type_name(st.st_mode), wanted_type(c)))
		return check_fail(out, D_FILE_WRONG_TYPE, path, "it is a %s, not a %s",
				  type_name(st.st_mode), wanted_type(c));
	if (!S_ISREG(st.st_mode) && (content_key(c) || (c->not_empty && !S_ISDIR(st.st_mode))))
		return check_fail(
		    out, D_FILE_WRONG_TYPE, path,
		    "it is a %s; only a file has the content or size that is demanded",
		    type_name(st.st_mode));
	r = permissions_are(c, &st, path, out);
	if (r != RESULT_PASS)
		return r;
	r = size_is(run, c, path, &st, out);
	if (r != RESULT_PASS)
		return r;
	allowed = c->mode_at_most ? strtoul(c->mode_at_most, NULL, 8) : 07777;
	if (st.st_mode & 07777 & ~allowed)
		return check_fail(out, D_FILE_MODE, path,
				  "its mode is %04o, at most %04lo is allowed", st.st_mode & 07777,
				  allowed);
	if (c->owner)
		r = owner_is(c->owner, &st, path, out);
	if (r == RESULT_PASS && c->sha256)
		r = checksum_is(run, c, path, out);
	if (r == RESULT_PASS && (c->contains || c->not_contains || c->json.n))
		r = content_is(run, c, path, out);
	return r;
}

/* For glob: what cannot be looked into may hold a match. */
static int stop_if_unreadable(UNUSED const char *path, int err)
{
	return !errno_is_missing(err) && err != ELOOP;
}

static enum result nothing_is_there(const struct check_run *run, const char *path, struct diag *out)
{
	glob_t g = {0};
	struct stat st;
	int error;

	if (!lstat(path, &st))
		return check_fail(out, D_FILE_PRESENT, path, "a %s is there",
				  type_name(st.st_mode));
	if (stop_if_unreadable(path, errno))
		return file_fail(out, errno, path, "stat");
	error = strpbrk(path, "*?[") ? glob(path, 0, stop_if_unreadable, &g) : GLOB_NOMATCH;
	if (!error)
		return check_fail(out, D_FILE_PRESENT, g.gl_pathv[0], "it matches %s (%zu in all)",
				  path, g.gl_pathc);
	if (error != GLOB_NOMATCH)
		return check_fail(out, D_FILE_UNREADABLE, path,
				  "a folder of the pattern cannot be read");
	check_summary(run, "%s is absent", path);
	return RESULT_PASS;
}

static enum result fail_no_match(const char *pattern, struct diag *out)
{
	glob_t g = {0};

	if (glob(pattern, 0, stop_if_unreadable, &g) == GLOB_ABORTED)
		return check_fail(out, D_FILE_UNREADABLE, pattern,
				  "nothing matches, but a folder of the pattern cannot be read; "
				  "this is user %u",
				  geteuid());
	return check_fail(out, D_FILE_MISSING, pattern, "nothing matches");
}

static enum result file_run(const struct check_run *run, struct diag *out)
{
	const struct file_conf *c = run->conf;
	enum result r = RESULT_PASS;
	glob_t g = {0};
	int error;

	check_step(run, PH_ASSERT, "looking at %s", c->path);
	if (c->absent)
		return nothing_is_there(run, c->path, out);
	/* A path that exists as it is written is that file, whatever characters are in it. */
	if (!strpbrk(c->path, "*?[") || !access(c->path, F_OK)) {
		check_summary(run, "%s", c->path);
		return one_file(run, c->path, out);
	}
	error = glob(c->path, 0, NULL, &g);
	if (error == GLOB_NOMATCH)
		return fail_no_match(c->path, out);
	if (error)
		return check_fail(out, D_FILE_UNREADABLE, c->path,
				  "the pattern could not be followed");
	for (size_t i = 0; r == RESULT_PASS && i < g.gl_pathc; i++)
		r = one_file(run, g.gl_pathv[i], out);
	check_fact(run, "files", "%zu", g.gl_pathc);
	check_summary(run, "%s: %zu", c->path, g.gl_pathc);
	return r;
}

const struct check_kind check_file = {
    .name = "file",
    .summary = "files and folders exist, with the right kind, permissions and content",
    .schema = &(const struct schema){.size = sizeof(struct file_conf), .keys = file_keys},
    .urls = {{.scheme = "file", .example = "file:///path", .key = "path"}},
    .validate = file_validate,
    .run = file_run,
};
