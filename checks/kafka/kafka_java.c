#include "kafka_java.h"

#include <string.h>
#include <strings.h>

#include "util.h"

/* ---- login modules --------------------------------------------------------------------------------------------- */

#define OIDC                                                                            \
	"sasl.oauthbearer.method=oidc, sasl.oauthbearer.client.id, .client.secret and " \
	".token.endpoint.url"
#define KERBEROS "sasl.kerberos.principal, sasl.kerberos.keytab and sasl.kerberos.service.name"
#define MSK                                                                                    \
	"SCRAM, mTLS, or OAUTHBEARER with a token (on MSK: librdkafka has no AWS_MSK_IAM, so " \
	"this check cannot log in by it)"

const char *kafka_java_login(const char *jaas)
{
	static const struct {
		const char *module, *here;
	} table[] = {
	    {"PlainLoginModule", "sasl.username and sasl.password"},
	    {"ScramLoginModule", "sasl.username and sasl.password"},
	    {"OAuthBearerLoginModule", OIDC},
	    {"IAMLoginModule", MSK},
	    {"Krb5LoginModule", KERBEROS},
	};
	size_t end = strcspn(jaas, "=;"); /* options of the module may hold anything */

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *at = strstr(jaas, table[i].module);

		if (at && (size_t)(at - jaas) < end)
			return table[i].here;
	}
	return NULL;
}

static const char *login_equivalent(const char *jaas)
{
	const char *here = kafka_java_login(jaas);

	return here ? here
		    : "what librdkafka can do without a Java login module: sasl.username and "
		      "sasl.password, sasl.oauthbearer.* or sasl.kerberos.*";
}

/* A callback handler of OAUTHBEARER has an equivalent, unlike that of another mechanism. */
static const char *callback_equivalent(const char *class_name)
{
	return strcasestr(class_name, "oauth") ? "sasl.oauthbearer.method and its properties" : "";
}

const char *kafka_mechanism_hint(const char *mechanism)
{
	static const char *const known[] = {"GSSAPI", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512",
					    "OAUTHBEARER"};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq(known[i], mechanism))
			return NULL;
	if (strcasecmp(mechanism, "AWS_MSK_IAM") == 0)
		return "this check cannot log in by AWS_MSK_IAM, which only Amazon's plugins for "
		       "clients have: give it OAUTHBEARER with a token, SCRAM, or mTLS";
	return "librdkafka has GSSAPI, PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER, in "
	       "capitals";
}

/* ---- keystores ------------------------------------------------------------------------------------------------- */

static const char *store_type_equivalent(const char *type)
{
	if (strcasecmp(type, "PKCS12") == 0)
		return "";
	if (strcasecmp(type, "PEM") == 0)
		return "ssl.certificate.location and ssl.key.location, two PEM files";
	return "a PKCS#12 file, which keytool -importkeystore makes of it";
}

/* ---- properties ------------------------------------------------------------------------------------------------ */

static const struct {
	const char *java, *here;
	const char *(*by_value)(const char *value); /* in place of `here` */
} properties[] = {
    {"sasl.jaas.config", NULL, login_equivalent},
    {"sasl.login.callback.handler.class", NULL, callback_equivalent},
    {"ssl.keystore.type", NULL, store_type_equivalent},
    {"ssl.truststore.location", "ssl.ca.location, a PEM file (keytool -exportcert -rfc)", NULL},
    {"ssl.truststore.password", "", NULL},
    {"ssl.truststore.type", "", NULL},
    {"ssl.truststore.certificates", "ssl.ca.pem", NULL},
    {"ssl.keystore.key", "ssl.key.pem", NULL},
    {"ssl.keystore.certificate.chain", "ssl.certificate.pem", NULL},
    {"ssl.enabled.protocols", "", NULL},
    {"ssl.protocol", "", NULL},
    {"sasl.client.callback.handler.class", "", NULL},
    {"sasl.oauthbearer.token.endpoint", "sasl.oauthbearer.token.endpoint.url", NULL},
    {"key.serializer", "", NULL},
    {"value.serializer", "", NULL},
    {"key.deserializer", "", NULL},
    {"value.deserializer", "", NULL},
    {"interceptor.classes", "", NULL},
    {"max.poll.records", "", NULL},
    {"buffer.memory", "queue.buffering.max.kbytes", NULL},
    {"max.block.ms", "", NULL},
    {"max.request.size", "message.max.bytes", NULL},
    {"fetch.max.wait.ms", "fetch.wait.max.ms", NULL},
    {"partitioner.class", "partitioner", NULL},
    {"send.buffer.bytes", "socket.send.buffer.bytes", NULL},
    {"receive.buffer.bytes", "socket.receive.buffer.bytes", NULL},
    {"default.api.timeout.ms", "", NULL},
    {"exclude.internal.topics", "", NULL},
    {"metric.reporters", "", NULL},
    {"auto.include.jmx.reporter", "", NULL},
    {"sasl.login.class", "", NULL},
    {"security.providers", "ssl.providers, OpenSSL's", NULL},
    {"ssl.keymanager.algorithm", "", NULL},
    {"ssl.trustmanager.algorithm", "", NULL},
    {"ssl.provider", "ssl.providers, OpenSSL's", NULL},
    {"ssl.secure.random.implementation", "", NULL},
    {"ssl.engine.factory.class", "", NULL},
};

const char *kafka_java_property(const char *name, const char *value)
{
	for (size_t i = 0; i < ARRAY_LEN(properties); i++)
		if (str_eq(properties[i].java, name))
			return properties[i].by_value ? properties[i].by_value(value)
						      : properties[i].here;
	return NULL;
}
