#include "registry_compatible.h"

#include "avro_resolution.h"
#include "avro_text.h"
#include "registry_level.h"
#include "registry_schema.h"

#define VERSIONS_MAX 50 /* that are compared here; each is a request */
#define REASON_MAX 600

struct judgement {
	const struct registry_found *found;
	struct registry_level level;
	const struct avro_schema *ours; /* NULL: not an Avro schema, or not read */
	char *body;                     /* what is sent */
	struct str reason;              /* of what was compared here */
};

/* ---- the registry's judgement ------------------------------------------------------------------------------------ */
struct answer {
	struct web_response resp;
	json_t *root; /* NULL: the status is not 200 */
};

/* Asks about a version, "/3", or all of them, "". RESULT_PASS for an answer of any status. */
static enum result ask(const struct registry_found *found, const char *version, const char *body,
		       struct answer *a, struct diag *out)
{
	struct str path;

	*a = (struct answer){.root = NULL};
	str_init(&path, URL_MAX);
	str_addf(&path, "/compatibility/subjects/%s/versions%s?verbose=true", found->escaped,
		 version);
	if (web_request_below(found->base, path.s, body, &a->resp, out))
		return RESULT_FAIL;
	if (a->resp.status != 200)
		return RESULT_PASS;
	a->root = registry_parse_answer(&a->resp, out);
	return a->root ? RESULT_PASS : RESULT_FAIL;
}

static bool says_compatible(const struct answer *a)
{
	return json_is_true(json_object_get(a->root, "is_compatible"));
}

/* Does the registry still give out the version that is to be judged? Then its store is there. */
static bool gives_version(const struct registry_found *found)
{
	struct web_response resp;
	struct diag ignored;
	struct str path;

	str_init(&path, URL_MAX);
	str_addf(&path, "/subjects/%s/versions/%s", found->escaped, found->sub->version);
	return !web_request_below(found->base, path.s, NULL, &resp, &ignored) && resp.status == 200;
}

/* A 500 without a code of the registry's own is what Apicurio says when it looks for the references of a JSON schema at their addresses
 * ("Connection refused"). */
static bool may_be_about_references(const struct answer *a)
{
	char ignored[8];

	return a->resp.status == 422 ||
	       (a->resp.status == 500 && !registry_parse_error(&a->resp, ignored, sizeof ignored));
}

/* Returns whether the registry refuses the schema that it has registered, with its own references, as well: then it does not resolve
 * references when it judges (Apicurio 3), and its answer says nothing about the file. */
static bool refuses_its_own(const struct registry_found *found, const struct answer *a)
{
	const json_t *references = json_object_get(found->entry, "references");
	const char *text = json_str(found->entry, "schema");
	struct diag ignored;
	struct answer own;
	char version[16];

	if (!may_be_about_references(a) || !text || !json_array_size(references))
		return false;
	snprintf(version, sizeof version, "/%.14s", found->sub->version);
	if (ask(found, version, registry_schema_body(text, found->type, references), &own,
		&ignored) ||
	    own.resp.status != a->resp.status)
		return false;
	/* A trouble of the registry's that passes may have met both. */
	return own.resp.status == 422 ||
	       (own.resp.len == a->resp.len && !memcmp(own.resp.body, a->resp.body, own.resp.len) &&
		gives_version(found));
}

/* ---- the judgement here ------------------------------------------------------------------------------------------ */
enum fit { FITS, FITS_NOT, CANNOT_TELL };

/* Compares with one registered version, and appends the reasons why they do not fit. */
static enum fit compare(struct judgement *j, const json_t *entry)
{
	const char *text = json_str(entry, "schema");
	long long version = json_integer_value(json_object_get(entry, "version"));
	unsigned wanted = *j->level.name ? j->level.promises : LEVEL_BACKWARD | LEVEL_FORWARD;
	struct registry_types types;
	struct avro_schema *theirs;
	char why[AVRO_WHY_MAX];
	struct diag ignored;
	size_t before = strlen(j->reason.s);

	if (!j->ours || !text || registry_types_load(j->found->base, entry, &types, &ignored) ||
	    types.incomplete)
		return CANNOT_TELL;
	theirs = avro_schema_parse_known(types.known, text, strlen(text), why, sizeof why);
	if (!theirs)
		return CANNOT_TELL;
	if (wanted & LEVEL_BACKWARD && !avro_can_read(j->ours, theirs, why, sizeof why))
		str_addf(&j->reason, "%sthe file cannot read what version %lld writes: %s",
			 before ? "; " : "", version, why);
	if (wanted & LEVEL_FORWARD && !avro_can_read(theirs, j->ours, why, sizeof why))
		str_addf(&j->reason, "%sversion %lld cannot read what the file writes: %s",
			 *j->reason.s ? "; " : "", version, why);
	return strlen(j->reason.s) > before ? FITS_NOT : FITS;
}

/* Compares with the other versions, the latest first, up to one that does not fit. */
static enum fit compare_others(struct judgement *j)
{
	const struct registry_found *found = j->found;
	json_int_t judged = json_integer_value(json_object_get(found->entry, "version"));
	struct web_response resp;
	struct diag ignored;
	struct str path;
	char err[100];
	json_t *list;
	size_t n;

	str_init(&path, URL_MAX);
	str_addf(&path, "/subjects/%s/versions", found->escaped);
	if (web_request_below(found->base, path.s, NULL, &resp, &ignored) || resp.status != 200)
		return CANNOT_TELL;
	list = json_read(resp.body, resp.len, err, sizeof err);
	n = json_array_size(list);
	if (!n)
		return CANNOT_TELL;
	for (size_t i = n; i-- > 0 && n - i <= VERSIONS_MAX;) {
		json_int_t version = json_integer_value(json_array_get(list, i));
		enum fit fit = FITS;
		json_t *entry;

		str_init(&path, URL_MAX);
		str_addf(&path, "/subjects/%s/versions/%lld", found->escaped, (long long)version);
		if (version == judged)
			continue;
		entry = registry_request(found->base, path.s, NULL, &resp, &ignored);
		fit = entry ? compare(j, entry) : CANNOT_TELL;
		if (fit != FITS)
			return fit;
	}
	return n <= VERSIONS_MAX ? FITS : CANNOT_TELL;
}

static bool is_about_all(const struct judgement *j)
{
	return j->level.promises & LEVEL_ALL && str_eq(j->found->sub->version, "latest");
}

/* Judges in place of a registry that cannot, as refuses_its_own found. */
static enum result judge_here(struct judgement *j, const struct answer *a, struct diag *out)
{
	const struct registry_found *found = j->found;
	enum fit fit = *j->level.name ? compare(j, found->entry) : CANNOT_TELL;
	char message[200];
	long code = registry_parse_error(&a->resp, message, sizeof message);

	if (fit == FITS && is_about_all(j))
		fit = compare_others(j);
	if (fit == FITS) {
		check_fact(found->base->run, "judged_here", "true");
		return RESULT_PASS;
	}
	if (fit == FITS_NOT)
		return check_fail(out, D_REGISTRY_INCOMPATIBLE, found->name,
				  "%s, %s: the registry cannot judge schemas with references; by "
				  "Avro's rules, read here, %s",
				  found->sub->schema, j->level.name, j->reason.s);
	check_fail(out, D_REGISTRY_REFUSED, found->name,
		   "it refuses its own schema of version %s too when asked whether one is "
		   "compatible: it cannot judge schemas with references (error %ld: %s)",
		   found->sub->version, code, message);
	diag_hint(out, "demand must = \"same\" or \"exists\" of this subject");
	return RESULT_FAIL;
}

/* ---- the check --------------------------------------------------------------------------------------------------- */
/* Returns the registry's messages, or else what comparing here finds. */
static const char *reason(struct judgement *j, const struct answer *a, bool others)
{
	const json_t *messages = json_object_get(a->root, "messages");
	struct str text;

	str_init(&text, REASON_MAX);
	for (size_t i = 0; i < json_array_size(messages) && i < 3; i++)
		str_addf(&text, "%s%s", i ? "; " : "",
			 json_string_value(json_array_get(messages, i)));
	if (*text.s)
		return text.s;
	str_add(&text, "the registry gives no reason");
	if ((others ? compare_others(j) : compare(j, j->found->entry)) == FITS_NOT)
		str_addf(&text, "; by Avro's rules, read here, %s", j->reason.s);
	return text.s;
}

static enum result fail_incompatible(struct judgement *j, const struct answer *a, bool others,
				     struct diag *out)
{
	const struct registry_subject *sub = j->found->sub;
	const char *level = *j->level.name ? j->level.name : "level unknown";

	if (others)
		return check_fail(out, D_REGISTRY_INCOMPATIBLE, j->found->name,
				  "%s fits the latest version, and not all earlier ones (%s): %s",
				  sub->schema, level, reason(j, a, true));
	return check_fail(out, D_REGISTRY_INCOMPATIBLE, j->found->name,
			  "%s against version %s (%s): %s", sub->schema, sub->version, level,
			  reason(j, a, false));
}

/* Diagnoses a refusal. The reason why the file cannot be read, where there is one, says more than a registry does. */
static enum result fail_refused(const struct answer *a, const struct diag *bad_file,
				struct diag *out)
{
	char message[200];
	long code = registry_parse_error(&a->resp, message, sizeof message);

	if (a->resp.status != 422 || bad_file->code != D_AVRO_INVALID_SCHEMA)
		return registry_fail_answer(&a->resp, out);
	return check_fail(out, D_AVRO_INVALID_SCHEMA, bad_file->subject,
			  "%s; the registry says: error %ld: %s", bad_file->cause, code, message);
}

/* Reads the file, and writes what is sent. Types of other files are sent in their places: the registry does not have them under the
 * names of these files, or has others. */
static enum result prepare(struct judgement *j, struct diag *bad_file, struct diag *out)
{
	const struct registry_found *found = j->found;
	const json_t *references = json_object_get(found->entry, "references");
	struct registry_types types;
	size_t len;
	char *text;

	if (str_eq(found->type, "AVRO")) {
		if (registry_types_load(found->base, found->entry, &types, out))
			return RESULT_FAIL;
		j->ours = registry_schema_load(found, &types, bad_file);
	}
	text = registry_schema_read(found->sub->schema, &len, out);
	if (bad_file->code && (!text || found->sub->types.n))
		*out = *bad_file; /* says more, or is about one of the other files */
	if (!text || (found->sub->types.n && !j->ours))
		return RESULT_FAIL;
	if (found->sub->types.n) {
		text = avro_schema_text(j->ours);
		references = NULL;
	}
	if (!text)
		return check_fail(out, D_AVRO_INVALID_SCHEMA, found->sub->schema,
				  "it is nested too deeply with the types of other files in it");
	j->body = registry_schema_body(text, found->type, references);
	return RESULT_PASS;
}

enum result registry_check_compatible(const struct registry_found *found, struct diag *out)
{
	struct judgement j = {.found = found};
	struct diag bad_file = {0};
	struct web_response resp;
	char version[16];
	struct answer a;

	str_init(&j.reason, REASON_MAX);
	if (prepare(&j, &bad_file, out) ||
	    registry_level_load(found->base, found->escaped, &resp, &j.level, out))
		return RESULT_FAIL;
	snprintf(version, sizeof version, "/%.14s", found->sub->version);
	if (ask(found, version, j.body, &a, out))
		return RESULT_FAIL;
	if (!a.root)
		return bad_file.code == D_NONE && refuses_its_own(found, &a)
			   ? judge_here(&j, &a, out)
			   : fail_refused(&a, &bad_file, out);
	if (!says_compatible(&a))
		return fail_incompatible(&j, &a, false, out);
	if (!is_about_all(&j))
		return RESULT_PASS;
	/* Of a version alone, Apicurio and Confluent's registry judge that one, whatever the level. */
	if (ask(found, "", j.body, &a, out))
		return RESULT_FAIL;
	if (a.resp.status == 404 || a.resp.status == 405)
		return RESULT_PASS; /* Karapace, which has judged all */
	if (!a.root)
		return fail_refused(&a, &bad_file, out);
	return says_compatible(&a) ? RESULT_PASS : fail_incompatible(&j, &a, true, out);
}
