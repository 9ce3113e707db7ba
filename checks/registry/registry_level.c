#include "registry_level.h"

const char *const registry_levels[] = {"NONE",
				       "BACKWARD",
				       "FORWARD",
				       "FULL",
				       "BACKWARD_TRANSITIVE",
				       "FORWARD_TRANSITIVE",
				       "FULL_TRANSITIVE",
				       NULL};
static const unsigned promises[] = {0, 1, 2, 3, 1 | 4, 2 | 8, 3 | 12};
_Static_assert(ARRAY_LEN(promises) + 1 == ARRAY_LEN(registry_levels),
	       "every level says what it promises");

unsigned registry_level_promises(int which)
{
	return promises[which];
}

enum result registry_level_load(const struct web_request *base, const char *escaped,
				struct web_response *resp, struct registry_level *level,
				struct diag *out)
{
	const char *name;
	struct str path;
	json_t *root;

	*level = (struct registry_level){.promises = 0};
	str_init(&path, URL_MAX);
	str_addf(&path, "/config/%s?defaultToGlobal=true", escaped);
	if (web_request_below(base, path.s, NULL, resp, out))
		return RESULT_FAIL;
	if (resp->status != 200)
		return RESULT_PASS;
	root = registry_parse_answer(resp, out);
	if (!root)
		return RESULT_FAIL;
	name = json_str(root, "compatibilityLevel");
	snprintf(level->name, sizeof level->name, "%s", name ? name : "");
	for (size_t i = 0; registry_levels[i]; i++)
		if (str_eq(registry_levels[i], level->name))
			level->promises = promises[i];
	return RESULT_PASS;
}
