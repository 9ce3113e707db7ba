#include "registry_error.h"

/* A range of codes; the first that holds a code counts. */
static const struct {
	long from, to;
	enum diag_code code;
} meanings[] = {
    {40101, 40199,
     D_NONE}, /* 401 and 403: the status says it, and whether there were credentials */
    {40301, 40399, D_NONE},
    {40401, 40401, D_REGISTRY_SUBJECT_MISSING},
    {40402, 40403, D_REGISTRY_VERSION_MISSING}, /* version, schema */
    {40404, 40404, D_REGISTRY_SUBJECT_MISSING}, /* soft-deleted; 40405: not soft-deleted */
    {40406, 40406, D_REGISTRY_VERSION_MISSING}, /* soft-deleted */
    {40400, 40499, D_REGISTRY_REFUSED}, /* no level or mode of its own, an unknown exporter, ... */
    {40900, 40999, D_REGISTRY_INCOMPATIBLE},
    {42200, 42299, D_REGISTRY_REFUSED}, /* schema, version, level, mode or reference is invalid */
    {44200, 44399, D_REGISTRY_REFUSED}, /* Karapace: invalid schema, no support for references */
    {42900, 42999, D_HTTP_TOO_MANY},
    {50003, 50004, D_REGISTRY_LEADER}, /* forwarding failed, no leader */
    {50000, 50999, D_REGISTRY_STORE},  /* store, time-out in it, not ready yet */
};

enum diag_code registry_error_code(long code)
{
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (code >= meanings[i].from && code <= meanings[i].to)
			return meanings[i].code;
	return D_NONE;
}
