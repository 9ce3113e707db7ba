"""Nothing is wrong: each profile lets its service start, and the services do their work together. Then something is."""

import json

import pytest
from confluent_kafka import Consumer
from findings import Row
from pipeline import Pipeline
from plants import remove
from system import DATABASE, SERVICES

from servers import common

pytestmark = pytest.mark.timeout(180)
HEALTH = ["cog", *SERVICES]  # profiles that are good for a HEALTHCHECK


@pytest.fixture(scope="module", params=["849b24b", "eb14dcb"])
def running(request, system, tmp_path_factory):
    system.new_kafka()
    with Pipeline(system, request.param, tmp_path_factory.mktemp(request.param)) as one:
        yield one


@pytest.mark.parametrize("service", SERVICES)
def test_starts(running, service):
    """In the environment of docker-compose.yml, at once with all the others, at the first attempt."""
    report = running.report(service)
    assert report["status"] == "ready" and report["mode"] != "prod", report
    assert all(not check["history"] for check in report["checks"]), report
    assert running.running(service)


def test_rewards_move_the_temperature(running):
    """0.8 - 0.5 * (average - 0.5), for a tenant whose rewards were all 1. The earlier commit knows no tenants."""
    system = running.system

    def moved(total, judge):
        # Again until it counts: the learner's group gets its partitions some seconds after /health is ok.
        assert system.post_reward("tests", total)[0] == 200
        return judge(system.tau())

    common.wait_for(lambda: moved(1, lambda tau: abs(tau - 0.55) < 1e-5), what="a temperature of 0.55", pause=0.2)
    common.wait_for(lambda: moved(0, lambda tau: 0.6 < tau <= 1), what="a temperature over 0.6", pause=0.2)


def test_updates_become_snapshots(running):
    """predictors -> integrator -> segmentation -> orchestrator -> outbox -> Kafka."""
    servers = {"bootstrap.servers": running.system.kafka.plaintext}
    reader = Consumer(servers | {"group.id": "tests", "auto.offset.reset": "earliest"})
    reader.subscribe(["memory.episodic.snapshot"])
    record = common.wait_for(lambda: reader.poll(1), what="a snapshot")
    reader.close()
    assert "leader_change" in record.value().decode()


def test_updates_are_cached(running):
    redis = running.system.redis
    common.wait_for(lambda: redis.ask("LLEN", "wm:updates:public:state"), what="cached updates")
    assert redis.ask("EXISTS", "cog:global_frame:public") == 1


def test_api_answers(running):
    system = running.system
    body, headers = json.dumps({"text": "x"}), {"Content-Type": "application/json"}
    assert common.http("POST", system.url("api", "/remember"), body, headers=headers)[0] == 200


@pytest.mark.parametrize("name", HEALTH)
def test_healthcheck(running, guard, name):
    """Also by the profile's rules for prod."""
    result = running.spawn(guard, name, "--health").result()
    assert result.code == 0 and result.status == "ready", result


# ---- what goes wrong while everything runs ----


def test_program_that_is_not_running(running, guard):
    running.supervisorctl("stop", "segmentation_service")
    result = running.spawn(guard, "cog", "--health").result()
    running.supervisorctl("start", "segmentation_service")
    assert result.code == 1 and "segmentation_service" in result.check("exec.programs")["cause"], result


only_later = pytest.mark.parametrize("running", ["849b24b"], indirect=True)


@only_later
def test_smoke(running, guard):
    """Twice: what the first run has left behind is no answer to the second."""
    for _ in range(2):
        result = running.spawn(guard, "smoke", "-t", guard.span(60), word="run").result(90)
        assert result.code == 0 and result.status == "ready", result


INTEGRATOR = "the integrator lacks a schema; its /healthz is ok"
LEARNER = "the learner's worker has died; its /health is ok"
ZOMBIES = [
    (
        Row(33, LEARNER, "849b24b", "smoke", "kafka.events", "kafka-group-inactive", "group learner-online", 124),
        "learner_online",
        {"leave_out": ["confluent-kafka"]},
    ),
    (
        Row(33, INTEGRATOR, "849b24b", "smoke", "flow.reward", "flow-poll-mismatch", "at /tau is 1, expected 0.865", 124),
        "integrator_hub",
        {"edit": remove("app/proto/cog/config_update.avsc")},
    ),
]


@only_later
@pytest.mark.parametrize("row, program, recipe", ZOMBIES, ids=lambda value: getattr(value, "planted", ""))
def test_zombie(running, guard, table, row, program, recipe):
    image = running.system.good_image("849b24b", **recipe)
    with running.replaced(program, image, SOMABRAIN_REQUIRE_INFRA="0"):
        result = running.spawn(guard, "smoke", "-t", guard.span(15), word="run").result(60)
    found = result.expect(row.code, id=row.check, exit=row.exit)
    assert row.words in f"{found['subject']} {found['cause']}", result
    table.add(row)


def unhealthy(running, guard, row):
    """The HEALTHCHECK of a container says no, and startguard without --health says why."""
    both = [running.spawn(guard, row.profile, *words) for words in (["--health"], [])]
    health, told = [one.result() for one in both]
    assert health.code == row.exit, health
    found = told.expect(row.code, id=row.check)
    assert row.words in f"{found['subject']} {found['cause']}", told


# fmt: off
FROZEN = Row(31, "Kafka is frozen while rewards are answered 200", "849b24b", "reward_producer", "kafka.events", "answer-timeout", "the connection is in state APIVERSION_QUERY", 1)
STOPPED = Row(32, "Kafka has stopped while the outbox marks rows as sent", "849b24b", "outbox_publisher", "kafka.events", "connect-refused", "Connection refused", 1)
# fmt: on


@only_later
def test_frozen_brokers(running, guard, table):
    running.system.kafka.pause()
    try:
        assert running.system.post_reward("tests", 1)[0] == 200
        unhealthy(running, guard, FROZEN)
        started = [running.spawn(guard, name, "--health") for name in HEALTH]
        assert [one.result(60).code for one in started] == [1] * len(HEALTH)
    finally:
        running.system.kafka.resume()
    table.add(FROZEN)


@only_later
def test_stopped_brokers(running, guard, table):
    """Last: nothing gets its brokers back."""
    system = running.system
    system.kafka.halt()
    body, headers = json.dumps({"text": "lost"}), {"Content-Type": "application/json"}
    assert common.http("POST", system.url("api", "/remember"), body, headers=headers)[0] == 200
    sent = "select status from outbox_events where payload->>'text' = 'lost'"
    common.wait_for(lambda: system.postgres.sql(sent, DATABASE) == "sent", what="a row that is sent")
    unhealthy(running, guard, STOPPED)
    table.add(STOPPED)
