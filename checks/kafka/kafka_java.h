/* kafka_java: what the settings of the Java client mean, and what does the same in librdkafka.
 *
 * Profiles often name the properties file of a Java service. Sources: the Java client's configuration reference, the login modules'
 * own documents, librdkafka's CONFIGURATION.md. kafka_client_prop calls it. Pure; it returns no part of a secret.
 */
#ifndef SG_KAFKA_JAVA_H
#define SG_KAFKA_JAVA_H

/* Returns librdkafka's equivalent of a Java client's property with this value, "" when it has none, or NULL for any other property. */
const char *kafka_java_property(const char *name, const char *value);
/* Returns the equivalent of a JAAS line, by the login module that it names; NULL when it names none that is known. */
const char *kafka_java_login(const char *jaas);
/* Returns NULL for a SASL mechanism that librdkafka has (2.0 to 2.15), else one sentence about what to do. */
const char *kafka_mechanism_hint(const char *mechanism);

#endif
