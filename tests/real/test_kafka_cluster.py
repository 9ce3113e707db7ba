"""Three real brokers of which some are lost: by SIGKILL, by a controlled shutdown, by SIGSTOP. The topic has three copies and
wants two in sync; the check demands the same."""

import json
import threading

import pytest
from kafka_lab import profile

from fakes.probe import probe
from servers.kafka_cluster import KafkaCluster
from servers.kafka_jars import VERSIONS

pytestmark = pytest.mark.timeout(180)
TOPIC = "orders"
DEMAND = {"name": TOPIC, "partitions": 2, "replication_factor": 3, "min_in_sync_replicas": 2}


@pytest.fixture(scope="module", params=VERSIONS)
def shared(request):
    with KafkaCluster(3, version=request.param) as cluster:
        cluster.create_topic(TOPIC, assignment=[[3, 2, 1], [2, 3, 1]], config={"min.insync.replicas": 2})
        yield cluster


@pytest.fixture
def cluster(shared):
    """All three up and in sync, before and after the test."""
    yield shared
    for id, node in shared.nodes.items():
        if node.process is None:
            shared.start(id)
    for number in range(2):
        shared.wait_in_sync(TOPIC, 3, number)


def side(cluster):
    return f"real {cluster.version}, {cluster.size} nodes"


def ask(cluster, **keys):
    return profile(bootstrap_servers=cluster.addresses, topics=[DEMAND], **keys)


def test_whole(guard, cluster):
    check = guard.check(ask(cluster, min_brokers=3, every_broker=True)).passed()
    assert check["facts"] | {"cluster_id": ""} == {"brokers": 3, "cluster_id": "", "topics": 1}


@pytest.mark.near_miss("kafka-isr-low", "kafka-no-leader", "kafka-advertised-unreachable", "connect-refused")
def test_one_lost_passes_with_a_note(guard, cluster):
    cluster.kill(3)
    result = guard.run(ask(cluster), command=[probe()])
    facts = result.passed()["facts"]
    assert facts["brokers"] == 2 and facts["replicas_out_of_sync"] == 2 and str(facts["brokers_missing"]) == "3"
    assert "2 of 6 replicas out of sync, missing: broker 3" in result.err
    assert json.loads(result.out)["pid"], "the service was started"


@pytest.mark.near_miss("kafka-isr-low", "kafka-no-leader", "connect-refused")
def test_one_left_in_good_order(guard, cluster):
    cluster.terminate(2)
    assert guard.check(ask(cluster)).passed()["facts"]["brokers"] == 2


@pytest.mark.produces("kafka-too-few-brokers")
def test_one_lost_where_all_are_demanded(guard, cluster, table):
    cluster.kill(3)
    table.judge(
        "broker lost where all are demanded",
        side(cluster),
        "kafka-too-few-brokers",
        124,
        guard.check(ask(cluster, min_brokers=3)),
        cause="lists 2 brokers",
    )


@pytest.mark.produces("kafka-isr-low")
def test_two_lost_and_one_comes_back(guard, cluster, table):
    """Not started while two are gone; noticed and started when one is back."""
    cluster.kill(3)
    cluster.kill(2)
    table.judge("two of three copies lost", side(cluster), "kafka-isr-low", 124, guard.check(ask(cluster)))
    own = profile(bootstrap_servers=cluster.addresses, topics=[{"name": TOPIC, "operations": ["write"]}])
    table.judge(
        "fewer in sync than the topic's own minimum",
        side(cluster),
        "kafka-isr-low",
        124,
        guard.check(own),
        cause="min.insync.replicas",
    )
    ended = guard.run(ask(cluster), "-t", guard.span(2), command=[probe()])
    ended.expect("kafka-isr-low", exit=124, subject=f"topic {TOPIC}", cause="1 of 3 replicas in sync")
    assert ended.out == "", "the service must not be started"
    with guard.spawn(ask(cluster), "-v", "-t", guard.span(60), command=[probe()]) as process:
        process.wait_for("kafka-isr-low")
        assert process.poll() is None and process.out_so_far() == ""
        cluster.start(2, ready=False)
        result = process.result(timeout=60)
    facts = result.passed()["facts"]
    assert facts["brokers"] == 2 and str(facts["brokers_missing"]) == "3"
    assert json.loads(result.out)["pid"], "the service was started"


@pytest.mark.produces("kafka-no-leader")
def test_all_copies_lost(guard, cluster, table):
    """A topic whose only copy is on the broker that is gone."""
    cluster.create_topic("lonely", assignment=[[3]])
    try:
        cluster.kill(3)
        result = guard.check(profile(bootstrap_servers=cluster.addresses, topics=["lonely"]))
        table.judge(
            "the only copy lost",
            side(cluster),
            "kafka-no-leader",
            124,
            result,
            subject="topic lonely",
            cause="partition 0 has no leader",
        )
        cluster.start(3)
        guard.check(profile(bootstrap_servers=cluster.addresses, topics=["lonely"])).passed()
    finally:
        cluster.delete_topic("lonely")


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("kafka-topic-missing", "kafka-no-brokers")
def test_frozen_leader(guard, cluster, table):
    """Its kernel still accepts connections: seen by nobody but who asks it. Then the others notice, and lead."""
    cluster.create_topic("held", assignment=[[3, 1]])
    others = [cluster.nodes[id].address for id in (1, 2)]
    wanted = profile(bootstrap_servers=others, topics=["held"], attempt_timeout=guard.span(1))
    try:
        cluster.pause(3)
        table.judge(
            "leader stopped by SIGSTOP", side(cluster), "answer-timeout", 124, guard.check(wanted), subject="broker 3 at"
        )
        cluster.wait_gone(3)
        assert guard.check(wanted).passed()["facts"]["brokers"] == 2
    finally:
        # Thawed, it would go on for a while with connections that the others have given up.
        cluster.kill(3, seen=False)
        cluster.start(3)
        cluster.delete_topic("held")


@pytest.mark.produces("kafka-advertised-unreachable")
def test_leader_killed_a_moment_ago(guard, cluster):
    """The cluster still lists it and calls it the leader; it does not answer at its address. Later it is passed by."""
    cluster.create_topic("moment", assignment=[[3, 1]])
    others = [cluster.nodes[id].address for id in (1, 2)]
    wanted = profile(bootstrap_servers=others, topics=["moment"])
    try:
        cluster.kill(3, seen=False)
        with guard.spawn(wanted, "-v", "-t", guard.span(60)) as process:
            result = process.result(timeout=60)
        check = result.passed()
        assert "kafka-advertised-unreachable" in {h["code"] for h in check["history"]}
    finally:
        cluster.delete_topic("moment")


@pytest.mark.produces("kafka-advertised-unreachable")
def test_controller_lost(guard, cluster, table):
    """Nobody elects: the others go on calling a broker that is gone the leader. Asked itself, it does not answer."""
    cluster.create_topic("headless", assignment=[[1, 2]])
    others = [cluster.nodes[id].address for id in (2, 3)]
    cluster.kill(1, seen=False)
    table.judge(
        "leader and controller lost",
        side(cluster),
        "kafka-advertised-unreachable",
        124,
        guard.check(profile(bootstrap_servers=others, topics=["headless"])),
        subject="broker 1 at",
    )
    cluster.start(1)
    cluster.delete_topic("headless")


RETRYABLE = {
    "connect-refused",
    "connect-closed",
    "connect-reset",
    "kafka-no-brokers",
    "kafka-error",
    "kafka-no-leader",
    "kafka-isr-low",
    "kafka-advertised-unreachable",
    "kafka-broker-left",
    "answer-timeout",
}


@pytest.mark.near_miss("tls-required", "auth-required", "protocol-mismatch", "kafka-topic-missing")
def test_broker_shutting_down(guard, cluster):
    """Whatever a broker that is leaving answers, waiting may help; and what it was is never called a wrong setting."""
    wanted = profile(bootstrap_servers=[cluster.nodes[2].address], topics=[TOPIC], attempt_timeout=guard.span(2))
    stopping = threading.Thread(target=cluster.nodes[2].halt)
    stopping.start()
    seen = []
    while stopping.is_alive():
        seen.append(guard.check(wanted))
    seen.append(guard.check(wanted))
    stopping.join()
    assert {one.code for one in seen} <= {0, 124} and seen[-1].code == 124
    assert set().union(*(one.codes() for one in seen)) <= RETRYABLE
