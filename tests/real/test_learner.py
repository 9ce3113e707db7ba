"""The learner's profile against real servers: all up, and then one fault at a time, each with its own code, verdict and exit status."""

import json

import pytest
from kafka_help import lists_operations
from world import POLICY, PROFILE, SCHEMAS, TOPICS

from fakes.probe import probe
from fakes.tcp import refused_port

pytestmark = pytest.mark.timeout(180)
SHORT = ["-t", "8s"]  # every other check must have passed by then
SEVERAL = ["-t", "12s"]  # more than one attempt of five seconds: on a loaded machine one may not come to its point


def start(guard, world, *args, mode="prod", **environment):
    return guard.run(world.profile(guard), *args, mode=mode, env=world.environment(**environment), command=[probe()])


def blocked(result, code, exit, id, **words):
    """Nothing was started, and this one check is the reason."""
    assert result.out == "" and result.status == "blocked" and result.code == exit, result
    assert f"startguard: BLOCKED ({exit}): {id}: {code}" in result.err, result
    assert result.codes() == [code], result
    return result.expect(code, exit=exit, id=id, **words)


def test_ready(guard, world):
    process = guard.spawn(world.profile(guard), env=world.environment(), command=[probe()])
    result = process.result()
    assert result.code == 0 and result.status == "ready", result
    seen = json.loads(result.out)
    environment = dict(line.partition("=")[::2] for line in seen["environ"])
    assert seen["pid"] == process.pid
    assert environment["STARTGUARD_STATUS"] == "ready" and environment["STARTGUARD_MODE"] == "prod"
    assert environment["SOMABRAIN_FF_WM_UPDATES_CACHE"] == "1"
    assert len(result.checks) == 11 and all(c["outcome"] == "pass" for c in result.checks), result


def test_shipped_profile(guard, world):
    """It demands rights: a librdkafka that cannot ask for them blocks the start."""
    result = guard.run(PROFILE, mode="prod", env=world.environment(), command=[probe()])
    if lists_operations(guard):
        assert result.status == "ready", result
    else:
        blocked(result, "kafka-library-old", 69, "kafka.events", subject="librdkafka", hint="2.3.0 or newer")


@pytest.mark.produces("kafka-topic-missing")
def test_topic_deleted(guard, world):
    world.kafka.delete_topic("cog.config.updates")
    try:
        blocked(start(guard, world, *SHORT), "kafka-topic-missing", 124, "kafka.events", subject="cog.config.updates")
        assert "cog.config.updates" not in world.kafka.topic_names(), "looking for a topic must not create it"
    finally:
        world.kafka.create_topic("cog.config.updates", 3)


@pytest.mark.produces("auth-failed")
def test_wrong_password(guard, world):
    world.properties(password="rotated-away")
    try:
        result = start(guard, world)
        blocked(result, "auth-failed", 69, "kafka.events", phase="auth")
        assert "rotated-away" not in result.err + json.dumps(result.report)
    finally:
        world.properties()


@pytest.mark.produces("kafka-advertised-unreachable")
def test_advertised_listener_unreachable(guard, world):
    world.properties(listener="dead_advertised")
    try:
        blocked(start(guard, world, *SEVERAL), "kafka-advertised-unreachable", 124, "kafka.events", cause="advertises")
    finally:
        world.properties()


@pytest.mark.produces("kafka-advertised-unresolvable")
def test_advertised_name_does_not_resolve(guard, world):
    world.properties(listener="unresolvable_advertised")
    try:
        blocked(start(guard, world, *SEVERAL), "kafka-advertised-unresolvable", 124, "kafka.events")
    finally:
        world.properties()


@pytest.mark.produces("registry-subject-missing")
def test_subject_missing(guard, world):
    world.registry.delete_subject("cog.config.updates-value")
    try:
        blocked(
            start(guard, world), "registry-subject-missing", 69, "schema_registry.subjects", subject="cog.config.updates-value"
        )
    finally:
        world.registry.register("cog.config.updates-value", (SCHEMAS / "config_update.avsc").read_text())


@pytest.mark.produces("registry-schema-differs")
def test_schema_differs(guard, world):
    other = json.loads((SCHEMAS / "config_update.avsc").read_text())
    other["fields"][0]["type"] = "double"
    world.registry.delete_subject("cog.config.updates-value")
    world.registry.register("cog.config.updates-value", json.dumps(other))
    try:
        blocked(start(guard, world), "registry-schema-differs", 69, "schema_registry.subjects", cause="learning_rate")
    finally:
        world.registry.delete_subject("cog.config.updates-value")
        world.registry.register("cog.config.updates-value", (SCHEMAS / "config_update.avsc").read_text())


@pytest.mark.produces("wire-format-mixed")
def test_one_producer_writes_json(guard, world):
    """An image without fastavro beside one with it: what the silent fallback looks like from outside."""
    avro = bytes.fromhex("06662d310000803f0000003f0000803e0000803f0000003e0000004028") + b"2025-11-08T15:00:00Z"
    world.kafka.produce("cog.reward.events", avro)
    assert start(guard, world).status == "ready"
    world.kafka.produce("cog.reward.events", json.dumps({"frame_id": "f-1", "total": 2.0}))
    try:
        blocked(
            start(guard, world),
            "wire-format-mixed",
            69,
            "wire_format.reward_events",
            subject="topic cog.reward.events",
            cause="1 bare Avro, 1 JSON",
        )
    finally:
        world.kafka.delete_topic("cog.reward.events")
        world.kafka.create_topic("cog.reward.events", 3)


@pytest.mark.produces("opa-undefined")
def test_decision_undefined(guard, world):
    world.opa.delete_policies()
    try:
        blocked(start(guard, world), "opa-undefined", 69, "opa.policy", cause="soma/policy/integrator/allow")
    finally:
        world.opa.put_policy("integrator", POLICY)


def degraded(result, code, id):
    """Started all the same, and told."""
    assert result.code == 0 and result.status == "degraded", result
    assert "startguard: DEGRADED" in result.err, result
    check = result.expect(code, id=id, outcome="degraded")
    environment = dict(line.partition("=")[::2] for line in json.loads(result.out)["environ"])
    assert environment["STARTGUARD_STATUS"] == "degraded" and environment["STARTGUARD_DEGRADED"] == id
    return check, environment


@pytest.mark.produces("redis-loading")
def test_redis_loading(guard, world):
    world.redis.start_loading()
    try:
        _, environment = degraded(start(guard, world), "redis-loading", "redis.cache")
        assert environment["SOMABRAIN_FF_WM_UPDATES_CACHE"] == "0"
    finally:
        world.redis.finish_loading()


@pytest.mark.produces("connect-refused")
def test_redis_down(guard, world):
    result = start(guard, world, SOMABRAIN_REDIS_URL=f"redis://127.0.0.1:{refused_port()}/0")
    check, environment = degraded(result, "connect-refused", "redis.cache")
    assert environment["SOMABRAIN_FF_WM_UPDATES_CACHE"] == "0"
    assert check["degraded"] in result.err


@pytest.mark.produces("metrics-family-missing")
def test_metrics_family_missing(guard, world):
    world.producer.complete = False
    try:
        blocked(start(guard, world, *SHORT), "metrics-family-missing", 124, "metrics.reward_producer")
    finally:
        world.producer.complete = True


@pytest.mark.produces("switch-forbidden")
def test_force_json_in_prod(guard, world):
    result = start(guard, world, LEARNER_FORCE_JSON="1")
    assert result.code == 77 and result.out == "", result
    result.problem("LEARNER_FORCE_JSON", code="switch-forbidden", exit=77)


@pytest.mark.near_miss("switch-forbidden")
def test_force_json_in_dev(guard, world):
    result = start(guard, world, mode="dev", LEARNER_FORCE_JSON="1")
    assert result.code == 0 and result.status == "degraded", result
    environment = dict(line.partition("=")[::2] for line in json.loads(result.out)["environ"])
    waived = ["avro.config_update", "avro.reward_event", "schema_registry.subjects", "wire_format.reward_events"]
    assert sorted(environment["STARTGUARD_WAIVED"].split(",")) == waived
    assert sorted(c["id"] for c in result.checks if c["outcome"] == "waived") == waived
    assert all(id in result.err for id in waived), result


def test_everything_is_as_before(guard, world):
    """The faults above left nothing behind; and the checks have written nothing."""
    assert start(guard, world).status == "ready"
    assert set(TOPICS) <= set(world.kafka.topic_names())
