"""wire_format on a real broker: what the mock cluster has not. Transactions, compaction, deleted records, codecs, permissions,
size; and that looking leaves nothing behind."""

import contextlib
import json
import os
import pathlib
import re
import time

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import OffsetSpec

from harness import ROOT, settings
from servers import common
from servers.kafka import KafkaServer
from servers.kafka_admin import ADMIN_SECONDS
from servers.kafka_jars import VERSIONS

pytestmark = pytest.mark.timeout(180)
SCHEMA = ROOT / "profiles" / "somabrain" / "schemas" / "eb14dcb" / "config_update.avsc"
AVRO = bytes.fromhex("cdcc4c3d52b81e3f28323032352d31312d30385431353a30303a30305a")
JSON = b'{"tenant": "acme", "learning_rate": 0.05, "exploration_temp": 0.62, "ts": "2025-11-08T15:00:00Z"}'


@pytest.fixture(scope="module", params=VERSIONS)
def kafka(request):
    # Topics would come into being by being asked for; the log cleaner does not wait for its usual 15 s.
    with KafkaServer(
        version=request.param, auto_create=True, config={"log.cleaner.backoff.ms": 200, "log.cleaner.delete.retention.ms": 0}
    ) as server:
        yield server


@pytest.fixture
def topic(kafka, request):
    """A topic of this test."""
    name = request.node.name.replace("[", ".").replace("]", "").replace("test_", "open.")
    kafka.create_topic(name, 2)
    yield name
    kafka.delete_topic(name)


def produce(kafka, topic, *values, partition=0, ago=0, **properties):
    producer = Producer(kafka.client_properties() | {"linger.ms": 5, "message.max.bytes": 8 << 20} | properties)
    if "transactional.id" in properties:
        producer.init_transactions(ADMIN_SECONDS)
        producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, key=b"key", partition=partition, timestamp=round((time.time() - ago) * 1000))
        producer.poll(0)
    assert producer.flush(ADMIN_SECONDS) == 0
    return producer


def look(guard, kafka, topic, expect="avro_bare", _listener="plaintext", _user=None, **keys):
    lines = kafka.client_properties(_listener, _user)
    servers = lines.pop("bootstrap.servers")
    if lines:
        keys["properties_file"] = guard.write("kafka.properties", "".join(f"{k}={v}\n" for k, v in lines.items()))
    if expect != "json":
        keys["schema"] = SCHEMA
    return guard.try_("wire_format", bootstrap_servers=servers, topic=topic, expect=expect, **keys)


def end_of(kafka, topic, partition=0):
    """First and next offset. A consumer of confluent_kafka would need a group, and the broker a topic for groups."""
    place = TopicPartition(topic, partition)
    answers = [
        kafka.admin.list_offsets({place: spec})[place].result(ADMIN_SECONDS)
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest())
    ]
    return tuple(answer.offset for answer in answers)


@pytest.mark.near_miss("wire-format-other", "wire-format-mixed", "wire-value-range")
def test_pass(guard, kafka, topic):
    for partition in range(2):
        produce(kafka, topic, *[AVRO] * 50, partition=partition)
    check = look(guard, kafka, topic, ranges=["exploration_temp 0.1 1"]).passed()
    assert (check["facts"]["records"], check["facts"]["avro_bare"]) == (40, 40)


@pytest.mark.produces("wire-format-other")
def test_json_that_decodes_as_avro(guard, kafka, topic):
    produce(kafka, topic, *[JSON] * 50, partition=1)
    look(guard, kafka, topic, ranges=["exploration_temp 0.1 1"]).expect(
        "wire-format-other",
        exit=69,
        cause="20 of 20 sampled records: JSON, expected bare Avro; the first is at partition 1 offset 30",
    )


HOUR = 3600


@pytest.mark.produces("wire-format-mixed", "wire-stale", "wire-empty-topic")
@pytest.mark.near_miss("wire-no-record", "wire-format-other")
def test_age(guard, kafka, topic):
    """From nobody who writes to a repaired producer."""
    young = {"since": "15m", "allow_empty": False}
    look(guard, kafka, topic, newest_within="15m", _args=["-t", "1s"]).expect("wire-empty-topic", exit=124)
    produce(kafka, topic, *[JSON] * 200, ago=3 * HOUR)
    assert "no record is younger than 15.0 min" in look(guard, kafka, topic, since="15m", sample=1).err
    look(guard, kafka, topic, **young, _args=["-t", "1s"]).expect(
        "wire-empty-topic", exit=124, cause="the newest record, in partition 0, is 3.0 h old"
    )
    look(guard, kafka, topic, "json", newest_within="15m", _args=["-t", "1s"]).expect(
        "wire-stale", exit=124, cause="the newest record, in partition 0, is 3.0 h old"
    )
    produce(kafka, topic, AVRO)
    facts = look(guard, kafka, topic, **young, newest_within="15m").passed()["facts"]
    assert (facts["records"], facts["too_old"]) == (1, 19)
    look(guard, kafka, topic).expect("wire-format-mixed", exit=69)
    produce(kafka, topic, JSON, ago=60)
    look(guard, kafka, topic, **young).expect("wire-format-mixed", exit=69, cause="of 2 sampled records: 1 bare Avro, 1 JSON")


@pytest.mark.produces("wire-format-other")
def test_a_young_record_behind_old_ones(guard, kafka, topic):
    """The broker finds it by its index of times, though it is in one batch with old ones."""
    produce(kafka, topic, *[AVRO] * 30, ago=HOUR)
    produce(kafka, topic, JSON)
    produce(kafka, topic, *[AVRO] * 30, ago=HOUR)
    check = look(guard, kafka, topic, since="15m", sample=5).expect(
        "wire-format-other", exit=69, cause="1 of 1 sampled records"
    )
    assert check["facts"]["too_old"] >= 30


@pytest.mark.near_miss("wire-stale", "wire-empty-topic")
def test_the_brokers_own_time(guard, kafka, request):
    topic = "open.broker.time"
    kafka.create_topic(topic, 1, {"message.timestamp.type": "LogAppendTime"})
    try:
        produce(kafka, topic, AVRO, ago=3 * HOUR)
        look(guard, kafka, topic, newest_within="15m", since="15m", allow_empty=False).passed()
    finally:
        kafka.delete_topic(topic)


@pytest.mark.produces("kafka-topic-missing")
def test_leaves_nothing_behind(guard, kafka, topic):
    """No group, no offset, no topic, no record: though the broker creates every topic that a client asks for."""
    produce(kafka, topic, *[AVRO] * 3)
    before = kafka.dump()
    look(guard, kafka, topic).passed()
    look(guard, kafka, "open.nobody.made.this", _limit="3s").expect(
        "kafka-topic-missing", exit=124, subject="open.nobody.made.this"
    )
    assert kafka.dump() == before
    assert set(before["topics"]) == {topic} and not before["groups"]


@pytest.mark.near_miss("wire-format-mixed", "wire-empty-topic")
def test_transactions(guard, kafka, topic):
    """Aborted records and markers take offsets, and are not records to a reader of committed ones."""
    produce(kafka, topic, *[AVRO] * 4, **{"transactional.id": f"{topic}.1"}).commit_transaction(ADMIN_SECONDS)
    produce(kafka, topic, *[JSON] * 4, **{"transactional.id": f"{topic}.2"}).abort_transaction(ADMIN_SECONDS)
    common.wait_for(lambda: end_of(kafka, topic)[1] == 10, what="the markers")
    assert look(guard, kafka, topic).passed()["facts"]["records"] == 4
    # The last two offsets are aborted records and a marker: it looks further back.
    assert look(guard, kafka, topic, sample=2, allow_empty=False).passed()["facts"]["records"] >= 1


@pytest.mark.produces("wire-no-record", "wire-empty-topic")
@pytest.mark.near_miss("wire-format-mixed")
def test_aborted_as_far_as_was_looked(guard, kafka, topic):
    """What lies behind is not what a start may be built on; and where all is aborted, there is nothing behind."""
    aborted = {"transactional.id": f"{topic}.1"}
    produce(kafka, topic, *[AVRO] * 100, partition=1, **aborted).abort_transaction(ADMIN_SECONDS)
    common.wait_for(lambda: end_of(kafka, topic, 1)[1] == 101, what="the marker")
    assert "no record among its 101 offsets: nothing to judge" in look(guard, kafka, topic).err
    look(guard, kafka, topic, allow_empty=False, _args=["-t", "1s"]).expect("wire-empty-topic", exit=124)
    produce(kafka, topic, JSON)
    produce(kafka, topic, *[AVRO] * 100, **aborted).abort_transaction(ADMIN_SECONDS)
    common.wait_for(lambda: end_of(kafka, topic)[1] == 102, what="the marker")
    look(guard, kafka, topic, sample=1, _args=["-t", "1s"]).expect(
        "wire-no-record", exit=124, cause="no record among its last 128 offsets; further back"
    )
    look(guard, kafka, topic).expect("wire-format-other", exit=69)


@pytest.mark.produces("wire-format-mixed")
def test_aborted_records_count_for_a_service_that_reads_them(guard, kafka, topic):
    produce(kafka, topic, AVRO)
    produce(kafka, topic, JSON, **{"transactional.id": f"{topic}.1"}).abort_transaction(ADMIN_SECONDS)
    look(guard, kafka, topic, properties=["isolation.level=read_uncommitted"]).expect("wire-format-mixed", exit=69)


@pytest.mark.near_miss("wire-empty-topic")
def test_deleted_records(guard, kafka, topic):
    produce(kafka, topic, *[JSON] * 30, *[AVRO] * 3)
    kafka.admin.delete_records([TopicPartition(topic, 0, 30)])
    common.wait_for(lambda: end_of(kafka, topic)[0] == 30, what="the records are gone")
    assert look(guard, kafka, topic, allow_empty=False).passed()["facts"]["records"] == 3


@pytest.mark.produces("wire-empty-topic")
def test_everything_deleted(guard, kafka, topic):
    produce(kafka, topic, *[AVRO] * 3)
    kafka.admin.delete_records([TopicPartition(topic, 0, 3)])
    common.wait_for(lambda: end_of(kafka, topic)[0] == 3, what="the records are gone")
    assert "the topic is empty: nothing to judge" in look(guard, kafka, topic).err
    look(guard, kafka, topic, allow_empty=False, _args=["-t", "1s"]).expect("wire-empty-topic", exit=124)


@pytest.mark.near_miss("wire-empty-topic", "answer-timeout")
def test_compacted(guard, kafka, request):
    """One key: of 60 records compaction leaves the last of the closed segments; the gaps are not the end."""
    topic = "open.compacted"
    kafka.create_topic(
        topic,
        1,
        {
            "cleanup.policy": "compact",
            "segment.ms": 100,
            "min.cleanable.dirty.ratio": 0.01,
            "max.compaction.lag.ms": 100,
            "min.compaction.lag.ms": 0,
            "delete.retention.ms": 0,
        },
    )
    try:
        produce(kafka, topic, *[AVRO] * 60)

        def left():
            # A record of another key now and then closes the segment that is being written.
            produce(kafka, topic, AVRO)
            time.sleep(0.2)
            records = look(guard, kafka, topic, sample=100, allow_empty=False).passed()["facts"]["records"]
            return records < 30

        common.wait_for(left, what="compaction", seconds=60)
    finally:
        kafka.delete_topic(topic)


@pytest.mark.near_miss("answer-timeout")
@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_codecs(guard, kafka, topic, codec):
    produce(kafka, topic, *[AVRO] * 100, **{"compression.type": codec})
    result = look(guard, kafka, topic)
    # librdkafka may be built without zstd: then it is the library that is named, at once.
    if guard.try_("kafka", bootstrap_servers=kafka.plaintext, librdkafka={"features": [codec]}).code == 0:
        assert result.passed()["facts"]["records"] == 20
    else:
        result.expect("kafka-feature-missing", exit=69, cause="partition 0, reading it")


@pytest.mark.produces("kafka-topic-denied")
def test_describe_is_not_enough(guard, kafka):
    topic = "closed.updates"
    kafka.create_topic(topic, 1)
    produce(kafka, topic, AVRO)
    try:
        look(guard, kafka, topic, _listener="sasl", _user="limited", _limit="3s").expect("kafka-topic-denied", exit=69)
        kafka.add_acl("limited", "describe", topic)
        look(guard, kafka, topic, _listener="sasl", _user="limited", _limit="3s").expect(
            "kafka-topic-denied", exit=69, cause="reading it", hint="grant this principal Read"
        )
        kafka.add_acl("limited", "read", topic)
        look(guard, kafka, topic, _listener="sasl", _user="limited").passed()
    finally:
        kafka.delete_topic(topic)


@pytest.mark.produces("protocol-mismatch")
@pytest.mark.near_miss("kafka-no-brokers")
def test_the_controllers_listener(guard, kafka):
    guard.try_("wire_format", bootstrap_servers=kafka.controller, topic="any", expect="json").expect(
        "protocol-mismatch", exit=69, cause="likely the listener of a controller"
    )


@pytest.mark.produces("kafka-throttled")
@pytest.mark.near_miss("answer-timeout")
def test_held_back_for_a_quota(guard, kafka, topic):
    """Its own first fetch is more than the principal may read in a long time."""
    produce(kafka, topic, *[json.dumps({"x": "x" * 100_000}).encode()] * 20)
    kafka.set_quota("limited", "consumer_byte_rate", 1)
    try:
        look(guard, kafka, topic, "json", _listener="sasl", _user="limited", _limit="3s").expect(
            "kafka-throttled", exit=124, cause="the broker holds this client back for"
        )
    finally:
        kafka.set_quota("limited", "consumer_byte_rate", None)


def private_memory(process):
    """The most memory of their own that a guard and its check held at one time, in MiB, as far as looking often enough shows it.
    Pages of programs and libraries are not among it: where memory is short they are given back."""
    peak = 0
    while process.poll() is None:
        held = 0
        with contextlib.suppress(OSError):
            children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            for pid in [str(process.pid), *children]:
                found = re.search(r"^RssAnon:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
                held += int(found[1]) if found else 0  # a zombie has none
        peak = max(peak, held / 1024)
        time.sleep(0.002)
    return peak


def check_memory(guard, kafka, topic, sample):
    keys = settings(bootstrap_servers=kafka.plaintext, topic=topic, expect="json", sample=sample)
    with guard.spawn(f'startguard = 1; service = "s"; wire_format: {{ w: {{ {keys} }}; }};', word="check") as process:
        peak = private_memory(process)
        return process.result().passed()["facts"], peak


@pytest.mark.near_miss("answer-too-large", "answer-timeout")
@pytest.mark.parametrize("size,each", [(800_000, 60), (20_000, 2000)])
def test_no_more_than_32_mib_are_read(guard, kafka, topic, size, each):
    """And they are never held at one time: it is made for 16 MiB in all."""
    value = json.dumps({"x": os.urandom(size // 2).hex()}).encode()
    produce(kafka, topic, *[value] * each)
    facts, peak = check_memory(guard, kafka, topic, each)
    assert facts["cut"] is True and 32 << 20 <= facts["records"] * len(value) < 33 << 20, facts
    assert peak < 12, f"{peak:.1f} MiB"
    assert "stopped at 32 MiB" in guard.results[-1].err


@pytest.mark.near_miss("answer-timeout")
def test_many_partitions_fit_into_16_mib(guard, kafka):
    topic = "open.many.partitions"
    kafka.create_topic(topic, 64)
    try:
        for partition in range(64):
            produce(kafka, topic, *[b'{"x": "' + b"x" * 10_000 + b'"}'] * 20, partition=partition)
        facts, peak = check_memory(guard, kafka, topic, 20)
        assert facts["records"] == 1280 and not facts["cut"], facts
        assert peak < 12, f"{peak:.1f} MiB"
    finally:
        kafka.delete_topic(topic)


@pytest.mark.near_miss("answer-timeout")
def test_a_topic_that_is_being_written(guard, kafka, topic):
    """What comes in meanwhile does not keep it."""
    producer = Producer(kafka.client_properties() | {"linger.ms": 1})
    until = time.monotonic() + 3
    process = None
    while time.monotonic() < until:
        for _ in range(500):
            producer.produce(topic, AVRO, partition=0)
        producer.poll(0.01)
        if process is None:
            keys = f'bootstrap_servers = "{kafka.plaintext}"; topic = "{topic}"; expect = "avro_bare"; schema = "{SCHEMA}";'
            process = guard.spawn(f'startguard = 1; service = "s"; wire_format: {{ w: {{ {keys} }}; }};')
        if process.poll() is not None:
            break
    producer.flush(ADMIN_SECONDS)
    assert process.result().passed()["facts"]["records"] <= 20
