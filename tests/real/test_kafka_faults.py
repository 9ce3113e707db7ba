"""Kafka's faults, one row each: the code that is given is the expected one, and where waiting cannot help the run ends.

Those a real broker can be brought to are done to real ones, of every version the tests know, and each run is held
between two dumps of the cluster: with auto.create.topics.enable no check leaves a trace. What a real broker cannot be
made to do is done by the fakes. The table with the times: kafka-faults.md beside the program.
"""

import contextlib

import pytest
from kafka_lab import PASSING, PERMANENT, Fault, Lab, library, profile, provoke, unchanged

from fakes.certs import Authority
from fakes.dns import DnsServer
from fakes.http import HttpServer, Reply
from fakes.kafka import LEADER_NOT_AVAILABLE, METADATA, FakeKafka
from fakes.tcp import TcpServer, close_at_once, full_backlog, garbage, refused_port, reset_after_request, silent
from servers.kafka import KafkaServer
from servers.kafka_jars import VERSIONS

pytestmark = pytest.mark.timeout(120)
OPEN = "open.orders"  # which the user "limited" may use
CLOSED = "closed.orders"  # which only the super users may
STRICT = "open.strict"  # wants two copies in sync and has one
CANARY = "open.canary"


@pytest.fixture(scope="module", params=VERSIONS)
def kafka(request):
    with KafkaServer(auto_create=True, version=request.param) as server:
        server.create_topic(OPEN, 3)
        server.create_topic(CLOSED, 1)
        server.create_topic(STRICT, 1, config={"min.insync.replicas": "2"})
        server.create_topic(CANARY, 1)
        # What a service has left in the cluster; and the coordinators' own topics are there.
        server.commit("open.group", OPEN, 0)
        server.transact("open.transaction", OPEN, b"a record")
        yield server


# ---- real ------------------------------------------------------------------------------------------------------------


def limited(lab, **keys):
    return lab.at("sasl", user="limited", **keys)


def scram(good):
    """Before 2.6.1 librdkafka's SCRAM fails with the words of a wrong password, whatever the password."""
    return lambda lab, guard: "kafka-library-old" if library(guard) < (2, 6, 1) else good


def lists(good):
    """Before 2.3 librdkafka cannot ask for the operations a principal is authorized to."""
    return lambda lab, guard: "kafka-library-old" if library(guard) < (2, 3, 0) else good


def may(lab, *operations, **keys):
    """The user "nobody" with these rights on CLOSED and no others."""
    for one in operations:
        lab.allow("nobody", one, CLOSED)
    demand = {"operations": keys.pop("operations")} if "operations" in keys else {}
    return lab.at("sasl", user="nobody", topics=[{"name": CLOSED} | demand], **keys)


def only_described(lab):
    lab.allow("limited", "describe", "closed.group", resource="group")
    return limited(lab, topics=[OPEN], groups=["closed.group"])


def own_id_only(lab):
    for one in ("write", "describe"):
        lab.allow("limited", one, "closed.orders-1", resource="transactional_id")
    return limited(lab, transactional_id="closed.orders-1")


def throttled(lab):
    """The producer has used up its quota for some time to come."""
    lab.kafka.set_quota("limited", "producer_byte_rate", 1)
    lab.stack.callback(lab.kafka.set_quota, "limited", "producer_byte_rate", None)
    return limited(lab, canary={"topic": CANARY, "max_latency": "1s"}, attempt_timeout=lab.guard.span(3))


REAL = [
    # Protocols that do not fit.
    Fault("plaintext client, TLS listener", "tls-required", PERMANENT, lambda lab: lab.as_if("PLAINTEXT", "ssl"), phase="tls"),
    Fault(
        "plaintext client, SASL listener",
        "auth-required",
        PERMANENT,
        lambda lab: lab.as_if("PLAINTEXT", "sasl"),
        cause="SCRAM-SHA-512",
    ),
    Fault("plaintext client, SASL_SSL listener", "tls-required", PERMANENT, lambda lab: lab.as_if("PLAINTEXT", "sasl_ssl")),
    Fault("TLS client, plaintext listener", "tls-peer-is-plaintext", PERMANENT, lambda lab: lab.as_if("SSL", "plaintext")),
    Fault("TLS client, SASL_PLAINTEXT listener", "tls-peer-is-plaintext", PERMANENT, lambda lab: lab.as_if("SSL", "sasl")),
    Fault("TLS client, SASL_SSL listener", "auth-required", PERMANENT, lambda lab: lab.as_if("SSL", "sasl_ssl")),
    Fault(
        "SASL client, plaintext listener",
        "auth-mechanism",
        PERMANENT,
        lambda lab: lab.as_if("SASL_PLAINTEXT", "plaintext"),
        hint="wants no login",
    ),
    Fault("SASL client, TLS listener", "tls-required", PERMANENT, lambda lab: lab.as_if("SASL_PLAINTEXT", "ssl")),
    Fault("SASL client, SASL_SSL listener", "tls-required", PERMANENT, lambda lab: lab.as_if("SASL_PLAINTEXT", "sasl_ssl")),
    Fault(
        "SASL_SSL client, TLS listener",
        "auth-mechanism",
        PERMANENT,
        lambda lab: lab.as_if("SASL_SSL", "ssl"),
        hint="wants no login",
    ),
    Fault(
        "SASL_SSL client, SASL_PLAINTEXT listener",
        "tls-peer-is-plaintext",
        PERMANENT,
        lambda lab: lab.as_if("SASL_SSL", "sasl"),
    ),
    Fault(
        "the controllers' listener",
        "protocol-mismatch",
        PERMANENT,
        lambda lab: lab.as_if("PLAINTEXT", "controller"),
        cause="controller",
    ),
    # Login.
    Fault(
        "wrong password, PLAIN", "auth-failed", PERMANENT, lambda lab: lab.at("sasl", user="limited", password="rotated-away")
    ),
    Fault(
        "wrong password, PLAIN over TLS",
        "auth-failed",
        PERMANENT,
        lambda lab: lab.at("sasl_ssl", user="limited", password="rotated-away"),
    ),
    Fault(
        "unknown user",
        "auth-failed",
        PERMANENT,
        lambda lab: lab.keys(lab.kafka.client_properties("sasl", "admin", "some-password") | {"sasl.username": "stranger"}),
    ),
    Fault(
        "wrong password, SCRAM-SHA-256",
        scram("auth-failed"),
        PERMANENT,
        lambda lab: lab.at("sasl", user="limited", password="rotated-away", mechanism="SCRAM-SHA-256"),
    ),
    Fault(
        "wrong password, SCRAM-SHA-512 over TLS",
        scram("auth-failed"),
        PERMANENT,
        lambda lab: lab.at("sasl_ssl", user="limited", password="rotated-away", mechanism="SCRAM-SHA-512"),
    ),
    Fault(
        "mechanism not offered",
        "auth-mechanism",
        PERMANENT,
        lambda lab: lab.keys(
            {
                "bootstrap.servers": lab.kafka.sasl,
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "OAUTHBEARER",
                "enable.sasl.oauthbearer.unsecure.jwt": "true",
                "sasl.oauthbearer.config": "principal=admin",
            }
        ),
        cause="SCRAM-SHA-256",
    ),
    Fault(
        "no token for OAUTHBEARER",
        "auth-failed",
        PERMANENT,
        lambda lab: lab.keys(
            {
                "bootstrap.servers": lab.kafka.sasl,
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "OAUTHBEARER",
                "enable.sasl.oauthbearer.unsecure.jwt": "true",
            }
        ),
        cause="token",
    ),
    # Certificates.
    Fault("certificate expired", "tls-expired", PERMANENT, lambda lab: lab.at("expired")),
    Fault("certificate not yet valid", "tls-not-yet-valid", PASSING, lambda lab: lab.at("not_yet_valid")),
    Fault("certificate for another name", "tls-wrong-name", PERMANENT, lambda lab: lab.at("wrong_name")),
    Fault("certificate of an unknown authority", "tls-unknown-ca", PERMANENT, lambda lab: lab.at("other_ca")),
    Fault("certificate signed by itself", "tls-self-signed", PERMANENT, lambda lab: lab.at("self_signed")),
    Fault("client certificate missing", "tls-client-cert-required", PERMANENT, lambda lab: lab.at("mtls")),
    Fault(
        "client certificate of an unknown authority",
        "tls-client-cert-refused",
        PERMANENT,
        lambda lab: lab.at("mtls", cert=lab.kafka.other_client),
    ),
    Fault(
        "client certificate expired",
        "tls-client-cert-refused",
        PERMANENT,
        lambda lab: lab.at("mtls", cert=lab.kafka.expired_client),
    ),
    # Advertised addresses.
    Fault(
        "advertised address refuses",
        "kafka-advertised-unreachable",
        PASSING,
        lambda lab: lab.at("dead_advertised"),
        subject="broker 1 at",
    ),
    Fault(
        "advertised name unknown",
        "kafka-advertised-unresolvable",
        PASSING,
        lambda lab: lab.at("unresolvable_advertised"),
        subject="broker 1 at name.invalid:9092",
    ),
    Fault(
        "advertised listener has an expired certificate",
        "tls-expired",
        PERMANENT,
        lambda lab: lab.at("expired_advertised"),
        subject="broker 1 at",
    ),
    Fault(
        "advertised listener speaks TLS", "tls-required", PERMANENT, lambda lab: lab.at("ssl_advertised"), subject="broker 1 at"
    ),
    Fault(
        "advertised listener wants a login",
        "auth-required",
        PERMANENT,
        lambda lab: lab.at("sasl_advertised"),
        subject="broker 1 at",
    ),
    # The cluster and its topics.
    Fault("another cluster", "kafka-wrong-cluster", PERMANENT, lambda lab: lab.at("plaintext", cluster_id="production")),
    Fault("fewer brokers than demanded", "kafka-too-few-brokers", PASSING, lambda lab: lab.at("plaintext", min_brokers=2)),
    Fault("topic missing", "kafka-topic-missing", PASSING, lambda lab: lab.at("plaintext", topics=["absent"])),
    Fault(
        "topic missing, for who may describe it",
        "kafka-topic-missing",
        PASSING,
        lambda lab: limited(lab, topics=["open.absent"]),
    ),
    Fault(
        "topic denied",
        "kafka-topic-denied",
        PERMANENT,
        lambda lab: limited(lab, topics=[OPEN, CLOSED]),
        subject=f"topic {CLOSED}",
    ),
    Fault(
        "topic denied that does not exist", "kafka-topic-denied", PERMANENT, lambda lab: limited(lab, topics=["closed.absent"])
    ),
    Fault(
        "other number of partitions",
        "kafka-partitions",
        PERMANENT,
        lambda lab: lab.at("plaintext", topics=[{"name": OPEN, "partitions": 4}]),
    ),
    Fault(
        "fewer partitions than demanded",
        "kafka-partitions",
        PERMANENT,
        lambda lab: lab.at("plaintext", topics=[{"name": OPEN, "min_partitions": 4}]),
    ),
    Fault(
        "other replication factor",
        "kafka-replication",
        PERMANENT,
        lambda lab: lab.at("plaintext", topics=[{"name": OPEN, "replication_factor": 3}]),
    ),
    Fault(
        "fewer replicas than are to be in sync",
        "kafka-replication",
        PERMANENT,
        lambda lab: lab.at("plaintext", topics=[{"name": OPEN, "min_in_sync_replicas": 2}]),
    ),
    # What the principal may do.
    Fault(
        "reading denied", lists("kafka-topic-denied"), PERMANENT, lambda lab: may(lab, "describe", "write", operations=["read"])
    ),
    Fault(
        "writing denied", lists("kafka-topic-denied"), PERMANENT, lambda lab: may(lab, "describe", "read", operations=["write"])
    ),
    Fault(
        "group denied",
        "kafka-group-denied",
        PERMANENT,
        lambda lab: limited(lab, topics=[OPEN], groups=["closed.group"]),
        subject="group closed.group",
    ),
    Fault("group that may only be described", lists("kafka-group-denied"), PERMANENT, only_described),
    Fault(
        "idempotence denied", "kafka-idempotence-denied", PERMANENT, lambda lab: lab.at("sasl", user="nobody", idempotent=True)
    ),
    Fault(
        "transactional id denied",
        "kafka-transaction-denied",
        PERMANENT,
        lambda lab: limited(lab, transactional_id="closed.orders-1"),
        subject="startguard-closed.orders-1",
    ),
    Fault(
        "transactional id of the service allowed, the check's denied",
        "kafka-transaction-denied",
        PERMANENT,
        own_id_only,
        subject="startguard-closed.orders-1",
    ),
    Fault(
        "transaction timeout above the brokers' limit",
        "kafka-transaction-timeout",
        PERMANENT,
        lambda lab: lab.at("plaintext", transactional_id="orders-1", more=["transaction.timeout.ms=3600000"]),
    ),
    # Settings of topics.
    Fault(
        "setting of a topic differs",
        "kafka-topic-config",
        PERMANENT,
        lambda lab: lab.at("plaintext", topics=[{"name": OPEN, "config": ["cleanup.policy=compact"]}]),
        cause="cleanup.policy",
    ),
    Fault(
        "setting of a topic below the demand",
        "kafka-topic-config",
        PERMANENT,
        lambda lab: lab.at("plaintext", topics=[{"name": OPEN, "config": ["retention.ms>=2592000000"]}]),
        cause="retention.ms",
    ),
    Fault(
        "settings may not be read",
        "kafka-config-denied",
        PERMANENT,
        lambda lab: limited(lab, topics=[{"name": OPEN, "config": ["cleanup.policy=delete"]}]),
    ),
    # The record that goes in and comes out.
    Fault("canary denied", "kafka-topic-denied", PERMANENT, lambda lab: may(lab, "describe", canary={"topic": CLOSED})),
    Fault(
        "canary's topic missing",
        "kafka-topic-missing",
        PASSING,
        lambda lab: lab.at("plaintext", canary={"topic": "absent.canary"}),
    ),
    Fault(
        "canary slower than allowed",
        "kafka-slow",
        PASSING,
        lambda lab: lab.at("plaintext", canary={"topic": CANARY, "max_latency": "1ms"}),
    ),
    Fault("canary held back by a quota", "kafka-throttled", PASSING, throttled),
    Fault(
        "one topic missing, another denied: what cannot pass comes first",
        "kafka-topic-denied",
        PERMANENT,
        lambda lab: limited(lab, topics=["open.absent", CLOSED]),
        cause="topic open.absent too: kafka-topic-missing",
    ),
]


@pytest.mark.parametrize(
    "fault", [pytest.param(f, id=f.id, marks=[] if callable(f.code) else [pytest.mark.produces(f.code)]) for f in REAL]
)
def test_real(guard, kafka, table, fault):
    provoke(guard, fault, table, kafka, f"real {kafka.version}")


@pytest.mark.near_miss("kafka-isr-low", "kafka-canary-failed")
def test_minimum_above_the_number_of_copies(guard, kafka):
    """One copy and min.insync.replicas=2: brokers take the lower of the two, and so does the check."""
    result = guard.check(
        profile(
            bootstrap_servers=[kafka.plaintext], topics=[{"name": STRICT, "min_in_sync_replicas": 1}], canary={"topic": STRICT}
        )
    )
    result.passed()


# The dump needs a broker that answers, so this one stands alone.
@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("connect-timeout", "guard-deadline")
def test_frozen_broker(guard, kafka, table):
    fault = Fault("broker stopped by SIGSTOP", "answer-timeout", PASSING, None, subject=kafka.plaintext)
    kafka.pause()
    try:
        fault.keys = lambda lab: lab.keys({"bootstrap.servers": kafka.plaintext}, attempt_timeout=guard.span(1))
        provoke(guard, fault, table, side=f"real {kafka.version}")
    finally:
        kafka.resume()


@pytest.mark.near_miss(
    "auth-failed",
    "tls-unknown-ca",
    "tls-client-cert-required",
    "tls-client-cert-refused",
    "kafka-topic-denied",
    "auth-mechanism",
    "auth-required",
    "tls-wrong-name",
)
@pytest.mark.parametrize(
    "how",
    [
        lambda lab: lab.at("plaintext"),
        lambda lab: lab.at("ssl"),
        lambda lab: limited(lab),
        lambda lab: lab.at("sasl_ssl", user="limited"),
        lambda lab: lab.at("mtls", cert=lab.kafka.client),
    ],
    ids=["plaintext", "ssl", "sasl", "sasl_ssl", "mtls"],
)
def test_right_way(guard, kafka, how):
    """Each listener with what it wants: so that the faults above are the only thing wrong."""
    with contextlib.ExitStack() as stack:
        keys = how(Lab(guard, stack, kafka)) | {"topics": [{"name": OPEN, "partitions": 3, "min_in_sync_replicas": 1}]}
        with unchanged(kafka):
            env = keys.pop("_env")
            guard.check(profile(**keys), env=env).passed()


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_scram(guard, kafka, mechanism):
    """The right password: accepted; or, where the library is too old and the broker strict, the library is named."""
    keys = Lab(guard, contextlib.ExitStack(), kafka).at("sasl", user="limited", mechanism=mechanism, topics=[OPEN])
    result = guard.check(profile(**{k: v for k, v in keys.items() if k != "_env"}), env=keys["_env"])
    if library(guard) < (2, 6, 1) and not kafka.version.startswith("3."):
        result.expect("kafka-library-old", exit=PERMANENT, hint="2.6.1")
    else:
        result.passed()


# ---- fake ------------------------------------------------------------------------------------------------------------


def peer(handler, **keys):
    def made(lab):
        server = lab.stack.enter_context(TcpServer(handler))
        return lab.keys({"bootstrap.servers": server.address}, **keys)

    return made


def nobody(lab, *properties, **keys):
    return {"bootstrap_servers": [f"127.0.0.1:{refused_port()}"], "properties": list(properties)} | keys


def bent(how, **options):
    """A fake broker after how(broker)."""

    def made(lab):
        kafka = lab.stack.enter_context(FakeKafka(topics={"orders": (1, 3)}, brokers=3, **options))
        keys = how(kafka) or {}
        return {"bootstrap_servers": kafka.servers, "topics": ["orders"]} | keys

    return made


def unknown_name(lab):
    return {"bootstrap_servers": ["kafka.test:9092"], "_dns": lab.stack.enter_context(DnsServer({"kafka.test": "NXDOMAIN"}))}


def black_hole(lab):
    hole = lab.stack.enter_context(full_backlog())
    return {"bootstrap_servers": [hole.address], "attempt_timeout": lab.guard.span(0.7)}


def web_server(lab):
    server = lab.stack.enter_context(HttpServer({"/": Reply(200, "hello")}))
    return {"bootstrap_servers": [server.address]}


def other_key(lab):
    ca = Authority(lab.tmp)
    mixed = ca.issue(client=True).with_key_of(ca.issue(client=True))
    return nobody(
        lab,
        "security.protocol=SSL",
        f"ssl.ca.location={ca.ca_file}",
        f"ssl.certificate.location={mixed.cert_file}",
        f"ssl.key.location={mixed.key_file}",
    )


def no_leader(kafka):
    kafka.topics["orders"].partitions[0].leader = -1


def leader_of_another(kafka):
    kafka.topics["orders"].partitions[0].leader = 9


def electing(kafka):
    kafka.topics["orders"] = kafka.make_topic(error=LEADER_NOT_AVAILABLE)


def one_in_sync(kafka):
    kafka.topics["orders"].partitions[0].isr = [1]
    return {"topics": [{"name": "orders", "min_in_sync_replicas": 2}]}


def no_brokers(kafka):
    kafka.listed = []
    return {"attempt_timeout": "700ms"}


def no_metadata(kafka):
    kafka.mute = {METADATA}
    return {"attempt_timeout": "700ms"}


def silent_leader(kafka):
    kafka.mute_brokers = {1}
    return {"bootstrap_servers": kafka.servers[1:], "attempt_timeout": "1s"}


def leaving(kafka):
    kafka.closing = {METADATA}
    return {"attempt_timeout": "1s"}


FAKE = [
    # Settings, before any network.
    Fault("unknown property", "kafka-property", PERMANENT, lambda lab: nobody(lab, "acksx=all")),
    Fault(
        "property of the Java client",
        "kafka-property",
        PERMANENT,
        lambda lab: nobody(lab, "ssl.truststore.location=/x.jks"),
        hint="ssl.ca.location",
    ),
    Fault(
        "unknown mechanism",
        "kafka-property",
        PERMANENT,
        lambda lab: nobody(lab, "security.protocol=SASL_PLAINTEXT", "sasl.mechanism=FOO", "sasl.username=a"),
    ),
    Fault(
        "login without a password",
        "kafka-property",
        PERMANENT,
        lambda lab: nobody(lab, "security.protocol=SASL_PLAINTEXT", "sasl.mechanism=PLAIN", "sasl.username=alice"),
    ),
    Fault(
        "OAUTHBEARER without a way to a token",
        "kafka-property",
        PERMANENT,
        lambda lab: nobody(lab, "security.protocol=SASL_PLAINTEXT", "sasl.mechanism=OAUTHBEARER"),
    ),
    Fault(
        "file of the authority missing",
        "tls-ca-unreadable",
        PERMANENT,
        lambda lab: nobody(lab, "security.protocol=SSL", "ssl.ca.location=/no/such/ca.pem"),
    ),
    Fault("key of another certificate", "tls-key-mismatch", PERMANENT, other_key),
    Fault("library too old", "kafka-library-old", PERMANENT, lambda lab: nobody(lab, librdkafka={"min_version": "99.0"})),
    Fault(
        "library without a feature",
        "kafka-feature-missing",
        PERMANENT,
        lambda lab: nobody(lab, librdkafka={"features": ["no_such_feature"]}),
    ),
    # Connecting.
    Fault("connection refused", "connect-refused", PASSING, nobody),
    Fault("name unknown", "dns-no-such-name", PASSING, unknown_name),
    Fault("no answer to SYN", "connect-timeout", PASSING, black_hole),
    Fault("closes at once", "connect-closed", PASSING, peer(close_at_once)),
    Fault("resets", "connect-reset", PASSING, peer(reset_after_request)),
    Fault("accepts, never answers", "answer-timeout", PASSING, peer(silent, attempt_timeout="700ms")),
    Fault("an HTTP port", "protocol-mismatch", PERMANENT, web_server, cause="HTTP"),
    Fault("an SSH port", "protocol-mismatch", PERMANENT, peer(garbage(b"SSH-2.0-OpenSSH_9.2\r\n")), cause="SSH-"),
    # The cluster.
    Fault("no broker listed", "kafka-no-brokers", PASSING, bent(no_brokers)),
    Fault("no answer to metadata", "answer-timeout", PASSING, bent(no_metadata)),
    Fault("broker leaves in the middle", "connect-closed", PASSING, bent(leaving)),
    Fault("leader accepts, never answers", "answer-timeout", PASSING, bent(silent_leader), subject="broker 1 at"),
    Fault("partition without leader", "kafka-no-leader", PASSING, bent(no_leader)),
    Fault("leader is no member", "kafka-no-leader", PASSING, bent(leader_of_another), cause="broker 9"),
    Fault("leader being elected", "kafka-no-leader", PASSING, bent(electing)),
    Fault("one of three in sync", "kafka-isr-low", PASSING, bent(one_in_sync)),
]


@pytest.mark.parametrize("fault", [pytest.param(f, id=f.id, marks=pytest.mark.produces(f.code)) for f in FAKE])
def test_fake(guard, table, fault):
    provoke(guard, fault, table)


def test_at_least_forty():
    ids = [f.id for f in REAL + FAKE]
    assert len(ids) == len(set(ids)) >= 40
