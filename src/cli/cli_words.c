#include "cli_words.h"

#include "str.h"

const char *cli_option_meant(const char *name)
{
	static const char *const words[][2] = {{"config", "profile"},
					       {"file", "profile"},
					       {"conf", "profile"},
					       {"wait-for", "wait"},
					       {"url", "wait"},
					       {"deadline", "timeout"},
					       {"max-wait", "timeout"},
					       {"environment", "mode"},
					       {"env", "mode"},
					       {"silent", "quiet"},
					       {"debug", "verbose"},
					       {"no-color", "color"},
					       {"exclude", "skip"},
					       {"include", "only"},
					       {"concurrency", "parallel"},
					       {"jobs", "parallel"},
					       {"wait-timeout", "timeout"},
					       {"max-time", "timeout"},
					       {"c", "profile"},
					       {"f", "profile"},
					       {"u", "wait"},
					       {"d", "verbose"}};

	return word_meaning(name, words, ARRAY_LEN(words));
}

const char *cli_option_remedy(const char *name)
{
	static const char *const rows[][2] = {
#define TRIED "attempts are made until -t is over; a profile has interval = \"1s\""
	    {"interval", TRIED},
	    {"i", TRIED},
	    {"retry-interval", TRIED},
	    {"wait-retry-interval", TRIED},
	    {"wait-sleep-interval", TRIED},
	    {"sleep", TRIED},
	    {"delay", TRIED},
	    {"retry", TRIED},
	    {"retries", TRIED},
	    {"max-retries", TRIED},
	    {"attempts", TRIED},
	    {"tries", TRIED},
#undef TRIED
#define STRICT "the command is never started when a required check fails"
	    {"strict", STRICT},
	    {"s", STRICT},
#undef STRICT
#define VERIFIED "certificates are always verified; a profile has ca_file for a CA of your own"
	    {"insecure", VERIFIED},
	    {"k", VERIFIED},
	    {"insecure-skip-tls-verify", VERIFIED},
	    {"skip-tls-verify", VERIFIED},
	    {"no-check-certificate", VERIFIED},
#undef VERIFIED
#define OF_CHECK "it belongs to a check: startguard try http url=URL status=200, or a profile"
	    {"expect-status-code", OF_CHECK},
	    {"expect-status", OF_CHECK},
	    {"status", OF_CHECK},
	    {"expect-body-regex", OF_CHECK},
	    {"expect-body-json", OF_CHECK},
	    {"header", OF_CHECK},
	    {"http-header", OF_CHECK},
	    {"wait-http-header", OF_CHECK},
	    {"method", OF_CHECK},
#undef OF_CHECK
	    {"json", "write --format json"},
	    {"junit", "write --format junit"},
	    {"o", "write --format FORMAT, and --output FILE for a file"},
	    {"dry-run", "startguard lint reads a profile, startguard check makes one round"},
	    {"once", "startguard check makes one round"},
	    {"no-retry", "startguard check makes one round"},
	    {"log-level", "write -v or -q"},
	    {"loglevel", "write -v or -q"},
	    {"cmd", "write -- before the command to start"},
	    {"command", "write -- before the command to start"},
	    {"host", "write -w tcp://HOST:PORT"},
	    {"port", "write -w tcp://HOST:PORT"},
	};

	return word_meaning(name, rows, ARRAY_LEN(rows));
}

const char *cli_command_remedy(const char *word)
{
	static const char *const rows[][2] = {
	    {"validate", "did you mean \"lint\"?"},
	    {"verify", "did you mean \"lint\"?"},
	    {"config", "did you mean \"lint\"?"},
	    {"health", "for a HEALTHCHECK write: check --health"},
	    {"healthcheck", "for a HEALTHCHECK write: check --health"},
	    {"wait", "to wait for a URL write: startguard -w URL"},
	    {"wait-for", "to wait for a URL write: startguard -w URL"},
	    {"list", "did you mean \"explain\"?"},
	    {"kinds", "did you mean \"explain\"?"},
	    {"docs", "did you mean \"explain\"?"},
	    {"describe", "did you mean \"explain\"?"},
	    {"init", "a profile with every key is printed by: explain --profile"},
	    {"new", "a profile with every key is printed by: explain --profile"},
	    {"generate", "a profile with every key is printed by: explain --profile"},
	    {"example", "a profile with every key is printed by: explain --profile"},
	};

	return word_meaning(word, rows, ARRAY_LEN(rows));
}
