"""wire_format: what the last records of a topic are, on librdkafka's mock cluster. The vectors are records of a real system."""

import gzip
import io
import json
import logging
import struct
import time

import fastavro
import fastavro.utils
import pytest
from confluent_kafka import Producer
from kafka_help import AskedAgain

from fakes.kafka import LEADER_NOT_AVAILABLE, FakeKafka, KafkaMock, Partition
from fakes.kafka_apis import LIST_OFFSETS
from fakes.tcp import refused_port
from harness import ROOT, settings

SCHEMA = ROOT / "profiles" / "somabrain" / "schemas" / "eb14dcb" / "config_update.avsc"
TOPIC = "cog.config.updates"
UPDATE = {"learning_rate": 0.05, "exploration_temp": 0.62, "ts": "2025-11-08T15:00:00Z"}
# 29 bytes, and the text that decodes as Avro into a temperature of 7.5e31.
AVRO = bytes.fromhex("cdcc4c3d52b81e3f28323032352d31312d30385431353a30303a30305a")
JSON = b'{"tenant": "acme", "learning_rate": 0.05, "exploration_temp": 0.62, "ts": "2025-11-08T15:00:00Z"}'
FRAMED = b"\0\0\0\0\7" + AVRO
TAU = "exploration_temp 0.1 1.0"
FETCH, METADATA = 1, 3
WIRE = (
    "wire-format-other",
    "wire-format-mixed",
    "wire-value-range",
    "wire-empty-topic",
    "avro-decode",
    "avro-bytes-left",
    "answer-too-large",
)


@pytest.fixture
def kafka():
    with KafkaMock(brokers=2, topics={TOPIC: (2, 1)}) as mock:
        yield mock


def look(guard, servers, expect="avro_bare", **keys):
    servers = getattr(servers, "bootstrap", servers)
    if expect != "json":
        keys.setdefault("schema", SCHEMA)
    keys = {"topic": TOPIC, **keys}
    return guard.try_("wire_format", bootstrap_servers=servers, expect=expect, **keys)


def produce(fake, *values, ago=0):
    before = len(fake.log.get((TOPIC, 0), []))
    producer = Producer({"bootstrap.servers": fake.bootstrap}, logger=logging.getLogger("startguard.tests.kafka"))
    for value in values:
        producer.produce(TOPIC, value, partition=0, timestamp=round((time.time() - ago) * 1000))
        assert producer.flush(20) == 0  # each is a batch of its own: the fake counts these
    assert len(fake.log[TOPIC, 0]) == before + len(values)


def without_time(batches):
    """The timestamps of whole batches (v2), one record each, are -1: what a producer may send."""
    batches, at = bytearray(batches), 0
    while at < len(batches):
        struct.pack_into(">qq", batches, at + 27, -1, -1)
        at += 12 + struct.unpack_from(">i", batches, at + 8)[0]
    return bytes(batches)


def encode(value, schema=SCHEMA):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(schema.read_text())), value)
    return out.getvalue()


@pytest.mark.near_miss("answer-timeout")
def test_a_lost_metadata_request(guard):
    """By librdkafka 2.0, now and then: it is asked once more within the attempt, as the kind kafka does."""
    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        produce(fake, AVRO)
        fake.losing = {METADATA: 3}  # its own, of the handle's topics, come beside
        fact = look(guard, fake).passed()
        assert fact["attempts"] == 1 and not fake.losing[METADATA]


def test_the_vector_is_fastavros():
    assert encode(UPDATE) == AVRO
    assert (
        fastavro.schemaless_reader(io.BytesIO(JSON), fastavro.parse_schema(json.loads(SCHEMA.read_text())))["exploration_temp"]
        > 7e31
    )


# ---- what passes ---------------------------------------------------------------------------------------------------


@pytest.mark.near_miss(*WIRE)
@pytest.mark.parametrize(
    "expect,value,keys",
    [
        ("avro_bare", AVRO, {"ranges": [TAU, "learning_rate 0 1"]}),
        ("avro_confluent", FRAMED, {"ranges": [TAU]}),
        ("avro_confluent", FRAMED, {"schema": None}),
        ("json", JSON, {"ranges": [TAU]}),
        ("json", b"[1, 2]", {}),
    ],
)
def test_pass(guard, kafka, expect, value, keys):
    keys = dict(keys)
    for partition in range(2):
        kafka.produce(TOPIC, *[value] * 30, partition=partition)
    if "schema" in keys:
        result = guard.try_("wire_format", bootstrap_servers=kafka.bootstrap, topic=TOPIC, expect=expect)
    else:
        result = look(guard, kafka, expect, **keys)
    check = result.passed()
    assert check["facts"] == {
        "partitions": 2,
        "partitions_empty": 0,
        "partitions_not_judged": 0,
        "records": 40,
        "avro_bare": 0,
        "avro_confluent": 0,
        "json": 0,
        "other": 0,
        "tombstones": 0,
        "too_large": 0,
        "cut": False,
    } | {expect: 40}
    assert check["reached"] == ["connect", "metadata", "records"]
    assert "40 records of 2 partitions, all " in result.err


@pytest.mark.produces("avro-invalid-schema")
def test_types_of_other_files(guard, kafka):
    """A record of one field has the bytes of that field."""
    field = {"name": "update", "type": "soma.cognition.ConfigUpdate"}
    outer = guard.write("outer.avsc", json.dumps({"type": "record", "name": "Outer", "fields": [field]}))
    for partition in range(2):
        kafka.produce(TOPIC, AVRO, partition=partition)
    look(guard, kafka, schema=outer, types=[str(SCHEMA)], ranges=[f"update.{TAU}"]).passed()
    look(guard, kafka, schema=outer).expect("avro-invalid-schema", exit=69, cause="soma.cognition.ConfigUpdate")
    keys = {"bootstrap_servers": kafka.bootstrap, "topic": TOPIC, "expect": "avro_confluent", "types": [str(SCHEMA)]}
    guard.try_("wire_format", **keys).problem("types", "has no schema", exit=64)


@pytest.mark.produces("wire-format-mixed")
def test_only_the_last_records_count(guard, kafka):
    kafka.produce(TOPIC, *[JSON] * 10, *[AVRO] * 5)
    assert look(guard, kafka, sample=5).passed()["facts"]["records"] == 5
    look(guard, kafka, sample=6).expect("wire-format-mixed", cause="5 bare Avro, 1 JSON; partition 0 offset 9")


@pytest.mark.near_miss("wire-empty-topic")
def test_few_records_and_an_empty_partition(guard, kafka):
    kafka.produce(TOPIC, AVRO, partition=1)
    result = look(guard, kafka, allow_empty=False)
    facts = result.passed()["facts"]
    assert (facts["partitions_empty"], facts["partitions_not_judged"]) == (1, 0)
    assert "1 record of 2 partitions, all bare Avro\n" in result.err


def test_tombstones_are_no_records(guard, kafka):
    kafka.produce(TOPIC, AVRO, None, AVRO, None)
    check = look(guard, kafka).passed()
    assert (check["facts"]["records"], check["facts"]["tombstones"]) == (2, 2)


@pytest.mark.produces("wire-format-other")
def test_looks_behind_tombstones(guard, kafka):
    """The last ten hold nothing to judge: it goes further back."""
    kafka.produce(TOPIC, *[JSON] * 30, *[None] * 25)
    check = look(guard, kafka, sample=5, _limit="4s").expect("wire-format-other", exit=69, cause="5 of 5 sampled records")
    assert check["facts"]["tombstones"] >= 5


@pytest.mark.near_miss("wire-format-other", "wire-format-mixed")
@pytest.mark.parametrize("deleted", [6, 30, 300])
def test_behind_tombstones_too_the_last_records_count(guard, kafka, deleted):
    """What was written another way before is not among them, and each tombstone counts once."""
    kafka.produce(TOPIC, *[JSON] * 300, *[AVRO] * 3, None, AVRO, AVRO, *[None] * deleted)
    facts = look(guard, kafka, sample=6).passed()["facts"]
    assert (facts["avro_bare"], facts["json"], facts["partitions_not_judged"]) == (5, 0, 0)
    assert facts["tombstones"] == deleted + 1


# ---- empty ---------------------------------------------------------------------------------------------------------


@pytest.mark.near_miss("wire-empty-topic")
def test_empty_passes_and_says_so(guard, kafka):
    result = look(guard, kafka)
    assert result.passed()["facts"]["records"] == 0
    assert "the topic is empty: nothing to judge" in result.err


@pytest.mark.near_miss("wire-empty-topic")
def test_tombstones_only(guard, kafka):
    kafka.produce(TOPIC, None, None, None)
    result = look(guard, kafka)
    assert result.passed()["facts"]["tombstones"] == 3
    assert "no record among its 3 offsets (3 tombstones): nothing to judge" in result.err


@pytest.mark.produces("wire-empty-topic")
def test_empty_fails_where_it_must_not_be(guard, kafka):
    look(guard, kafka, allow_empty=False, _limit=guard.span(1)).expect(
        "wire-empty-topic", exit=124, phase="assert", retryable=True, subject=f"topic {TOPIC}", cause="the topic is empty"
    )
    kafka.produce(TOPIC, None)
    look(guard, kafka, allow_empty=False, _limit=guard.span(1)).expect(
        "wire-empty-topic", cause="among its 1 offset (1 tombstone)"
    )


@pytest.mark.produces("wire-no-record")
@pytest.mark.near_miss("wire-empty-topic")
@pytest.mark.parametrize("allow_empty", [True, False])
def test_no_record_as_far_as_was_looked(guard, kafka, allow_empty):
    """There are records further back, in the wrong format: a pass would have looked at nothing."""
    kafka.produce(TOPIC, JSON, *[None] * 100)
    look(guard, kafka, sample=1, allow_empty=allow_empty, _limit=guard.span(1)).expect(
        "wire-no-record",
        exit=124,
        phase="assert",
        retryable=True,
        subject=f"topic {TOPIC}",
        cause="no record among its last 64 offsets (64 tombstones); further back was not looked",
        hint="raise sample",
    )


@pytest.mark.produces("wire-format-other")
@pytest.mark.near_miss("wire-no-record")
def test_a_larger_sample_looks_further_back(guard, kafka):
    kafka.produce(TOPIC, JSON, *[None] * 100)
    look(guard, kafka, sample=2).expect("wire-format-other", exit=69)


@pytest.mark.near_miss("wire-no-record", "answer-too-large")
def test_partitions_that_were_not_judged_are_told(guard, kafka):
    kafka.produce(TOPIC, JSON, *[None] * 100)
    kafka.produce(TOPIC, AVRO, partition=1)
    result = look(guard, kafka, sample=1)
    facts = result.passed()["facts"]
    assert (facts["records"], facts["partitions_empty"], facts["partitions_not_judged"]) == (1, 0, 1)
    assert "1 record of 2 partitions, all bare Avro, 1 partition not judged" in result.err


@pytest.mark.produces("wire-empty-topic")
def test_the_first_record_is_waited_for(guard, kafka):
    keys = settings(bootstrap_servers=kafka.bootstrap, topic=TOPIC, expect="avro_bare", schema=SCHEMA, allow_empty=False)
    with guard.spawn(f'startguard = 1; service = "learner"; wire_format: {{ updates: {{ {keys} }}; }};', "-v") as process:
        process.wait_for("wire-empty-topic")
        kafka.produce(TOPIC, AVRO)
        assert process.result().passed()["attempts"] > 1


# ---- time ----------------------------------------------------------------------------------------------------------

HOUR = 3600


@pytest.mark.produces("wire-format-mixed")
@pytest.mark.near_miss("wire-format-other", "wire-empty-topic", "wire-stale")
def test_what_was_written_before_the_repair_does_not_count(guard, kafka):
    """The JSON of an hour ago would otherwise fail every start until the sample has filled again."""
    kafka.produce(TOPIC, JSON, JSON, JSON, ago=HOUR)
    kafka.produce(TOPIC, AVRO, AVRO)
    look(guard, kafka).expect("wire-format-mixed", exit=69)
    result = look(guard, kafka, since="15m", newest_within="5m", allow_empty=False)
    facts = result.passed()["facts"]
    assert (facts["records"], facts["json"], facts["too_old"]) == (2, 0, 3)
    assert facts["newest_age_s"] < 300
    assert "2 records of 2 partitions, all bare Avro, 3 too old to judge" in result.err


@pytest.mark.produces("wire-format-mixed")
def test_young_records_count(guard, kafka):
    """In whatever order their timestamps are."""
    kafka.produce(TOPIC, AVRO)
    kafka.produce(TOPIC, JSON, ago=HOUR)
    kafka.produce(TOPIC, JSON, ago=60)
    look(guard, kafka, since="15m").expect("wire-format-mixed", exit=69, cause="of 2 sampled records: 1 bare Avro, 1 JSON")


@pytest.mark.near_miss("wire-format-other", "wire-empty-topic", "wire-no-record")
@pytest.mark.parametrize("old", [3, 200])
def test_nothing_is_young_enough(guard, kafka, old):
    kafka.produce(TOPIC, *[JSON] * old, partition=1, ago=3 * HOUR)
    result = look(guard, kafka, since="15m", sample=5)
    assert result.passed()["facts"]["records"] == 0
    assert (
        "no record is younger than 15.0 min (since): the newest record, in partition 1, is 3.0 h old: nothing to judge"
        in result.err
    )


@pytest.mark.produces("wire-empty-topic")
@pytest.mark.near_miss("wire-format-other", "wire-stale")
def test_the_first_young_record_is_waited_for(guard, kafka):
    kafka.produce(TOPIC, JSON, ago=3 * HOUR)
    keys = settings(
        bootstrap_servers=kafka.bootstrap, topic=TOPIC, expect="avro_bare", schema=SCHEMA, allow_empty=False, since="15m"
    )
    with guard.spawn(f'startguard = 1; service = "learner"; wire_format: {{ updates: {{ {keys} }}; }};', "-v") as process:
        process.wait_for("wire-empty-topic")
        kafka.produce(TOPIC, AVRO)
        assert process.result().passed()["attempts"] > 1


@pytest.mark.produces("wire-format-other")
def test_young_records_behind_old_ones_are_found(guard):
    """A copy of an old topic keeps the old timestamps: the broker knows that there are younger records further back."""
    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        produce(fake, *[JSON] * 3)
        produce(fake, *[AVRO] * 10, ago=HOUR)
        check = look(guard, fake, since="15m", sample=4).expect("wire-format-other", exit=69, cause="of 3 sampled records")
        assert check["facts"]["too_old"] == 10
        assert any(r.api == LIST_OFFSETS for r in fake.requests)


@pytest.mark.produces("wire-no-record")
@pytest.mark.near_miss("wire-format-other", "wire-empty-topic")
def test_behind_old_tombstones_nothing_is_looked_for(guard):
    """The broker has said that no record is young: what lies further back does not matter."""
    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        produce(fake, JSON, *[None] * 80, ago=HOUR)
        look(guard, fake, sample=1, _limit=guard.span(1)).expect("wire-no-record", exit=124)
        assert "nothing to judge" in look(guard, fake, sample=1, since="15m").err
        guard.results[-1].passed()


@pytest.mark.produces("wire-format-other")
@pytest.mark.near_miss("wire-empty-topic")
def test_records_without_a_timestamp_are_judged(guard):
    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        produce(fake, JSON, JSON)
        fake.tamper = without_time
        look(guard, fake, since="15m").expect("wire-format-other", exit=69, cause="2 of 2 sampled records")


@pytest.mark.produces("wire-stale")
@pytest.mark.near_miss("wire-format-other", "wire-empty-topic")
@pytest.mark.parametrize("since", [None, "15m", "24h"])
def test_nobody_writes_here(guard, kafka, since):
    kafka.produce(TOPIC, AVRO, ago=30 * HOUR)
    kafka.produce(TOPIC, AVRO, partition=1, ago=3 * HOUR)
    more = {"since": since} if since else {}
    look(guard, kafka, newest_within="5m", _limit=guard.span(1), **more).expect(
        "wire-stale",
        exit=124,
        phase="assert",
        retryable=True,
        subject=f"topic {TOPIC}",
        cause="the newest record, in partition 1, is 3.0 h old; newest_within is 5.0 min",
        hint="whether the topic's producer runs",
    )


@pytest.mark.produces("wire-stale")
def test_the_producer_is_waited_for(guard, kafka):
    kafka.produce(TOPIC, AVRO, ago=HOUR)
    keys = settings(bootstrap_servers=kafka.bootstrap, topic=TOPIC, expect="avro_bare", schema=SCHEMA, newest_within="5m")
    with guard.spawn(f'startguard = 1; service = "learner"; wire_format: {{ updates: {{ {keys} }}; }};', "-v") as process:
        process.wait_for("wire-stale")
        kafka.produce(TOPIC, AVRO)
        assert process.result().passed()["attempts"] > 1


@pytest.mark.near_miss("wire-stale")
@pytest.mark.parametrize("values,ago", [([AVRO], -HOUR), ([None], 0), ([AVRO], 60)])
def test_somebody_writes_here(guard, kafka, values, ago):
    """A clock that is ahead and a tombstone count as well."""
    kafka.produce(TOPIC, AVRO, ago=3 * HOUR)
    kafka.produce(TOPIC, *values, ago=ago)
    look(guard, kafka, newest_within="5m").passed()


@pytest.mark.produces("wire-format-other")
@pytest.mark.near_miss("wire-stale")
def test_a_wrong_format_is_said_before_its_age(guard, kafka):
    """It ends the run: waiting for a producer would not mend it."""
    kafka.produce(TOPIC, JSON, ago=HOUR)
    look(guard, kafka, newest_within="5m").expect("wire-format-other", exit=69)


@pytest.mark.produces("wire-empty-topic")
@pytest.mark.near_miss("wire-stale")
@pytest.mark.parametrize("allow_empty", [True, False])
def test_a_topic_that_nobody_has_written_yet(guard, kafka, allow_empty):
    """As a consumer makes it by asking for a misspelt name."""
    look(guard, kafka, newest_within="5m", allow_empty=allow_empty, _limit=guard.span(1)).expect(
        "wire-empty-topic", exit=124, cause="the topic is empty, and "
    )


@pytest.mark.produces("wire-stale")
def test_the_age_of_records_without_a_timestamp_is_not_known(guard):
    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        produce(fake, AVRO, AVRO)
        fake.tamper = without_time
        look(guard, fake, newest_within="5m", _limit=guard.span(1)).expect(
            "wire-stale", exit=124, cause="none of the 2 records that were read has a timestamp"
        )


@pytest.mark.produces("kafka-error")
@pytest.mark.near_miss("wire-empty-topic")
def test_an_answer_without_the_offset_of_a_time(guard):
    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        produce(fake, JSON)
        fake.no_offset = "time"
        look(guard, fake, since="15m", _limit=guard.span(1)).expect(
            "kafka-error", exit=124, cause="first offsets since a time: the answer has no offset of partition 0"
        )


# ---- formats -------------------------------------------------------------------------------------------------------


@pytest.mark.produces("wire-format-other")
@pytest.mark.near_miss("wire-format-mixed", "avro-bytes-left", "avro-decode", "wire-value-range")
def test_json_that_decodes_as_avro(guard, kafka):
    """The outage this kind is for: readers that do not look at the bytes left over set a temperature of 7.5e31."""
    kafka.produce(TOPIC, *[JSON] * 3, partition=1)
    check = look(guard, kafka, ranges=[TAU]).expect(
        "wire-format-other",
        exit=69,
        phase="assert",
        retryable=False,
        subject=f"topic {TOPIC}",
        cause="3 of 3 sampled records: JSON, expected bare Avro; the first is at partition 1 offset 0: a JSON object of 97 bytes",
    )
    assert "71 bytes left over" in check["cause"] and "exploration_temp = 7.55458e+31" in check["cause"]
    assert "acme" not in json.dumps(check)


@pytest.mark.produces("wire-format-other")
@pytest.mark.near_miss("wire-format-mixed", "avro-decode", "avro-bytes-left")
@pytest.mark.parametrize(
    "expect,value,words",
    [
        ("avro_bare", FRAMED, "Confluent-framed, expected bare Avro"),
        ("avro_bare", b"\0\0\0\0\x09unreadable", "schema id 9"),
        ("avro_confluent", AVRO, "bare Avro, expected Confluent-framed"),
        ("avro_confluent", JSON, "JSON, expected Confluent-framed"),
        ("avro_confluent", b"\0\0\0\0\7{}", "around JSON"),
        ("avro_confluent", b"Obj\1", "an Avro object container"),
        ("json", AVRO, "of no known format, expected JSON"),
        ("json", FRAMED, "Confluent-framed, expected JSON"),
        ("json", b'{"half": ', "the text ends too early"),
        ("json", b'"text"', "expected JSON"),
        ("json", b"", "an empty value"),
        ("json", b'{"a": NaN}', "not the syntax of JSON"),
    ],
)
def test_other_format(guard, kafka, expect, value, words):
    kafka.produce(TOPIC, value)
    look(guard, kafka, expect).expect("wire-format-other", exit=69, cause=words)


@pytest.mark.produces("wire-format-other")
@pytest.mark.near_miss("wire-format-mixed", "avro-decode", "avro-bytes-left")
@pytest.mark.parametrize(
    "value,words",
    [
        (
            AVRO,
            "bare Avro, expected JSON; partition 0 offset 0: all its 29 bytes decode with the schema soma.cognition.ConfigUpdate",
        ),
        (FRAMED, "Confluent-framed, expected JSON; partition 0 offset 0: a Confluent frame with schema id 7"),
        (AVRO + b"more", "beginning with cd ..; read with the schema: 4 of 33 bytes are left over"),
        (
            AVRO[:-1],
            "of no known format, expected JSON; partition 0 offset 0: 28 bytes, beginning with cd ..; read with the schema",
        ),
    ],
)
def test_json_is_expected_and_a_schema_names_what_is_there(guard, kafka, value, words):
    kafka.produce(TOPIC, value)
    look(guard, kafka, "json", schema=SCHEMA).expect("wire-format-other", exit=69, cause=words)


@pytest.mark.produces("wire-format-mixed", "wire-value-range")
@pytest.mark.near_miss("avro-name-mismatch", "wire-format-other")
def test_json_need_not_fit_the_schema(guard, kafka):
    kafka.produce(TOPIC, b'{"unheard_of": 3}', JSON)
    look(guard, kafka, "json", schema=SCHEMA, ranges=["unheard_of 0 5"]).passed()
    check = look(guard, kafka, "json", schema=SCHEMA, ranges=["unheard_of 0 2"]).expect("wire-value-range", exit=69)
    assert "schema" not in check["cause"]
    kafka.produce(TOPIC, AVRO)
    look(guard, kafka, "json", schema=SCHEMA).expect("wire-format-mixed", cause="1 bare Avro, 2 JSON; partition 0 offset 2")


@pytest.mark.produces("wire-format-mixed")
@pytest.mark.near_miss("wire-format-other", "avro-decode", "avro-bytes-left")
@pytest.mark.parametrize(
    "expect,values,words",
    [
        ("avro_bare", [AVRO, JSON, JSON], "1 bare Avro, 2 JSON"),
        ("avro_bare", [JSON, FRAMED], "1 Confluent-framed, 1 JSON"),
        ("avro_confluent", [AVRO, FRAMED], "1 bare Avro, 1 Confluent-framed"),
        ("json", [JSON, FRAMED], "1 Confluent-framed, 1 JSON"),
        ("avro_bare", [AVRO, JSON, b"\xff"], "1 bare Avro, 1 JSON, 1 of no known format"),
    ],
)
def test_mixed(guard, kafka, expect, values, words):
    kafka.produce(TOPIC, *values)
    look(guard, kafka, expect).expect("wire-format-mixed", exit=69, phase="assert", retryable=False, cause=words)


@pytest.mark.produces("wire-format-mixed")
def test_mixed_over_partitions(guard, kafka):
    kafka.produce(TOPIC, *[AVRO] * 30, partition=0)
    kafka.produce(TOPIC, *[JSON] * 30, partition=1)
    look(guard, kafka).expect("wire-format-mixed", cause="of 40 sampled records: 20 bare Avro, 20 JSON; partition 1 offset 10")


@pytest.mark.produces("avro-bytes-left")
@pytest.mark.near_miss("wire-format-other", "wire-format-mixed", "avro-decode")
def test_newer_generation_of_the_schema(guard, kafka):
    newer = bytes.fromhex("cdcc4c3d52b81e3f" + "020000803f" * 3 + "28") + b"2025-11-08T15:00:00Z"
    kafka.produce(TOPIC, AVRO, newer)
    look(guard, kafka).expect("avro-bytes-left", exit=69, cause="1 of 2 sampled records")
    look(guard, kafka).expect(
        "avro-bytes-left", cause="partition 0 offset 1: 44 bytes, beginning with cd ..; 34 of 44 bytes are left over"
    )


@pytest.mark.produces("avro-decode")
@pytest.mark.near_miss("wire-format-other", "avro-bytes-left")
@pytest.mark.parametrize(
    "expect,value", [("avro_bare", AVRO[:-1]), ("avro_bare", b""), ("avro_confluent", FRAMED[:-1]), ("avro_bare", b'{"half": ')]
)
def test_not_decoded(guard, kafka, expect, value):
    kafka.produce(TOPIC, value)
    look(guard, kafka, expect).expect("avro-decode", exit=69, subject=f"topic {TOPIC}", cause="the schema does not decode them")


# ---- numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.produces("wire-value-range")
@pytest.mark.near_miss("wire-format-other", "wire-format-mixed")
@pytest.mark.parametrize(
    "expect,value,words",
    [
        ("avro_bare", encode(UPDATE | {"exploration_temp": 1.5}), "exploration_temp is 1.5, the profile allows 0.1 to 1"),
        ("avro_bare", AVRO[:4] + struct.pack("<f", float("nan")) + AVRO[8:], "exploration_temp is nan"),
        ("avro_bare", AVRO[:4] + struct.pack("<f", float("inf")) + AVRO[8:], "exploration_temp is inf"),
        ("avro_confluent", FRAMED[:5] + encode(UPDATE | {"exploration_temp": -1.0}), "exploration_temp is -1"),
        ("json", b'{"exploration_temp": 7.5e31}', "exploration_temp is 7.5e+31"),
        ("json", b'{"exploration_temp": "0.62"}', "exploration_temp is a string"),
        ("json", b'{"tau": 0.62}', "has the field exploration_temp"),
    ],
)
def test_out_of_range(guard, kafka, expect, value, words):
    kafka.produce(TOPIC, value)
    look(guard, kafka, expect, ranges=[TAU]).expect("wire-value-range", exit=69, phase="assert", retryable=False, cause=words)


@pytest.mark.near_miss("wire-value-range")
def test_edges_and_fields_without_range(guard, kafka):
    kafka.produce(
        TOPIC,
        encode(UPDATE | {"exploration_temp": 1.0, "learning_rate": float("nan")}),
        encode(UPDATE | {"exploration_temp": 0.5}),
    )
    look(guard, kafka, ranges=["exploration_temp 0.5 1"]).passed()


@pytest.mark.produces("avro-name-mismatch")
def test_range_of_a_field_the_schema_lacks(guard, kafka):
    for field in ("tau", "ts"):
        look(guard, kafka, ranges=[f"{field} 0 1"]).expect(
            "avro-name-mismatch", exit=69, cause=f"no number at the field {field}"
        )


# ---- size ----------------------------------------------------------------------------------------------------------


@pytest.mark.produces("answer-too-large")
def test_records_that_are_too_large(guard, kafka):
    kafka.produce(TOPIC, *[b'"' + b"x" * (1 << 20) + b'"'] * 2)
    look(guard, kafka, "json").expect("answer-too-large", exit=69, cause="all 2 sampled records are larger than 1024 KiB")
    kafka.produce(TOPIC, b"{}", b"{" + b" " * (1 << 19) + b"}")
    result = look(guard, kafka, "json")
    assert result.passed()["facts"]["too_large"] == 2
    assert "2 records of 2 partitions, all JSON, 2 too large to judge\n" in result.err
    kafka.produce(TOPIC, b'"' + b"x" * (1 << 20) + b'"', partition=1)
    assert look(guard, kafka, "json").passed()["facts"]["partitions_not_judged"] == 1


@pytest.mark.near_miss("answer-timeout")
def test_many_small_fetches(guard, kafka):
    """More than one fetch holds: 200 records of 20 kB in each partition."""
    value = b'{"x": "' + b"x" * 20000 + b'"}'
    for partition in range(2):
        kafka.produce(TOPIC, *[value] * 200, partition=partition)
    assert look(guard, kafka, "json", sample=200).passed()["facts"]["records"] == 400


@pytest.mark.near_miss("kafka-property")
@pytest.mark.parametrize(
    "line",
    [
        "message.max.bytes=10485760",
        "fetch.max.bytes=10485760",
        "receive.message.max.bytes=1000",
        "queued.max.messages.kbytes=1",
        "fetch.message.max.bytes=1",
    ],
)
def test_the_services_own_sizes_do_not_matter(guard, kafka, line):
    """Together with ours the library would refuse some of them."""
    kafka.produce(TOPIC, *[AVRO] * 30)
    assert look(guard, kafka, properties=[line]).passed()["facts"]["records"] == 20


# ---- the profiles --------------------------------------------------------------------------------------------------

SOMABRAIN = {f"cog.{one}.updates": "belief_update" for one in ("state", "agent", "action")} | {
    TOPIC: "config_update",
    "cog.global.frame": "global_frame",
    "cog.segments": "segment_boundary",
    "cog.reward.events": "reward_event",
    "cog.teach.feedback": "teach_feedback",
}


@pytest.mark.produces("wire-format-mixed")
@pytest.mark.parametrize(
    "service,topics",
    [
        ("learner_online", ["cog.reward.events"]),
        ("integrator_hub", [*SOMABRAIN][:4]),
        ("segmentation_service", ["cog.global.frame"]),
        ("orchestrator_service", ["cog.global.frame", "cog.segments"]),
        ("teach_feedback_processor", ["cog.teach.feedback"]),
        ("wm_updates_cache", [*SOMABRAIN][:3]),
    ],
)
def test_somabrain(guard, service, topics, tmp_path):
    """Each service looks at what it reads, with the schema of that topic."""
    folder = SCHEMA.parent
    (tmp_path / "proto").mkdir()
    (tmp_path / "proto" / "cog").symlink_to(folder)

    def look_at_all():
        return guard.check(
            ROOT / "profiles" / "somabrain" / "eb14dcb" / f"{service}.cfg",
            "--only",
            "wire_format.*",
            mode="dev",
            env={"SOMABRAIN_KAFKA_URL": kafka.bootstrap, "SOMABRAIN_APP_DIR": tmp_path},
        )

    with KafkaMock(brokers=1, topics=dict.fromkeys(SOMABRAIN, (1, 1))) as kafka:
        for topic in topics:
            schema = folder / f"{SOMABRAIN[topic]}.avsc"
            record = fastavro.utils.generate_one(fastavro.parse_schema(json.loads(schema.read_text())))
            kafka.produce(topic, encode(record | UPDATE if topic == TOPIC else record, schema))
        result = look_at_all()
        looked = [c for c in result.checks if c["kind"] == "wire_format"]
        assert [(c["outcome"], c["facts"]["avro_bare"]) for c in looked] == [("pass", 1)] * len(topics), result
        for topic in topics:
            kafka.produce(topic, JSON)
        result = look_at_all()
        looked = [c for c in result.checks if c["kind"] == "wire_format"]
        assert sorted(c["subject"] for c in looked if c["code"] == "wire-format-mixed") == sorted(
            f"topic {one}" for one in topics
        ), result


# ---- Kafka's own trouble -------------------------------------------------------------------------------------------


@pytest.mark.produces("connect-refused")
def test_refused(guard):
    look(guard, f"127.0.0.1:{refused_port()}", _limit=guard.span(0.5)).expect("connect-refused", exit=124)


@pytest.mark.produces("auth-failed", "auth-required")
def test_login(guard):
    with FakeKafka(topics={TOPIC: (1, 1)}, mechanisms=["PLAIN"], users={"alice": "right"}) as fake:
        words = [
            "security.protocol=SASL_PLAINTEXT",
            "sasl.mechanism=PLAIN",
            "sasl.username=alice",
            "sasl.password=env:PASSWORD",
        ]
        result = look(guard, fake, properties=words, _env={"PASSWORD": "wrong-marker-2291"})
        result.expect("auth-failed", exit=69, phase="auth")
        assert "wrong-marker-2291" not in result.err + json.dumps(result.report)
        look(guard, fake).expect("auth-required", exit=69)


@pytest.mark.produces("kafka-topic-missing", "kafka-no-leader", "kafka-advertised-unreachable")
def test_topic_and_leaders(guard):
    with FakeKafka(brokers=2, topics={TOPIC: (2, 1)}) as fake:
        short = guard.span(1)
        look(guard, fake, topic="cog.other", _limit=short).expect("kafka-topic-missing", exit=124, subject="topic cog.other")
        assert not any(r.may_create for r in fake.requests)
        fake.topics[TOPIC].partitions[1] = Partition(-1, [2], [])
        look(guard, fake, _limit=short).expect("kafka-no-leader", exit=124)
        fake.topics[TOPIC].partitions[1] = Partition(2, [2], [2])
        fake.advertised[2] = ("127.0.0.1", refused_port())
        look(guard, fake, _limit=short).expect("kafka-advertised-unreachable", exit=124, cause="broker 2 advertises")


@pytest.mark.produces("protocol-mismatch")
@pytest.mark.near_miss("kafka-no-brokers")
def test_a_controller(guard):
    """It speaks Kafka and will never have metadata: no waiting helps."""
    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        fake.offered[METADATA] = None
        look(guard, fake).expect(
            "protocol-mismatch",
            exit=69,
            subject=fake.bootstrap,
            cause="likely the listener of a controller",
            hint="broker's listener",
        )


OFFSET_ERRORS = [
    (3, "kafka-topic-missing", 124, "Broker: Unknown topic or partition"),
    (6, "kafka-no-leader", 124, "Broker: Not leader for partition"),
    (29, "kafka-topic-denied", 69, "Broker: Topic authorization failed"),
    (56, "kafka-no-leader", 124, "Broker: Disk error"),
    (78, "kafka-no-leader", 124, "Broker: Leader high watermark is not caught up"),
    (42, "kafka-error", 124, "Broker: Invalid request"),
    (-1, "kafka-error", 124, "Unknown broker error"),
]


@pytest.mark.near_miss("answer-timeout")
@pytest.mark.parametrize(
    "error,code,exit,words", [pytest.param(*row, marks=pytest.mark.produces(row[1])) for row in OFFSET_ERRORS]
)
def test_answers_about_offsets_that_are_errors(guard, error, code, exit, words):
    """Each in its own words: it was answered, and in time."""
    with FakeKafka(topics={TOPIC: (2, 1)}) as fake:
        fake.list_error = error
        look(guard, fake, _limit=guard.span(1)).expect(
            code, exit=exit, phase="assert", subject=f"topic {TOPIC}", cause=f"the request for the first offsets: {words}"
        )


@pytest.mark.produces("kafka-no-leader")
@pytest.mark.near_miss("answer-timeout")
def test_a_request_for_offsets_that_is_repeated(guard):
    """The one that is on its way when the time is up is not what went wrong: the one before was answered."""
    again = AskedAgain(LIST_OFFSETS)
    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        fake.list_error = LEADER_NOT_AVAILABLE
        fake.mute.add(again)
        look(guard, fake, _limit=guard.span(1.5)).expect(
            "kafka-no-leader", exit=124, subject=f"topic {TOPIC}", cause="the request for the first offsets: "
        )
        assert again.seen > 1


@pytest.mark.produces("kafka-error")
@pytest.mark.near_miss("wire-empty-topic")
@pytest.mark.parametrize("missing", ["number", "partition"])
def test_an_answer_without_offsets(guard, missing):
    """Not that the topic is empty: that would pass."""
    with FakeKafka(topics={TOPIC: (2, 1)}) as fake:
        fake.no_offset = missing
        look(guard, fake, _limit=guard.span(1)).expect(
            "kafka-error", exit=124, subject=f"topic {TOPIC}", cause="no offset of partition 0"
        )


def as_if_packed(batch):
    batch = bytearray(batch)
    batch[22] = 1  # of its attributes: gzip, which it is not
    return bytes(batch)


@pytest.mark.produces("kafka-error")
@pytest.mark.near_miss("answer-timeout")
def test_records_that_cannot_be_unpacked(guard):
    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        produce(fake, JSON)
        fake.tamper = as_if_packed
        keys = settings(bootstrap_servers=fake.bootstrap, topic=TOPIC, expect="json", attempt_timeout=guard.span(1))
        guard.check(f'startguard = 1; service = "learner"; wire_format: {{ updates: {{ {keys} }}; }};').expect(
            "kafka-error", exit=124, subject=f"topic {TOPIC}", cause="Decompression"
        )


def in_zstd(data):
    """A frame of RFC 8878: one segment, its size in 4 bytes, one raw block, which is the last."""
    size = len(data)
    return b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", size) + struct.pack("<I", size << 3 | 1)[:3] + data


def in_snappy(data):
    """One literal with its length in 2 bytes, in the raw format that librdkafka takes beside the framed one."""
    size = len(data)
    return bytes([size & 0x7F | 0x80, size >> 7, 61 << 2]) + struct.pack("<H", size - 1) + data


PACKERS = {"gzip": (1, gzip.compress), "snappy": (2, in_snappy), "zstd": (4, in_zstd)}


@pytest.mark.near_miss("kafka-feature-missing", "kafka-error")
@pytest.mark.parametrize("codec", PACKERS)
def test_compressed_records(guard, codec):
    """The header of a batch is 61 bytes: its length, without itself and the offset before it, is at 8, attributes at 21."""
    number, pack = PACKERS[codec]

    def packed(batch):
        records = pack(batch[61:])
        return batch[:8] + struct.pack("!i", 49 + len(records)) + batch[12:22] + bytes([number]) + batch[23:61] + records

    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        produce(fake, *[JSON] * 20)
        fake.tamper = packed
        look(guard, fake, expect="json").passed()


@pytest.mark.produces("wire-format-other")
def test_a_replica_that_is_behind(guard):
    """The broker says that the log ends before the last records: that must not pass."""
    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        produce(fake, JSON, JSON, JSON)
        fake.delay_reads = 1
        look(guard, fake).expect("wire-format-other", exit=69, cause="3 of 3 sampled records")


@pytest.mark.near_miss("kafka-error", "kafka-no-leader", "kafka-topic-missing")
def test_no_error_about_offsets(guard):
    with FakeKafka(topics={TOPIC: (2, 1)}) as fake:
        look(guard, fake).passed()


@pytest.mark.produces("kafka-error")
@pytest.mark.near_miss("answer-timeout")
def test_a_broker_that_answers_errors_for_records(guard):
    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        fake.log[TOPIC, 0], fake.fetch_error = [b"never sent"], -1
        keys = settings(bootstrap_servers=fake.bootstrap, topic=TOPIC, expect="json", attempt_timeout=guard.span(1))
        guard.check(f'startguard = 1; service = "learner"; wire_format: {{ updates: {{ {keys} }}; }};').expect(
            "kafka-error",
            exit=124,
            subject=f"topic {TOPIC}",
            cause="of 1 partitions did not come in time (attempt_timeout); partition 0: ",
        )


@pytest.mark.produces("kafka-throttled")
@pytest.mark.near_miss("answer-timeout")
def test_held_back_for_a_quota(guard):
    """The broker has said why the records do not come."""
    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        fake.throttle, fake.mute = 700_000, {LIST_OFFSETS}
        keys = settings(bootstrap_servers=fake.bootstrap, topic=TOPIC, expect="json", attempt_timeout=guard.span(1))
        check = guard.check(f'startguard = 1; service = "learner"; wire_format: {{ updates: {{ {keys} }}; }};').expect(
            "kafka-throttled", exit=124, cause="no answer to the request for the first offsets"
        )
        assert "the broker holds this client back for 700000 ms" in check["cause"]


@pytest.mark.near_miss("kafka-throttled")
def test_held_back_and_yet_in_time(guard):
    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        fake.throttle = 700_000
        look(guard, fake).passed()


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("kafka-throttled")
def test_no_answer_about_offsets(guard):
    with FakeKafka(topics={TOPIC: (1, 1)}) as fake:
        fake.mute.add(LIST_OFFSETS)
        keys = settings(bootstrap_servers=fake.bootstrap, topic=TOPIC, expect="json", attempt_timeout=guard.span(1))
        result = guard.check(f'startguard = 1; service = "learner"; wire_format: {{ updates: {{ {keys} }}; }};')
        result.expect("answer-timeout", exit=124, cause="the request for the first offsets")


@pytest.mark.produces("kafka-topic-denied")
def test_may_not_read(guard, kafka):
    kafka.produce(TOPIC, AVRO)
    kafka.errors(FETCH, *[29] * 8)
    look(guard, kafka).expect("kafka-topic-denied", exit=69, cause="partition 0, reading it", hint="grant this principal Read")


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("kafka-no-brokers")
def test_the_leader_never_gives_the_records(guard, kafka):
    kafka.produce(TOPIC, AVRO)
    for _ in range(20):
        kafka.errors(FETCH, *[6] * 25)
    keys = settings(
        bootstrap_servers=kafka.bootstrap, topic=TOPIC, expect="avro_bare", schema=SCHEMA, attempt_timeout=guard.span(1)
    )
    guard.check(f'startguard = 1; service = "learner"; wire_format: {{ updates: {{ {keys} }}; }};').expect(
        "answer-timeout", exit=124, cause="the last records of 1 of 2 partitions did not come in time"
    )


# ---- keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys,words",
    [
        ({"expect": "avro_bare"}, "schema: is needed"),
        ({"expect": "json", "since": "0"}, "since"),
        ({"expect": "json", "newest_within": "yesterday"}, "newest_within"),
        ({"expect": "protobuf"}, "expect"),
        ({"expect": "avro_confluent", "ranges": ["a 0 1"]}, "ranges: needs schema"),
        ({"expect": "json", "ranges": ["a 1"]}, "field min max"),
        ({"expect": "json", "ranges": ["a 2 1"]}, "field min max"),
        ({"expect": "json", "ranges": [f"a{i} 0 1" for i in range(33)]}, "more than 32"),
        ({"expect": "json", "topic": "a b"}, "not a topic name"),
        ({"expect": "json", "sample": 0}, "sample"),
        ({"expect": "json", "sample": 10001}, "sample"),
        ({}, "expect"),
        ({"expect": "json", "properties": ["bootstrap.servers=x"]}, "bootstrap_servers"),
    ],
)
def test_bad_keys(guard, keys, words):
    guard.try_("wire_format", **({"bootstrap_servers": "127.0.0.1:1", "topic": TOPIC} | keys)).problem(words, exit=64)


@pytest.mark.produces("file-missing")
def test_schema_missing(guard):
    look(guard, "127.0.0.1:1", schema="/nonexistent.avsc", _limit=guard.span(0.5)).expect("file-missing")


def test_explained(guard):
    assert "allow_empty" in guard.cli("explain", "wire_format").out
