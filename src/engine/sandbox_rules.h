/* sandbox_rules: what the system call filter forbids, for the two compilers of it (sandbox_filter.c, sandbox_libseccomp.c).
 *
 * Calls that are forbidden whatever their arguments are stand in sandbox_calls.def. Here are the values of arguments by which
 * clone, ioctl, fcntl, prctl and socket are forbidden; they are the same on x86_64, i386, aarch64 and arm.
 */
#ifndef SG_SANDBOX_RULES_H
#define SG_SANDBOX_RULES_H

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* Flags of clone. Its relative clone3 has them in memory, where no filter sees them: it gets ENOSYS, and the C library uses clone. */
static const unsigned new_namespaces[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,   CLONE_NEWUSER,
					  CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};

/* Requests of ioctl that fake input for the terminal of the guard. The kernel reads 32 bits of a request, and so do the filters. */
static const unsigned terminal_input[] = {TIOCSTI, 0x541c /* TIOCLINUX */};

/* What makes the kernel send signals of a descriptor to any process of this user: requests of ioctl, commands of fcntl. */
static const unsigned signal_requests[] = {FIOSETOWN, SIOCSPGRP, FIOASYNC, TIOCSPGRP, TIOCSIG};
static const unsigned signal_commands[] = {F_SETOWN, F_SETSIG, F_SETOWN_EX, F_NOTIFY, F_SETLEASE};

/* Flags of mmap for memory that RLIMIT_DATA does not count: shared memory, and mappings that grow downwards like a stack. */
static const unsigned uncounted_memory[] = {MAP_SHARED, MAP_GROWSDOWN};

/* Options of prctl that undo what the child has set: the death signal, the protection from inspection. */
static const unsigned process_attributes[] = {PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_MM,
					      PR_SET_CHILD_SUBREAPER, PR_SET_PTRACER};

/* Types of IPv4 and IPv6 sockets that read and write what others send: SOCK_PACKET is the old name of AF_PACKET's. The low bits of
 * socket's second argument are the type, the others flags. */
#define SOCKET_TYPE 0xfu
static const unsigned raw_types[] = {SOCK_RAW, SOCK_PACKET};

/* Stands for the number of the child's process in tgkill's rule until the child knows it. */
#define SANDBOX_OWN_PID 0x7fff5e1fu

#endif
