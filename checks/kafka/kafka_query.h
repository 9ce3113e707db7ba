/* kafka_query: fetches settings and rights of topics and groups, which the metadata does not hold, all at once.
 *
 * It sends one admin request of each type: DescribeConfigs, DescribeTopics and DescribeConsumerGroups, the last two with the
 * operations this principal is authorized to (KIP-430; librdkafka 2.3 and newer). It only reads, and judges nothing: the check
 * kafka calls it, and kafka_acl, kafka_topic_config and kafka_group judge the answers. Child only.
 */
#ifndef SG_KAFKA_QUERY_H
#define SG_KAFKA_QUERY_H

#include "kafka_client.h"

/* The operations a principal is authorized to: a set of enum rd_kafka_AclOperation_t. */
struct kafka_operations {
	bool known;   /* the broker has sent the list */
	unsigned set; /* bit i: the operation with value i */
};
bool kafka_operations_include(struct kafka_operations list, int operation);

/* The answer about one topic or group. */
struct kafka_answer {
	bool asked, came;        /* whether to send the request, and whether an answer came */
	rd_kafka_resp_err_t err; /* error of the request, or of this topic or group */
	char reason[200];        /* the broker's or the library's text, when err is set */
};

struct kafka_config_value {
	const char *name, *value; /* value NULL: the broker hides it */
};
struct kafka_topic_answer {
	const char *name;
	struct kafka_answer config, rights;
	struct kafka_config_value *value; /* settings, from `config` */
	size_t n_values;
	struct kafka_operations operations; /* from `rights` */
};
struct kafka_group_answer {
	const char *name;
	bool
	    must_read; /* the principal must be authorized to read the group, not only to describe it */
	struct kafka_answer group;
	char coordinator[DIAG_SUBJECT_MAX]; /* "broker 2 at kafka-2:9092" */
	struct kafka_operations operations;
	rd_kafka_consumer_group_state_t state;
	size_t members;
	rd_kafka_topic_partition_list_t *assigned; /* to all members together */
};

struct kafka_query {
	/* Set by the caller, with topic[].config.asked and .rights.asked where an answer is wanted. */
	struct kafka_topic_answer *topic;
	size_t n_topics;
	struct kafka_group_answer *group;
	size_t n_groups;
	int32_t broker; /* id of a ready broker for requests about topics; -1: librdkafka chooses */
	/* Set by kafka_query_run. */
	struct kafka_client *client;
	rd_kafka_queue_t *queue;
	size_t waiting; /* requests without an answer */
	struct instant until;
};

/* Returns whether librdkafka can request authorized operations, both as compiled against and as loaded. */
bool kafka_query_lists_operations(void);
/* Sends the requests and waits for the answers until `until`; a second call continues to wait. `query` must live on the heap,
 * because the thread that sends may outlive the call. Missing answers are not a failure: `waiting` counts them. */
enum result kafka_query_run(struct kafka_client *client, struct kafka_query *query,
			    struct instant until, struct diag *out);
/* Returns the topic's value of this setting, or NULL. */
const char *kafka_query_config(const struct kafka_topic_answer *topic, const char *name);
/* Adds an operation and a name ("read orders") to the list of unverified rights. */
void kafka_add_unverified(struct str *unverified, const char *operation, const char *name);

#endif
