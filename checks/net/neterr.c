#include "neterr.h"

#include <errno.h>

static const struct net_errno {
	int err;
	enum diag_code code;
	int weight;
} net_errnos[] = {
    {ECONNREFUSED, D_CONNECT_REFUSED, 5},
    {ECONNRESET, D_CONNECT_RESET, 6},
    {EPIPE, D_CONNECT_RESET, 6},
    {ECONNABORTED, D_CONNECT_RESET, 6},
    {ETIMEDOUT, D_CONNECT_TIMEOUT, 4},
    {EACCES, D_CONNECT_DENIED, 3},
    {EPERM, D_CONNECT_DENIED, 3},
    {ENETUNREACH, D_CONNECT_UNREACHABLE, 1},
    {EHOSTUNREACH, D_CONNECT_UNREACHABLE, 2},
    {EADDRNOTAVAIL, D_CONNECT_UNREACHABLE, 1},
    {ENETDOWN, D_CONNECT_UNREACHABLE, 1},
    {EHOSTDOWN, D_CONNECT_UNREACHABLE, 2},
    {EAFNOSUPPORT, D_CONNECT_UNREACHABLE, 0},
    {EAGAIN, D_CONNECT_TIMEOUT, 4},
    {ENOENT, D_CONNECT_REFUSED, 5},
    {ENOTDIR, D_CONNECT_REFUSED, 5},
};

static const struct net_errno *find_errno(int err)
{
	static const struct net_errno other = {0, D_CONNECT_UNREACHABLE, 1};

	for (size_t i = 0; i < ARRAY_LEN(net_errnos); i++)
		if (net_errnos[i].err == err)
			return &net_errnos[i];
	return &other;
}

int net_errno_weight(int err)
{
	return find_errno(err)->weight;
}

enum result net_fail_errno(struct diag *out, int err, const char *subject, const char *doing)
{
	check_fail(out, find_errno(err)->code, subject, "%s: %s", doing, strerror(err));
	out->sys_errno = err;
	return RESULT_FAIL;
}
