"""A real Apache Kafka: one node in KRaft mode, from Maven's jars. Several nodes: kafka_cluster.py.

Listeners (all on 127.0.0.1):
  plaintext               no login; who comes here is User:ANONYMOUS, a super user
  sasl                    PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 without TLS
  ssl                     TLS with a certificate of `ca_file`; also User:ANONYMOUS
  sasl_ssl                the same logins over TLS
  mtls                    TLS that demands a client certificate of `ca_file`; who has
                          the certificate `client` is a super user
  dead_advertised         answers, and advertises an address where nobody listens
  unresolvable_advertised answers, and advertises a host name that does not resolve
  expired, not_yet_valid, wrong_name, other_ca, self_signed
                          TLS with a certificate that has this wrong with it
  expired_advertised      TLS and a good certificate; advertises the listener `expired`
  ssl_advertised          plaintext; advertises the listener `ssl`
  sasl_advertised         plaintext; advertises the listener `sasl`
  controller              the controllers' own listener, which no client has business with

Users of `sasl` and `sasl_ssl`, with every mechanism: admin (super user), limited (may read, write
and describe topics and use groups whose name begins with "open."), nobody and the services of a
real system (may nothing). add_acl() gives more.
"""

import hashlib
import json
import shutil
import subprocess

from confluent_kafka import KafkaException

from fakes.certs import Authority

from . import common
from .kafka_admin import Admin
from .kafka_jars import VERSIONS, java

CLUSTER_ID = "c3RhcnRndWFyZC10ZXN0cw"  # 16 bytes in base64url without padding
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
# No word of a password may stand in a group or topic: what is printed is cleaned of the pieces of secrets, too.
USERS = {
    "admin": "admin-secret",
    "limited": "limited-secret",
    "nobody": "nobody-secret",
    "integrator": "sesame-314159",
    "predictors": "sesame-265358",
    "segmentation": "sesame-979323",
    "orchestrator": "sesame-846264",
}
CLIENT = "kafka-client"  # name in the client's certificate
LIMITED_PREFIX = "open."

# Listener -> (attribute of KafkaServer, protocol, what it advertises instead of itself, certificate)
LISTENERS = {
    "PLAIN": ("plaintext", "PLAINTEXT", None, None),
    "SASL": ("sasl", "SASL_PLAINTEXT", None, None),
    "TLS": ("ssl", "SSL", None, "good"),
    "SASLTLS": ("sasl_ssl", "SASL_SSL", None, "good"),
    "MTLS": ("mtls", "SSL", None, "good"),
    "DEAD": ("dead_advertised", "PLAINTEXT", "dead", None),
    "LOST": ("unresolvable_advertised", "PLAINTEXT", "lost", None),
    "EXPIRED": ("expired", "SSL", None, "expired"),
    "FUTURE": ("not_yet_valid", "SSL", None, "not_yet_valid"),
    "MISNAMED": ("wrong_name", "SSL", None, "wrong_name"),
    "ALIEN": ("other_ca", "SSL", None, "other_ca"),
    "SELF": ("self_signed", "SSL", None, "self_signed"),
    "TOEXPIRED": ("expired_advertised", "SSL", "EXPIRED", "good"),
    "TOTLS": ("ssl_advertised", "PLAINTEXT", "TLS", None),
    "TOSASL": ("sasl_advertised", "PLAINTEXT", "SASL", None),
}
PROTOCOLS = {"CONTROLLER": "PLAINTEXT"} | {name: row[1] for name, row in LISTENERS.items()}


class KafkaServer(Admin, common.Server):
    """auto_create: topics come into being when a client asks. config: more server.properties. version: of Kafka."""

    name = "kafka"
    users = USERS

    def __init__(self, *, auto_create=False, config=None, version=None):
        super().__init__()
        self.version = version or VERSIONS[0]
        self.auto_create = auto_create
        self.config = config or {}
        self._dead = None

    # --- starting ---

    def prepare(self):
        self._dead = common.DeadPort()
        self.dead_address = self._dead.address
        self.unresolvable_address = "name.invalid:9092"  # RFC 6761: never resolves
        self._ports = {name: common.reserve_port() for name in PROTOCOLS}
        for name, (attribute, *_) in LISTENERS.items():
            setattr(self, attribute, self._address(name))
        self.controller = self._address("CONTROLLER")
        self._make_certificates()
        shutil.copytree(formatted(self.version), self._data)
        self._properties.write_text(text(self._settings()))

    def _address(self, listener):
        return f"127.0.0.1:{self._ports[listener]}"

    def _make_certificates(self):
        authority = Authority(self.folder / "certs")
        other = Authority(self.folder / "other-certs", name="another test CA")
        self.ca_file = authority.ca_file
        self.client = authority.issue(CLIENT, client=True)
        self.expired_client = authority.expired(client=True)
        self.other_client = other.issue(client=True)
        self._bundles = {
            "good": authority.issue().bundle(),
            "expired": authority.expired().bundle(),
            "not_yet_valid": authority.not_yet_valid().bundle(),
            "wrong_name": authority.wrong_name().bundle(),
            "other_ca": other.issue().bundle(),
            "self_signed": authority.self_signed().bundle(),
        }

    @property
    def _data(self):
        return self.folder / "data"

    @property
    def _properties(self):
        return self.folder / "server.properties"

    def command(self):
        return java(self.version, "kafka.Kafka", self._properties)

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

    def _first_acls(self):
        for operation in ("read", "write", "describe"):
            self.add_acl("limited", operation, LIMITED_PREFIX, prefixed=True)
        self.add_acl("limited", "read", LIMITED_PREFIX, resource="group", prefixed=True)

    def _settings(self):
        elsewhere = {"dead": self.dead_address, "lost": self.unresolvable_address}
        advertised = {
            name: elsewhere.get(other) or self._address(other or name) for name, (_, _, other, _) in LISTENERS.items()
        }
        settings = {
            **base_settings(self._data, 1, self.controller),
            "process.roles": "broker,controller",
            "listeners": ",".join(f"{name}://{self._address(name)}" for name in PROTOCOLS),
            "advertised.listeners": ",".join(f"{n}://{a}" for n, a in advertised.items()),
            "listener.security.protocol.map": ",".join(f"{n}:{p}" for n, p in PROTOCOLS.items()),
            "inter.broker.listener.name": "PLAIN",
            "auto.create.topics.enable": str(self.auto_create).lower(),
            "controlled.shutdown.enable": "false",
            **small(copies=1),
            **_security(self.users),
            **self._tls(),
        }
        return {**settings, **self.config}

    def _tls(self):
        settings = {}
        for name, (*_, certificate) in LISTENERS.items():
            if not certificate:
                continue
            prefix = f"listener.name.{name.lower()}.ssl"
            settings |= {
                f"{prefix}.keystore.type": "PEM",
                f"{prefix}.keystore.location": self._bundles[certificate],
                f"{prefix}.truststore.type": "PEM",
                f"{prefix}.truststore.location": self.ca_file,
                f"{prefix}.client.auth": "required" if name == "MTLS" else "none",
            }
        return settings

    def halt(self, *args):
        self._drop_clients()
        super().halt(*args)

    def close(self):
        if self._dead:
            self._dead.close()
            self._dead = None

    def client_properties(self, listener="plaintext", user=None, password=None, mechanism="PLAIN"):
        """librdkafka properties for a listener; password None is the right one."""
        (protocol,) = (row[1] for row in LISTENERS.values() if row[0] == listener)
        properties = {"bootstrap.servers": getattr(self, listener)}
        if protocol != "PLAINTEXT":
            properties["security.protocol"] = protocol
        if protocol.startswith("SASL"):
            properties |= {
                "sasl.mechanism": mechanism,
                "sasl.username": user,
                "sasl.password": self.users[user] if password is None else password,
            }
        if protocol.endswith("SSL"):
            properties["ssl.ca.location"] = str(self.ca_file)
        return properties


# --- server.properties ---


def base_settings(data, node, controller):
    return {
        "node.id": node,
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
    }


def small(copies):
    """Internal topics of one partition and as many copies, few threads, no waiting for more members."""
    least = 1 if copies == 1 else copies - 1
    return {
        "num.partitions": 1,
        "default.replication.factor": copies,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": least,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": least,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        "num.network.threads": 1,
        "num.io.threads": 2,
        "file.delete.delay.ms": 1000,
    }


def _security(users):
    package = "org.apache.kafka.common.security"
    names = " ".join(f'user_{user}="{password}"' for user, password in users.items())
    settings = {
        "sasl.enabled.mechanisms": ",".join(MECHANISMS),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:ANONYMOUS;User:admin;User:CN={CLIENT}",
        "allow.everyone.if.no.acl.found": "false",
    }
    for listener in ("sasl", "sasltls"):
        prefix = f"listener.name.{listener}"
        settings[f"{prefix}.plain.sasl.jaas.config"] = f"{package}.plain.PlainLoginModule required {names};"
        for mechanism in ("scram-sha-256", "scram-sha-512"):
            settings[f"{prefix}.{mechanism}.sasl.jaas.config"] = f"{package}.scram.ScramLoginModule required;"
    return settings


def text(settings):
    return "".join(f"{key}={value}\n" for key, value in settings.items())


# --- the formatted folder ---
# Formatting is a Java start of its own, and its result is the same every time: made once, copied.


def formatted(version):
    recipe = json.dumps([version, CLUSTER_ID, USERS, MECHANISMS]).encode()
    name = f"kafka-formatted-{hashlib.sha256(recipe).hexdigest()[:12]}"
    return common.cached(name, lambda folder: _format(folder, version))


def _format(folder, version):
    properties = folder / "format.properties"
    settings = base_settings(folder, 1, "127.0.0.1:1") | {
        "process.roles": "broker,controller",
        "listeners": "PLAIN://127.0.0.1:2,CONTROLLER://127.0.0.1:1",
        "listener.security.protocol.map": "PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAIN",
    }
    properties.write_text(text(settings))
    command = java(version, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties)
    for user, password in USERS.items():
        for mechanism in MECHANISMS[1:]:
            command += ["--add-scram", f"{mechanism}=[name={user},password={password}]"]
    done = subprocess.run(
        [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise common.StartError(f"formatting Kafka's folder failed:\n{done.stdout}")
    properties.unlink()
