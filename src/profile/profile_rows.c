#include "json.h"
#include "profile_load.h"

static const char *const places[] = {PLACE_RUN, PLACE_CHECK, PLACE_HEALTH, NULL};

static const struct key common_keys[] = {
    KEY_BOOL(struct common_conf, required, .def = "true",
	     .doc = "The service is not started unless this holds. false needs degraded."),
    KEY_STRLIST(
	struct common_conf, required_in, .flags = K_MODES,
	.doc = "The modes in which it must hold, instead of required; elsewhere it may degrade.",
	.example = "[\"prod\", \"staging\"]"),
    KEY_STRLIST(struct common_conf, only_in, .flags = K_MODES,
		.doc = "The modes in which this check exists at all.", .example = "[\"dev\"]"),
    KEY_STRLIST(struct common_conf, only_at, .choices = places,
		.doc = "Where this check exists: run (before the service), check (the command), "
		       "health (--health, beside the running service). A free port is no question "
		       "for a HEALTHCHECK.",
		.example = "[\"run\"]"),
    KEY_STR(struct common_conf, degraded,
	    .doc = "One sentence: which capability is lost without it. Printed, reported, and put "
		   "into the service's "
		   "environment.",
	    .example = "\"working memory updates are not cached\""),
    KEY_PAIRLIST(
	struct common_conf, degraded_env, .flags = K_VARIABLES,
	.doc =
	    "Set for the service when this check degrades: the flag that turns the code path off.",
	.example = "[\"CACHE_ENABLED=0\"]"),
    KEY_DURATION(struct common_conf, timeout, .min = "10ms", .max = "24h",
		 .doc =
		     "How long it may take in all. Not given: the run's for a required check, 5s "
		     "for another (a flow: what its steps may take)."),
    KEY_DURATION(struct common_conf, attempt_timeout, .def = "5s", .min = "10ms", .max = "1h",
		 .doc =
		     "How long one attempt may take; then it is killed. Of python and exec, "
		     "which start programs, the default is 30s; of flow, what its steps may take."),
    KEY_BOOL(struct common_conf, retry, .def = "true",
	     .doc = "Whether failures that may pass are tried again. If not, they count as ones "
		    "that waiting cannot mend (exit 69)."),
    KEY_DURATION(
	struct common_conf, interval, .def = "0s", .max = "1h",
	.doc = "The least pause between two attempts. Without it the pauses grow from 10ms "
	       "to 1s, which a heavy command or a peer that counts connections may not like."),
    KEY_DURATION(struct common_conf, grace, .def = "0s", .max = "24h",
		 .doc =
		     "How long a failure that cannot pass by itself is retried all the same: for "
		     "users, ACLs and "
		     "schemas that a job is still creating."),
    KEY_STRLIST(struct common_conf, after,
		.doc = "Ids of checks that must have passed before the first attempt.",
		.example = "[\"kafka.events\"]"),
    KEY_STR(struct common_conf, description, .doc = "For readers of the report.",
	    .example = "\"reward events\""),
    KEY_END};
const struct schema common_schema = {.size = sizeof(struct common_conf), .keys = common_keys};

static const struct key switch_keys[] = {
    KEY_STRLIST(struct switch_conf, env, .flags = K_VARIABLES, .check = env_name_problem,
		.doc = "Variables that turn the switch on: 1, true, yes, on; 0, false, no, off or "
		       "empty are off.",
		.example = "[\"LEARNER_FORCE_JSON\"]"),
    KEY_PATH(struct switch_conf, file,
	     .doc = "JSON file that turns the switch on, instead of variables or beside them. One "
		    "that does not exist is off.",
	     .example = "\"data/runtime_overrides.json\""),
    KEY_STR(struct switch_conf, at, .check = json_pointer_problem,
	    .doc = "Where the flag stands in that file, as a JSON pointer: true, false, 1, 0, or a "
		   "text as in a variable. Nothing there, or null, is off.",
	    .example = "\"/force_json\""),
    KEY_BOOL(struct switch_conf, negated, .def = "false",
	     .doc = "The flag loosens when it is off, as REQUIRE_X=0 does. One that is not set, or "
		    "empty, never loosens."),
    KEY_STRLIST(struct switch_conf, allowed_in, .flags = K_MODES,
		.doc = "Modes in which it may be on; anywhere else the start is refused.",
		.example = "[\"dev\"]"),
    KEY_STRLIST(struct switch_conf, waives,
		.doc = "Checks that are waived while it is on: ids, * for any text.",
		.example = "[\"avro.*\", \"schema_registry.*\"]"),
    KEY_STR(struct switch_conf, degraded, .flags = K_REQUIRED,
	    .doc = "One sentence: what is lost while it is on.",
	    .example = "\"config updates are JSON\""),
    KEY_STR(struct switch_conf, description, .doc = "For readers of the profile.",
	    .example = "\"local work only\""),
    KEY_END};
const struct schema switch_schema = {.size = sizeof(struct switch_conf), .keys = switch_keys};

static const struct key top_keys[] = {
    KEY_INT(struct top_conf, startguard, .flags = K_REQUIRED, .min = "1", .max = "1",
	    .doc = "Version of the profile format, always 1.", .example = "1"),
    KEY_STR(struct top_conf, service,
	    .doc = "Name of the service, for the report (default: the file's name without .cfg).",
	    .example = "\"learner_online\""),
    KEY_STR(struct top_conf, mode, .def = "prod",
	    .doc = "dev, staging or prod, or a name from modes.",
	    .example = "\"${APP_MODE:-prod}\""),
    KEY_GROUP(struct top_conf, modes, struct modes_conf, .sub = &modes_schema,
	      .doc = "Further names this system uses for a mode.",
	      .example = "{ prod = [\"enterprise\"]; }"),
    KEY_DURATION(struct top_conf, timeout, .def = "60s", .max = "24h",
		 .doc = "The whole run; 0 is for ever."),
    KEY_INT(struct top_conf, parallel, .def = "32", .min = "1", .max = "1024",
	    .doc = "Attempts at once."),
    KEY_STR(struct top_conf, description, .doc = "For readers of the profile.",
	    .example = "\"learns from rewards\""),
    KEY_END};
const struct schema top_schema = {.size = sizeof(struct top_conf), .keys = top_keys};
