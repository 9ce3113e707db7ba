"""Nothing is wrong: each profile lets its service start, and the services do their work together. Then something is."""

import json

import pytest
from confluent_kafka import Consumer
from pipeline import Pipeline
from system import CONTAINERS, SERVICES

from servers import common

pytestmark = pytest.mark.timeout(180)


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


@pytest.mark.parametrize("name", ["cog", *CONTAINERS])
def test_healthcheck(running, guard, name):
    """Also by the profile's rules for prod."""
    result = running.spawn(guard, name, "--health").result()
    assert result.code == 0 and result.status == "ready", result
