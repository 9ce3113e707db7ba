"""A real Apache Kafka: one node in KRaft mode, from Maven's jars.

Listeners (all on 127.0.0.1):
  plaintext               no login; who comes here is User:ANONYMOUS, a super user
  sasl                    PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 without TLS
  ssl                     TLS with a certificate of `ca_file`; also User:ANONYMOUS without client
                          certificate (ssl_client_auth="required" demands one)
  dead_advertised         answers, and advertises an address where nobody listens
  unresolvable_advertised answers, and advertises a host name that does not resolve

Users of `sasl`, with every mechanism: admin (super user), limited (may read, write and describe
topics and use groups whose name begins with "open."), nobody (may nothing). add_acl() gives more.
"""

import hashlib
import json
import logging
import shutil
import subprocess

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from . import common
from .certs import Authority

VERSION = "4.1.1"
SCALA = "2.13"
SLF4J = "1.7.36"  # the API version that Kafka brings; without a back end it would log nothing
DEPENDENCY_PLUGIN = "3.8.1"

CLUSTER_ID = "c3RhcnRndWFyZC10ZXN0cw"  # 16 bytes in base64url without padding
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
USERS = {"admin": "admin-secret", "limited": "limited-secret", "nobody": "nobody-secret"}
LIMITED_PREFIX = "open."
ADMIN_SECONDS = 20

JVM_FLAGS = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)

POM = f"""<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>startguard.tests</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_{SCALA}</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>{SLF4J}</version>
    </dependency>
  </dependencies>
</project>
"""

# What librdkafka would print on stderr while nobody listens yet.
_quiet = logging.getLogger("startguard.tests.kafka")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


def install():
    """The folder with the jars."""
    return common.cached(f"kafka-{SCALA}-{VERSION}", _fetch_jars)


def _fetch_jars(folder):
    maven = common.find_program("mvn", package="real")
    (folder / "pom.xml").write_text(POM)
    goal = f"org.apache.maven.plugins:maven-dependency-plugin:{DEPENDENCY_PLUGIN}:copy-dependencies"
    common.run_tool(
        [maven, "-B", "-q", "-f", folder / "pom.xml", goal]
        + ["-DincludeScope=runtime", f"-DoutputDirectory={folder}"],
        what=f"fetching Apache Kafka {VERSION} with Maven",
    )


def _java(main_class, *arguments):
    java = common.find_program("java", package="real")
    return [java, *JVM_FLAGS, "-cp", f"{install()}/*", main_class, *arguments]


class KafkaServer(common.Server):
    """auto_create: topics come into being when a client asks. config: more server.properties."""

    name = "kafka"
    users = USERS

    def __init__(self, *, auto_create=False, ssl_client_auth="none", config=None):
        super().__init__()
        self.auto_create = auto_create
        self.ssl_client_auth = ssl_client_auth
        self.config = config or {}
        self._dead = None
        self._admin = None
        self._producer = None

    # --- starting ---

    def prepare(self):
        self._dead = common.DeadPort()
        self.dead_address = self._dead.address
        self.unresolvable_address = "name.invalid:9092"  # RFC 6761: never resolves
        ports = {name: common.reserve_port() for name in (*LISTENERS, "CONTROLLER")}
        self._ports = ports
        self.plaintext = f"127.0.0.1:{ports['PLAIN']}"
        self.sasl = f"127.0.0.1:{ports['SASL']}"
        self.ssl = f"127.0.0.1:{ports['TLS']}"
        self.dead_advertised = f"127.0.0.1:{ports['DEAD']}"
        self.unresolvable_advertised = f"127.0.0.1:{ports['LOST']}"

        authority = Authority(self.folder / "certs")
        self.ca_file = authority.ca_file
        self.client_cert_file, self.client_key_file = authority.issue("kafka-client", client=True)
        self._server_bundle = authority.bundle("kafka-server")

        shutil.copytree(_formatted(), self._data)
        self._properties.write_text(_text(self._settings()))

    @property
    def _data(self):
        return self.folder / "data"

    @property
    def _properties(self):
        return self.folder / "server.properties"

    def command(self):
        return _java("kafka.Kafka", self._properties)

    def is_ready(self):
        if not common.accepts(self._ports["PLAIN"]):
            return False
        try:
            if not self.admin.list_topics(timeout=2).brokers:
                return False
        except KafkaException:
            return False
        self._first_acls()
        return True

    def _settings(self):
        ports = self._ports
        advertised = {name: f"127.0.0.1:{ports[name]}" for name in LISTENERS}
        advertised["DEAD"] = self.dead_address
        advertised["LOST"] = self.unresolvable_address
        every = [*LISTENERS, "CONTROLLER"]
        settings = {
            **_base_settings(self._data, ports["CONTROLLER"]),
            "listeners": ",".join(f"{name}://127.0.0.1:{ports[name]}" for name in every),
            "advertised.listeners": ",".join(f"{n}://{a}" for n, a in advertised.items()),
            "listener.security.protocol.map": ",".join(
                f"{name}:{protocol}" for name, protocol in PROTOCOLS.items()
            ),
            "inter.broker.listener.name": "PLAIN",
            "auto.create.topics.enable": str(self.auto_create).lower(),
            **_small_cluster(),
            **_security(self.users),
            **self._tls(),
        }
        return {**settings, **self.config}

    def _tls(self):
        prefix = "listener.name.tls.ssl"
        return {
            f"{prefix}.keystore.type": "PEM",
            f"{prefix}.keystore.location": self._server_bundle,
            f"{prefix}.truststore.type": "PEM",
            f"{prefix}.truststore.location": self.ca_file,
            f"{prefix}.client.auth": self.ssl_client_auth,
        }

    def halt(self, *args):
        self._drop_clients()
        super().halt(*args)

    def close(self):
        if self._dead:
            self._dead.close()
            self._dead = None

    def _drop_clients(self):
        self._admin = None
        self._producer = None

    def addresses(self):
        return {
            "KAFKA_PLAINTEXT": self.plaintext,
            "KAFKA_SASL": self.sasl,
            "KAFKA_SSL": self.ssl,
            "KAFKA_DEAD_ADVERTISED": self.dead_advertised,
            "KAFKA_UNRESOLVABLE_ADVERTISED": self.unresolvable_advertised,
            "KAFKA_CA_FILE": self.ca_file,
            "KAFKA_USERS": ",".join(f"{user}:{word}" for user, word in self.users.items()),
        }

    # --- clients ---

    def client_properties(self, listener="plaintext", user=None, password=None, mechanism="PLAIN"):
        """librdkafka properties for a listener; password None is the right one."""
        properties = {"bootstrap.servers": getattr(self, listener)}
        if listener == "sasl":
            properties |= {
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": mechanism,
                "sasl.username": user,
                "sasl.password": self.users[user] if password is None else password,
            }
        if listener == "ssl":
            properties |= {"security.protocol": "SSL", "ssl.ca.location": str(self.ca_file)}
        return properties

    @property
    def admin(self):
        if self._admin is None:
            self._admin = quiet_admin(self.client_properties())
        return self._admin

    @property
    def producer(self):
        if self._producer is None:
            settings = {"linger.ms": 0, "message.timeout.ms": ADMIN_SECONDS * 1000}
            self._producer = Producer(self.client_properties() | settings, logger=_quiet)
        return self._producer

    # --- doing things to it; every call returns once the broker's own answers show it ---

    def topic_names(self):
        return set(self.admin.list_topics(timeout=ADMIN_SECONDS).topics)

    def create_topic(self, name, partitions=1, config=None):
        _all(self.admin.create_topics([NewTopic(name, partitions, 1, config=config or {})]))
        common.wait_for(lambda: self._leaders(name) == partitions, what=f"leaders of {name}")

    def _leaders(self, name):
        topic = self.admin.list_topics(timeout=ADMIN_SECONDS).topics.get(name)
        return sum(part.leader >= 0 for part in topic.partitions.values()) if topic else 0

    def delete_topic(self, name):
        _all(self.admin.delete_topics([name]))
        common.wait_for(lambda: name not in self.topic_names(), what=f"{name} gone")

    def set_topic_config(self, name, config):
        resource = ConfigResource(
            ConfigResource.Type.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(key, str(value), incremental_operation=AlterConfigOpType.SET)
                for key, value in config.items()
            ],
        )
        _all(self.admin.incremental_alter_configs([resource]))
        wanted = {key: str(value) for key, value in config.items()}
        common.wait_for(
            lambda: self._topic_config(name).items() >= wanted.items(), what=f"config of {name}"
        )

    def _topic_config(self, name):
        answers = self.admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name)])
        (answer,) = answers.values()
        return {key: entry.value for key, entry in answer.result(ADMIN_SECONDS).items()}

    def add_acl(
        self,
        user,
        operation,
        name,
        *,
        resource="topic",
        prefixed=False,
        permission="allow",
    ):
        """add_acl("limited", "read", "orders"); resource is topic, group, transactional_id, broker."""
        rule = _acl(user, operation, name, resource, prefixed, permission)
        _all(self.admin.create_acls([rule]))
        common.wait_for(lambda: self._acl_count(rule) == 1, what=f"rule {rule}")

    def remove_acl(self, user, operation, name, *, resource="topic", prefixed=False, permission="allow"):
        rule = _acl(user, operation, name, resource, prefixed, permission)
        _all(self.admin.delete_acls([_as_filter(rule)]))
        common.wait_for(lambda: self._acl_count(rule) == 0, what=f"no rule {rule}")

    def _acl_count(self, rule):
        return len(self.admin.describe_acls(_as_filter(rule)).result(ADMIN_SECONDS))

    def _first_acls(self):
        for operation in ("read", "write", "describe"):
            self.add_acl("limited", operation, LIMITED_PREFIX, prefixed=True)
        self.add_acl("limited", "read", LIMITED_PREFIX, resource="group", prefixed=True)

    def produce(self, topic, value, key=None, headers=None):
        """Returns once the broker has acknowledged it; raises KafkaException with its refusal."""
        failures = []

        def delivered(error, _message):
            if error is not None:
                failures.append(error)

        self.producer.produce(topic, value, key=key, headers=headers, on_delivery=delivered)
        if self.producer.flush(ADMIN_SECONDS + 1):
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"nothing delivered to {topic}"))
        if failures:
            raise KafkaException(failures[0])


PROTOCOLS = {
    "CONTROLLER": "PLAINTEXT",
    "PLAIN": "PLAINTEXT",
    "SASL": "SASL_PLAINTEXT",
    "TLS": "SSL",
    "DEAD": "PLAINTEXT",
    "LOST": "PLAINTEXT",
}
LISTENERS = tuple(name for name in PROTOCOLS if name != "CONTROLLER")


def quiet_admin(properties):
    """An AdminClient that reconnects at once and prints nothing."""
    settings = {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100}
    return AdminClient(properties | settings, logger=_quiet)


def _base_settings(data, controller_port):
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
    }


def _small_cluster():
    """Internal topics of one partition and one copy, few threads, no waiting for more members."""
    return {
        "num.partitions": 1,
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        "num.network.threads": 1,
        "num.io.threads": 2,
        "file.delete.delay.ms": 1000,
        "controlled.shutdown.enable": "false",
    }


def _security(users):
    package = "org.apache.kafka.common.security"
    names = " ".join(f'user_{user}="{password}"' for user, password in users.items())
    settings = {
        "sasl.enabled.mechanisms": ",".join(MECHANISMS),
        "listener.name.sasl.plain.sasl.jaas.config": (
            f"{package}.plain.PlainLoginModule required {names};"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:admin",
        "allow.everyone.if.no.acl.found": "false",
    }
    for mechanism in ("scram-sha-256", "scram-sha-512"):
        settings[f"listener.name.sasl.{mechanism}.sasl.jaas.config"] = (
            f"{package}.scram.ScramLoginModule required;"
        )
    return settings


def _text(settings):
    return "".join(f"{key}={value}\n" for key, value in settings.items())


# --- the formatted folder ---
# Formatting is a Java start of its own, and its result is the same every time: made once, copied.


def _formatted():
    recipe = json.dumps([VERSION, CLUSTER_ID, USERS, MECHANISMS]).encode()
    name = f"kafka-formatted-{hashlib.sha256(recipe).hexdigest()[:12]}"
    return common.cached(name, _format)


def _format(folder):
    properties = folder / "format.properties"
    settings = _base_settings(folder, 1) | {
        "listeners": "PLAIN://127.0.0.1:2,CONTROLLER://127.0.0.1:1",
        "listener.security.protocol.map": "PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAIN",
    }
    properties.write_text(_text(settings))
    command = _java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties))
    for user, password in USERS.items():
        for mechanism in MECHANISMS[1:]:
            command += ["--add-scram", f"{mechanism}=[name={user},password={password}]"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise common.StartError(f"formatting Kafka's folder failed:\n{done.stdout}")
    properties.unlink()


# --- the admin client's words ---


def _all(futures):
    for future in futures.values():
        future.result(ADMIN_SECONDS)


def _acl(user, operation, name, resource, prefixed, permission):
    return AclBinding(
        ResourceType[resource.upper()],
        name,
        ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        AclOperation[operation.upper()],
        AclPermissionType[permission.upper()],
    )


def _as_filter(rule):
    return AclBindingFilter(
        rule.restype,
        rule.name,
        rule.resource_pattern_type,
        rule.principal,
        rule.host,
        rule.operation,
        rule.permission_type,
    )
