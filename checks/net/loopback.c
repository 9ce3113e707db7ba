#include "loopback.h"

#include <netinet/in.h>
#include <unistd.h>

/* 127.0.0.0/8 and ::1, and the addresses "any", which Linux connects to the host itself. */
static bool is_own_host(const struct sockaddr *addr)
{
	const struct in6_addr *six = &((const struct sockaddr_in6 *)addr)->sin6_addr;
	in_addr_t four;

	if (addr->sa_family == AF_INET)
		four = ((const struct sockaddr_in *)addr)->sin_addr.s_addr;
	else if (addr->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(six))
		memcpy(&four, &six->s6_addr[12], sizeof four);
	else
		return addr->sa_family == AF_INET6 &&
		       (IN6_IS_ADDR_LOOPBACK(six) || IN6_IS_ADDR_UNSPECIFIED(six));
	return four == htonl(INADDR_ANY) || ntohl(four) >> 24 == IN_LOOPBACKNET;
}

/* The files of Docker and Podman; Kubernetes sets the variable in every container. */
static bool is_container(void)
{
	return !access("/.dockerenv", F_OK) || !access("/run/.containerenv", F_OK) ||
	       getenv("KUBERNETES_SERVICE_HOST");
}

void loopback_hint(struct diag *out, const struct sockaddr *addr)
{
	if (out->code == D_CONNECT_REFUSED && is_own_host(addr) && is_container())
		diag_hint(out,
			  "look whether the server runs in this very container, and whether this "
			  "is its port: localhost is this container itself (in Kubernetes its "
			  "pod), another service is reached by its service's name");
}
