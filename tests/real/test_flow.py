"""flow on a real broker: a small service with a consumer group of its own stands between the reward and the value."""

import json
import logging
import threading

import pytest
from confluent_kafka import Consumer, Producer

from fakes.http import HttpServer, json_reply
from harness import text
from servers.kafka import KafkaServer
from servers.kafka_admin import differences
from servers.kafka_jars import VERSIONS

pytestmark = pytest.mark.timeout(180)
REWARDS, UPDATES = "open.rewards", "open.updates"
LOGGER = logging.getLogger("startguard.tests.kafka")


class System(HttpServer):
    """POST /reward/ID writes to a topic; learn() reads it in a group from the latest record on, writes what it learns to another and
    shows it at /tau."""

    def __init__(self, kafka):
        self.kafka, self.tau, self.end = kafka, 1.0, threading.Event()
        self.producer = Producer(kafka.client_properties() | {"linger.ms": 0}, logger=LOGGER)
        super().__init__({"POST /reward/*": self._reward, "/tau": lambda _: json_reply({"tau": self.tau})})

    def write(self, topic, value):
        self.producer.produce(topic, json.dumps(value).encode())
        assert self.producer.flush(20) == 0

    def _reward(self, request):
        self.write(REWARDS, {"id": request.path.rpartition("/")[2]} | request.json())
        return json_reply({"status": "ok"})

    def learn(self):
        group = {"group.id": "open.learner", "auto.offset.reset": "latest", "enable.auto.commit": False}
        consumer = Consumer(self.kafka.client_properties() | group, logger=LOGGER)
        consumer.subscribe([REWARDS])
        while not self.end.is_set():
            message = consumer.poll(0.05)
            if message and not message.error():
                tau = 0.8 - 0.5 * (json.loads(message.value())["total"] - 0.5)
                self.write(UPDATES, {"tau": tau})
                self.tau = tau
        consumer.close()


@pytest.fixture(scope="module", params=VERSIONS)
def kafka(request):
    with KafkaServer(version=request.param, auto_create=True) as server:
        for topic in (REWARDS, UPDATES):
            server.create_topic(topic, 2)
        yield server


@pytest.fixture
def system(kafka):
    with System(kafka) as one:
        yield one


@pytest.fixture
def learner(system):
    """start() begins to learn, while the group has no partitions yet."""
    thread = threading.Thread(target=system.learn, daemon=True)
    yield thread.start
    system.end.set()
    if thread.ident:
        thread.join(30)


def profile(guard, system, within, listener="plaintext", user=None):
    lines = system.kafka.client_properties(listener, user)
    kafka = {"bootstrap_servers": lines.pop("bootstrap.servers"), "format": "json", "within": within}
    if lines:
        kafka["properties_file"] = guard.write("client.properties", "".join(f"{k}={v}\n" for k, v in lines.items()))
    steps = [
        {"request": {"url": f"{system.url}/reward/{{random}}", "body": '{"total": 0.37}', "holds": ["/status=ok"]}},
        {"expect_record": kafka | {"topic": REWARDS, "where": ["id={random}"], "holds": ["total=0.37"]}},
        {"expect_record": kafka | {"topic": UPDATES, "where": ["tau=0.865"], "capture": ["tau=tau"]}},
        {"poll": {"url": f"{system.url}/tau", "at": "/tau", "equals": "{tau}", "changed": True, "within": within}},
    ]
    return f'startguard = 1; service = "smoke"; mode = "staging"; flow: {{ reward: {{ steps = {text(steps)}; }}; }};'


@pytest.mark.near_miss("flow-record-differs", "flow-poll-mismatch", "flow-capture-missing")
def test_a_reward_that_comes_before_the_group_has_its_partitions(guard, system, learner):
    """The first reward is lost, and the next one is not; the check itself leaves no group, topic or right behind."""
    before = system.kafka.dump()
    learner()
    result = guard.run(profile(guard, system, guard.span(2)), "-t", guard.span(60), mode=None, timeout=90)
    assert result.status == "ready", result
    check = result.passed()
    assert set(check["facts"]) >= {"random", "step_1_ms", "step_4_ms"}
    assert {h["code"] for h in check.get("history") or []} <= {"flow-no-record"}

    def of_the_service(part, name):
        return part in ("ends", "producers") or name in ("open.learner", "__consumer_offsets")

    assert differences(before, system.kafka.dump(), of_the_service) == []


@pytest.mark.produces("flow-no-record")
def test_nobody_learns(guard, system):
    found = guard.check(profile(guard, system, "1s"), mode=None).expect("flow-no-record", exit=124)
    assert f"step 3 of 4, expect_record {UPDATES}: no record came to its 2 partitions within 1s" in found["cause"]


@pytest.mark.produces("kafka-topic-denied")
def test_a_principal_without_read(guard, system):
    result = guard.check(profile(guard, system, "1s", "sasl", "nobody"), mode=None)
    result.expect("kafka-topic-denied", exit=69, cause="step 2 of 4, expect_record open.rewards, before the first step")
    assert not [r for r in system.requests if r.method == "POST"], "nothing is sent when the check cannot look"


def test_read_is_enough(guard, system, learner):
    """A principal that may read topics, and use no group but those named open."""
    learner()
    result = guard.run(profile(guard, system, guard.span(2), "sasl", "limited"), "-t", guard.span(60), mode=None, timeout=90)
    result.passed()
