#include "sandbox_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "sandbox_rules.h"

/* The architectures that have columns in sandbox_calls.def. A program that a check starts may be a 32-bit one. */
enum column { X86_64, I386, AARCH64, ARM, COLUMN__COUNT };

#define NONE (-1)

/* Calls with rules of their own below, which are forbidden for some arguments. */
enum rule_call {
	CALL_CLONE,
	CALL_CLONE3,
	CALL_IOCTL,
	CALL_FCNTL,
	CALL_MMAP,
	CALL_PRCTL,
	CALL_SOCKET,
	CALL_PRLIMIT,
	CALL_TGKILL,
	CALL__COUNT
};
static const struct {
	uint32_t audit; /* the kernel's name of the architecture */
	int16_t calls[CALL__COUNT];
} arches[COLUMN__COUNT] = {
    [X86_64] = {AUDIT_ARCH_X86_64,
		{[CALL_CLONE] = 56,
		 [CALL_CLONE3] = 435,
		 [CALL_IOCTL] = 16,
		 [CALL_FCNTL] = 72,
		 [CALL_MMAP] = 9,
		 [CALL_PRCTL] = 157,
		 [CALL_SOCKET] = 41,
		 [CALL_PRLIMIT] = 302,
		 [CALL_TGKILL] = 234}},
    [I386] = {AUDIT_ARCH_I386, {[CALL_CLONE] = 120, [CALL_CLONE3] = 435, [CALL_IOCTL] = 54}},
    [AARCH64] = {AUDIT_ARCH_AARCH64,
		 {[CALL_CLONE] = 220,
		  [CALL_CLONE3] = 435,
		  [CALL_IOCTL] = 29,
		  [CALL_FCNTL] = 25,
		  [CALL_MMAP] = 222,
		  [CALL_PRCTL] = 167,
		  [CALL_SOCKET] = 198,
		  [CALL_PRLIMIT] = 261,
		  [CALL_TGKILL] = 131}},
    [ARM] = {AUDIT_ARCH_ARM, {[CALL_CLONE] = 120, [CALL_CLONE3] = 435, [CALL_IOCTL] = 54}},
};

/* The calls that are forbidden whatever their arguments are. */
struct forbidden {
	enum sandbox_profile profile; /* SANDBOX_PROGRAMS: in both profiles */
	int16_t numbers[COLUMN__COUNT];
};
#define FOR_ALL(name, x86_64, i386, aarch64, arm) {SANDBOX_PROGRAMS, {x86_64, i386, aarch64, arm}},
#define FOR_ALL_NEW(name, number) {SANDBOX_PROGRAMS, {number, number, number, number}},
#define FOR_PLAIN(name, x86_64, aarch64) {SANDBOX_PLAIN, {x86_64, NONE, aarch64, NONE}},
#define FOR_PLAIN_NEW(name, number) {SANDBOX_PLAIN, {number, NONE, number, NONE}},
static const struct forbidden forbidden[] = {
#include "sandbox_calls.def"
};

/* A bit for each number of a call: set if the call is forbidden. */
#define WORD_BITS 32
#define WORDS 16
#define NUMBERS (WORDS * WORD_BITS)

/* On x86_64 a number with the bit X32 is a call of x32, another architecture. Kernels before 5.4 that have x32 take its numbers from
 * 512 to 547 without the bit too: 520 is an execve then. libseccomp allows them. */
#define X32 0x40000000u
#define X32_END 548
/* What a tracer writes to skip a call, and what libseccomp allows. No call has this number. */
#define SKIPPED 0xffffffffu

/* ---- a program under construction ---------------------------------------------------------------------------------------- */
#define PROGRAM_MAX 256 /* instructions */

/* Distances of jumps that end_arch fills in. They are larger than any other in the program of one architecture. */
enum { NEXT = 0, TO_ALLOW = 0xfe, TO_DENY = 0xff };

struct program {
	struct sock_filter *code;
	size_t n;
	size_t begin;   /* the first instruction for the architecture at hand */
	size_t own_pid; /* the instruction with the number of the own process; 0: none */
};

static void put(struct program *p, unsigned code, uint32_t k, unsigned if_true, unsigned if_false)
{
	invariant(p->n < PROGRAM_MAX);
	p->code[p->n++] = (struct sock_filter){
	    .code = (uint16_t)code, .jt = (uint8_t)if_true, .jf = (uint8_t)if_false, .k = k};
}

static void answer(struct program *p, uint32_t verdict)
{
	put(p, BPF_RET | BPF_K, verdict, 0, 0);
}

static void load(struct program *p, size_t offset)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void if_equal(struct program *p, uint32_t value, unsigned then, unsigned otherwise)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, value, then, otherwise);
}

static void if_at_least(struct program *p, uint32_t value, unsigned then, unsigned otherwise)
{
	put(p, BPF_JMP | BPF_JGE | BPF_K, value, then, otherwise);
}

static void if_any_bit(struct program *p, uint32_t bits, unsigned then, unsigned otherwise)
{
	put(p, BPF_JMP | BPF_JSET | BPF_K, bits, then, otherwise);
}

/* The filter reads halves of the 64-bit arguments. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW_HALF 4
#else
#define LOW_HALF 0
#endif
static void load_low(struct program *p, unsigned arg)
{
	load(p, offsetof(struct seccomp_data, args[arg]) + LOW_HALF);
}

/* Forbids the call unless the argument is less than 2^32; then loads it. */
static void load_small(struct program *p, unsigned arg)
{
	load(p, offsetof(struct seccomp_data, args[arg]) + (4 - LOW_HALF));
	if_equal(p, 0, NEXT, TO_DENY);
	load_low(p, arg);
}

static void deny_equal(struct program *p, const unsigned *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if_equal(p, values[i], TO_DENY, NEXT);
}

static uint32_t all_bits(const unsigned *flags, size_t n)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < n; i++)
		bits |= flags[i];
	return bits;
}

/* The instructions until end_if are for this value only. */
static size_t begin_if(struct program *p, uint32_t value)
{
	if_equal(p, value, NEXT, NEXT);
	return p->n - 1;
}

static void end_if(struct program *p, size_t begun)
{
	p->code[begun].jf = (uint8_t)(p->n - begun - 1);
}

/* The instructions until end_call are for this call only, whose number is loaded. They must not go on behind end_call. */
static size_t begin_call(struct program *p, int number)
{
	return begin_if(p, (uint32_t)number);
}

/* Allows what the rules of the call have not forbidden. */
static void end_call(struct program *p, size_t begun)
{
	answer(p, SECCOMP_RET_ALLOW);
	end_if(p, begun);
}

static uint8_t resolve(uint8_t distance, size_t from, size_t allow, size_t deny)
{
	if (distance == TO_ALLOW)
		return (uint8_t)(allow - from - 1);
	return distance == TO_DENY ? (uint8_t)(deny - from - 1) : distance;
}

static void end_arch(struct program *p)
{
	size_t allow = p->n, deny = p->n + 1;

	answer(p, SECCOMP_RET_ALLOW);
	answer(p, SECCOMP_RET_ERRNO | EPERM);
	invariant(p->n - p->begin < TO_ALLOW);
	for (size_t i = p->begin; i < allow; i++) {
		struct sock_filter *f = &p->code[i];

		if (BPF_CLASS(f->code) != BPF_JMP)
			continue;
		f->jt = resolve(f->jt, i, allow, deny);
		f->jf = resolve(f->jf, i, allow, deny);
	}
}

/* ---- calls that are forbidden for some arguments ------------------------------------------------------------------------- */
/* Forbids new namespaces; in the plain profile clone is for threads only. */
static void limit_clone(struct program *p, const int16_t *calls, enum sandbox_profile profile)
{
	size_t call = begin_call(p, calls[CALL_CLONE]);

	load_low(p, 0);
	if_any_bit(p, all_bits(new_namespaces, ARRAY_LEN(new_namespaces)), TO_DENY, NEXT);
	if (profile == SANDBOX_PLAIN)
		if_any_bit(p, CLONE_THREAD, NEXT, TO_DENY);
	end_call(p, call);
	if_equal(p, (uint32_t)calls[CALL_CLONE3], NEXT, 1);
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
}

static void limit_ioctl(struct program *p, const int16_t *calls, enum sandbox_profile profile)
{
	size_t call = begin_call(p, calls[CALL_IOCTL]);

	load_low(p, 1);
	deny_equal(p, terminal_input, ARRAY_LEN(terminal_input));
	if (profile == SANDBOX_PLAIN)
		deny_equal(p, signal_requests, ARRAY_LEN(signal_requests));
	end_call(p, call);
}

static void limit_fcntl(struct program *p, const int16_t *calls)
{
	size_t call = begin_call(p, calls[CALL_FCNTL]);

	load_low(p, 1);
	deny_equal(p, signal_commands, ARRAY_LEN(signal_commands));
	if_equal(p, F_SETFL, NEXT, TO_ALLOW);
	load_low(p, 2);
	if_any_bit(p, O_ASYNC, TO_DENY, NEXT);
	end_call(p, call);
}

static void limit_mmap(struct program *p, const int16_t *calls)
{
	size_t call = begin_call(p, calls[CALL_MMAP]);

	load_low(p, 3);
	if_any_bit(p, all_bits(uncounted_memory, ARRAY_LEN(uncounted_memory)), TO_DENY, NEXT);
	end_call(p, call);
}

static void limit_prctl(struct program *p, const int16_t *calls)
{
	size_t call = begin_call(p, calls[CALL_PRCTL]);

	load_low(p, 0);
	deny_equal(p, process_attributes, ARRAY_LEN(process_attributes));
	end_call(p, call);
}

/* Allows sockets of the four families that checks use: no raw ones, and of netlink only what the resolver asks (routes). */
static void limit_socket(struct program *p, const int16_t *calls)
{
	size_t call = begin_call(p, calls[CALL_SOCKET]), netlink;

	load_small(p, 0);
	if_equal(p, AF_UNSPEC, TO_ALLOW, NEXT);
	if_equal(p, AF_UNIX, TO_ALLOW, NEXT);
	netlink = begin_if(p, AF_NETLINK);
	load_small(p, 2);
	if_equal(p, NETLINK_ROUTE, NEXT, TO_DENY);
	end_call(p, netlink);
	if_equal(p, AF_INET, 1, NEXT);
	if_equal(p, AF_INET6, NEXT, TO_DENY);
	load_low(p, 1);
	put(p, BPF_ALU | BPF_AND | BPF_K, SOCKET_TYPE, 0, 0);
	deny_equal(p, raw_types, ARRAY_LEN(raw_types));
	end_call(p, call);
}

/* Allows prlimit for the process itself. */
static void limit_prlimit(struct program *p, const int16_t *calls)
{
	size_t call = begin_call(p, calls[CALL_PRLIMIT]);

	load_small(p, 0);
	if_equal(p, 0, NEXT, TO_DENY);
	end_call(p, call);
}

/* Allows tgkill for the process itself: abort() and the C library's threads need it. */
static void limit_tgkill(struct program *p, const int16_t *calls)
{
	size_t call = begin_call(p, calls[CALL_TGKILL]);

	load_small(p, 0);
	p->own_pid = p->n;
	if_equal(p, SANDBOX_OWN_PID, NEXT, TO_DENY);
	end_call(p, call);
}

/* ---- calls that are always forbidden --------------------------------------------------------------------------------------- */
static void set_bits(uint32_t *words, enum column column, enum sandbox_profile profile)
{
	for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
		int number = forbidden[i].numbers[column];

		if (number != NONE &&
		    (profile == SANDBOX_PLAIN || forbidden[i].profile != SANDBOX_PLAIN))
			words[number / WORD_BITS] |= 1u << number % WORD_BITS;
	}
}

/* Finds the word of the number that is loaded by bisection. The index register has the bit of the number in its word. */
static void find_word(struct program *p, const uint32_t *words, size_t first, size_t end)
{
	size_t middle = (first + end) / 2, jump = p->n;

	if (end - first == 1) {
		put(p, BPF_LD | BPF_IMM, words[first], 0, 0);
		put(p, BPF_JMP | BPF_JSET | BPF_X, 0, TO_DENY, TO_ALLOW);
		return;
	}
	if_at_least(p, (uint32_t)(middle * WORD_BITS), NEXT, NEXT);
	find_word(p, words, first, middle);
	p->code[jump].jt = (uint8_t)(p->n - jump - 1);
	find_word(p, words, middle, end);
}

/* A table of bits and not a comparison with each number: it has a third of the instructions, which the kernel compiles for each
 * child. It is not constant for a number in the eyes of the kernel, which therefore runs the filter for each call of the child, some
 * 20 ns, instead of trying all numbers when the filter is installed. */
static void look_up(struct program *p, const uint32_t *words)
{
	put(p, BPF_ALU | BPF_AND | BPF_K, WORD_BITS - 1, 0, 0);
	put(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	put(p, BPF_LD | BPF_IMM, 1, 0, 0);
	put(p, BPF_ALU | BPF_LSH | BPF_X, 0, 0, 0);
	put(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	load(p, offsetof(struct seccomp_data, nr));
	find_word(p, words, 0, WORDS);
}

/* Numbers beyond the table are allowed: calls that are not known yet. */
static void limit_number(struct program *p, enum column column)
{
	if (column == X86_64) {
		if_at_least(p, NUMBERS, NEXT, 3);
		if_at_least(p, X32_END, NEXT, TO_DENY);
		if_at_least(p, X32, NEXT, TO_ALLOW);
		if_equal(p, SKIPPED, TO_ALLOW, TO_DENY);
	} else {
		if_at_least(p, NUMBERS, TO_ALLOW, NEXT);
	}
}

static void add_arch(struct program *p, enum column column, enum sandbox_profile profile)
{
	const int16_t *calls = arches[column].calls;
	uint32_t words[WORDS] = {0};
	size_t jump;

	set_bits(words, column, profile);
	load(p, offsetof(struct seccomp_data, arch));
	jump = begin_if(p, arches[column].audit);
	p->begin = p->n;
	load(p, offsetof(struct seccomp_data, nr));
	limit_clone(p, calls, profile);
	limit_ioctl(p, calls, profile);
	if (profile == SANDBOX_PLAIN) {
		limit_fcntl(p, calls);
		limit_mmap(p, calls);
		limit_prctl(p, calls);
		limit_socket(p, calls);
		limit_prlimit(p, calls);
		limit_tgkill(p, calls);
	}
	limit_number(p, column);
	look_up(p, words);
	end_arch(p);
	end_if(p, jump);
}

/* The calls of other architectures have other numbers: all of them are forbidden. */
void sandbox_compile(struct sandbox_filter *out, enum sandbox_profile profile,
		     enum sandbox_arch arch)
{
	struct program p = {.code = xmalloc(PROGRAM_MAX * sizeof *p.code)};

	add_arch(&p, arch == SANDBOX_X86_64 ? X86_64 : AARCH64, profile);
	if (profile == SANDBOX_PROGRAMS)
		add_arch(&p, arch == SANDBOX_X86_64 ? I386 : ARM, profile);
	answer(&p, SECCOMP_RET_ERRNO | EPERM);
	out->code = p.code;
	out->len = (unsigned short)p.n;
	out->own_pid = (unsigned short)p.own_pid;
}

/* ---- this build -------------------------------------------------------------------------------------------------------------- */
#if defined __x86_64__ && !defined __ILP32__
#define OWN_ARCH SANDBOX_X86_64
#elif defined __aarch64__
#define OWN_ARCH SANDBOX_AARCH64
#endif

#if defined WITH_SECCOMP
void sandbox_filter_make(struct sandbox_filter *out, enum sandbox_profile profile)
{
	sandbox_libseccomp_compile(out, profile);
}

const char *sandbox_library(void)
{
	return sandbox_libseccomp();
}

bool sandbox_has_filter(void)
{
	return true;
}
#elif defined OWN_ARCH
void sandbox_filter_make(struct sandbox_filter *out, enum sandbox_profile profile)
{
	sandbox_compile(out, profile, OWN_ARCH);
}

const char *sandbox_library(void)
{
	return NULL;
}

bool sandbox_has_filter(void)
{
	return true;
}
#else
void sandbox_filter_make(struct sandbox_filter *out, UNUSED enum sandbox_profile profile)
{
	snprintf(out->missing, sizeof out->missing, "built without libseccomp");
}

const char *sandbox_library(void)
{
	return NULL;
}

bool sandbox_has_filter(void)
{
	return false;
}
#endif
