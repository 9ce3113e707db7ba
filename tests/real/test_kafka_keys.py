"""kafka: rights, groups, producers, settings and the canary against a real Apache Kafka with ACLs.

The answers of the fakes in tests/scenario are taken from here: who may what, said how. After all of it the cluster must be
as before, with auto.create.topics.enable=true.
"""

import contextlib
import logging

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import OffsetSpec
from kafka_help import expect_rights

from servers.common import wait_for
from servers.kafka import KafkaServer

pytestmark = pytest.mark.timeout(180)
TOPICS = ("open.orders", "closed.orders", "open.canary", "closed.canary")


@pytest.fixture(scope="module")
def kafka():
    with KafkaServer(auto_create=True) as server:
        for topic in TOPICS:
            server.create_topic(topic, 3, config={"retention.ms": "3600000"})
        server.add_acl("limited", "describe", "startguard-open.", resource="transactional_id", prefixed=True)
        server.add_acl("limited", "write", "startguard-open.", resource="transactional_id", prefixed=True)
        # The coordinators' own topics come into being with the first question of any client, and take a moment.
        wait_for(lambda: is_coordinated(server), what="coordinators")
        yield server


def is_coordinated(server):
    producer = Producer(server.client_properties() | {"transactional.id": "warm-up"}, logger=logging.getLogger("quiet"))
    try:
        producer.init_transactions(5)
        group(server, "warm-up")
    except KafkaException:
        return False
    return True


def properties(kafka, user):
    return [
        f"{name}={value}" if name != "sasl.password" else "sasl.password=env:KAFKA_PASSWORD"
        for name, value in kafka.client_properties("sasl", user).items()
        if name != "bootstrap.servers"
    ]


def try_kafka(guard, kafka, user="limited", more=(), **keys):
    return guard.try_(
        "kafka",
        bootstrap_servers=kafka.sasl,
        properties=[*properties(kafka, user), *more],
        _env={"KAFKA_PASSWORD": kafka.users[user]},
        **keys,
    )


@contextlib.contextmanager
def granted(kafka, *rules):
    """("nobody", "read", "orders", {...}) for the time of a test."""
    done = []
    try:
        for user, operation, name, *more in rules:
            kafka.add_acl(user, operation, name, **(more[0] if more else {}))
            done.append((user, operation, name, *more))
        yield
    finally:
        for user, operation, name, *more in done:
            kafka.remove_acl(user, operation, name, **(more[0] if more else {}))


def ends(kafka, topics=TOPICS):
    wanted = {TopicPartition(t, p): OffsetSpec.latest() for t in topics for p in range(3)}
    return {(tp.topic, tp.partition): f.result().offset for tp, f in kafka.admin.list_offsets(wanted).items()}


# ---- operations ---------------------------------------------------------------------------------------------------


@pytest.mark.near_miss("kafka-topic-denied")
def test_all_operations(guard, kafka):
    before = ends(kafka)
    topics = [{"name": "open.orders", "operations": ["read", "write", "describe"]}]
    check = expect_rights(guard, try_kafka(guard, kafka, topics=topics))
    assert "unverified" not in check["facts"]
    assert ends(kafka) == before, "finding out whether it may write wrote"


@pytest.mark.parametrize("has, wants", [("read", "write"), ("write", "read"), ("describe", "read"), ("describe", "write")])
def test_operation_denied(guard, kafka, has, wants):
    before = ends(kafka)
    with granted(kafka, ("nobody", has, "closed.orders")):
        expect_rights(
            guard,
            try_kafka(guard, kafka, "nobody", topics=[{"name": "closed.orders", "operations": [wants]}]),
            "kafka-topic-denied",
            exit=69,
            phase="assert",
            subject="topic closed.orders",
            cause=f"may not {wants} topic closed.orders",
            hint=f"grant {wants.capitalize()} on topic closed.orders",
        )
        expect_rights(guard, try_kafka(guard, kafka, "nobody", topics=[{"name": "closed.orders", "operations": [has]}]))
    assert ends(kafka) == before


def test_a_deny_rule_beats_the_others(guard, kafka):
    with granted(kafka, ("limited", "write", "open.orders", {"permission": "deny"})):
        result = try_kafka(guard, kafka, topics=[{"name": "open.orders", "operations": ["read", "write"]}])
        expect_rights(guard, result, "kafka-topic-denied", cause="may not write topic open.orders")


@pytest.mark.produces("kafka-topic-denied")
@pytest.mark.near_miss("kafka-topic-missing")
def test_no_right_at_all(guard, kafka):
    try_kafka(guard, kafka, "nobody", topics=[{"name": "closed.orders", "operations": ["read"]}]).expect(
        "kafka-topic-denied", exit=69, cause="may not read topic closed.orders", hint="grant Read on topic closed.orders"
    )


# ---- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.near_miss("kafka-topic-config", "kafka-config-denied")
def test_settings(guard, kafka):
    try_kafka(
        guard,
        kafka,
        "admin",
        topics=[
            {
                "name": "open.orders",
                "config": [
                    "cleanup.policy=delete",
                    "retention.ms>=3600000",
                    "max.message.bytes>=1000000",
                    "message.timestamp.type=CreateTime",
                    "unclean.leader.election.enable=false",
                ],
            }
        ],
    ).passed()


@pytest.mark.produces("kafka-topic-config")
@pytest.mark.near_miss("kafka-config-denied")
def test_setting_differs(guard, kafka):
    with granted(kafka, ("limited", "describe_configs", "open.orders")):
        try_kafka(guard, kafka, topics=[{"name": "open.orders", "config": ["cleanup.policy=compact"]}]).expect(
            "kafka-topic-config", exit=69, subject="topic open.orders", cause="cleanup.policy is delete"
        )


@pytest.mark.produces("kafka-config-denied")
@pytest.mark.near_miss("kafka-topic-config", "kafka-topic-denied")
def test_settings_may_not_be_read(guard, kafka):
    try_kafka(guard, kafka, topics=[{"name": "open.orders", "config": ["cleanup.policy=delete"]}]).expect(
        "kafka-config-denied", exit=69, subject="topic open.orders", cause="uthorization failed"
    )


@pytest.mark.near_miss("kafka-isr-low", "kafka-config-denied")
def test_the_topics_own_minimum(guard, kafka):
    """Above the number of replicas it is read as that number, by the broker and by the check."""
    kafka.set_topic_config("open.orders", {"min.insync.replicas": 2})
    try:
        wish = [{"name": "open.orders", "min_in_sync_replicas": 1}]
        assert "min_insync_unknown" not in try_kafka(guard, kafka, "admin", topics=wish).passed()["facts"]
        assert try_kafka(guard, kafka, topics=wish).passed()["facts"]["min_insync_unknown"] == "open.orders"
        kafka.produce("open.orders", b"acknowledged by all of one")
    finally:
        kafka.set_topic_config("open.orders", {"min.insync.replicas": 1})


# ---- groups -------------------------------------------------------------------------------------------------------


@pytest.mark.near_miss("kafka-group-denied", "kafka-coordinator")
@pytest.mark.parametrize("user", ["limited", "admin"])
def test_group(guard, kafka, user):
    check = expect_rights(guard, try_kafka(guard, kafka, user, groups=["open.orders"]))
    assert check["facts"]["coordinator"] == f"broker 1 at {kafka.sasl}"
    assert "unverified" not in check["facts"]


@pytest.mark.produces("kafka-group-denied")
@pytest.mark.near_miss("kafka-coordinator", "kafka-library-old")
def test_group_denied(guard, kafka):
    try_kafka(guard, kafka, "nobody", groups=["orders"]).expect(
        "kafka-group-denied", exit=69, phase="assert", subject="group orders", cause="neither describe nor read"
    )


@pytest.mark.near_miss("kafka-coordinator")
def test_group_that_may_only_be_described(guard, kafka):
    with granted(kafka, ("nobody", "describe", "orders", {"resource": "group"})):
        result = try_kafka(guard, kafka, "nobody", groups=["orders"])
        expect_rights(guard, result, "kafka-group-denied", exit=69, subject="group orders", cause="not read group")


@pytest.mark.near_miss("kafka-group-denied")
def test_a_group_in_use_is_left_alone(guard, kafka):
    from confluent_kafka import Consumer

    consumer = Consumer(kafka.client_properties() | {"group.id": "open.used", "enable.auto.commit": False})
    consumer.subscribe(["open.orders"])
    try:
        while not consumer.assignment():
            consumer.poll(0.1)
        consumer.commit(offsets=[TopicPartition("open.orders", 0, 0)], asynchronous=False)
        before = group(kafka, "open.used")
        expect_rights(guard, try_kafka(guard, kafka, groups=["open.used"]))
        assert group(kafka, "open.used") == before and consumer.assignment()
    finally:
        consumer.close()


def group(kafka, name):
    described = kafka.admin.describe_consumer_groups([name])[name].result()
    offsets = kafka.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)])[name].result()
    return (
        described.state,
        [m.member_id for m in described.members],
        [(p.topic, p.partition, p.offset) for p in offsets.topic_partitions],
    )


# ---- producers ----------------------------------------------------------------------------------------------------


@pytest.mark.near_miss("kafka-idempotence-denied")
@pytest.mark.parametrize("user", ["limited", "admin"])
def test_idempotent(guard, kafka, user):
    """`limited` has no right on the cluster: Write on any topic is enough."""
    try_kafka(guard, kafka, user, idempotent=True).passed()


@pytest.mark.produces("kafka-idempotence-denied")
def test_idempotence_denied(guard, kafka):
    try_kafka(guard, kafka, "nobody", idempotent=True).expect(
        "kafka-idempotence-denied", exit=69, phase="assert", cause="Cluster authorization failed"
    )


@pytest.mark.near_miss("kafka-transaction-denied")
def test_transactional_id(guard, kafka):
    try_kafka(guard, kafka, transactional_id="open.orders-1").passed()


@pytest.mark.produces("kafka-transaction-denied")
@pytest.mark.near_miss("kafka-coordinator", "kafka-idempotence-denied")
@pytest.mark.parametrize("rules", [(), ("describe",)])
def test_transactional_id_denied(guard, kafka, rules):
    name = "startguard-orders-1"
    with granted(kafka, *(("nobody", rule, name, {"resource": "transactional_id"}) for rule in rules)):
        try_kafka(guard, kafka, "nobody", transactional_id="orders-1").expect(
            "kafka-transaction-denied", exit=69, phase="assert", subject=f"transactional id {name}"
        )


@pytest.mark.produces("kafka-transaction-timeout")
@pytest.mark.near_miss("answer-timeout")
def test_transaction_timeout(guard, kafka):
    try_kafka(guard, kafka, "admin", transactional_id="open.orders-1", more=["transaction.timeout.ms=7200000"]).expect(
        "kafka-transaction-timeout", exit=69
    )


@pytest.mark.produces("kafka-topic-denied")
def test_read_is_granted_and_describe_denied(guard, kafka):
    """The rule that denies beats what Read includes: the hint tells of it."""
    with granted(kafka, ("nobody", "read", "closed.orders"), ("nobody", "describe", "closed.orders", {"permission": "deny"})):
        try_kafka(guard, kafka, "nobody", topics=[{"name": "closed.orders", "operations": ["read"]}]).expect(
            "kafka-topic-denied", exit=69, subject="topic closed.orders", hint="drop the rule that denies Describe"
        )


# ---- the canary ---------------------------------------------------------------------------------------------------


@pytest.mark.near_miss("kafka-canary-failed", "kafka-slow", "kafka-throttled")
def test_canary(guard, kafka):
    before = ends(kafka)
    check = try_kafka(guard, kafka, canary={"topic": "open.canary", "max_latency": "10m"}).passed()
    assert check["facts"]["canary_ms"] > 0
    after = ends(kafka)
    changed = {where: after[where] - before[where] for where in after if after[where] != before[where]}
    ((where, n),) = changed.items()
    assert where[0] == "open.canary" and n == 1


@pytest.mark.produces("kafka-topic-denied")
@pytest.mark.near_miss("kafka-canary-failed")
@pytest.mark.parametrize(
    "has, words, lacks", [("describe", "sending the canary", "Write"), ("write", "reading back the canary", "Read")]
)
def test_canary_denied(guard, kafka, has, words, lacks):
    with granted(kafka, ("nobody", has, "closed.canary")):
        try_kafka(guard, kafka, "nobody", canary={"topic": "closed.canary"}).expect(
            "kafka-topic-denied",
            exit=69,
            subject="topic closed.canary",
            cause=words,
            hint=f"grant {lacks} on topic closed.canary",
        )


@pytest.mark.produces("kafka-canary-refused")
@pytest.mark.near_miss("kafka-canary-failed")
def test_canary_is_too_large_for_its_topic(guard, kafka):
    kafka.create_topic("open.small", 1, config={"max.message.bytes": "60"})
    try:
        before = ends(kafka, ["open.canary"])
        try_kafka(guard, kafka, canary={"topic": "open.small"}).expect(
            "kafka-canary-refused", exit=69, subject="topic open.small", cause="Message size too large"
        )
        assert ends(kafka, ["open.canary"]) == before
    finally:
        kafka.delete_topic("open.small")


@pytest.mark.produces("kafka-slow")
def test_canary_is_slow(guard, kafka):
    """One millisecond: what goes over two connections and a disk is seldom that fast."""
    for _ in range(30):
        result = try_kafka(guard, kafka, canary={"topic": "open.canary", "max_latency": "1ms"})
        if result.check()["outcome"] != "pass":
            break
    assert result.check()["facts"]["canary_ms"] >= 1
    result.expect("kafka-slow", exit=124, subject="topic open.canary")


# ---- nothing is left --------------------------------------------------------------------------------------------------


def test_nothing_is_left(guard, kafka):
    def dump():
        groups = kafka.admin.list_consumer_groups().result().valid
        return kafka.topic_names(), ends(kafka), sorted(g.group_id for g in groups)

    before = dump()
    for user in ("limited", "nobody", "admin"):
        try_kafka(
            guard,
            kafka,
            user,
            groups=["open.fresh"],
            idempotent=True,
            transactional_id="open.orders-1",
            topics=[{"name": "open.orders", "operations": ["read", "write"]}, {"name": "closed.orders"}],
        )
        try_kafka(guard, kafka, user, topics=["open.not-there"], canary={"topic": "open.not-there-either"})
    assert dump() == before
