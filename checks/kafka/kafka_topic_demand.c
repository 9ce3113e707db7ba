#include "kafka_topic_demand.h"

#include <ctype.h>

static size_t name_length(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
}

const char *kafka_topic_demand_problem(const char *text)
{
	struct kafka_topic_demand demand;
	size_t n = name_length(text);
	const char *value = text + n;
	int64_t number;

	if (n == 0 || (*value != '=' && !str_starts(value, ">=")))
		return "is not name=value or name>=number";
	value += *value == '>' ? 2 : 1;
	if (n >= sizeof demand.name || strlen(value) >= sizeof demand.value)
		return "is longer than a topic's setting can be";
	if (text[n] == '>' && parse_i64(value, INT64_MIN + 1, INT64_MAX, &number) < 0)
		return "has no number after >=";
	return NULL;
}

void kafka_topic_demand_parse(struct kafka_topic_demand *demand, const char *text)
{
	size_t n = name_length(text);

	demand->at_least = text[n] == '>';
	snprintf(demand->name, sizeof demand->name, "%.*s", (int)n, text);
	snprintf(demand->value, sizeof demand->value, "%s", text + n + (demand->at_least ? 2 : 1));
}

static size_t item_length(const char *list)
{
	return strcspn(list, ",");
}

static bool has_item(const char *list, const char *item, size_t n)
{
	for (; *list; list += item_length(list), list += *list == ',') {
		while (isspace((unsigned char)*list))
			list++;
		if (item_length(list) == n && strncmp(list, item, n) == 0)
			return true;
	}
	return n == 0;
}

/* Returns whether the list `b` has every item of the list `a`. */
static bool has_all_items(const char *a, const char *b)
{
	for (; *a; a += item_length(a), a += *a == ',') {
		while (isspace((unsigned char)*a))
			a++;
		if (!has_item(b, a, item_length(a)))
			return false;
	}
	return true;
}

static bool is_at_least(const struct kafka_topic_demand *demand, const char *value)
{
	int64_t have, want;

	if (parse_i64(demand->value, INT64_MIN + 1, INT64_MAX, &want) < 0 ||
	    parse_i64(value, INT64_MIN + 1, INT64_MAX, &have) < 0)
		return false;
	if (have == -1 && str_starts(demand->name, "retention."))
		return true;
	return have >= want;
}

bool kafka_topic_demand_met(const struct kafka_topic_demand *demand, const char *value)
{
	if (demand->at_least)
		return is_at_least(demand, value);
	return has_all_items(demand->value, value) && has_all_items(value, demand->value);
}
