"""kafka: consumer groups that must be active, with real members: they join, leave, are killed, rebalance and fall behind."""

import contextlib
import json
import logging
import signal
import subprocess
import sys
import threading

import pytest
from confluent_kafka import Consumer, ConsumerGroupState, ConsumerGroupTopicPartitions, TopicPartition
from kafka_help import linked_before

from harness import settings
from servers.common import wait_for
from servers.kafka import KafkaServer
from servers.kafka_jars import VERSIONS

pytestmark = pytest.mark.timeout(180)
TOPIC, OTHER = "open.readers.topic", "open.readers.other"
NEW_PROTOCOL = {"group.protocol": "consumer"}
with_new_protocol = pytest.mark.parametrize("kafka", VERSIONS[:1], indirect=True)  # Kafka 4
# A member that polls until it is killed: a process of its own, since only a process can end without leaving its group.
ALONE = """
import json, sys
from confluent_kafka import Consumer
consumer = Consumer(json.loads(sys.argv[1]))
consumer.subscribe([sys.argv[2]])
while True:
    consumer.poll(0.1)
"""


@pytest.fixture(scope="module", params=VERSIONS)
def kafka(request):
    # A killed member is missed after a second; a new group need not wait for more members.
    config = {"group.min.session.timeout.ms": 500, "group.initial.rebalance.delay.ms": 0}
    with KafkaServer(version=request.param, config=config) as server:
        for topic in (TOPIC, OTHER):
            server.create_topic(topic, 3)
        server.commit("open.warm.up", TOPIC, 0)
        yield server


@pytest.fixture
def group(request):
    return "open." + request.node.name.partition("[")[0]


class Member:
    """A consumer that polls in a thread. .pause() makes it neither poll nor answer a rebalance, while it goes on to say that it lives."""

    def __init__(self, kafka, group, topic=TOPIC, **more):
        properties = kafka.client_properties() | {
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
        self.consumer = Consumer(properties | more, logger=logging.getLogger("quiet"))
        # With callbacks a rebalance waits for poll(), as in services that use them.
        self.consumer.subscribe([topic], on_assign=lambda *_: None, on_revoke=lambda *_: None)
        self._going, self._ended = threading.Event(), threading.Event()
        self._going.set()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def _poll(self):
        while not self._ended.is_set():
            self._going.wait()
            self.consumer.poll(0.05)

    def pause(self):
        self._going.clear()

    def close(self):
        self._going.set()
        self._ended.set()
        self._thread.join()
        self.consumer.close()


@contextlib.contextmanager
def members(kafka, group, n=1, **more):
    """Stable, with n members, which have all partitions."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(contextlib.closing(Member(kafka, group, **more))) for _ in range(n)]
        wait_for(lambda: is_stable(kafka, group, n), what=f"{n} members of {group}", seconds=60)
        yield found


def described(kafka, group):
    return kafka.admin.describe_consumer_groups([group])[group].result(20)


def is_stable(kafka, group, n):
    now = described(kafka, group)
    have = sum(len(one.assignment.topic_partitions) for one in now.members)
    return now.state == ConsumerGroupState.STABLE and len(now.members) == n and have == 3


def commit(kafka, group, offset, topic=TOPIC, partitions=range(3)):
    """As the members would: the offsets are set while the group has none."""
    places = [TopicPartition(topic, p, offset) for p in partitions]
    kafka.admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])[group].result(20)


def keys_of(kafka, group, _user=None, **more):
    keys = {"bootstrap_servers": kafka.plaintext, "consumers": [{"group": group, **more}]}
    if _user:
        lines = kafka.client_properties("sasl", _user)
        keys["bootstrap_servers"] = lines.pop("bootstrap.servers")
        keys["properties"] = [f"{k}={v}" if k != "sasl.password" else "sasl.password=env:PASSWORD" for k, v in lines.items()]
    return keys


def look(guard, kafka, group, _user=None, **more):
    """One round, as a HEALTHCHECK makes it."""
    env = {"PASSWORD": kafka.users[_user]} if _user else {}
    return guard.check(
        f'startguard = 1; service = "s"; kafka: {{ k: {{ {settings(**keys_of(kafka, group, _user, **more))} }}; }};', env=env
    )


@pytest.mark.near_miss(
    "kafka-group-inactive", "kafka-group-rebalancing", "kafka-group-members", "kafka-group-topic", "kafka-group-lag"
)
def test_active(guard, kafka, group):
    """And nothing in the group or the cluster has changed."""
    commit(kafka, group, 0)
    with members(kafka, group, 2):
        before = kafka.dump()
        ids = sorted(one.member_id for one in described(kafka, group).members)
        result = look(guard, kafka, group, topics=[TOPIC], min_members=2, max_lag=0)
        assert result.passed()["facts"]["consumers"] == f"{group} 2 members lag 0"
        assert ", 1 active group" in result.err
        assert kafka.dump() == before and ids == sorted(one.member_id for one in described(kafka, group).members)


@pytest.mark.produces("kafka-group-inactive")
@pytest.mark.near_miss("kafka-library-old", "kafka-coordinator")
def test_nobody_has_joined(guard, kafka, group):
    look(guard, kafka, group).expect(
        "kafka-group-inactive",
        exit=124,
        phase="assert",
        retryable=True,
        subject=f"group {group}",
        cause="the coordinator does not know this group (state Dead)",
    )


@pytest.mark.produces("kafka-group-inactive")
def test_all_have_left(guard, kafka, group):
    commit(kafka, group, 0)
    with members(kafka, group):
        look(guard, kafka, group).passed()
    wait_for(lambda: described(kafka, group).state == ConsumerGroupState.EMPTY, what="an empty group")
    look(guard, kafka, group).expect("kafka-group-inactive", exit=124, cause="the group has no member (state Empty)")


@pytest.mark.produces("kafka-group-inactive")
def test_a_killed_member_counts_until_its_session_ends(guard, kafka, group):
    commit(kafka, group, 0)
    properties = kafka.client_properties() | {"group.id": group, "session.timeout.ms": 2000, "heartbeat.interval.ms": 200}
    with subprocess.Popen([sys.executable, "-c", ALONE, json.dumps(properties), TOPIC]) as process:
        try:
            wait_for(lambda: is_stable(kafka, group, 1), what="a member", seconds=60)
            look(guard, kafka, group, topics=[TOPIC]).passed()
        finally:
            process.send_signal(signal.SIGKILL)
    wait_for(lambda: described(kafka, group).state == ConsumerGroupState.EMPTY, what="the end of the session")
    look(guard, kafka, group).expect("kafka-group-inactive", exit=124)


@pytest.mark.produces("kafka-group-rebalancing")
@pytest.mark.near_miss("kafka-group-members", "kafka-group-topic")
def test_rebalancing(guard, kafka, group):
    """A member joins, and the one that is there does not hear of it: nobody reads until it does."""
    with members(kafka, group) as (first,):
        first.pause()
        with contextlib.closing(Member(kafka, group)):
            wait_for(
                lambda: described(kafka, group).state == ConsumerGroupState.PREPARING_REBALANCING,
                what="a rebalance",
                seconds=60,
            )
            look(guard, kafka, group, topics=[TOPIC], min_members=2).expect(
                "kafka-group-rebalancing",
                exit=124,
                phase="assert",
                retryable=True,
                subject=f"group {group}",
                cause="the group is not stable (state PreparingRebalance)",
            )
            first._going.set()
            wait_for(lambda: is_stable(kafka, group, 2), what="the end of the rebalance", seconds=60)
            look(guard, kafka, group, topics=[TOPIC], min_members=2).passed()


@pytest.mark.produces("kafka-group-members", "kafka-group-topic")
@pytest.mark.near_miss("kafka-group-inactive", "kafka-group-lag")
def test_too_few_members_and_another_topic(guard, kafka, group):
    with members(kafka, group):
        look(guard, kafka, group, min_members=2).expect(
            "kafka-group-members", exit=124, subject=f"group {group}", cause="the group has 1 member, min_members is 2"
        )
        look(guard, kafka, group, topics=[TOPIC, OTHER]).expect(
            "kafka-group-topic",
            exit=124,
            subject=f"group {group}",
            cause=f"no member has any partition of topic {OTHER}; the 1 member reads {TOPIC}",
        )


@pytest.mark.produces("kafka-group-lag")
def test_lag(guard, kafka, group):
    first = end_of(kafka, OTHER)
    for _ in range(7):
        kafka.produce(OTHER, b"x", key=b"one")
    last = end_of(kafka, OTHER)
    assert sum(last) - sum(first) == 7
    with members(kafka, group, topic=OTHER):
        look(guard, kafka, group, topics=[OTHER], max_lag=sum(last) - 1).expect(
            "kafka-group-lag",
            exit=124,
            subject=f"group {group}",
            cause=f"the group is {sum(last)} records behind, max_lag is {sum(last) - 1}",
        )
        assert "in 3 partitions the group has committed nothing" in guard.results[-1].checks[0]["cause"]
        look(guard, kafka, group, topics=[OTHER], max_lag=sum(last)).passed()
    for partition, offset in enumerate(last):
        commit(kafka, group, max(0, offset - 2), OTHER, [partition])
    behind = sum(min(2, offset) for offset in last)
    with members(kafka, group, topic=OTHER):
        assert look(guard, kafka, group, max_lag=behind).passed()["facts"]["consumers"] == f"{group} 1 member lag {behind}"
        check = look(guard, kafka, group, max_lag=behind - 1).expect("kafka-group-lag", exit=124)
        assert "committed nothing" not in check["cause"]


def end_of(kafka, topic):
    ends = kafka.dump()["ends"]
    return [ends[f"{topic}-{p}"][1] for p in range(3)]


@with_new_protocol
@pytest.mark.near_miss("kafka-group-inactive", "kafka-group-topic", "kafka-group-lag")
def test_the_new_protocol(guard, group, kafka):
    """Brokers do not describe such a group to a librdkafka before 2.10."""
    commit(kafka, group, 0)
    with members(kafka, group, 2, **NEW_PROTOCOL):
        result = look(guard, kafka, group, topics=[TOPIC], min_members=2, max_lag=0)
        if linked_before(guard, 2, 10, 0):
            result.expect(
                "kafka-library-old",
                exit=69,
                subject=f"group {group}",
                cause="use the new rebalance protocol",
                hint="2.10.0 or newer",
            )
        else:
            assert result.passed()["facts"]["consumers"] == f"{group} 2 members lag 0"


@with_new_protocol
@pytest.mark.produces("kafka-group-inactive")
@pytest.mark.near_miss("kafka-library-old")
def test_all_members_of_the_new_protocol_have_left(guard, group, kafka):
    with members(kafka, group, **NEW_PROTOCOL):
        pass
    wait_for(lambda: described(kafka, group).state == ConsumerGroupState.EMPTY, what="an empty group")
    look(guard, kafka, group).expect("kafka-group-inactive", exit=124)


@pytest.mark.produces("kafka-group-denied", "kafka-topic-denied")
def test_describe_is_needed_and_enough(guard, kafka, group):
    closed = group.replace("open.", "closed.")
    commit(kafka, closed, 0)
    with members(kafka, closed):
        ask = {"_user": "nobody", "max_lag": 0}
        look(guard, kafka, closed, **ask).expect(
            "kafka-group-denied", exit=69, subject=f"group {closed}", hint=f"grant Describe on group {closed}"
        )
        kafka.add_acl("nobody", "describe", closed, resource="group")
        try:
            look(guard, kafka, closed, _user="nobody").passed()
            look(guard, kafka, closed, **ask).expect("kafka-topic-denied", exit=69, subject=f"topic {TOPIC}")
            kafka.add_acl("nobody", "describe", TOPIC)
            look(guard, kafka, closed, **ask, topics=[TOPIC]).passed()
        finally:
            kafka.remove_acl("nobody", "describe", closed, resource="group")
            kafka.remove_acl("nobody", "describe", TOPIC)


@pytest.mark.produces("kafka-group-inactive")
def test_the_group_is_waited_for(guard, kafka, group):
    """What is started behind it finds readers that have their partitions: no record that it causes is missed."""
    keys = settings(**keys_of(kafka, group, topics=[TOPIC], min_members=2))
    with guard.spawn(f'startguard = 1; service = "smoke"; kafka: {{ k: {{ {keys} }}; }};', "-v") as process:
        process.wait_for("kafka-group-inactive")
        with members(kafka, group, 2):
            assert process.result().passed()["attempts"] > 1
            assert is_stable(kafka, group, 2)
