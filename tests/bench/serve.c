/* serve: the dependencies of the benchmarks, in one process that answers at once: a port that accepts, and HTTP with fixed
 * answers. One written in Python would take longer to answer than the programs that are measured.
 *
 *     serve ANSWERS
 *
 * ANSWERS is a file of records, each a line "PATH LENGTH" and then LENGTH bytes, the whole HTTP answer. A path that is not there
 * gets the first record. Prints "TCP_PORT HTTP_PORT" and serves until stdin ends. Ports are open on every address of this
 * machine's loopback; a connection to the TCP port is closed at once.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWERS_MAX 32
#define CONNECTIONS_MAX 4096
#define REQUEST_MAX 16384
#define EVENTS_MAX 64
#define PATH_FORMAT "255"

struct answer {
	char path[256];
	size_t size;
	char *bytes;
};

/* What has come of a request so far; by descriptor. */
struct connection {
	size_t used;
	char text[REQUEST_MAX];
};

static struct answer answers[ANSWERS_MAX];
static size_t answer_count;
static struct connection *connections[CONNECTIONS_MAX];

static void die(const char *what)
{
	fprintf(stderr, "serve: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void read_answers(const char *path)
{
	FILE *file = fopen(path, "r");
	struct answer a;

	if (!file)
		die(path);
	while (fscanf(file, "%" PATH_FORMAT "s %zu%*c", a.path, &a.size) == 2) {
		a.bytes = malloc(a.size);
		if (answer_count == ANSWERS_MAX || !a.bytes ||
		    fread(a.bytes, 1, a.size, file) != a.size)
			die("answers");
		answers[answer_count++] = a;
	}
	fclose(file);
	if (!answer_count)
		die("no answers");
}

static int listen_on(int queue, unsigned short *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
	socklen_t size = sizeof address;
	struct epoll_event event = {.events = EPOLLIN};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	event.data.fd = fd;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(fd, 4096) < 0 || getsockname(fd, (struct sockaddr *)&address, &size) < 0 ||
	    epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event) < 0)
		die("listen");
	*port = ntohs(address.sin_port);
	return fd;
}

static void accept_and_close(int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
}

static void accept_http(int queue, int listener)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (fd >= CONNECTIONS_MAX ||
		    (!connections[fd] && !(connections[fd] = malloc(sizeof **connections)))) {
			close(fd);
			continue;
		}
		connections[fd]->used = 0;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		event.data.fd = fd;
		epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event);
	}
}

static const struct answer *find(const char *request)
{
	const char *path = strchr(request, ' ');
	size_t length = path ? strcspn(path + 1, " ?") : 0;

	for (size_t i = 0; path && i < answer_count; i++)
		if (strlen(answers[i].path) == length &&
		    memcmp(answers[i].path, path + 1, length) == 0)
			return &answers[i];
	return &answers[0];
}

/* The length of the first request, body and all; 0 when it has not all come. */
static size_t request_length(const struct connection *c)
{
	const char *end = strstr(c->text, "\r\n\r\n"),
		   *length = strcasestr(c->text, "\r\ncontent-length:");
	size_t size;

	if (!end)
		return 0;
	size = (size_t)(end + 4 - c->text);
	if (length && length < end)
		size += strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
	return size <= c->used ? size : 0;
}

static void answer(int fd)
{
	struct connection *c = connections[fd];
	ssize_t n = read(fd, c->text + c->used, REQUEST_MAX - 1 - c->used);
	const struct answer *a;
	size_t size;

	if (n <= 0) {
		close(fd);
		return;
	}
	c->used += (size_t)n;
	c->text[c->used] = '\0';
	while ((size = request_length(c)) > 0) {
		a = find(c->text);
		if (send(fd, a->bytes, a->size, MSG_NOSIGNAL) != (ssize_t)a->size)
			break;
		c->used -= size;
		memmove(c->text, c->text + size, c->used + 1);
	}
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS_MAX], input = {.events = EPOLLIN, .data.fd = STDIN_FILENO};
	int queue = epoll_create1(EPOLL_CLOEXEC), tcp, http, n;
	unsigned short tcp_port, http_port;

	if (argc != 2 || queue < 0 || epoll_ctl(queue, EPOLL_CTL_ADD, STDIN_FILENO, &input) < 0)
		die("serve ANSWERS, with a pipe as stdin");
	read_answers(argv[1]);
	tcp = listen_on(queue, &tcp_port);
	http = listen_on(queue, &http_port);
	printf("%u %u\n", tcp_port, http_port);
	fflush(stdout);
	while ((n = epoll_wait(queue, events, EVENTS_MAX, -1)) >= 0 || errno == EINTR)
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == STDIN_FILENO)
				return 0;
			if (events[i].data.fd == tcp)
				accept_and_close(tcp);
			else if (events[i].data.fd == http)
				accept_http(queue, http);
			else
				answer(events[i].data.fd);
		}
	return 0;
}
