/* kafka_query: what the cluster says about topics and groups beyond its metadata, asked all at once.
 *
 * One admin request per kind of question: DescribeConfigs, DescribeTopics with the operations this principal is
 * authorised to (librdkafka 2.3 and later), DescribeConsumerGroups. Reads only. Answers are plain structs; what is
 * not known stays marked so, and nothing is judged here. Child only.
 */
#ifndef SG_KAFKA_QUERY_H
#define SG_KAFKA_QUERY_H

#include "kafka_client.h"

/* A set of enum rd_kafka_AclOperation_t. */
struct kafka_operations {
	bool known;
	unsigned set;
};
bool kafka_may(struct kafka_operations ops, int operation);

struct kafka_answer {
	bool asked, came;
	rd_kafka_resp_err_t err; /* of the request or of this topic or group */
	char words[200];         /* when err is set */
};
struct kafka_config_value {
	const char *name, *value; /* value NULL: the broker does not tell it */
};
struct kafka_topic_answer {
	const char *name;
	struct kafka_answer config, access;
	struct kafka_config_value *value; /* of config */
	size_t n_values;
	struct kafka_operations may; /* of access */
};
struct kafka_group_answer {
	const char *name;
	struct kafka_answer group;
	char coordinator[DIAG_SUBJECT_MAX]; /* "broker 2 at kafka-2:9092" */
	struct kafka_operations may;
};

struct kafka_query {
	/* Filled by the caller; topics[].config.asked and .access.asked say what is wanted. */
	struct kafka_topic_answer *topic;
	size_t n_topics;
	struct kafka_group_answer *group;
	size_t n_groups;
	int32_t broker; /* ready to be asked; -1: the library chooses */
	/* Its own. */
	struct kafka_client *client;
	rd_kafka_queue_t *queue;
	size_t waiting;
	struct instant until;
};

/* Whether this library can ask for authorised operations. */
bool kafka_query_knows_acl(void);
/* Sends the questions and waits for the answers, for `patience` at the longest; a second call goes on waiting. `a` must
 * live on the heap. 1: all came; 0: some are missing (.came tells); -1 with *out filled. */
int kafka_query_run(struct kafka_client *client, struct kafka_query *a, struct instant patience,
		    struct diag *out);
/* The value the topic has for this setting, or NULL. */
const char *kafka_query_config(const struct kafka_topic_answer *topic, const char *name);

#endif
