/* server: a service for the tests of images. Prints its process id and what startguard told it, answers any HTTP request on
 * port 8080 with 200, and ends with 0 at SIGTERM.
 *
 *   server [WORD...]    with words: prints, and ends at once
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 8080

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

static void leave(int sig)
{
	(void)sig;
	_exit(0);
}

static void print_variable(const char *name)
{
	const char *value = getenv(name);

	printf(" %s=%s", name, value ? value : "");
}

static int open_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
	    bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 16))
		return -1;
	return fd;
}

static void serve(int fd)
{
	char request[4096];
	int peer = accept(fd, NULL, NULL);

	if (peer < 0)
		return;
	if (read(peer, request, sizeof request) > 0 && write(peer, answer, sizeof answer - 1) < 0)
		perror("server: write");
	close(peer);
}

int main(int argc, char **argv)
{
	int fd = open_port();

	(void)argv;
	signal(SIGTERM, leave);
	printf("server: pid %d uid %d", getpid(), getuid());
	print_variable("STARTGUARD_STATUS");
	print_variable("STARTGUARD_DEGRADED");
	print_variable("CACHE_ENABLED");
	putchar('\n');
	fflush(stdout);
	if (argc > 1)
		return 0;
	if (fd < 0) {
		perror("server: port 8080");
		return 1;
	}
	for (;;)
		serve(fd);
}
