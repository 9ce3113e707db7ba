"""The profiles of a real system: each asks for what its service will use, whatever variables the service takes it from."""

import re

import pytest

from harness import ROOT

PROFILES = ROOT / "profiles" / "somabrain"
URL, SOMA, PLAIN = "SOMABRAIN_KAFKA_URL", "SOMA_KAFKA_BOOTSTRAP", "KAFKA_BOOTSTRAP_SERVERS"
SERVICES = {
    "learner_online": ("SOMABRAIN_CONSUMER_GROUP", "learner-online"),
    "segmentation_service": ("SOMABRAIN_CONSUMER_GROUP", "segmentation-service"),
    "orchestrator_service": ("SOMABRAIN_CONSUMER_GROUP", "orchestrator-service"),
    "wm_updates_cache": ("SOMABRAIN_CONSUMER_GROUP", "wm-updates-cache"),
    "teach_feedback_processor": ("TEACH_PROC_GROUP", "teach-feedback-proc"),
    "integrator_hub": (None, "integrator-hub-v1"),
    "outbox_publisher": (None, None),
    "reward_producer": (None, None),
    "predictors": (None, None),
}


def show(guard, service, env):
    return guard.cli("show", "-p", PROFILES / f"{service}.cfg", env=env)


def shown(result, key):
    """Every value of the key in the effective profile."""
    assert result.code == 0, result
    return re.findall(rf"^ +{key} = (.*?);", result.out, re.M)


def test_all_profiles_are_here():
    assert {one.stem for one in PROFILES.glob("*.cfg")} == {*SERVICES, "common"}


@pytest.mark.parametrize("service", SERVICES)
def test_groups(guard, service):
    variable, default = SERVICES[service]
    env = {URL: "kafka:9092"}
    both = env | {"SOMABRAIN_CONSUMER_GROUP": "of-four", "TEACH_PROC_GROUP": "of-teachers"}
    assert shown(show(guard, service, env), "groups") == ([f'["{default}"]'] if default else [])
    assert shown(show(guard, service, both), "groups") == ([f'["{both.get(variable, default)}"]'] if default else [])


@pytest.mark.parametrize(
    "service, env, wanted",
    [
        *(
            (service, {URL: "kafka://a:1", SOMA: "b:2", PLAIN: "c:3"}, "kafka://a:1")
            for service in SERVICES
            if service != "outbox_publisher"
        ),
        ("outbox_publisher", {URL: "a:1", SOMA: "b:2", PLAIN: "c:3"}, "b:2"),
        ("outbox_publisher", {URL: "a:1", PLAIN: "c:3"}, "a:1"),
        ("outbox_publisher", {URL: "a:1", SOMA: ""}, "a:1"),
        ("integrator_hub", {PLAIN: "c:3"}, "c:3"),
        ("integrator_hub", {URL: "", PLAIN: "c:3"}, "c:3"),
    ],
)
def test_brokers(guard, service, env, wanted):
    found = shown(show(guard, service, env), "bootstrap_servers")
    assert found and set(found) == {f'["{wanted}"]'}


@pytest.mark.parametrize(
    "service, env, words",
    [
        ("learner_online", {SOMA: "b:2", PLAIN: "c:3"}, [URL, "not set"]),
        ("outbox_publisher", {PLAIN: "c:3"}, [f"set {SOMA}, or {URL}"]),
        ("integrator_hub", {SOMA: "b:2"}, [f"set {URL}, or {PLAIN}"]),
    ],
)
def test_no_broker_named(guard, service, env, words):
    """A name that this service does not read is none."""
    guard.run(PROFILES / f"{service}.cfg", env=env).problem(*words)


def look(guard, service, mode, **env):
    return guard.check(PROFILES / f"{service}.cfg", "--only", "env.*", mode=mode, env={URL: "kafka:9092"} | env)


@pytest.mark.produces("env-missing")
def test_integrator_without_policy(guard):
    """It would publish frames that nobody has allowed, and say nothing."""
    opa = {"SOMABRAIN_OPA_URL": "http://opa:8181", "SOMABRAIN_OPA_POLICY": "soma/policy/integrator"}
    for missing in opa:
        less = {name: value for name, value in opa.items() if name != missing}
        look(guard, "integrator_hub", "staging", **less).expect("env-missing", id="env.opa", exit=69, subject=missing)
        look(guard, "integrator_hub", "dev", **less).expect("env-missing", id="env.opa", exit=0, outcome="degraded")
    assert look(guard, "integrator_hub", "staging", **opa).code == 0


@pytest.mark.produces("env-missing", "env-mismatch")
def test_cache_that_would_end_at_once(guard):
    good = {"SOMABRAIN_FF_WM_UPDATES_CACHE": "1", "SOMABRAIN_REDIS_URL": "redis://r"}
    for missing in good:
        less = {name: value for name, value in good.items() if name != missing}
        look(guard, "wm_updates_cache", "staging", **less).expect("env-missing", id="env.service", exit=69, subject=missing)
    look(guard, "wm_updates_cache", "staging", **good | {"SOMABRAIN_FF_WM_UPDATES_CACHE": "0"}).expect(
        "env-mismatch", id="env.service", exit=69
    )
    assert look(guard, "wm_updates_cache", "staging", **good).code == 0
