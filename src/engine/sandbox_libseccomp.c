#include "sandbox_filter.h"

#ifdef WITH_SECCOMP

#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <unistd.h>

#include "sandbox_rules.h"

/* Names of calls, for the machine that this is compiled for. */
#define FOR_ALL(name, ...) #name,
#define FOR_ALL_NEW(name, number)
#define FOR_PLAIN(name, ...)
#define FOR_PLAIN_NEW(name, number)
static const char *const for_all[] = {
#include "sandbox_calls.def"
};
#undef FOR_ALL
#undef FOR_PLAIN
#define FOR_ALL(name, ...)
#define FOR_PLAIN(name, ...) #name,
static const char *const for_plain[] = {
#include "sandbox_calls.def"
};
#undef FOR_PLAIN
#define FOR_PLAIN(name, ...)

/* Calls that an older libseccomp does not know by name. */
struct newer {
	const char *name;
	int number;
};
#undef FOR_ALL_NEW
#define FOR_ALL_NEW(name, number) {#name, number},
static const struct newer newer_for_all[] = {
#include "sandbox_calls.def"
};
#undef FOR_ALL_NEW
#undef FOR_PLAIN_NEW
#define FOR_ALL_NEW(name, number)
#define FOR_PLAIN_NEW(name, number) {#name, number},
static const struct newer newer_for_plain[] = {
#include "sandbox_calls.def"
};

/* The index of clone's flags among its arguments. */
#if defined __s390__ || defined __s390x__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

#define DENY SCMP_ACT_ERRNO(EPERM)

/* A filter under construction. After the first error of the library (rc < 0) the functions below do nothing. */
struct making {
	scmp_filter_ctx ctx;
	int rc;
};

/* Adds a rule that holds when all conditions do. The macro SCMP_CMP would leave datum_b out, about which some compilers warn. */
static void ban(struct making *m, int number, int error, unsigned conditions,
		const struct scmp_arg_cmp *cmp)
{
	int rc = m->rc < 0 ? m->rc
			   : seccomp_rule_add_array(m->ctx, SCMP_ACT_ERRNO((unsigned)error), number,
						    conditions, cmp);

	/* The library may refuse a pseudo number, which means that the call does not exist here: there is nothing to forbid. */
	m->rc = conditions == 0 && (rc == -EDOM || rc == -EINVAL) ? m->rc : rc;
}

static void ban_call(struct making *m, int number, int error)
{
	ban(m, number, error, 0, NULL);
}

static struct scmp_arg_cmp arg_is(unsigned arg, enum scmp_compare op, uint64_t a, uint64_t b)
{
	return (struct scmp_arg_cmp){.arg = arg, .op = op, .datum_a = a, .datum_b = b};
}

static void ban_if(struct making *m, int number, unsigned arg, enum scmp_compare op, uint64_t a,
		   uint64_t b)
{
	const struct scmp_arg_cmp cmp = arg_is(arg, op, a, b);

	ban(m, number, EPERM, 1, &cmp);
}

static void ban_if_both(struct making *m, int number, struct scmp_arg_cmp one,
			struct scmp_arg_cmp other)
{
	const struct scmp_arg_cmp both[] = {one, other};

	ban(m, number, EPERM, 2, both);
}

/* A name that the library does not know is left out: this machine has no such call. */
static void ban_names(struct making *m, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		if (number != __NR_SCMP_ERROR)
			ban_call(m, number, EPERM);
	}
}

/* Bans calls by name where the library knows it, otherwise by number. Numbers must come before the compat architecture is added,
 * since the library would apply them to it as well; names come after it. A filter for another machine gets no unknown numbers: the
 * library cannot translate them. */
static void ban_newer(struct making *m, const struct newer *calls, size_t n, bool by_name)
{
	for (size_t i = 0; i < n; i++) {
		int number = seccomp_syscall_resolve_name(calls[i].name);

		if ((number != __NR_SCMP_ERROR) == by_name)
			ban_call(m, by_name ? number : calls[i].number, EPERM);
	}
}

static void ban_numbers(struct making *m, enum sandbox_profile profile)
{
	ban_newer(m, newer_for_all, ARRAY_LEN(newer_for_all), false);
	if (profile == SANDBOX_PLAIN)
		ban_newer(m, newer_for_plain, ARRAY_LEN(newer_for_plain), false);
}

static void ban_namespaces(struct making *m)
{
	int clone3 = seccomp_syscall_resolve_name("clone3");

	for (size_t i = 0; i < ARRAY_LEN(new_namespaces); i++)
		ban_if(m, SCMP_SYS(clone), CLONE_FLAGS, SCMP_CMP_MASKED_EQ, new_namespaces[i],
		       new_namespaces[i]);
	ban_call(m, clone3 == __NR_SCMP_ERROR ? 435 : clone3, ENOSYS);
}

/* Bans requests of ioctl. The kernel reads 32 bits of it, and so must the filter. */
static void ban_requests(struct making *m, const unsigned *requests, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ban_if(m, SCMP_SYS(ioctl), 1, SCMP_CMP_MASKED_EQ, 0xffffffffu, requests[i]);
}

static void ban_signals_of_descriptors(struct making *m)
{
	static const char *const names[] = {"fcntl", "fcntl64"};

	ban_requests(m, signal_requests, ARRAY_LEN(signal_requests));
	for (size_t k = 0; k < ARRAY_LEN(names); k++) {
		int call = seccomp_syscall_resolve_name(names[k]);

		if (call < 0) /* not a call of this architecture */
			continue;
		for (size_t i = 0; i < ARRAY_LEN(signal_commands); i++)
			ban_if(m, call, 1, SCMP_CMP_MASKED_EQ, 0xffffffffu, signal_commands[i]);
		ban_if_both(m, call, arg_is(1, SCMP_CMP_MASKED_EQ, 0xffffffffu, F_SETFL),
			    arg_is(2, SCMP_CMP_MASKED_EQ, O_ASYNC, O_ASYNC));
	}
}

static void ban_uncounted_memory(struct making *m)
{
	static const char *const names[] = {"mmap", "mmap2"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int call = seccomp_syscall_resolve_name(names[i]);

		if (call < 0)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(uncounted_memory); k++)
			ban_if(m, call, 3, SCMP_CMP_MASKED_EQ, uncounted_memory[k],
			       uncounted_memory[k]);
	}
}

static void ban_attributes(struct making *m)
{
	for (size_t i = 0; i < ARRAY_LEN(process_attributes); i++)
		ban_if(m, SCMP_SYS(prctl), 0, SCMP_CMP_MASKED_EQ, 0xffffffffu,
		       process_attributes[i]);
}

/* Allows sockets of the four families that checks use: no raw ones, and of netlink only what the resolver asks (routes). */
static void ban_sockets(struct making *m)
{
	static const unsigned ip[] = {AF_INET, AF_INET6};

	for (unsigned family = 1; family < AF_NETLINK; family++)
		if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
			ban_if(m, SCMP_SYS(socket), 0, SCMP_CMP_EQ, family, 0);
	ban_if(m, SCMP_SYS(socket), 0, SCMP_CMP_GT, AF_NETLINK, 0);
	for (size_t i = 0; i < ARRAY_LEN(ip); i++)
		for (size_t k = 0; k < ARRAY_LEN(raw_types); k++)
			ban_if_both(m, SCMP_SYS(socket), arg_is(0, SCMP_CMP_EQ, ip[i], 0),
				    arg_is(1, SCMP_CMP_MASKED_EQ, SOCKET_TYPE, raw_types[k]));
	ban_if_both(m, SCMP_SYS(socket), arg_is(0, SCMP_CMP_EQ, AF_NETLINK, 0),
		    arg_is(2, SCMP_CMP_NE, NETLINK_ROUTE, 0));
}

/* Allows clone for threads only, prlimit and tgkill for the process itself. */
static void ban_more_for_plain(struct making *m)
{
	ban_newer(m, newer_for_plain, ARRAY_LEN(newer_for_plain), true);
	ban_names(m, for_plain, ARRAY_LEN(for_plain));
	ban_if(m, SCMP_SYS(clone), CLONE_FLAGS, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
	ban_sockets(m);
	ban_signals_of_descriptors(m);
	ban_uncounted_memory(m);
	ban_attributes(m);
	ban_if(m, SCMP_SYS(prlimit64), 0, SCMP_CMP_NE, 0, 0);
	ban_if(m, SCMP_SYS(tgkill), 0, SCMP_CMP_NE, SANDBOX_OWN_PID, 0);
}

/* Finds the instruction that compares with the number of the own process. */
static unsigned short find_own_pid(const struct sandbox_filter *filter)
{
	for (unsigned short i = 0; i < filter->len; i++)
		if (filter->code[i].k == SANDBOX_OWN_PID)
			return i;
	return 0;
}

/* Exports through a pipe: libseccomp before 2.6 cannot export to memory. A filter has 2 KiB; the smallest pipe holds 4. */
static int export_filter(scmp_filter_ctx ctx, struct sandbox_filter *out)
{
	cleanup_fd int in = -1, to = -1;
	int p[2], rc;
	ssize_t n;

	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	in = p[0];
	to = p[1];
	rc = seccomp_export_bpf(ctx, to);
	if (rc < 0)
		return rc;
	close(steal_fd(&to));
	out->code = xmalloc(PIPE_BUF);
	n = fd_read_full(in, out->code, PIPE_BUF);
	if (n <= 0 || n == PIPE_BUF || (size_t)n % sizeof *out->code)
		return -EIO;
	out->len = (unsigned short)((size_t)n / sizeof *out->code);
	out->own_pid = find_own_pid(out);
	return 0;
}

/* `compat`: the 32-bit architecture whose programs run on this machine too; 0: none. */
static void compile_for(struct sandbox_filter *out, enum sandbox_profile profile, uint32_t arch,
			uint32_t compat)
{
	struct making m = {.ctx = seccomp_init(SCMP_ACT_ALLOW)};

	m.rc = m.ctx ? 0 : -ENOMEM;
	/* The calls of another architecture have other numbers: all of them are forbidden. */
	if (m.rc == 0)
		m.rc = seccomp_attr_set(m.ctx, SCMP_FLTATR_ACT_BADARCH, DENY);
	if (m.rc == 0)
		seccomp_attr_set(m.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
	if (m.rc == 0 && arch != seccomp_arch_native()) {
		seccomp_arch_add(m.ctx, arch);
		m.rc = seccomp_arch_remove(m.ctx, seccomp_arch_native());
	}
	if (arch == seccomp_arch_native())
		ban_numbers(&m, profile);
	if (m.rc == 0 && profile == SANDBOX_PROGRAMS && compat)
		seccomp_arch_add(m.ctx, compat);
	ban_newer(&m, newer_for_all, ARRAY_LEN(newer_for_all), true);
	ban_names(&m, for_all, ARRAY_LEN(for_all));
	ban_namespaces(&m);
	ban_requests(&m, terminal_input, ARRAY_LEN(terminal_input));
	if (profile == SANDBOX_PLAIN)
		ban_more_for_plain(&m);
	if (m.rc == 0)
		m.rc = export_filter(m.ctx, out);
	if (m.rc < 0)
		snprintf(out->missing, sizeof out->missing, "libseccomp: %s", strerror(-m.rc));
	seccomp_release(m.ctx);
}

void sandbox_libseccomp_compile(struct sandbox_filter *out, enum sandbox_profile profile)
{
#if defined __x86_64__
	compile_for(out, profile, SCMP_ARCH_X86_64, SCMP_ARCH_X86);
#elif defined __aarch64__
	compile_for(out, profile, SCMP_ARCH_AARCH64, SCMP_ARCH_ARM);
#else
	compile_for(out, profile, seccomp_arch_native(), 0);
#endif
}

const char *sandbox_libseccomp(void)
{
	static char text[32];
	const struct scmp_version *v = seccomp_version();

	snprintf(text, sizeof text, "libseccomp %u.%u.%u", v->major, v->minor, v->micro);
	return text;
}

#endif
