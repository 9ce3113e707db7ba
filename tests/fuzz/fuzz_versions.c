/* Versions of Python distributions and what may be demanded of them: a version, a line end, a demand. Whatever they are,
 * they are judged or refused; and the order is one: of two versions one is not smaller. */
#include "fuzz.h"

#include "pep440.h"

static enum demand_result compare(const char *a, const char *op, const char *b)
{
	char demand[4096];

	snprintf(demand, sizeof demand, "x %s %s", op, b);
	FUZZ_CHECK(!demand_problem(demand));
	return demand_check(demand, a);
}

static void order(const char *a, const char *b)
{
	bool le = compare(a, "<=", b) == DEMAND_MET, ge = compare(a, ">=", b) == DEMAND_MET;

	FUZZ_CHECK(le || ge);
	FUZZ_CHECK((le && ge) == (compare(a, "==", b) == DEMAND_MET));
	FUZZ_CHECK(le == (compare(b, ">=", a) == DEMAND_MET));
	FUZZ_CHECK(compare(a, "<", b) != DEMAND_MET || !ge);
	FUZZ_CHECK(compare(a, ">", b) != DEMAND_MET || !le);
	FUZZ_CHECK((compare(a, "!=", b) == DEMAND_MET) == (compare(a, "==", b) != DEMAND_MET));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	char *text = fuzz_rest(&in, NULL), *demand = text, *version = strsep(&demand, "\n");
	char name[DEMAND_NAME_MAX];

	if (demand && !demand_problem(demand)) {
		demand_name(demand, name);
		FUZZ_CHECK(*name && strlen(name) < sizeof name);
		FUZZ_CHECK(demand_check(demand, version) != DEMAND_UNCLEAR ||
			   version_pep440_problem(version));
	}
	/* A plus and what follows it may stand behind == only. */
	if (demand && !strpbrk(text, "+ \t") && !strpbrk(demand, "+ \t") &&
	    !version_pep440_problem(version) && !version_pep440_problem(demand))
		order(version, demand);
	free(text);
	return 0;
}
