"""A cluster in use, on a broker that makes every topic it is asked for, before and after every key of the kafka kind was used in its right
and its wrong ways, and records were read by the wire_format kind: nothing differs but the canary's topic. A consumer goes on with its partitions, and a producer that was in the
middle of a transaction ends it.
"""

import contextlib
import logging

import pytest
from confluent_kafka import Consumer, Producer
from kafka_lab import Lab, library, own, profile

from servers.common import wait_for
from servers.kafka import KafkaServer
from servers.kafka_admin import ADMIN_SECONDS, differences
from servers.kafka_jars import VERSIONS

pytestmark = pytest.mark.timeout(240)
ORDERS, CLOSED, CANARY = "open.orders", "closed.orders", "open.canary"
GROUP, OLD_GROUP, TRANSACTION = "open.live", "open.old", "open.running"
ALL = ["read", "write", "describe"]
quiet = logging.getLogger("startguard.tests.kafka")


@pytest.fixture(scope="module", params=VERSIONS)
def kafka(request):
    with KafkaServer(auto_create=True, version=request.param) as server:
        server.create_topic(ORDERS, 3)
        server.create_topic(CLOSED, 2, config={"cleanup.policy": "compact"})
        server.create_topic(CANARY)
        for number in range(5):
            server.produce(ORDERS, b"record %d" % number)
        server.commit(OLD_GROUP, ORDERS, 2)
        server.transact("open.past", ORDERS, b"in a transaction")
        for user, id in (("limited", "startguard-open."), ("limited", "open.")):
            for operation in ("write", "describe"):
                server.add_acl(user, operation, id, resource="transactional_id", prefixed=True)
        server.add_acl("limited", "describe_configs", ORDERS)
        yield server


@pytest.fixture
def consumer(kafka):
    """A member of a group with partitions."""
    one = Consumer(
        {"bootstrap.servers": kafka.plaintext, "group.id": GROUP, "enable.auto.commit": False, "auto.offset.reset": "earliest"},
        logger=quiet,
    )
    one.subscribe([ORDERS])
    wait_for(lambda: one.poll(0.1) is not None and one.assignment(), what="the consumer's partitions")
    one.commit(asynchronous=False)
    yield one
    one.close()


@pytest.fixture
def producer(kafka):
    """In the middle of a transaction."""
    one = Producer(
        {"bootstrap.servers": kafka.plaintext, "transactional.id": TRANSACTION, "transaction.timeout.ms": 600000}, logger=quiet
    )
    one.init_transactions(ADMIN_SECONDS)
    one.begin_transaction()
    one.produce(ORDERS, b"not committed yet")
    one.flush(ADMIN_SECONDS)
    return one


def rounds(lab):
    """(keys, does it pass with a library that can ask for rights): every question of the kind, by users who may and may not."""

    def at(user, **keys):
        return lab.at("sasl", user=user, **keys)

    everything = {
        "topics": [
            {
                "name": ORDERS,
                "partitions": 3,
                "replication_factor": 1,
                "min_in_sync_replicas": 1,
                "operations": ALL,
                "config": ["cleanup.policy=delete"],
            }
        ],
        "groups": [GROUP, OLD_GROUP, "open.new"],
        "idempotent": True,
        "transactional_id": TRANSACTION,
        "every_broker": True,
        "min_brokers": 1,
    }
    return [
        (at("limited", **everything), True),
        (at("admin", **everything), True),
        (at("limited", canary={"topic": CANARY}), True),
        (lab.at("plaintext", **everything), True),
        (lab.at("plaintext"), True),
        (at("nobody", **everything), False),
        (at("limited", topics=[{"name": CLOSED, "operations": ALL}]), False),
        (at("limited", topics=[{"name": "open.absent", "operations": ALL}]), False),
        (lab.at("plaintext", topics=[{"name": "absent", "operations": ALL}], groups=["absent"], idempotent=True), False),
        (lab.at("plaintext", canary={"topic": "absent.canary"}), False),
        (at("limited", topics=[{"name": ORDERS, "config": ["cleanup.policy=compact"]}]), False),
        (at("nobody", groups=[OLD_GROUP]), False),
        (at("nobody", idempotent=True), False),
        (at("nobody", transactional_id=TRANSACTION), False),
        (at("limited", password="wrong", **everything), False),
        (lab.at("dead_advertised", **everything), False),
    ]


def test_untouched(guard, kafka, consumer, producer):
    lab = Lab(guard, contextlib.ExitStack(), kafka)
    knows_rights = library(guard) >= (2, 3, 0)
    before = kafka.dump()
    assert before["transactions"][TRANSACTION][2] == "Ongoing" and before["groups"][GROUP]["members"] == 1
    for keys, passes in rounds(lab):
        env = keys.pop("_env")
        result = guard.check(profile(**keys), env=env)
        asks_for_rights = "groups" in keys
        assert (result.check()["outcome"] == "pass") == (passes and (knows_rights or not asks_for_rights)), result
    for topic in (ORDERS, "open.absent"):
        read = guard.try_("wire_format", bootstrap_servers=kafka.plaintext, topic=topic, expect="json")
        assert read.check()["outcome"] == "fail", "its records are no JSON; or it does not exist"
    after = kafka.dump()
    assert differences(before, after, own) == []
    # The dump shows a record: that of the one canary.
    assert after["ends"][f"{CANARY}-0"] == (0, 1)
    # Nobody was thrown out.
    assert len(consumer.assignment()) == 3
    consumer.poll(0)
    producer.commit_transaction(ADMIN_SECONDS)
    kafka.produce(ORDERS, b"one more")
    assert any(ORDERS in one for one in differences(after, kafka.dump(), own))
