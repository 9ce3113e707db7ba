"""python: a record by the service's own client, with the real kafka-python and confluent_kafka, and a real Apache Kafka."""

import os
import sys

import pytest

from servers import common
from servers.kafka import KafkaServer

pytestmark = pytest.mark.timeout(240)
KAFKA_PYTHON = "kafka-python==3.0.12"  # not in tests/requirements.txt: nothing else may find a module `kafka`
SERVICE = """
import os, kafka, confluent_kafka
BROKERS = os.environ["BROKERS"]
class Service:
    def start(self, acks, **more):
        self.producer = kafka.KafkaProducer(bootstrap_servers=BROKERS, acks=acks, retries=3, **more)
        return self.producer
def make():
    return "ck", confluent_kafka.Producer({"bootstrap.servers": BROKERS, "acks": "1"})
"""
KAFKA_PYTHON_LOGIN = "security_protocol='SASL_PLAINTEXT', sasl_mechanism='PLAIN', sasl_plain_username='limited', sasl_plain_password=os.environ['PW']"


def install(folder):
    words = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, KAFKA_PYTHON]
    common.run_tool(words, what=KAFKA_PYTHON)


@pytest.fixture(scope="module")
def kafka():
    with KafkaServer(auto_create=False) as server:
        server.create_topic("startguard.canary", 1)
        server.create_topic("small", 1, config={"max.message.bytes": "10"})
        yield server


@pytest.fixture
def service(guard, kafka):
    """service(**keys) runs a check of the service above."""

    def look(brokers=kafka.plaintext, topic="startguard.canary", client=None, env={}, **keys):
        guard.write("app/service.py", SERVICE)
        site = common.cached(KAFKA_PYTHON.replace("==", "-"), install)
        if client:
            keys["produces"] = {"client": client, "topic": topic}
        env = {"BROKERS": brokers, "PYTHONPATH": os.fspath(site), **env}
        keys.setdefault("attempt_timeout", guard.span(30))
        return guard.try_(
            "python", interpreter=sys.executable, working_directory=guard.tmp / "app", _env=env, _limit=guard.span(60), **keys
        )

    return look


def test_a_record_is_confirmed(service, kafka):
    for n, client in enumerate(("service:make()[1]", "service:Service().start(1)")):
        check = service(client=client).passed()
        assert check["facts"]["delivered"] == f"partition 0, offset {n}", check


def test_acks_as_text(service):
    """The outage: the broker is well, and another client works on it."""
    check = service(client="service:Service().start('1')").expect("python-produce-failed", exit=69)
    assert (
        "KafkaTimeoutError" in check["cause"]
        and "; logged: struct.error: required argument is not an integer (" in check["cause"]
    )
    call = "service:Service().start('1').send('startguard.canary', b'x').get(timeout=5)"
    check = service(calls=[call], retry=False).expect("python-call-failed", exit=69)
    assert (
        "KafkaTimeoutError" in check["cause"]
        and "; logged: struct.error: required argument is not an integer (" in check["cause"]
    )


def test_what_the_brokers_refuse(service, kafka):
    service(client="service:make()[1]", topic="small").expect("python-produce-failed", cause="MSG_SIZE_TOO_LARGE")
    service(client="service:Service().start(1)", topic="small").expect("python-produce-failed", cause="MESSAGE_SIZE_TOO_LARGE")
    service(client="service:make()[1]", topic="gone", retry=False).expect("kafka-topic-missing")
    service(client="service:Service().start(1)", topic="gone", retry=False).expect(
        "python-produce-unconfirmed", cause="Topic gone not found"
    )
    login = {"brokers": kafka.sasl, "env": {"PW": kafka.users["limited"]}}
    service(client=f"service:Service().start(1, {KAFKA_PYTHON_LOGIN})", **login).expect("kafka-topic-denied", exit=69)


def test_nobody_listens(service):
    brokers = f"127.0.0.1:{common.reserve_port()}"
    service(brokers, client="service:make()[1]", retry=False).expect("python-produce-unconfirmed", cause="Connection refused")
    service(brokers, client="service:Service().start(1)", retry=False).expect(
        "python-produce-unconfirmed", cause="ECONNREFUSED"
    )
