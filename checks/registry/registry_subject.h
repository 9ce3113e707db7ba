/* registry_subject: what a profile demands of one subject, and what the registry has of it. Types only. */
#ifndef SG_REGISTRY_SUBJECT_H
#define SG_REGISTRY_SUBJECT_H

#include "web.h"

struct registry_subject {
	const char *name, *version, *schema;
	struct strlist types;
	int must, type, compatibility;
};

/* A subject whose demanded version the registry has. */
struct registry_found {
	const struct web_request *base;
	const struct registry_subject *sub;
	const json_t *entry; /* the registry's answer about the version */
	const char *type;    /* of the registered schema: "AVRO" */
	const char *escaped; /* the subject's name as a part of a path */
	const char *name;    /* for diagnoses: "subject orders-value" */
};

#endif
