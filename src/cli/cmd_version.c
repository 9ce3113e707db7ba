#include "cmd.h"
#include "config_file.h"
#include "kinds.h"
#include "sandbox.h"

/* The layers of the sandbox that this build has; `run -v` names those that the kernel refuses. */
static void add_sandbox(struct str *b, bool json)
{
	if (json)
		str_addf(b, "], \"fence\": {\"seccomp\": %s, \"landlock\": true}",
			 sandbox_has_filter() ? "true" : "false");
	else if (!sandbox_has_filter())
		str_add(b, "  without system call filter: built without libseccomp\n");
}

static void add_library(struct str *b, const char *library, bool json, const char **sep)
{
	if (strstr(b->s, library)) /* several kinds share a library */
		return;
	str_addf(b, json ? "%s\"%s\"" : "%s  %s\n", *sep, library);
	*sep = json ? ", " : "";
}

int cmd_version(struct str *b, const struct cli *cli, UNUSED struct err *err)
{
	bool json = cli->as == AS_JSON;
	const char *sep = "";

	str_addf(b, json ? "{\"startguard\": \"%s\", \"libraries\": [" : "startguard %s\n",
		 STARTGUARD_VERSION);
	add_library(b, config_file_library(), json, &sep);
	for (size_t i = 0; check_kind_at(i); i++)
		if (check_kind_at(i)->library)
			add_library(b, check_kind_at(i)->library(), json, &sep);
	if (sandbox_library())
		add_library(b, sandbox_library(), json, &sep);
	add_sandbox(b, json);
	str_add(b, json ? ", \"kinds\": {" : "");
	sep = "";
	for (size_t i = 0; check_kind_at(i); i++) {
		const struct check_kind *k = check_kind_at(i);

		if (json)
			str_addf(b, "%s\"%s\": %s", sep, k->name,
				 k->unsupported ? "false" : "true");
		else if (k->unsupported)
			str_addf(b, "  without %s: %s\n", k->name, k->unsupported);
		sep = ", ";
	}
	str_add(b, json ? "}}\n" : "");
	return 0;
}
