/* kafka_query: asks the cluster about topics and groups what its metadata does not say, all at once.
 *
 * One admin request for each kind of query: DescribeConfigs, DescribeTopics and DescribeConsumerGroups, the last two with
 * the operations this principal is authorized to (KIP-430; librdkafka 2.3 and newer). Reads only. The answers are plain
 * structs; what did not come stays marked so, and nothing is judged here. Child only.
 */
#ifndef SG_KAFKA_QUERY_H
#define SG_KAFKA_QUERY_H

#include "kafka_client.h"

/* The operations a principal is authorized to: a set of enum rd_kafka_AclOperation_t. */
struct kafka_operations {
	bool known;
	unsigned set;
};
bool kafka_operations_include(struct kafka_operations list, int operation);

/* Whether one request was sent, and its answer. */
struct kafka_answer {
	bool asked, came;
	rd_kafka_resp_err_t err; /* of the request or of this topic or group */
	char reason[200];        /* the broker's or the library's text, when err is set */
};

struct kafka_config_value {
	const char *name, *value; /* value NULL: the broker does not show it */
};
struct kafka_topic_answer {
	const char *name;
	struct kafka_answer config, rights;
	struct kafka_config_value *value; /* of config */
	size_t n_values;
	struct kafka_operations operations; /* of rights */
};
struct kafka_group_answer {
	const char *name;
	struct kafka_answer group;
	char coordinator[DIAG_SUBJECT_MAX]; /* "broker 2 at kafka-2:9092" */
	struct kafka_operations operations;
};

struct kafka_query {
	/* Filled by the caller; topic[].config.asked and .rights.asked say what to ask. */
	struct kafka_topic_answer *topic;
	size_t n_topics;
	struct kafka_group_answer *group;
	size_t n_groups;
	int32_t broker; /* one that is ready, to ask about topics; -1: the library chooses */
	/* Filled by kafka_query_run. */
	struct kafka_client *client;
	rd_kafka_queue_t *queue;
	size_t waiting; /* requests without an answer */
	struct instant until;
};

/* Whether the linked library can ask for authorized operations: the one it was compiled with, and the one it runs with. */
bool kafka_query_lists_operations(void);
/* Sends the requests and waits for the answers until `until`; a second call goes on waiting. `query` must live on the heap:
 * the thread that asks may outlive the call. Missing answers are not a failure: `waiting` counts them. */
enum result kafka_query_run(struct kafka_client *client, struct kafka_query *query,
			    struct instant until, struct diag *out);
/* The value the topic has for this setting, or NULL. */
const char *kafka_query_config(const struct kafka_topic_answer *topic, const char *name);
/* Adds "read orders" to the list of what could not be found out. */
void kafka_name_unverified(struct str *unverified, const char *operation, const char *name);

#endif
