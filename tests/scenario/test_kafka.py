"""kafka: a cluster as a contract. Most scenarios use FakeKafka, whose answers can be bent; KafkaMock is librdkafka's own."""

import threading

import pytest
from kafka_help import ORDERS, SECRET, AskedAgain, linked_before, login, profile, run_short, tls, try_kafka

from fakes.certs import Authority, server_context
from fakes.dns import DnsServer
from fakes.kafka import (
    API_VERSIONS,
    LEADER_NOT_AVAILABLE,
    METADATA,
    REPLICA_NOT_AVAILABLE,
    SASL_HANDSHAKE,
    TOPIC_AUTHORIZATION_FAILED,
    FakeKafka,
    KafkaMock,
    Partition,
)
from fakes.kafka_apis import DESCRIBE_GROUPS
from fakes.tcp import TcpServer, close_at_once, full_backlog, garbage, refused_port, reset_after_request, silent

# ---- what passes -------------------------------------------------------------------------------------------------


def test_pass(guard):
    with FakeKafka(brokers=3, topics={"orders": (3, 3), "audit": (1, 1)}) as kafka:
        check = try_kafka(
            guard,
            kafka.bootstrap,
            topics=[
                {"name": "orders", "partitions": 3, "replication_factor": 3, "min_in_sync_replicas": 3},
                {"name": "audit", "min_partitions": 1},
            ],
            cluster_id=kafka.cluster_id,
            min_brokers=3,
            every_broker=True,
        ).passed()
        assert check["facts"] == {"brokers": 3, "cluster_id": kafka.cluster_id, "topics": 2}
        assert check["reached"][-2:] == ["metadata", "brokers"]
        assert {r.client_id for r in kafka.requests} == {"startguard"}


def test_summary(guard):
    with FakeKafka(brokers=3, topics={"orders": (3, 3)}) as kafka:
        result = try_kafka(guard, kafka.bootstrap, topics=ORDERS)
        assert f"3 brokers, cluster {kafka.cluster_id}, 1 topic" in result.err


def test_pass_on_the_mock_cluster(guard):
    with KafkaMock(brokers=3, topics={"orders": (3, 3)}) as kafka:
        result = try_kafka(
            guard, kafka.bootstrap, every_broker=True, topics=[{"name": "orders", "partitions": 3, "min_in_sync_replicas": 3}]
        )
        assert result.passed()["facts"]["brokers"] == 3


def test_waits_for_a_broker_that_comes_up(guard):
    with KafkaMock(brokers=1, topics={"orders": (1, 1)}) as kafka:
        kafka.down()
        with guard.spawn(profile(bootstrap_servers=[kafka.bootstrap], topics=ORDERS), "-v") as process:
            process.wait_for("connect-refused")
            kafka.up()
            assert process.result().passed()["attempts"] > 1


def test_scheme_and_client_id(guard, kafka):
    try_kafka(guard, f"kafka://{kafka.bootstrap}", client_id="orders-check", topics=ORDERS).passed()
    assert {r.client_id for r in kafka.requests} == {"orders-check"}


@pytest.mark.near_miss("connect-refused", "connect-closed", "answer-timeout", "kafka-advertised-unreachable")
@pytest.mark.parametrize("other", ["refused", "closing", "silent"])
def test_any_bootstrap_server_will_do(guard, kafka, other):
    with TcpServer(silent if other == "silent" else close_at_once) as bad:
        address = f"127.0.0.1:{refused_port()}" if other == "refused" else bad.address
        try_kafka(guard, [address, kafka.bootstrap], topics=ORDERS).passed()


@pytest.mark.near_miss("connect-closed", "auth-required", "kafka-no-brokers")
def test_a_bootstrap_server_that_wants_a_login(guard, kafka):
    """librdkafka asks either of the two, and the one that wants a login closes the connection."""
    with FakeKafka(mechanisms=["PLAIN"]) as closed:
        for servers in [[closed.bootstrap, kafka.bootstrap], [kafka.bootstrap, closed.bootstrap]] * 2:
            result = try_kafka(guard, servers, topics=ORDERS)
            if not linked_before(guard, 2, 10, 0):
                result.passed()
            elif result.code:  # its request stays with the server that it was first sent to
                assert result.check()["code"] in ("connect-closed", "answer-timeout")


def test_no_topic_is_created(guard):
    with FakeKafka(auto_create=True) as kafka:
        try_kafka(guard, kafka.bootstrap, topics=ORDERS).expect("kafka-topic-missing")
        assert not kafka.topics
        assert not any(r.may_create for r in kafka.requests if r.topics)


# ---- connecting ----------------------------------------------------------------------------------------------------


@pytest.mark.produces("connect-refused")
def test_refused(guard):
    port = refused_port()
    try_kafka(guard, f"127.0.0.1:{port}").expect("connect-refused", exit=124, phase="connect", subject=f"127.0.0.1:{port}")


@pytest.mark.produces("connect-refused")
def test_all_bootstrap_servers_refuse(guard):
    servers = [f"127.0.0.1:{refused_port()}" for _ in range(3)]
    try_kafka(guard, servers).expect("connect-refused", cause="nor can the other bootstrap servers", subject=servers[0])


@pytest.mark.produces("dns-no-such-name")
def test_unknown_name(guard):
    with DnsServer({"kafka.test": "NXDOMAIN"}) as dns:
        try_kafka(guard, "kafka.test:9092", _dns=dns).expect("dns-no-such-name", phase="resolve", subject="kafka.test")


@pytest.mark.produces("dns-no-address")
@pytest.mark.near_miss("connect-refused", "answer-timeout")
def test_address_family(guard, kafka):
    """Only of the family that the service's client will use."""
    with DnsServer({"kafka.test": ["127.0.0.1"]}) as dns:
        servers = f"kafka.test:{kafka.broker[1].port}"
        for family in ("v4", "any"):
            try_kafka(guard, servers, topics=ORDERS, properties=[f"broker.address.family={family}"], _dns=dns).passed()
        try_kafka(guard, servers, topics=ORDERS, properties=["broker.address.family=v6"], _dns=dns).expect(
            "dns-no-address", exit=124, phase="resolve", subject="kafka.test"
        )


@pytest.mark.produces("kafka-advertised-unresolvable")
def test_address_family_of_an_advertised_name(guard, kafka):
    with DnsServer({"kafka.test": {"AAAA": ["::1"], "A": []}}) as dns:
        kafka.advertised[1] = ("kafka.test", kafka.broker[1].port)
        try_kafka(guard, kafka.bootstrap, topics=ORDERS, properties=["broker.address.family=v4"], _dns=dns).expect(
            "kafka-advertised-unresolvable", exit=124, subject="broker 1 at kafka.test"
        )


@pytest.mark.produces("connect-timeout")
def test_black_hole(guard):
    with full_backlog() as hole:
        run_short(guard, bootstrap_servers=[hole.address]).expect("connect-timeout", exit=124, phase="connect")


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("connect-timeout", "guard-deadline")
def test_silent_peer(guard):
    with TcpServer(silent) as peer:
        result = run_short(guard, bootstrap_servers=[peer.address])
        result.expect("answer-timeout", exit=124, phase="protocol", subject=peer.address)
        assert result.elapsed < guard.scale(5)


@pytest.mark.near_miss("answer-timeout")
def test_a_connection_that_takes_most_of_the_attempt(guard, kafka):
    """As TLS and a login through a slow identity service may: the metadata request waits for it."""
    kafka.slow_once = {API_VERSIONS: guard.scale(1.2)}
    result = guard.check(profile(attempt_timeout=guard.span(2), bootstrap_servers=kafka.servers))
    result.passed()


@pytest.mark.produces("connect-closed")
@pytest.mark.near_miss("protocol-mismatch", "tls-required", "auth-required")
def test_closing_peer(guard):
    with TcpServer(close_at_once) as peer:
        try_kafka(guard, peer.address).expect("connect-closed", exit=124, subject=peer.address, cause="isconnected")


@pytest.mark.produces("connect-reset")
@pytest.mark.near_miss("connect-closed", "connect-refused")
def test_resetting_peer(guard):
    with TcpServer(reset_after_request) as peer:
        try_kafka(guard, peer.address).expect("connect-reset", exit=124, subject=peer.address)


@pytest.mark.near_miss("dns-timeout", "dns-no-such-name", "guard-deadline")
@pytest.mark.parametrize("zone", [None, "NXDOMAIN"])
def test_a_bootstrap_name_that_does_not_resolve(guard, kafka, zone):
    with DnsServer({"kafka-0.test": zone}) as dns:
        servers = ["kafka-0.test:9092", kafka.bootstrap]
        guard.check(profile(bootstrap_servers=servers, topics=ORDERS, attempt_timeout=guard.span(3)), dns=dns).passed()


@pytest.mark.produces("protocol-mismatch")
@pytest.mark.near_miss("connect-closed")
@pytest.mark.parametrize(
    "data, words",
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-"),
        (b"\xff\xfe\x00\x01 what \x1b[31m", ""),
    ],
)
def test_garbage(guard, data, words):
    with TcpServer(garbage(data)) as peer:
        try_kafka(guard, peer.address).expect("protocol-mismatch", exit=69, subject=peer.address, cause=words)


def half_an_answer(sock):
    request = sock.recv(4096)
    sock.sendall(b"\0\0\1\0" + request[8:12] + b"\0\0")


@pytest.mark.produces("connect-closed")
@pytest.mark.near_miss("protocol-mismatch")
def test_an_answer_that_is_cut_off(guard):
    """It began as Kafka's do: a broker that was ended in the middle of it may come back."""
    with TcpServer(half_an_answer) as peer:
        try_kafka(guard, peer.address).expect("connect-closed", exit=124, subject=peer.address)


# ---- properties and the library -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys, expected",
    [
        pytest.param(keys, {"code": code, **expected}, marks=pytest.mark.produces(code))
        for code, keys, expected in (
            ("kafka-property", {"properties": ["acksx=2"]}, {"subject": "acksx", "cause": "has no property"}),
            ("kafka-property", {"properties": ["socket.timeout.ms=soon"]}, {"cause": "Invalid value"}),
            ("kafka-property", {"properties": ["security.protocol=tls"]}, {"subject": "security.protocol", "cause": "tls"}),
            ("kafka-property", {"properties": login("plain")}, {"cause": "plain"}),
            # Only a file may hold settings of others.
            ("kafka-property", {"properties": ["schema.registry.url=http://x"]}, {"subject": "schema.registry.url"}),
            ("kafka-property", {"properties": ["ssl.endpoint.identification.algorithm="]}, {"hint": "is none here"}),
            ("kafka-feature-missing", {"librdkafka": {"features": ["ssl", "no_such_feature"]}}, {"cause": "no_such_feature"}),
            ("kafka-library-old", {"librdkafka": {"min_version": "99.0.1"}}, {"cause": "99.0.1"}),
            (
                "file-missing",
                {"properties_file": "/no/such/file"},
                {"subject": "/no/such/file", "phase": "assert", "exit": 124},
            ),
        )
    ],
)
def test_what_is_wrong_before_any_connection(guard, keys, expected):
    try_kafka(guard, "127.0.0.1:1", **keys).expect(**{"exit": 69, "phase": "config", **expected})


@pytest.mark.produces("kafka-property")
@pytest.mark.parametrize(
    "java, here",
    [
        ("ssl.truststore.location=/x.jks", "ssl.ca.location"),
        ("sasl.jaas.config=x", "sasl.username and sasl.password"),
        ("fetch.max.wait.ms=100", "fetch.wait.max.ms"),
        ("max.request.size=1048576", "message.max.bytes"),
        ("key.deserializer=org.apache.kafka.StringDeserializer", "leave out key.deserializer"),
    ],
)
def test_java_property(guard, java, here):
    path = guard.write("client.properties", java + "\n")
    try_kafka(guard, "127.0.0.1:1", properties_file=path).expect(
        "kafka-property", exit=69, subject=java.partition("=")[0], hint=here
    )


@pytest.mark.produces("kafka-property")
def test_java_properties_are_named_all_at_once(guard):
    """A file of the Java client, among whose properties some have the same name here."""
    path = guard.write(
        "client.properties",
        """security.protocol=SASL_SSL
ssl.truststore.location=/x.jks
ssl.truststore.password=marker
sasl.mechanism=PLAIN
sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="marker";
key.serializer=org.apache.kafka.common.serialization.StringSerializer
acks=all
""",
    )
    result = try_kafka(guard, "127.0.0.1:1", properties_file=path)
    check = result.expect(
        "kafka-property",
        exit=69,
        subject="ssl.truststore.location",
        cause="client.properties has properties of the Java client, which librdkafka does not know: ssl.truststore.location "
        "(line 2), ssl.truststore.password (line 3), sasl.jaas.config (line 5), key.serializer (line 6)",
    )
    for equivalent in (
        "in place of ssl.truststore.location use ssl.ca.location",
        "in place of sasl.jaas.config use sasl.username and sasl.password",
        "leave out ssl.truststore.password, key.serializer",
    ):
        assert equivalent in check["hint"]
    assert "marker" not in result.err + str(result.report)


@pytest.mark.near_miss("kafka-property")
def test_properties_of_the_service(guard, kafka):
    """Properties of a group, a transaction and the consumer are the service's, and nothing of them is done here."""
    path = guard.write(
        "kafka.properties",
        "# the service's\nbootstrap.servers=elsewhere:1\ngroup.id=orders\n"
        "transactional.id=orders-1\nenable.idempotence=true\nauto.offset.reset=earliest\n",
    )
    try_kafka(guard, kafka.bootstrap, topics=ORDERS, properties_file=path, properties=["acks=all"]).passed()
    assert {r.api for r in kafka.requests} <= {METADATA, API_VERSIONS}


@pytest.mark.near_miss("kafka-property", "kafka-library-old", "kafka-feature-missing")
def test_properties_that_concern_no_check(guard, kafka):
    """Properties of the schema registry's client, of interceptors (which would write to a topic of their own), of newer libraries."""
    path = guard.write(
        "kafka.properties",
        "schema.registry.url=http://registry:8081\nbasic.auth.credentials.source=USER_INFO\n"
        "basic.auth.user.info=key:marker\nplugin.library.paths=monitoring-interceptor\n"
        "confluent.monitoring.interceptor.topic=_monitoring\nclient.dns.lookup=use_all_dns_ips\n"
        "retry.backoff.max.ms=1000\nmetadata.recovery.strategy=rebootstrap\n",
    )
    try_kafka(guard, kafka.bootstrap, topics=ORDERS, properties_file=path).passed()


def test_property_of_a_newer_library(guard):
    """Which a login needs. A newer one may be built without OIDC: then it says so."""
    asked = try_kafka(guard, "127.0.0.1:1", properties=["sasl.oauthbearer.assertion.claim.aud=orders"])
    has_oidc = try_kafka(guard, "127.0.0.1:1", properties=["sasl.oauthbearer.method=oidc"]).code != 69
    if linked_before(guard, 2, 11, 0):
        asked.expect("kafka-library-old", exit=69, subject="sasl.oauthbearer.assertion.claim.aud")
    elif has_oidc:
        asked.expect("connect-refused", exit=124)
    else:
        asked.expect("kafka-feature-missing", exit=69, subject="sasl.oauthbearer.assertion.claim.aud")


@pytest.mark.produces("kafka-property")
@pytest.mark.parametrize(
    "line, subject, words",
    [
        ("=all", "kafka.properties", "line 3 has no name"),
        ("acks all", "kafka.properties", "line 3 is not name=value"),
        ("acks=a\0b", "kafka.properties", "line 3 has a zero byte"),
        ("acksx=1", "acksx", "kafka.properties, line 3)"),
        ("socket.timeout.ms = soon", "socket.timeout.ms", "kafka.properties, line 3)"),
        ("test.mock.num.brokers = 3", "test.mock.num.brokers", "kafka.properties, line 3)"),
    ],
)
def test_properties_file_with_a_mistake(guard, line, subject, words):
    path = guard.write("kafka.properties", f"linger.ms=5\n\n{line}\nclient.id=orders\n")
    try_kafka(guard, "127.0.0.1:1", properties_file=path).expect("kafka-property", exit=69, subject=subject, cause=words)


@pytest.mark.near_miss("kafka-property", "auth-failed")
def test_properties_file_as_librdkafkas_clients_read_it(guard):
    """Nothing is unescaped: a password keeps its backslashes, and all that follows the first "=" of its line."""
    password = r"marker\new=\u0041#\\"
    path = guard.write(
        "kafka.properties",
        f"# the service's\n  security.protocol = SASL_PLAINTEXT\r\nsasl.mechanism=PLAIN\n\nsasl.username=alice\n"
        f"sasl.password= {password} \n",
    )
    with FakeKafka(mechanisms=["PLAIN"], users={"alice": password}, topics={"orders": (1, 1)}) as kafka:
        try_kafka(guard, kafka.bootstrap, topics=ORDERS, properties_file=path).passed()


@pytest.mark.produces("file-unreadable")
def test_properties_file_is_too_large(guard):
    path = guard.write("kafka.properties", "# what is this\n" * 5000)
    try_kafka(guard, "127.0.0.1:1", properties_file=path).expect(
        "file-unreadable", subject=str(path), cause="64 KiB", hint="64 KiB is the limit"
    )


def test_secrets_of_a_properties_file_are_not_shown(guard):
    path = guard.write(
        "kafka.properties",
        f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=alice\nsasl.password={SECRET}\n",
    )
    with FakeKafka(mechanisms=["PLAIN"], users={"alice": "another"}) as kafka:
        kafka.auth_text = f"{SECRET} is wrong"
        result = try_kafka(guard, kafka.bootstrap, properties_file=path)
        result.expect("auth-failed")
        assert SECRET not in result.err + str(result.report)


@pytest.mark.near_miss("kafka-library-old", "kafka-feature-missing")
def test_library_is_fine(guard, kafka):
    try_kafka(guard, kafka.bootstrap, librdkafka={"min_version": "1.0", "features": ["ssl", "sasl_plain"]}).passed()


@pytest.mark.parametrize(
    "keys, words",
    [
        ({"bootstrap_servers": "http://kafka:9092"}, "scheme"),
        ({"bootstrap_servers": "alice:pw@kafka:9092"}, "user part"),
        ({"bootstrap_servers": "kafka:x"}, "host:port"),
        ({"bootstrap_servers": "bootstrap.servers=kafka:9092"}, "behind it, alone"),
        ({"properties": ["bootstrap.servers=x:1"]}, "bootstrap_servers"),
        ({"properties": ["test.mock.num.brokers=3"]}, "simulated"),
        ({"topics": ["a b"]}, "topic name"),
        ({"topics": ["a", "a"]}, "twice"),
        ({"topics": [{"name": "a", "partitions": 1, "min_partitions": 1}]}, "give one"),
        ({"topics": [{"name": "a", "replication_factor": 1, "min_in_sync_replicas": 2}]}, "above its replication_factor"),
        ({"topics": [{"name": "a", "operations": ["read", "alter"]}]}, "alter"),
        ({"topics": [{"name": "a", "config": ["cleanup.policy"]}]}, "name=value"),
        ({"topics": [{"name": "a", "config": ["retention.ms>=long"]}]}, "no number"),
        ({"groups": ["integrator-*"]}, "star"),
        ({"transactional_id": "orders-*"}, "star"),
        ({"canary": {"topic": "a b"}}, "topic name"),
        ({"canary": {"max_latency": "1s"}}, "topic"),
        ({"librdkafka": {"min_version": "two"}}, "not a version"),
        ({"min_brokers": 0}, "min_brokers"),
    ],
)
def test_profile_mistakes(guard, keys, words):
    guard.try_("kafka", **{"bootstrap_servers": "kafka:9092", **keys}).problem(words, exit=64)


@pytest.mark.produces("kafka-property")
@pytest.mark.parametrize("asks", ["enable.idempotence=true", "transactional.id=orders-1"])
@pytest.mark.parametrize(
    "own, words", [("acks=1", "acks"), ("max.in.flight.requests.per.connection=6", "max.in.flight"), ("retries=0", "retries")]
)
@pytest.mark.parametrize("key", [{"idempotent": True}, {"transactional_id": "orders-1"}])
def test_settings_that_do_not_fit_the_services_own_idempotence(guard, key, asks, own, words):
    """What the library will tell the service when it starts; no broker is needed for it."""
    path = guard.write("kafka.properties", f"{asks}\n{own}\n")
    try_kafka(guard, f"127.0.0.1:{refused_port()}", properties_file=path, **key).expect(
        "kafka-property", exit=69, phase="config", cause=words
    )


@pytest.mark.near_miss("kafka-property", "kafka-idempotence-denied")
@pytest.mark.parametrize(
    "properties",
    [
        ["enable.idempotence=true", "acks=all", "retries=5", "max.in.flight.requests.per.connection=1"],
        ["enable.idempotence=1", "acks=-1"],
        ["enable.idempotence=true", "transactional.id=orders-1"],
        ["enable.idempotence=false", "acks=1", "retries=0"],
    ],
)
def test_settings_that_fit_the_services_own_idempotence(guard, kafka, properties):
    try_kafka(guard, kafka.bootstrap, properties=properties, idempotent=True, transactional_id="orders-1").passed()
    assert set(kafka.producer_ids) == {None, "startguard-orders-1"}


# ---- the cluster -----------------------------------------------------------------------------------------------------


@pytest.mark.produces("kafka-wrong-cluster")
@pytest.mark.parametrize("cluster_id", ["staging", None])
def test_wrong_cluster(guard, cluster_id):
    with FakeKafka(cluster_id=cluster_id) as kafka:
        try_kafka(guard, kafka.bootstrap, cluster_id="production").expect(
            "kafka-wrong-cluster", exit=69, phase="assert", cause=cluster_id or "without an id"
        )


@pytest.mark.produces("kafka-too-few-brokers")
def test_too_few_brokers(guard, kafka):
    try_kafka(guard, kafka.bootstrap, min_brokers=2).expect("kafka-too-few-brokers", exit=124, cause="lists 1 broker,")


@pytest.mark.near_miss("kafka-too-few-brokers")
def test_just_enough_brokers(guard):
    with FakeKafka(brokers=2) as kafka:
        try_kafka(guard, kafka.bootstrap, min_brokers=2).passed()


@pytest.mark.near_miss("kafka-wrong-cluster")
def test_cluster_id_is_compared_only_if_given(guard):
    with FakeKafka(cluster_id=None) as kafka:
        assert "cluster_id" not in try_kafka(guard, kafka.bootstrap).passed()["facts"]


@pytest.mark.produces("kafka-no-brokers")
@pytest.mark.near_miss("answer-timeout")
def test_no_broker_is_listed(guard, kafka):
    kafka.listed = []
    run_short(guard, bootstrap_servers=kafka.servers).expect(
        "kafka-no-brokers", exit=124, phase="protocol", subject=kafka.bootstrap
    )


@pytest.mark.produces("kafka-no-brokers")
@pytest.mark.near_miss("answer-timeout")
def test_no_broker_is_listed_while_it_is_asked_again(guard, kafka):
    """The request in flight at the deadline is not the cause: the one before was answered."""
    again = AskedAgain(METADATA)
    kafka.listed = []
    kafka.mute.add(again)
    guard.check(profile(attempt_timeout=guard.span(1.5), bootstrap_servers=kafka.servers)).expect(
        "kafka-no-brokers", exit=124, subject=kafka.bootstrap
    )
    assert again.seen > 1


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("kafka-no-brokers")
def test_metadata_is_not_answered(guard, kafka):
    """A broker is there, and has answered: what is missing is the answer to one request."""
    kafka.mute = {METADATA}
    run_short(guard, bootstrap_servers=kafka.servers).expect(
        "answer-timeout", exit=124, phase="protocol", subject=kafka.bootstrap, cause="Metadata has no answer"
    )


@pytest.mark.near_miss("kafka-no-brokers")
@pytest.mark.produces("answer-timeout")
def test_silent_before_metadata(guard, kafka):
    kafka.mute = {API_VERSIONS}
    run_short(guard, bootstrap_servers=kafka.servers).expect("answer-timeout", phase="protocol")


@pytest.mark.produces("kafka-broker-left")
@pytest.mark.near_miss("connect-closed", "connect-refused", "kafka-no-brokers", "auth-required")
@pytest.mark.parametrize("request_", [METADATA, DESCRIBE_GROUPS])
def test_broker_shuts_down(guard, kafka, request_):
    kafka.leaving = {request_}
    try_kafka(guard, kafka.bootstrap, groups=["orders"]).expect(
        "kafka-broker-left", exit=124, phase="connect", subject=kafka.bootstrap, cause="was ready"
    )


@pytest.mark.produces("kafka-broker-left")
@pytest.mark.near_miss("connect-closed", "answer-timeout", "kafka-advertised-unreachable")
def test_broker_shuts_down_while_another_is_waited_for(guard):
    """It was ready, and had answered: metadata, as a newer library asks any broker for, or whether it wants a login."""

    def shut_down(request):
        if request.broker == 2 and request.api in (METADATA, SASL_HANDSHAKE):
            threading.Timer(guard.scale(0.2), kafka.broker[2].stop).start()

    with FakeKafka(brokers=3, topics={"orders": (3, 1)}) as kafka:
        kafka.mute_brokers = {3}
        kafka.mute.add(shut_down)
        text = profile(bootstrap_servers=kafka.servers[:1], topics=ORDERS, attempt_timeout=guard.span(3))
        guard.check(text).expect("kafka-broker-left", exit=124, phase="connect", subject=f"broker 2 at {kafka.servers[1]}")


@pytest.mark.near_miss("kafka-broker-left")
@pytest.mark.produces("connect-closed")
def test_a_broker_that_closes_and_stays(guard, kafka):
    kafka.closing = {METADATA}
    try_kafka(guard, kafka.bootstrap).expect("connect-closed", exit=124, subject=kafka.bootstrap)


# ---- advertised addresses --------------------------------------------------------------------------------------------


@pytest.mark.produces("kafka-advertised-unreachable")
def test_advertised_address_refuses(guard):
    with FakeKafka(brokers=2, topics={"orders": (2, 1)}) as kafka:
        dead = refused_port()
        kafka.advertised[2] = ("127.0.0.1", dead)
        try_kafka(guard, kafka.servers[0], topics=ORDERS).expect(
            "kafka-advertised-unreachable", exit=124, phase="connect", subject=f"broker 2 at 127.0.0.1:{dead}", cause="refused"
        )


@pytest.mark.produces("kafka-advertised-unreachable")
def test_only_broker_advertises_another_address(guard, kafka):
    kafka.advertised[1] = ("127.0.0.1", refused_port())
    try_kafka(guard, kafka.bootstrap).expect("kafka-advertised-unreachable", subject="broker 1 at ")


@pytest.mark.parametrize(
    "code, other",
    [
        pytest.param(code, other, marks=pytest.mark.produces(code), id=code)
        for code, other in (
            ("tls-required", lambda ca: FakeKafka(tls=server_context(ca.issue()))),
            ("auth-required", lambda ca: FakeKafka(mechanisms=["PLAIN"], users={"alice": SECRET})),
        )
    ],
)
def test_advertised_listener_of_another_protocol(guard, kafka, tmp_path, code, other):
    """The bootstrap server needs neither TLS nor a login; the address that it names does."""
    with other(Authority(tmp_path)) as inner:
        kafka.advertised[1] = ("127.0.0.1", inner.broker[1].port)
        check = try_kafka(guard, kafka.bootstrap, topics=ORDERS)
        check.expect(code, exit=69, subject="broker 1 at ", hint="correct advertised.listeners of broker 1")


@pytest.mark.produces("tls-peer-is-plaintext")
def test_advertised_listener_without_tls(guard, kafka, tmp_path):
    ca = Authority(tmp_path)
    with FakeKafka(topics={"orders": (1, 1)}, tls=server_context(ca.issue())) as outer:
        outer.advertised[1] = ("127.0.0.1", kafka.broker[1].port)
        check = try_kafka(guard, outer.bootstrap, topics=ORDERS, properties=tls(ca))
        check.expect("tls-peer-is-plaintext", exit=69, subject="broker 1 at ", hint="correct advertised.listeners of broker 1")


@pytest.mark.produces("kafka-advertised-unresolvable")
def test_advertised_name_does_not_resolve(guard, kafka):
    with DnsServer({"kafka-1.internal.test": "NXDOMAIN"}) as dns:
        kafka.advertised[1] = ("kafka-1.internal.test", 9092)
        try_kafka(guard, kafka.bootstrap, topics=ORDERS, _dns=dns).expect(
            "kafka-advertised-unresolvable", exit=124, phase="resolve", subject="broker 1 at kafka-1.internal.test:9092"
        )


@pytest.mark.produces("kafka-advertised-unresolvable")
@pytest.mark.near_miss("answer-timeout", "kafka-no-brokers")
def test_advertised_name_does_not_resolve_and_a_request_is_lost(guard, kafka):
    """librdkafka 2.0 may lose a request on the way from the bootstrap connection to the brokers: it is sent once more."""
    with DnsServer({"kafka-1.internal.test": "NXDOMAIN"}) as dns:
        kafka.advertised[1], kafka.losing = ("kafka-1.internal.test", 9092), {METADATA: 3}
        text = profile(bootstrap_servers=kafka.servers, topics=ORDERS, attempt_timeout=guard.span(2))
        check = guard.check(text, dns=dns).expect(
            "kafka-advertised-unresolvable", exit=124, subject="broker 1 at kafka-1.internal.test:9092"
        )
        assert check["attempts"] == 1 and not kafka.losing[METADATA]


@pytest.mark.near_miss("kafka-advertised-unreachable", "kafka-advertised-unresolvable")
def test_a_dead_broker_that_leads_nothing_needed(guard):
    with FakeKafka(brokers=3, topics={"orders": (2, 3)}) as kafka:
        kafka.advertised[3] = ("127.0.0.1", refused_port())
        try_kafka(guard, kafka.servers[0], topics=ORDERS).passed()


@pytest.mark.produces("kafka-advertised-unreachable")
def test_every_broker(guard):
    with FakeKafka(brokers=3, topics={"orders": (2, 3)}) as kafka:
        kafka.advertised[3] = ("127.0.0.1", refused_port())
        try_kafka(guard, kafka.servers[0], topics=ORDERS, every_broker=True).expect(
            "kafka-advertised-unreachable", subject="broker 3 at "
        )


@pytest.mark.near_miss("kafka-advertised-unreachable", "answer-timeout")
def test_without_topics_one_broker_is_enough(guard):
    with FakeKafka(brokers=3) as kafka:
        kafka.advertised[2] = ("127.0.0.1", refused_port())
        kafka.mute_brokers = {3}
        try_kafka(guard, kafka.servers[0]).passed()


@pytest.mark.produces("answer-timeout")
def test_advertised_address_is_silent(guard):
    with FakeKafka(brokers=2, topics={"orders": (2, 1)}) as kafka, TcpServer(silent) as mute:
        kafka.advertised[2] = ("127.0.0.1", mute.port)
        run_short(guard, bootstrap_servers=kafka.servers[:1], topics=ORDERS).expect(
            "answer-timeout", exit=124, subject=f"broker 2 at {mute.address}"
        )


@pytest.mark.produces("answer-timeout")
@pytest.mark.parametrize("api, how", [(API_VERSIONS, "mute"), (API_VERSIONS, "closing"), (SASL_HANDSHAKE, "mute")])
def test_advertised_address_answers_the_handshake_only(guard, api, how):
    """The broker does not say whether it wants a login: that is not a pass."""
    again = AskedAgain(api, answered=1 if api == API_VERSIONS else 0)
    with FakeKafka(brokers=2, topics={"orders": (2, 1)}) as kafka:
        getattr(kafka, how).add(lambda request: request.broker == 2 and again(request))
        kafka.mute.add(lambda request: request.broker == 2 and request.api == METADATA)  # an answer to that would do
        text = profile(bootstrap_servers=kafka.servers[:1], topics=ORDERS, attempt_timeout=guard.span(3))
        check = guard.check(text).expect(
            "answer-timeout", exit=124, phase="protocol", subject=f"broker 2 at {kafka.servers[1]}"
        )
    # Whom a newer librdkafka asks for metadata the second time is chance.
    assert "wants a login" in check["cause"] or "Metadata has no answer" in check["cause"]


@pytest.mark.near_miss("answer-timeout")
def test_advertised_address_is_slow(guard):
    with FakeKafka(brokers=2, topics={"orders": (2, 1)}) as kafka:
        kafka.slow = {SASL_HANDSHAKE: 0.3}
        try_kafka(guard, kafka.servers[0], topics=ORDERS).passed()


@pytest.mark.produces("tls-wrong-name")
@pytest.mark.near_miss("kafka-advertised-unreachable")
def test_advertised_name_is_not_in_the_certificate(guard, tmp_path):
    ca = Authority(tmp_path)
    with FakeKafka(topics={"orders": (1, 1)}, tls=server_context(ca.issue(cn="kafka-1", names=["127.0.0.1"]))) as kafka:
        kafka.advertised[1] = ("localhost", kafka.broker[1].port)
        try_kafka(guard, kafka.bootstrap, topics=ORDERS, properties=[*tls(ca), "broker.address.family=v4"]).expect(
            "tls-wrong-name", exit=69, subject="broker 1 at localhost"
        )


# ---- topics ------------------------------------------------------------------------------------------------------------


@pytest.mark.produces("kafka-topic-missing")
@pytest.mark.near_miss("kafka-topic-denied", "kafka-partitions")
def test_topic_missing(guard):
    with FakeKafka(topics={"audit": (1, 1)}) as kafka:
        try_kafka(guard, kafka.bootstrap, topics=["audit", "orders"]).expect(
            "kafka-topic-missing", exit=124, phase="assert", retryable=True, subject="topic orders"
        )


@pytest.mark.produces("kafka-topic-missing")
@pytest.mark.near_miss("connect-refused")
def test_topic_that_appears(guard):
    with FakeKafka() as kafka:
        with guard.spawn(profile(bootstrap_servers=kafka.servers, topics=ORDERS), "-v") as process:
            process.wait_for("kafka-topic-missing")
            kafka.topics["orders"] = kafka.make_topic()
            process.result().passed()


@pytest.mark.near_miss("kafka-topic-missing")
@pytest.mark.parametrize(
    "error, code",
    [
        pytest.param(error, code, marks=pytest.mark.produces(code))
        for error, code in ((-1, "kafka-error"), (LEADER_NOT_AVAILABLE, "kafka-no-leader"), (56, "kafka-no-leader"))
    ],
)
def test_partition_that_an_error_comes_for(guard, error, code):
    with FakeKafka(topics={"orders": (2, 1)}) as kafka:
        kafka.topics["orders"].partitions[1].error = error
        try_kafka(guard, kafka.bootstrap, topics=ORDERS).expect(code, exit=124, subject="topic orders", cause="partition 1: ")


@pytest.mark.near_miss("kafka-error", "kafka-no-leader")
def test_a_replica_that_is_not_there(guard):
    """Older brokers report it as an error of the partition, although the leader is there."""
    with FakeKafka(topics={"orders": (2, 1)}) as kafka:
        kafka.topics["orders"].partitions[1].error = REPLICA_NOT_AVAILABLE
        try_kafka(guard, kafka.bootstrap, topics=ORDERS).passed()


@pytest.mark.near_miss("kafka-topic-missing", "kafka-no-brokers")
@pytest.mark.parametrize(
    "error, code, exit, expected",
    [
        pytest.param(error, *case, marks=pytest.mark.produces(case[0]))
        for error, *case in (
            (TOPIC_AUTHORIZATION_FAILED, "kafka-topic-denied", 69, {"hint": "Describe"}),
            (-1, "kafka-error", 124, {"cause": "Unknown broker error"}),
        )
    ],
)
def test_topic_that_an_error_comes_for(guard, kafka, error, code, exit, expected):
    kafka.topics["orders"].error = error
    try_kafka(guard, kafka.bootstrap, topics=ORDERS).expect(code, exit=exit, subject="topic orders", **expected)


@pytest.mark.near_miss("kafka-no-leader")
@pytest.mark.parametrize(
    "demand, code, exit, words",
    [
        pytest.param(demand, *case, marks=pytest.mark.produces(case[0]))
        for demand, *case in (
            ({"partitions": 4}, "kafka-partitions", 69, "partitions = 4"),
            ({"partitions": 2}, "kafka-partitions", 69, "partitions = 2"),
            ({"min_partitions": 4}, "kafka-partitions", 69, "min_partitions = 4"),
            ({"replication_factor": 2, "min_in_sync_replicas": 2}, "kafka-replication", 69, "has 3 replicas"),
            ({"min_in_sync_replicas": 4}, "kafka-replication", 69, "too few for min_in_sync_replicas = 4"),
            (
                {"replication_factor": 3, "min_in_sync_replicas": 2},
                "kafka-isr-low",
                124,
                "partition 2 has 1 of 3 replicas in sync",
            ),
        )
    ],
)
def test_shape_of_a_topic(guard, demand, code, exit, words):
    with FakeKafka(brokers=3, topics={"orders": (3, 3)}) as kafka:
        kafka.topics["orders"].partitions[2].isr = [3]
        try_kafka(guard, kafka.bootstrap, topics=[{"name": "orders", **demand}]).expect(
            code, exit=exit, subject="topic orders", cause=words
        )


@pytest.mark.near_miss("kafka-partitions", "kafka-replication", "kafka-isr-low")
def test_exactly_what_is_demanded(guard):
    with FakeKafka(brokers=3, topics={"orders": (3, 2)}) as kafka:
        kafka.topics["orders"].partitions[1].isr = [2]
        try_kafka(
            guard,
            kafka.bootstrap,
            topics=[{"name": "orders", "min_partitions": 3, "replication_factor": 2, "min_in_sync_replicas": 1}],
        ).passed()


@pytest.mark.produces("kafka-no-leader")
@pytest.mark.parametrize("how", ["partition", "topic", "unlisted", "new"])
def test_no_leader(guard, how):
    with FakeKafka(brokers=2, topics={"orders": (2, 1)}) as kafka:
        topic = kafka.topics["orders"]
        if how == "partition":
            topic.partitions[1] = Partition(-1, [2], [2])
        elif how == "topic":
            topic.error = LEADER_NOT_AVAILABLE
        elif how == "unlisted":
            topic.partitions[1] = Partition(7, [7], [7])
        else:
            topic.partitions.clear()
        try_kafka(guard, kafka.bootstrap, topics=ORDERS).expect("kafka-no-leader", exit=124, subject="topic orders")


@pytest.mark.produces("kafka-no-leader")
def test_no_leader_on_the_mock_cluster(guard):
    with KafkaMock(brokers=3, topics={"orders": (3, 3)}) as kafka:
        kafka.leader("orders", 1, -1)
        try_kafka(guard, kafka.bootstrap, topics=ORDERS).expect("kafka-no-leader", cause="partition 1 has no leader")


@pytest.mark.near_miss("kafka-no-leader", "kafka-isr-low")
def test_other_topics_do_not_matter(guard):
    with FakeKafka(topics={"orders": (1, 1), "audit": (1, 1)}) as kafka:
        kafka.topics["audit"].partitions[0] = Partition(-1, [1], [])
        try_kafka(guard, kafka.bootstrap, topics=ORDERS).passed()
        assert all(r.topics == ["orders"] for r in kafka.requests if r.api == METADATA and r.topics)


@pytest.mark.produces("kafka-partitions")
def test_what_cannot_pass_is_named_first(guard, kafka):
    try_kafka(guard, kafka.bootstrap, topics=["audit", {"name": "orders", "partitions": 2}]).expect(
        "kafka-partitions", exit=69, subject="topic orders", cause="topic audit too: kafka-topic-missing"
    )


@pytest.mark.near_miss("kafka-property")
@pytest.mark.parametrize(
    "properties",
    [
        ["reconnect.backoff.ms=500"],
        ["reconnect.backoff.ms=100", "reconnect.backoff.max.ms=10000"],
        ["enable.idempotence=true", "enable.gapless.guarantee=true"],
        ["linger.ms=6000"],
        ["message.timeout.ms=1"],
        ["delivery.report.only.error=true"],
    ],
)
def test_settings_that_a_service_may_have(guard, kafka, properties):
    try_kafka(guard, kafka.bootstrap, properties=properties, topics=ORDERS, canary={"topic": "orders"}).passed()


def test_a_group_that_is_named_twice(guard):
    try_kafka(guard, "127.0.0.1:1", groups=["g", "h", "g"]).problem("groups", "names a group twice", exit=64)
