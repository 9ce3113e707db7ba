"""A real system's list of users, with the mistakes it was shipped with, as rules on a real broker: the profiles of its services name
the topic, or the group, and the operation that is missing, and pass once it is granted.

The list is that of profiles/somabrain's system for an operator that makes one login and its rules per service: the integrator
may not read cog.config.updates, no predictor may write cog.next.events, every group is a prefix with a star in it (which a
broker takes as a letter), and the other services have no login at all.
"""

import contextlib

import pytest
from kafka_help import expect_rights, lists_operations
from kafka_lab import unchanged

from fakes.probe import probe
from harness import ROOT
from servers.kafka import KafkaServer
from servers.kafka_jars import VERSIONS

pytestmark = pytest.mark.timeout(120)
PROFILES = ROOT / "profiles" / "somabrain" / "849b24b"
TOPICS = (
    "cog.state.updates",
    "cog.agent.updates",
    "cog.action.updates",
    "cog.config.updates",
    "cog.next.events",
    "cog.global.frame",
    "cog.segments",
    "cog.reward.events",
    "memory.episodic.snapshot",
)
UPDATES = TOPICS[:3]


def topics(operation, *names):
    return [("topic", name, operation) for name in names]


# User -> what the list grants. ("group", "x-*") stands there with the pattern type "prefix".
LISTED = {
    "integrator": [*topics("read", *UPDATES), ("group", "integrator-*", "read"), *topics("write", "cog.global.frame")],
    # Three logins with one topic each.
    "predictors": topics("write", *UPDATES),
    "segmentation": [
        *topics("read", "cog.global.frame", *UPDATES),
        ("group", "segmentation-*", "read"),
        *topics("write", "cog.segments"),
    ],
    "orchestrator": [
        *topics("read", "cog.global.frame", "cog.segments"),
        ("group", "orchestrator-*", "read"),
        *topics("write", "memory.episodic.snapshot"),
    ],
}

# Profile, user, what was mended already, and what is then told.
FAULTS = [
    (
        "integrator_hub",
        "integrator",
        [],
        "kafka-topic-denied",
        "topic cog.config.updates",
        "may not read topic cog.config.updates",
    ),
    (
        "integrator_hub",
        "integrator",
        topics("read", "cog.config.updates"),
        "kafka-group-denied",
        "group integrator-hub-v1",
        "group",
    ),
    ("predictor_state", "predictors", [], "kafka-topic-denied", "topic cog.next.events", "may not write topic cog.next.events"),
    ("segmentation_service", "segmentation", [], "kafka-group-denied", "group segmentation-service", "group"),
    ("orchestrator_service", "orchestrator", [], "kafka-group-denied", "group orchestrator-service", "group"),
]
MENDED = [
    ("integrator_hub", "integrator", [*topics("read", "cog.config.updates"), ("group", "integrator-", "read")]),
    ("predictor_state", "predictors", topics("write", "cog.next.events")),
    ("segmentation_service", "segmentation", [("group", "segmentation-", "read")]),
    ("orchestrator_service", "orchestrator", [("group", "orchestrator-", "read")]),
]


@pytest.fixture(scope="module", params=VERSIONS)
def kafka(request):
    with KafkaServer(auto_create=True, version=request.param) as server:
        for topic in TOPICS:
            server.create_topic(topic, 3)
        # The coordinators' own topics are there, as in a cluster that is in use.
        server.commit("somebody", TOPICS[0], 0)
        for user, rules in LISTED.items():
            for rule in rules:
                grant(server, user, rule)
        yield server


def grant(kafka, user, rule):
    resource, name, operation = rule
    kafka.add_acl(user, operation, name, resource=resource, prefixed=resource == "group")


@contextlib.contextmanager
def granted(kafka, user, rules):
    with contextlib.ExitStack() as stack:
        for rule in rules:
            grant(kafka, user, rule)
            resource, name, operation = rule
            stack.callback(kafka.remove_acl, user, operation, name, resource=resource, prefixed=resource == "group")
        yield


def start(guard, kafka, profile, user, password=None):
    """The service's own profile; of its checks only Kafka's, since the rest of the system is not here."""
    lines = kafka.client_properties("sasl", "admin", password or kafka.users.get(user)) | {"sasl.username": user}
    servers = lines.pop("bootstrap.servers")
    file = guard.write("kafka.properties", "".join(f"{k}={v}\n" for k, v in lines.items()))
    with unchanged(kafka):
        return guard.run(
            PROFILES / f"{profile}.cfg",
            "--only",
            "kafka.*",
            "-t",
            guard.span(20),
            mode="dev",
            command=[probe()],
            env={"SOMABRAIN_MODE": "dev", "SOMABRAIN_KAFKA_URL": f"kafka://{servers}", "SOMABRAIN_KAFKA_PROPERTIES": file},
        )


@pytest.mark.produces("kafka-topic-denied")
@pytest.mark.near_miss("kafka-topic-missing", "auth-failed")
@pytest.mark.parametrize(
    "profile, user, mended, code, subject, words",
    [f for f in FAULTS if "topic" in f[3]],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_topic_denied(guard, kafka, table, profile, user, mended, code, subject, words):
    told(guard, kafka, table, profile, user, mended, code, subject, words)


@pytest.mark.produces("kafka-group-denied")
@pytest.mark.near_miss("kafka-topic-denied", "kafka-coordinator")
@pytest.mark.parametrize(
    "profile, user, mended, code, subject, words",
    [f for f in FAULTS if "group" in f[3]],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_group_denied(guard, kafka, table, profile, user, mended, code, subject, words):
    told(guard, kafka, table, profile, user, mended, code, subject, words)


def told(guard, kafka, table, profile, user, mended, code, subject, words):
    with granted(kafka, user, mended):
        result = start(guard, kafka, profile, user)
    table.judge(
        f"users of a real system: {profile}, {subject}",
        f"real {kafka.version}",
        code,
        69,
        result,
        id="kafka.events",
        subject=subject,
        cause=words,
    )
    assert result.out == "", "the service must not be started"


@pytest.mark.near_miss("kafka-topic-denied", "kafka-group-denied")
@pytest.mark.parametrize("profile, user, mended", MENDED, ids=lambda value: value if isinstance(value, str) else "")
def test_mended(guard, kafka, profile, user, mended):
    with granted(kafka, user, mended):
        result = start(guard, kafka, profile, user)
    expect_rights(guard, result, id="kafka.events")
    assert bool(result.out) == lists_operations(guard), "the service is started, when the library could ask for its rights"


@pytest.mark.produces("kafka-topic-denied")
def test_every_topic_that_is_denied_is_named(guard, kafka):
    """A predictor with the login of one of the three."""
    with granted(kafka, "nobody", topics("write", "cog.state.updates")):
        check = start(guard, kafka, "predictor_agent", "nobody").expect("kafka-topic-denied", id="kafka.events")
    said = check["subject"] + check["cause"]
    assert all(name in said for name in ("cog.agent.updates", "cog.next.events"))
    assert "cog.state.updates" not in said


@pytest.mark.produces("auth-failed")
@pytest.mark.near_miss("kafka-topic-denied")
@pytest.mark.parametrize("profile", ["learner_online", "reward_producer", "teach_feedback_processor", "outbox_publisher"])
def test_services_without_a_login(guard, kafka, profile):
    start(guard, kafka, profile, profile, password="some-password").expect("auth-failed", exit=69, id="kafka.events")
