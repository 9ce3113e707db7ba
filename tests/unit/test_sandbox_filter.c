/* sandbox_filter: the program that startguard compiles gives the verdicts of the program that libseccomp compiles, for all numbers
 * of calls, for other architectures, and for many arguments. Both are interpreted here as the kernel would run them. */
#include "cm.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

/* The library's compiler is linked into builds without libseccomp too. */
#ifndef WITH_SECCOMP
#define WITH_SECCOMP
#endif
#define sandbox_libseccomp_compile reference_compile
#define sandbox_libseccomp reference_version
#include "sandbox_libseccomp.c"

#define ALLOWED SECCOMP_RET_ALLOW
#define REFUSED (SECCOMP_RET_ERRNO | EPERM)
#define PID 4711u

static const struct machine {
	enum sandbox_arch arch;
	uint32_t audit, compat; /* also the names that libseccomp has for them */
} machines[] = {
    {SANDBOX_X86_64, AUDIT_ARCH_X86_64, AUDIT_ARCH_I386},
    {SANDBOX_AARCH64, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM},
};

/* ---- the kernel's classic BPF, as far as seccomp takes it ------------------------------------------------------------------ */
struct cpu {
	uint32_t a, x;
};

static uint32_t load_word(const struct seccomp_data *data, uint32_t offset)
{
	uint32_t word;

	assert_true(offset % sizeof word == 0 && offset < sizeof *data);
	memcpy(&word, (const char *)data + offset, sizeof word);
	return word;
}

static bool is_true(const struct sock_filter *f, const struct cpu *cpu)
{
	uint32_t with = BPF_SRC(f->code) == BPF_X ? cpu->x : f->k;

	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		return cpu->a == with;
	case BPF_JGT:
		return cpu->a > with;
	case BPF_JGE:
		return cpu->a >= with;
	case BPF_JSET:
		return (cpu->a & with) != 0;
	}
	fail_msg("unknown jump %#x", f->code);
	return false;
}

static void compute(const struct sock_filter *f, struct cpu *cpu, const struct seccomp_data *data)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		cpu->a = load_word(data, f->k);
		break;
	case BPF_LD | BPF_IMM:
		cpu->a = f->k;
		break;
	case BPF_ALU | BPF_AND | BPF_K:
		cpu->a &= f->k;
		break;
	case BPF_ALU | BPF_LSH | BPF_X:
		assert_true(cpu->x < 32); /* otherwise machines differ */
		cpu->a <<= cpu->x;
		break;
	case BPF_MISC | BPF_TAX:
		cpu->x = cpu->a;
		break;
	default:
		fail_msg("unknown instruction %#x", f->code);
	}
}

static uint32_t run(const struct sandbox_filter *filter, const struct seccomp_data *data)
{
	struct cpu cpu = {0};

	for (size_t i = 0; i < filter->len; i++) {
		const struct sock_filter *f = &filter->code[i];

		if (f->code == (BPF_RET | BPF_K))
			return f->k;
		if (f->code == (BPF_JMP | BPF_JA))
			i += f->k;
		else if (BPF_CLASS(f->code) == BPF_JMP)
			i += is_true(f, &cpu) ? f->jt : f->jf;
		else
			compute(f, &cpu, data);
	}
	fail_msg("the program ends without a verdict");
	return 0;
}

/* ---- both programs ------------------------------------------------------------------------------------------------------------ */
struct pair {
	const struct machine *machine;
	enum sandbox_profile profile;
	struct sandbox_filter own, reference;
};

static void set_own_pid(struct sandbox_filter *filter, enum sandbox_profile profile)
{
	assert_int_equal(filter->own_pid != 0, profile == SANDBOX_PLAIN);
	if (filter->own_pid)
		filter->code[filter->own_pid].k = PID;
}

static void make_pair(struct pair *p, const struct machine *machine, enum sandbox_profile profile)
{
	*p = (struct pair){.machine = machine, .profile = profile};
	sandbox_compile(&p->own, profile, machine->arch);
	compile_for(&p->reference, profile, machine->audit, machine->compat);
	assert_string_equal(p->own.missing, "");
	assert_string_equal(p->reference.missing, "");
	set_own_pid(&p->own, profile);
	set_own_pid(&p->reference, profile);
}

static void free_pair(struct pair *p)
{
	free(p->own.code);
	free(p->reference.code);
}

/* Kernels before 5.4 take these numbers of x32 without its bit. libseccomp does not know that. */
static bool is_odd_x32(uint32_t arch, uint32_t nr)
{
	return arch == AUDIT_ARCH_X86_64 && nr >= 512 && nr < 548;
}

/* An older libseccomp can forbid a call that it does not know only on the machine that it runs on. */
static bool is_unknown(const struct newer *calls, size_t n, uint32_t nr)
{
	for (size_t i = 0; i < n; i++)
		if ((uint32_t)calls[i].number == nr)
			return seccomp_syscall_resolve_name(calls[i].name) == __NR_SCMP_ERROR;
	return false;
}

static bool is_unknown_here(const struct pair *p, uint32_t arch, uint32_t nr)
{
	if (arch == seccomp_arch_native())
		return false;
	return is_unknown(newer_for_all, ARRAY_LEN(newer_for_all), nr) ||
	       (p->profile == SANDBOX_PLAIN &&
		is_unknown(newer_for_plain, ARRAY_LEN(newer_for_plain), nr));
}

/* Returns the verdict of startguard's own program. */
static uint32_t compare(const struct pair *p, const struct seccomp_data *data)
{
	uint32_t own = run(&p->own, data), reference = run(&p->reference, data);
	uint32_t nr = (uint32_t)data->nr;

	if (is_odd_x32(data->arch, nr) || is_unknown_here(p, data->arch, nr))
		reference = REFUSED;
	if (own != reference)
		fail_msg("arch %#x call %d (%#llx %#llx %#llx %#llx): %#x, libseccomp says %#x",
			 data->arch, data->nr, (unsigned long long)data->args[0],
			 (unsigned long long)data->args[1], (unsigned long long)data->args[2],
			 (unsigned long long)data->args[3], own, reference);
	return own;
}

static void with_each_pair(void (*test)(const struct pair *p))
{
	for (size_t i = 0; i < ARRAY_LEN(machines); i++)
		for (int profile = 0; profile < SANDBOX__COUNT; profile++) {
			struct pair p;

			make_pair(&p, &machines[i], (enum sandbox_profile)profile);
			test(&p);
			free_pair(&p);
		}
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------------- */
/* Returns how many of the numbers are refused without arguments. */
static size_t compare_range(const struct pair *p, uint32_t arch, uint32_t first, uint32_t end)
{
	size_t refused = 0;

	for (uint32_t nr = first; nr != end; nr++) {
		struct seccomp_data data = {.nr = (int)nr, .arch = arch};

		refused += compare(p, &data) != ALLOWED;
	}
	return refused;
}

static void numbers_of(const struct pair *p)
{
	static const uint32_t from[] = {512, 0x3ffffff0, 0x40000000, 0x7ffffff0, 0x80000000};
	const uint32_t arches[] = {p->machine->audit, p->machine->compat};

	for (size_t a = 0; a < ARRAY_LEN(arches); a++) {
		for (size_t i = 0; i < ARRAY_LEN(from); i++)
			compare_range(p, arches[a], from[i], from[i] + 1100);
		compare_range(p, arches[a], 0xfffffff0, 0);
	}
	if (p->profile == SANDBOX_PROGRAMS)
		assert_in_range(compare_range(p, p->machine->compat, 0, 512), 50, 70);
	assert_in_range(compare_range(p, p->machine->audit, 0, 512), 50,
			p->profile == SANDBOX_PLAIN ? 140 : 70);
}

static void all_numbers(UNUSED void **state)
{
	with_each_pair(numbers_of);
}

static void other_architectures_of(const struct pair *p)
{
	static const uint32_t others[] = {AUDIT_ARCH_X86_64,  AUDIT_ARCH_I386,  AUDIT_ARCH_AARCH64,
					  AUDIT_ARCH_ARM,     AUDIT_ARCH_ARMEB, AUDIT_ARCH_PPC64LE,
					  AUDIT_ARCH_RISCV64, AUDIT_ARCH_S390X, 0,
					  0xffffffff};

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		bool taken = others[i] == p->machine->audit ||
			     (others[i] == p->machine->compat && p->profile == SANDBOX_PROGRAMS);
		struct seccomp_data data = {.nr = 3, .arch = others[i]}; /* allowed where known */

		assert_int_equal(compare(p, &data), taken ? ALLOWED : REFUSED);
	}
}

static void other_architectures(UNUSED void **state)
{
	with_each_pair(other_architectures_of);
}

/* ---- arguments ----------------------------------------------------------------------------------------------------------------- */
static const uint64_t interesting[] = {0,
				       1,
				       2,
				       3,
				       4,
				       5,
				       8,
				       9,
				       10,
				       11,
				       15,
				       16,
				       17,
				       40,
				       0xff,
				       F_SETFL,
				       F_SETOWN,
				       F_SETSIG,
				       F_SETOWN_EX,
				       F_NOTIFY,
				       F_SETLEASE,
				       O_ASYNC,
				       O_ASYNC | O_NONBLOCK,
				       TIOCSTI,
				       0x541c,
				       FIOSETOWN,
				       SIOCSPGRP,
				       FIOASYNC,
				       TIOCSPGRP,
				       TIOCSIG,
				       TIOCGWINSZ,
				       MAP_SHARED | MAP_ANONYMOUS,
				       MAP_PRIVATE | MAP_ANONYMOUS,
				       MAP_PRIVATE | MAP_GROWSDOWN,
				       CLONE_THREAD,
				       CLONE_THREAD | CLONE_VM,
				       CLONE_THREAD | CLONE_NEWNS,
				       CLONE_NEWNS,
				       CLONE_NEWUTS,
				       CLONE_NEWIPC,
				       CLONE_NEWUSER,
				       CLONE_NEWPID,
				       CLONE_NEWNET,
				       CLONE_NEWCGROUP,
				       CLONE_VM | CLONE_VFORK | 17,
				       PR_SET_PDEATHSIG,
				       PR_SET_DUMPABLE,
				       PR_SET_MM,
				       PR_SET_CHILD_SUBREAPER,
				       PR_SET_PTRACER,
				       PR_SET_NAME,
				       PR_GET_DUMPABLE,
				       SOCK_RAW | SOCK_CLOEXEC,
				       SOCK_STREAM | SOCK_NONBLOCK,
				       SOCK_PACKET | SOCK_CLOEXEC,
				       PID,
				       PID + 1,
				       0x7fffffff,
				       0xffffffff};

/* A value of the list, now and then with a bit of the upper half. */
static uint64_t draw(uint64_t *seed)
{
	uint64_t r = cm_random(seed), v = interesting[r % ARRAY_LEN(interesting)];

	return r >> 60 == 0 ? v | 1ull << (32 + (r >> 32) % 32) : v;
}

static void arguments_of_call(const struct pair *p, uint32_t arch, int nr, bool must_refuse)
{
	uint64_t seed = 1 + (uint64_t)nr;
	size_t verdicts[2] = {0};

	for (int i = 0; i < 20000; i++) {
		struct seccomp_data data = {.nr = nr, .arch = arch};

		for (size_t k = 0; k < ARRAY_LEN(data.args); k++)
			data.args[k] = draw(&seed);
		verdicts[compare(p, &data) == ALLOWED]++;
	}
	if (must_refuse && (!verdicts[0] || !verdicts[1]))
		fail_msg("call %d: %zu refused, %zu allowed", nr, verdicts[0], verdicts[1]);
}

static void arguments_of(const struct pair *p)
{
	static const char *const both[] = {"clone", "ioctl"};
	static const char *const plain[] = {"fcntl",  "mmap",      "prctl",
					    "socket", "prlimit64", "tgkill"};
	uint32_t audit = p->machine->audit, compat = p->machine->compat;

	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		arguments_of_call(p, audit, seccomp_syscall_resolve_name_arch(audit, both[i]),
				  true);
		if (p->profile == SANDBOX_PROGRAMS)
			arguments_of_call(p, compat,
					  seccomp_syscall_resolve_name_arch(compat, both[i]), true);
	}
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		arguments_of_call(p, audit, seccomp_syscall_resolve_name_arch(audit, plain[i]),
				  p->profile == SANDBOX_PLAIN);
}

static void many_arguments(UNUSED void **state)
{
	with_each_pair(arguments_of);
}

/* Each of them alone and in each place: a draw of 20,000 may miss one. */
static void each_value_of(const struct pair *p)
{
	for (int nr = 0; nr < 512; nr++)
		for (size_t k = 0; k < 4; k++)
			for (size_t i = 0; i < ARRAY_LEN(interesting); i++) {
				struct seccomp_data data = {.nr = nr, .arch = p->machine->audit};

				data.args[k] = interesting[i];
				compare(p, &data);
			}
}

static void each_value(UNUSED void **state)
{
	with_each_pair(each_value_of);
}

/* ---- the size ------------------------------------------------------------------------------------------------------------------ */
/* The kernel compiles the program for each child: half of the instructions is half of the time. */
static void is_half_as_long_as_the_librarys(UNUSED void **state)
{
	struct pair p;

	make_pair(&p, &machines[0], SANDBOX_PLAIN);
	print_message("%d instructions, libseccomp: %d\n", p.own.len, p.reference.len);
	assert_in_range(p.own.len, 50, p.reference.len / 2);
	free_pair(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_numbers),
	    cmocka_unit_test(other_architectures),
	    cmocka_unit_test(many_arguments),
	    cmocka_unit_test(each_value),
	    cmocka_unit_test(is_half_as_long_as_the_librarys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
