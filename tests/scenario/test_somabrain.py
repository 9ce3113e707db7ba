"""The profiles of a real system, as far as they can be judged without it: they are complete and well-formed, each asks for what its
service will use, whatever variables the service takes it from, and none is wrong in the environments that the system comes with."""

import re

import pytest

from harness import ROOT

PROFILES = ROOT / "profiles" / "somabrain"
COMMITS = ("849b24b", "eb14dcb")
URL, SOMA = "SOMABRAIN_KAFKA_URL", "SOMA_KAFKA_BOOTSTRAP"
GROUPS = {
    "learner_online": "learner-online",
    "segmentation_service": "segmentation-service",
    "orchestrator_service": "orchestrator-service",
    "wm_updates_cache": "wm-updates-cache",
    "teach_feedback_processor": "teach-feedback-proc",
    "integrator_hub": "integrator-hub-v1",
    "outbox_publisher": None,
    "reward_producer": None,
    "predictor_state": None,
    "predictor_agent": None,
    "predictor_action": None,
}
BESIDES = {"849b24b": {"api", "cog", "image", "smoke"}, "eb14dcb": {"api", "cog", "image"}}
# As the system's own compose file sets it, at the later commit.
COMPOSE = {
    URL: "kafka://somabrain_kafka:9092",
    SOMA: "somabrain_kafka:9092",
    "SOMABRAIN_REDIS_URL": "redis://somabrain_redis:6379/0",
    "SOMABRAIN_OPA_URL": "http://somabrain_opa:8181",
    "SOMABRAIN_POSTGRES_DSN": "postgresql://soma:soma_pass@somabrain_postgres:5432/somabrain",
    "SOMABRAIN_MEMORY_HTTP_ENDPOINT": "http://host.docker.internal:9595",
    "SOMABRAIN_MEMORY_HTTP_TOKEN": "devtoken",
    "SOMABRAIN_STRICT_REAL": "1",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://somabrain_jaeger:4318",
    "OTEL_SERVICE_NAME": "somabrain-cog",
    "SOMABRAIN_DEFAULT_TENANT": "sandbox",
    "HEALTH_PORT": "9010",  # of supervisord.conf
}
FLAGS = {  # what that file leaves out at the earlier commit, or sets
    "ENABLE_COG_THREADS": "1",
    "SOMABRAIN_ENABLE_TEACH_FEEDBACK": "1",
    "SOMABRAIN_FF_LEARNER_ONLINE": "1",
    "SOMABRAIN_FF_REWARD_INGEST": "1",
    "REWARD_FORCE_JSON": "1",
}
EVERY = [(commit, service) for commit in COMMITS for service in GROUPS]


def profile(commit, name):
    return PROFILES / commit / f"{name}.cfg"


def compose(commit, mode, **more):
    return COMPOSE | (FLAGS if commit == "eb14dcb" else {}) | {"SOMABRAIN_MODE": mode} | more


def strict(commit, mode, **more):
    """The same without the flag that is refused outside of dev."""
    return compose(commit, mode, REWARD_FORCE_JSON="", **more)


def show(guard, commit, name, env):
    return guard.cli("show", "-p", profile(commit, name), env=env)


def shown(result, key):
    """Every value of the key in the effective profile."""
    assert result.code == 0, result
    return re.findall(rf"\b{key} = (.*?);", result.out)


def names_of_topics(result):
    return {name.strip('"') for name in shown(result, "name")}


@pytest.mark.parametrize("commit", COMMITS)
def test_all_profiles_are_here_and_well_formed(guard, commit):
    files = sorted((PROFILES / commit).glob("*.cfg"))
    assert {one.stem for one in files} == {*GROUPS, *BESIDES[commit], "common"}
    result = guard.cli("lint", *files)
    assert result.code == 0, result


@pytest.mark.parametrize("commit", COMMITS)
def test_every_part_is_used(commit):
    text = "".join(one.read_text() for one in (PROFILES / commit).rglob("*.*"))
    for part in (PROFILES / commit / "parts").iterdir():
        assert f'{part.name}"' in text, f"no profile includes {part.name}"


@pytest.mark.parametrize("commit, service", EVERY)
def test_groups(guard, commit, service):
    """One name for four services is refused, so it never becomes a group."""
    wanted = GROUPS[service]
    env = compose(commit, "dev", SOMABRAIN_CONSUMER_GROUP="of-four")
    assert set(shown(show(guard, commit, service, env), "groups")) == ({f'["{wanted}"]'} if wanted else set())
    if service == "teach_feedback_processor":
        assert shown(show(guard, commit, service, env | {"TEACH_PROC_GROUP": "own"}), "groups") == ['["own"]']


# Which of the two names a service's clients take first, and whether its own gate asks the first name as well.
BROKERS = {
    "849b24b": {
        **dict.fromkeys(GROUPS, {"url"}),
        **dict.fromkeys(["learner_online", "reward_producer", "outbox_publisher", "integrator_hub"], {"url", "soma"}),
        **dict.fromkeys(["predictor_state", "predictor_agent", "predictor_action"], {"soma"}),
    },
    "eb14dcb": {**dict.fromkeys(GROUPS, {"url"}), "outbox_publisher": {"soma"}},
}


@pytest.mark.parametrize("commit, service", EVERY)
def test_brokers(guard, commit, service):
    def found(**env):
        return {text[2:-2] for text in shown(show(guard, commit, service, compose(commit, "dev") | env), "bootstrap_servers")}

    wanted = BROKERS[commit][service]
    assert found(**{URL: "kafka://url:1", SOMA: "soma:2"}) == {
        {"url": "kafka://url:1", "soma": "soma:2"}[one] for one in wanted
    }
    assert found(**{URL: "url:1", SOMA: ""}) == {"url:1"}


@pytest.mark.parametrize("commit, service", EVERY)
def test_no_broker_named(guard, commit, service):
    """The services' own default is an address at which nothing of the system listens."""
    env = {name: value for name, value in compose(commit, "dev").items() if name not in (URL, SOMA)}
    guard.run(profile(commit, service), env=env).problem(URL)


@pytest.mark.parametrize("predictor", ["state", "agent", "action"])
@pytest.mark.parametrize("commit", COMMITS)
def test_each_predictor_writes_its_own_topic(guard, commit, predictor):
    result = show(guard, commit, f"predictor_{predictor}", compose(commit, "dev"))
    assert {f"cog.{predictor}.updates", "cog.next.events"} == names_of_topics(result) - {"startguard.canary"}
    assert f"services.predictor-{predictor}.main" in result.out


@pytest.mark.parametrize("commit, service", EVERY)
def test_another_folder(guard, commit, service):
    """From a checkout: nothing of /app is left in any path."""
    result = show(guard, commit, service, compose(commit, "dev", SOMABRAIN_APP_DIR="/somewhere"))
    assert "/app" not in re.sub(r"#.*", "", result.out) and result.code == 0


# ---- the environments the system comes with ------------------------------------------------------------------------

MODES = {
    "849b24b": {
        "dev": "dev",
        "full-local": "dev",
        "full_local": "dev",
        "full": "dev",
        "staging": "staging",
        "prod": "prod",
        "production": "prod",
        "enterprise": "prod",
    },
    "eb14dcb": {"dev": "dev", "staging": "staging", "prod": "prod", "production": "prod", "enterprise": "prod", "main": "prod"},
}
TRUE_ALARMS = {  # neither flag is set anywhere in the system: these two programs end at once, with status 0
    "orchestrator_service": "SOMABRAIN_FF_COG_ORCHESTRATOR",
    "wm_updates_cache": "SOMABRAIN_FF_WM_UPDATES_CACHE",
}


def look_at_environment(guard, commit, service, env):
    return guard.check(profile(commit, service), "--only", "env.*", mode=None, env=env)


@pytest.mark.parametrize("commit, mode", [(commit, mode) for commit in COMMITS for mode in MODES[commit]])
def test_modes(guard, commit, mode):
    result = show(guard, commit, "learner_online", strict(commit, mode))
    assert shown(result, "mode") == [f'"{MODES[commit][mode]}"']


OWN_MODE = {"849b24b": "full-local", "eb14dcb": "dev"}


@pytest.mark.near_miss("env-missing", "env-conflict", "env-forbidden", "env-mismatch", "switch-forbidden")
@pytest.mark.parametrize("commit, service", EVERY + [(commit, "api") for commit in COMMITS])
def test_environment_of_compose(guard, commit, service):
    more = {TRUE_ALARMS[service]: "1"} if service in TRUE_ALARMS else {}
    if service == "integrator_hub":
        more["SOMABRAIN_OPA_POLICY"] = "soma.policy.integrator"  # set nowhere in the system; without it this start is degraded
    result = look_at_environment(guard, commit, service, compose(commit, OWN_MODE[commit], **more))
    assert result.code == 0, result
    assert [c["code"] for c in result.checks if c["id"] == "env.service"] == [None], result


@pytest.mark.produces("env-missing")
@pytest.mark.parametrize("service", TRUE_ALARMS)
@pytest.mark.parametrize("commit", COMMITS)
def test_programs_that_would_end_at_once(guard, commit, service):
    env = compose(commit, OWN_MODE[commit])
    flag = TRUE_ALARMS[service]
    look_at_environment(guard, commit, service, env).expect("env-missing", id="env.service", exit=69, subject=flag)
    look_at_environment(guard, commit, service, env | {flag: "0"}).expect("env-mismatch", id="env.service", exit=69)


@pytest.mark.produces("env-missing")
@pytest.mark.parametrize("service", ["learner_online", "reward_producer", "integrator_hub", "segmentation_service"])
def test_workers_that_would_not_be_started(guard, service):
    """At the earlier commit one flag for each, or one for all."""
    flags = dict.fromkeys(FLAGS, "")
    look_at_environment(guard, "eb14dcb", service, compose("eb14dcb", "dev", **flags)).expect(
        "env-missing", id="env.service", exit=69, subject="ENABLE_COG_THREADS"
    )


@pytest.mark.produces("switch-forbidden")
def test_flags_outside_of_dev(guard):
    """The later commit reads no *_FORCE_JSON: told, not refused. The earlier one does."""
    result = look_at_environment(guard, "849b24b", "reward_producer", compose("849b24b", "staging", REWARD_FORCE_JSON="1"))
    assert result.code == 0 and "REWARD_FORCE_JSON" in result.err, result
    result = look_at_environment(guard, "eb14dcb", "reward_producer", compose("eb14dcb", "prod"))
    assert result.code == 77 and "REWARD_FORCE_JSON" in result.err, result
    result = look_at_environment(guard, "849b24b", "learner_online", compose("849b24b", "prod", SOMABRAIN_REQUIRE_INFRA="0"))
    assert result.code == 77 and "SOMABRAIN_REQUIRE_INFRA" in result.err, result


@pytest.mark.parametrize("commit", COMMITS)
def test_each_flag_waives_one_topic_at_most(guard, commit):
    text = (PROFILES / commit / "common.cfg").read_text()
    for waived in re.findall(r"waives = \[(.*?)\]", text):
        assert "*" not in waived and "," not in waived


@pytest.mark.produces("env-empty", "env-mismatch")
@pytest.mark.parametrize("commit", COMMITS)
def test_integrator_without_policy(guard, commit):
    """It would publish frames that nobody has allowed, and say nothing."""
    opa = {"SOMABRAIN_OPA_URL": "http://opa:8181", "SOMABRAIN_OPA_POLICY": "soma.policy.integrator"}
    for missing in opa:
        less = opa | {missing: ""}
        look_at_environment(guard, commit, "integrator_hub", strict(commit, "staging", **less)).expect(
            "env-empty", id="env.opa", exit=69, subject=missing
        )
        look_at_environment(guard, commit, "integrator_hub", compose(commit, "dev", **less)).expect(
            "env-empty", id="env.opa", exit=0, outcome="degraded"
        )
    env = strict(commit, "staging", **opa)
    assert look_at_environment(guard, commit, "integrator_hub", env).code == 0
    env["SOMABRAIN_OPA_POLICY"] = "data.soma.policy.integrator"
    look_at_environment(guard, commit, "integrator_hub", env).expect("env-mismatch", id="env.opa", exit=69)


@pytest.mark.produces("env-forbidden")
@pytest.mark.parametrize("commit", COMMITS)
@pytest.mark.parametrize("service", ["learner_online", "segmentation_service", "orchestrator_service", "wm_updates_cache"])
def test_one_group_for_four_services(guard, commit, service):
    flags = dict.fromkeys(TRUE_ALARMS.values(), "1")
    env = compose(commit, "dev", SOMABRAIN_CONSUMER_GROUP="ours", **flags)
    look_at_environment(guard, commit, service, env).expect("env-forbidden", id="env.service", exit=69)


@pytest.mark.produces("env-conflict", "env-mismatch")
def test_two_clusters_and_a_topic_nobody_writes(guard):
    env = compose("849b24b", "staging", **{SOMA: "elsewhere:9092"})
    look_at_environment(guard, "849b24b", "integrator_hub", env).expect("env-conflict", id="env.service", exit=69)
    env = compose("849b24b", "staging", SOMABRAIN_TOPIC_NEXT_EVENTS="cog.next_event")
    look_at_environment(guard, "849b24b", "learner_online", env).expect("env-mismatch", id="env.service", exit=69)
