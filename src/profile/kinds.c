#include "kinds.h"

/* The symbols are weak: the address of a kind whose object is not linked is NULL. */
#define CHECK(kind, with) extern const struct check_kind check_##kind __attribute__((weak));
#include "../../checks/checks.def"
#undef CHECK

struct entry {
	const struct check_kind *kind;
	struct check_kind stand_in;
};

static const struct entry entries[] = {
#define CHECK(id, with)       \
	{.kind = &check_##id, \
	 .stand_in = {.name = #id, .summary = "", .unsupported = "built without " with}},
#include "../../checks/checks.def"
#undef CHECK
};

static const char *const names[] = {
#define CHECK(id, with) #id,
#include "../../checks/checks.def"
#undef CHECK
    NULL};

const struct check_kind *check_kind_at(size_t i)
{
	if (i >= ARRAY_LEN(entries))
		return NULL;
	return entries[i].kind ? entries[i].kind : &entries[i].stand_in;
}

const struct check_kind *check_kind_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		if (str_eq(names[i], name))
			return check_kind_at(i);
	return NULL;
}

const char *const *kind_names(void)
{
	return names;
}
