"""The findings of the audit and the silent failures of the system, planted one at a time: the service's own profile tells each."""

import sys

import pytest
from findings import Row
from image import OLD_KAFKA
from plants import (
    CONFIG,
    CONFLICT,
    DAY,
    DENY,
    JSON_CONFIG,
    UPDATE,
    avro,
    down,
    policy,
    records,
    redis_with_password,
    remove,
    replace,
    schema_of,
    variables,
    write,
)
from system import PROFILES

pytestmark = pytest.mark.timeout(180)
G, A = "849b24b", "eb14dcb"
LEARNER, INTEGRATOR, ORCHESTRATOR = "learner_online", "integrator_hub", "orchestrator_service"
REWARDS, PYTHON, ENV, SWITCHES = "reward_producer", "python.service", "env.service", "switches"
MISSING, BROKEN, MISMATCH, FORBIDDEN = "python-module-missing", "python-module-broken", "env-mismatch", "switch-forbidden"
CONFIG_TOPIC, CONFIG_RECORDS = "cog.config.updates", "wire_format.config_updates"
CONFIG_FILE = "app/proto/cog/config_update.avsc"


def dsn(**other):
    return variables(SOMABRAIN_POSTGRES_DSN=lambda system: system.dsn(**other))


def without_find_module(image):
    """Python 3.12 asks an importer for nothing older than find_spec. An older one is made to find as little."""
    if sys.version_info < (3, 12):
        name = "usr/lib/site-packages/kafka/vendor/six.py"
        image.replace(name, "if fullname in self.known_modules:\n            return self\n", "")


# fmt: off
ROWS = [
    Row(1, "libs not copied", G, LEARNER, PYTHON, MISSING, "No module named 'libs'", leave_out=["COPY libs /app/libs"]),
    Row(1, "libs not copied; the service lives on and does nothing", G, INTEGRATOR, PYTHON, MISSING, "No module named 'libs'", leave_out=["COPY libs /app/libs"]),
    Row(2, "fastavro not installed", G, INTEGRATOR, PYTHON, MISSING, "No module named 'fastavro'", leave_out=["fastavro"]),
    Row(3, "proto not copied", G, INTEGRATOR, "avro.global_frame", "file-missing", "global_frame.avsc", leave_out=["COPY proto /app/proto"]),
    Row(4, "one schema missing", G, INTEGRATOR, "avro.config_update", "file-missing", "config_update.avsc", edit=remove(CONFIG_FILE)),
    Row(5, "confluent-kafka not installed", G, LEARNER, PYTHON, MISSING, "No module named 'confluent_kafka'", leave_out=["confluent-kafka"]),
    Row(5, "confluent-kafka not installed; the other client takes its place", A, REWARDS, PYTHON, MISSING, "No module named 'confluent_kafka'", leave_out=["confluent-kafka"]),
    Row(6, "kafka-python not installed", A, LEARNER, PYTHON, MISSING, "No module named 'kafka'", leave_out=["kafka-python"]),
    Row(7, "kafka-python 2.0.2 on Python 3.12", A, LEARNER, PYTHON, BROKEN, "No module named 'kafka.vendor.six.moves'", leave_out=["kafka-python"], add=[f"RUN pip install {OLD_KAFKA}"], edit=without_find_module),
    Row(8, 'acks="1" for kafka-python: the outage', A, LEARNER, "python.producer", "python-produce-failed", "struct.error: required argument is not an integer", 69, edit=replace("app/somabrain/services/learner_online.py", "acks=1", 'acks="1"')),
    Row(9, "prometheus_client not installed", G, LEARNER, PYTHON, BROKEN, "prometheus_client is required", leave_out=["prometheus-client"]),
    Row(10, "REWARD_FORCE_JSON=1 in prod", A, LEARNER, SWITCHES, FORBIDDEN, "REWARD_FORCE_JSON", 77, plant=variables(REWARD_FORCE_JSON="1")),
    Row(11, "REWARD_FORCE_JSON=1 in dev", A, LEARNER, "wire_format.reward_events", "", "rewards are JSON instead of Avro", 0, plant=variables(REWARD_FORCE_JSON="1"), mode="dev", outcome="waived"),
    Row(12, "a JSON config update, which Avro decodes to a temperature of 7.5e31", A, INTEGRATOR, CONFIG_RECORDS, "wire-format-other", "71 bytes left over gets wrong values, learning_rate = 7.20558e+22", plant=records(CONFIG_TOPIC, JSON_CONFIG)),
    Row(13, "a config update of the other commit", A, INTEGRATOR, CONFIG_RECORDS, "avro-bytes-left", "37 of 47 bytes are left over", plant=records(CONFIG_TOPIC, avro(G, "config_update", CONFIG))),
    Row(14, "the image holds another commit's schema", G, LEARNER, "avro.config_update", "avro-fingerprint", "expected 1b30e1030133c020", edit=write(CONFIG_FILE, schema_of(A, "config_update"))),
    Row(16, "SOMABRAIN_TOPIC_NEXT_EVENTS names a topic that nobody writes", G, LEARNER, ENV, MISMATCH, "SOMABRAIN_TOPIC_NEXT_EVENTS (14 characters) is not of the form", plant=variables(SOMABRAIN_TOPIC_NEXT_EVENTS="cog.next_event")),
    Row(17, "no policy defines the integrator's decision", G, INTEGRATOR, "opa.policy", "opa-undefined", "no rule at soma/policy/integrator applies, or none is loaded", 124, plant=policy(None)),
    Row(17, "no policy defines the API's decision", G, "api", "opa.auth", "opa-undefined", "no rule at somabrain/auth/allow applies, or none is loaded", 124, plant=policy(None)),
    Row(18, "a conflict in the policy's package", G, INTEGRATOR, "opa.policy", "opa-evaluation-error", "complete rules must not produce multiple outputs", plant=policy(CONFLICT)),
    Row(19, "the policy denies everything", G, INTEGRATOR, "opa.policy", "opa-decision", "at /allow is false, expected true", plant=policy(DENY)),
    Row(20, "OPA is down", G, INTEGRATOR, "opa.policy", "connect-refused", "Connection refused", 124, plant=down("opa")),
    Row(20, "SOMABRAIN_OPA_POLICY not set", G, INTEGRATOR, "env.opa", "env-missing", "SOMABRAIN_OPA_POLICY is not set", plant=variables(SOMABRAIN_OPA_POLICY=None)),
    Row(21, "redis not installed", G, INTEGRATOR, PYTHON, MISSING, "No module named 'redis'", leave_out=["redis"]),
    Row(22, "Redis is down", G, INTEGRATOR, "redis.cache", "connect-refused", "Connection refused", 124, plant=down("redis")),
    Row(22, "a wrong password of Redis", G, INTEGRATOR, "redis.cache", "auth-failed", "WRONGPASS invalid username-password pair", plant=redis_with_password(":rotated@")),
    Row(22, "no password for a Redis that wants one", G, INTEGRATOR, "redis.cache", "auth-required", "NOAUTH Authentication required", plant=redis_with_password("")),
    Row(23, "a wrong password of PostgreSQL", G, ORCHESTRATOR, "postgres.outbox", "auth-failed", "password authentication failed for user", plant=dsn(password="rotated")),
    Row(23, "the database does not exist", G, ORCHESTRATOR, "postgres.outbox", "postgres-no-database", 'database "gone" does not exist', plant=dsn(database="gone")),
    Row(24, "the database is not migrated", G, ORCHESTRATOR, "postgres.outbox", "postgres-table-missing", "table outbox_events", 124, plant=dsn(database="service")),
    Row(24, "a user that may only read", G, ORCHESTRATOR, "postgres.outbox", "postgres-privilege", "user reader has no privilege INSERT", plant=dsn(user="reader")),
    Row(25, "a DSN of SQLite", A, ORCHESTRATOR, ENV, MISMATCH, "SOMABRAIN_POSTGRES_DSN (29 characters) is not of the form", plant=variables(SOMABRAIN_POSTGRES_DSN="sqlite:///./data/somabrain.db")),
    Row(25, "an empty DSN", A, ORCHESTRATOR, ENV, "env-empty", "SOMABRAIN_POSTGRES_DSN is set but empty", plant=variables(SOMABRAIN_POSTGRES_DSN="")),
    Row(26, "psycopg not installed", G, INTEGRATOR, PYTHON, MISSING, "No module named 'psycopg'", leave_out=["psycopg"]),
    Row(27, "uvicorn not installed", G, LEARNER, PYTHON, MISSING, "No module named 'uvicorn'", leave_out=["uvicorn"]),
    Row(28, "SOMABRAIN_FF_COG_ORCHESTRATOR=0", G, ORCHESTRATOR, ENV, MISMATCH, "SOMABRAIN_FF_COG_ORCHESTRATOR (1 character) is not of the form", plant=variables(SOMABRAIN_FF_COG_ORCHESTRATOR="0")),
    Row(28, "SOMABRAIN_FF_WM_UPDATES_CACHE not set", G, "wm_updates_cache", ENV, "env-missing", "SOMABRAIN_FF_WM_UPDATES_CACHE is not set", plant=variables(SOMABRAIN_FF_WM_UPDATES_CACHE=None)),
    Row(29, "SOMABRAIN_KAFKA_URL not set", G, LEARNER, "the profile", "", "set SOMABRAIN_KAFKA_URL", 78, plant=variables(SOMABRAIN_KAFKA_URL=None)),
    Row(30, "OTEL_EXPORTER_OTLP_ENDPOINT not set", G, "predictor_state", ENV, "env-missing", "OTEL_EXPORTER_OTLP_ENDPOINT is not set", plant=variables(OTEL_EXPORTER_OTLP_ENDPOINT=None)),
    Row(34, "SOMABRAIN_REQUIRE_INFRA=0", G, LEARNER, SWITCHES, FORBIDDEN, "SOMABRAIN_REQUIRE_INFRA", 77, plant=variables(SOMABRAIN_REQUIRE_INFRA="0")),
    Row(34, "data/runtime_overrides.json: learner_strict_avro is false", G, LEARNER, SWITCHES, FORBIDDEN, "/learner_strict_avro", 77, edit=write("app/data/runtime_overrides.json", '{"learner_strict_avro": false}')),
    Row(34, "data/feature_overrides.json: the learner is disabled", G, LEARNER, PYTHON, "python-call-failed", "learner is switched off", edit=write("app/data/feature_overrides.json", '{"disabled": ["learner"]}'), mode="full-local", plant=variables(SOMABRAIN_MODE="full-local")),
    Row(35, "SOMABRAIN_CONSUMER_GROUP is set", G, LEARNER, ENV, "env-forbidden", "SOMABRAIN_CONSUMER_GROUP is set", plant=variables(SOMABRAIN_CONSUMER_GROUP="cog")),
    Row(36, "a JSON config update of yesterday, from before the repair", A, INTEGRATOR, CONFIG_RECORDS, "", "no record is younger than", 0, plant=records(CONFIG_TOPIC, JSON_CONFIG, age=DAY), outcome="pass"),
]
# fmt: on


def name(row):
    return f"{row.finding}-{row.planted}"


def said(check):
    return " ".join(check.get(key) or "" for key in ("subject", "cause", "degraded", "summary"))


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_finding(system, guard, table, row):
    image = system.good_image(row.commit, row.leave_out, row.add, row.edit)
    with row.plant(system) as more:
        env = system.environment(image, row.profile, **more)
        result = guard.check(PROFILES / row.commit / f"{row.profile}.cfg", mode=row.mode, env=env, cwd=image.app)
    assert result.code == row.exit, result
    if row.exit in (77, 78):
        result.problem(row.words, code=row.code or None, exit=row.exit)
    else:
        check = result.check(row.check)
        assert check["outcome"] == row.outcome and (check["code"] or "") == row.code, result
        assert row.words in said(check), result
    table.add(row)


READER = """startguard = 1; service = "a reader of JSON";
wire_format: {{ updates: {{ bootstrap_servers = "{brokers}"; topic = "cog.state.updates"; expect = "json"; schema = "{schema}"; }}; }};
"""


def test_reader_of_json_meets_avro(system, guard, table):
    """Later commits have such readers; no profile of the two does."""
    row = Row(
        15,
        "a producer of Avro, a reader of JSON",
        G,
        "one of a reader",
        "wire_format.updates",
        "wire-format-other",
        "bare Avro",
    )
    schema = PROFILES / "schemas" / G / "belief_update.avsc"
    with records("cog.state.updates", avro(G, "belief_update", UPDATE))(system):
        result = guard.check(READER.format(brokers=system.kafka.plaintext, schema=schema))
    result.expect(row.code, id=row.check, exit=row.exit, cause=row.words)
    table.add(row)
