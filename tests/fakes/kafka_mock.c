/* kafka_mock: librdkafka's mock cluster as a program, for tests.
 *
 *   kafka_mock BROKERS [NAME:PARTITIONS:REPLICAS]...
 *
 * Prints "bootstrap HOST:PORT,..." and then obeys one command a line from stdin, each answered by "ok" or
 * "error WORDS" on stdout. Ends when stdin does, and with its parent.
 *
 *   broker ID down|up          connections to it are refused, or not any more (-1: all)
 *   broker ID rtt MS           its answers take that long
 *   topic NAME PARTS REPLICAS  creates a topic
 *   topic-error NAME CODE      the topic is answered with this error code of the protocol (0: none)
 *   leader NAME PART ID        sets the leader (-1: none)
 *   errors API CODE...         the next requests of that kind fail with these codes, in this order
 *   version API MIN MAX        the versions of that request the brokers offer (-1 -1: none)
 *   clear API                  no more of these errors
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define WORDS_MAX 32

struct line {
	char *word[WORDS_MAX];
	int n;
};

static int number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

static rd_kafka_resp_err_t do_broker(rd_kafka_mock_cluster_t *m, const struct line *l)
{
	int id = number(l->word[1]);

	if (l->n == 3 && strcmp(l->word[2], "down") == 0)
		return rd_kafka_mock_broker_set_down(m, id);
	if (l->n == 3 && strcmp(l->word[2], "up") == 0)
		return rd_kafka_mock_broker_set_up(m, id);
	if (l->n == 4 && strcmp(l->word[2], "rtt") == 0)
		return rd_kafka_mock_broker_set_rtt(m, id, number(l->word[3]));
	return RD_KAFKA_RESP_ERR__INVALID_ARG;
}

static rd_kafka_resp_err_t do_topic(rd_kafka_mock_cluster_t *m, const struct line *l)
{
	return rd_kafka_mock_topic_create(m, l->word[1], number(l->word[2]), number(l->word[3]));
}

static rd_kafka_resp_err_t do_topic_error(rd_kafka_mock_cluster_t *m, const struct line *l)
{
	rd_kafka_mock_topic_set_error(m, l->word[1], (rd_kafka_resp_err_t)number(l->word[2]));
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t do_leader(rd_kafka_mock_cluster_t *m, const struct line *l)
{
	return rd_kafka_mock_partition_set_leader(m, l->word[1], number(l->word[2]),
						  number(l->word[3]));
}

static rd_kafka_resp_err_t do_errors(rd_kafka_mock_cluster_t *m, const struct line *l)
{
	rd_kafka_resp_err_t errors[WORDS_MAX];

	for (int i = 2; i < l->n; i++)
		errors[i - 2] = (rd_kafka_resp_err_t)number(l->word[i]);
	rd_kafka_mock_push_request_errors_array(m, (int16_t)number(l->word[1]), (size_t)l->n - 2,
						errors);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t do_version(rd_kafka_mock_cluster_t *m, const struct line *l)
{
	return rd_kafka_mock_set_apiversion(m, (int16_t)number(l->word[1]),
					    (int16_t)number(l->word[2]),
					    (int16_t)number(l->word[3]));
}

static rd_kafka_resp_err_t do_clear(rd_kafka_mock_cluster_t *m, const struct line *l)
{
	rd_kafka_mock_clear_request_errors(m, (int16_t)number(l->word[1]));
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static const struct {
	const char *name;
	int words; /* at least */
	rd_kafka_resp_err_t (*fn)(rd_kafka_mock_cluster_t *m, const struct line *l);
} commands[] = {
    {"broker", 3, do_broker}, {"topic", 4, do_topic},   {"topic-error", 3, do_topic_error},
    {"leader", 4, do_leader}, {"errors", 3, do_errors}, {"version", 4, do_version},
    {"clear", 2, do_clear},
};

static void split(struct line *l, char *text)
{
	char *save = NULL;

	l->n = 0;
	for (char *w = strtok_r(text, " \n", &save); w && l->n < WORDS_MAX;
	     w = strtok_r(NULL, " \n", &save))
		l->word[l->n++] = w;
}

static void obey(rd_kafka_mock_cluster_t *m, char *text)
{
	struct line l;

	split(&l, text);
	for (size_t i = 0; l.n > 0 && i < sizeof commands / sizeof commands[0]; i++) {
		rd_kafka_resp_err_t err;

		if (strcmp(commands[i].name, l.word[0]) != 0 || l.n < commands[i].words)
			continue;
		err = commands[i].fn(m, &l);
		if (err)
			printf("error %s\n", rd_kafka_err2str(err));
		else
			printf("ok\n");
		return;
	}
	printf("error not a command\n");
}

static int create_topics(rd_kafka_mock_cluster_t *m, char **arg, int n)
{
	for (int i = 0; i < n; i++) {
		char name[256];
		int partitions, replicas;

		if (sscanf(arg[i], "%255[^:]:%d:%d", name, &partitions, &replicas) != 3 ||
		    rd_kafka_mock_topic_create(m, name, partitions, replicas)) {
			fprintf(stderr, "kafka_mock: cannot create topic %s\n", arg[i]);
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_mock_cluster_t *m;
	rd_kafka_t *rk;
	char words[512], text[1024];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2 || number(argv[1]) < 1) {
		fprintf(stderr, "usage: kafka_mock BROKERS [NAME:PARTITIONS:REPLICAS]...\n");
		return 64;
	}
	rd_kafka_conf_set_log_cb(conf, NULL); /* the handle only carries the cluster */
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
	m = rk ? rd_kafka_mock_cluster_new(rk, number(argv[1])) : NULL;
	if (!m) {
		fprintf(stderr, "kafka_mock: %s\n", rk ? "no mock cluster" : words);
		return 70;
	}
	if (create_topics(m, argv + 2, argc - 2) < 0)
		return 64;
	printf("bootstrap %s\n", rd_kafka_mock_cluster_bootstraps(m));
	while (fgets(text, sizeof text, stdin))
		obey(m, text);
	_exit(0); /* tearing the cluster down would wait for its clients */
}
