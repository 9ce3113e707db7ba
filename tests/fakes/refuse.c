/* refuse: a container that refuses system calls. Installs a filter, then runs the command.
 *
 *   refuse ERRNO CALL... -- COMMAND [ARG...]
 *
 * CALL: seccomp, prctl-seccomp, prctl-no-new-privs, landlock, memfd, waitid, wait4, sendto, faccessat2. Raw BPF on purpose: it must work where
 * the library under test does not.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sock_filter code[128];
static unsigned short n;

static void add(struct sock_filter one)
{
	code[n++] = one;
}

static void refuse_call(long number, unsigned err)
{
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1));
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err));
}

/* prctl with this first argument. */
static void refuse_prctl(unsigned option, unsigned err)
{
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 4));
	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					 offsetof(struct seccomp_data, args[0])));
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, option, 0, 1));
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err));
	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					 offsetof(struct seccomp_data, nr)));
}

int main(int argc, char **argv)
{
	struct sock_fprog program = {.filter = code};
	unsigned err;
	int i = 2;

	if (argc < 4)
		return 2;
	err = strcmp(argv[1], "ENOSYS") == 0  ? ENOSYS
	      : strcmp(argv[1], "EPERM") == 0 ? EPERM
					      : EACCES;
	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					 offsetof(struct seccomp_data, nr)));
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "seccomp") == 0)
			refuse_call(SYS_seccomp, err);
		else if (strcmp(argv[i], "prctl-seccomp") == 0)
			refuse_prctl(PR_SET_SECCOMP, err);
		else if (strcmp(argv[i], "prctl-no-new-privs") == 0)
			refuse_prctl(PR_SET_NO_NEW_PRIVS, err);
		else if (strcmp(argv[i], "memfd") == 0)
			refuse_call(SYS_memfd_create, err);
		else if (strcmp(argv[i], "sendto") == 0)
			refuse_call(SYS_sendto, err);
		else if (strcmp(argv[i], "faccessat2") == 0)
			refuse_call(439, err);
		else if (strcmp(argv[i], "waitid") == 0)
			refuse_call(SYS_waitid, err);
		else if (strcmp(argv[i], "wait4") == 0)
			refuse_call(SYS_wait4, err);
		else if (strcmp(argv[i], "landlock") == 0)
			for (long call = 444; call <= 446; call++)
				refuse_call(call, err);
		else
			return 2;
	}
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	program.len = n;
	/* With CAP_SYS_ADMIN a filter needs no no_new_privs; without it the refusal of no_new_privs cannot be tested. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
			perror("refuse: seccomp");
			return 2;
		}
	}
	if (i + 1 < argc)
		execvp(argv[i + 1], argv + i + 1);
	perror("refuse: exec");
	return 2;
}
