"""kafka: what the principal may do: operations on topics, groups, idempotence, transactions; and what topics are set to.

Only librdkafka 2.3 and newer can ask for the operations a principal is authorized to: expect_rights() has both outcomes.
"""

import pytest
from kafka_help import ORDERS, AskedAgain, expect_rights, lists_operations, profile, run_far, run_short, tls, try_kafka

from fakes.certs import Authority, server_context
from fakes.kafka import METADATA, TOPIC_AUTHORIZATION_FAILED, FakeKafka, KafkaMock
from fakes.kafka_apis import (
    COORDINATOR_NOT_AVAILABLE,
    DESCRIBE_CONFIGS,
    DESCRIBE_GROUPS,
    FETCH,
    FIND_COORDINATOR,
    INIT_PRODUCER_ID,
    INVALID_TRANSACTION_TIMEOUT,
    LIST_OFFSETS,
    NOT_ENOUGH_REPLICAS,
    PRODUCE,
)
from fakes.tcp import TcpServer, refused_port, silent

OFFSET_COMMIT, JOIN_GROUP, SYNC_GROUP = 8, 11, 14
CANARY = {"topic": "canary"}
EVERYTHING = [{"name": "orders", "operations": ["read", "write", "describe"]}]

MUTE_OR_CLOSING = [
    pytest.param("mute", "answer-timeout", marks=pytest.mark.produces("answer-timeout")),
    pytest.param("closing", "connect-closed", marks=pytest.mark.produces("connect-closed")),
]


def without_lists(kafka):
    """As a broker before 2.3."""
    kafka.offered = {METADATA: (0, 7), DESCRIBE_GROUPS: (0, 2)}


def left_nothing(kafka):
    """No record, and no request that joins a group or commits for one."""
    return not kafka.log and not {OFFSET_COMMIT, JOIN_GROUP, SYNC_GROUP} & {r.api for r in kafka.requests}


# ---- operations ---------------------------------------------------------------------------------------------------


@pytest.mark.near_miss("kafka-topic-denied")
def test_all_operations(guard):
    with FakeKafka(brokers=3, topics={"orders": (3, 1)}) as kafka:
        check = expect_rights(guard, try_kafka(guard, kafka.bootstrap, topics=EVERYTHING))
        assert "unverified" not in check["facts"]
        assert left_nothing(kafka)


@pytest.mark.parametrize("operation", ["read", "write"])
def test_operation_denied(guard, kafka, operation):
    kafka.denied = {(operation, "orders")}
    expect_rights(
        guard,
        try_kafka(guard, kafka.bootstrap, topics=EVERYTHING),
        "kafka-topic-denied",
        exit=69,
        phase="assert",
        subject="topic orders",
        cause=f"may not {operation} topic orders",
        hint=f"grant {operation.capitalize()} on topic orders",
    )
    assert left_nothing(kafka)


@pytest.mark.near_miss("kafka-topic-denied")
@pytest.mark.parametrize("operation, other", [("read", "write"), ("write", "read")])
def test_only_what_is_wanted_counts(guard, kafka, operation, other):
    kafka.denied = {(other, "orders")}
    topics = [{"name": "orders", "operations": [operation]}]
    expect_rights(guard, try_kafka(guard, kafka.bootstrap, topics=topics))


def test_every_denied_operation_is_named(guard):
    topics = [
        {"name": "a", "operations": ["read"]},
        {"name": "b", "operations": ["write"]},
        {"name": "c", "operations": ["read"]},
    ]
    with FakeKafka(topics={"a": (1, 1), "b": (1, 1), "c": (1, 1)}) as kafka:
        kafka.denied = {("read", "a"), ("write", "b")}
        result = try_kafka(guard, kafka.bootstrap, topics=topics)
        cause = expect_rights(
            guard, result, "kafka-topic-denied", subject="topic a", cause="topic b too: kafka-topic-denied (write)"
        )["cause"]
        assert "topic c" not in cause


@pytest.mark.near_miss("kafka-canary-failed")
def test_all_that_is_wrong_is_named(guard, kafka):
    """With an old library too: what it can find out comes first."""
    kafka.denied = {("read", "orders"), ("read", "group orders"), ("idempotent", ""), ("write", "transaction startguard-x")}
    topics = [{"name": "orders", "operations": ["read"], "config": ["cleanup.policy=compact"]}]
    result = try_kafka(
        guard, kafka.bootstrap, topics=topics, groups=["orders"], idempotent=True, transactional_id="x", canary=CANARY
    )
    first, *others = (
        ["kafka-topic-denied", "kafka-topic-config", "kafka-group-denied"]
        if lists_operations(guard)
        else ["kafka-topic-config", "kafka-library-old"]
    )
    cause = result.expect(first, exit=69, subject="topic orders")["cause"]
    for code in (*others, "kafka-idempotence-denied", "kafka-transaction-denied"):
        assert f"too: {code}" in cause
    assert left_nothing(kafka), "no canary flies where something is wrong"


@pytest.mark.produces("kafka-topic-denied")
def test_no_right_at_all_names_what_is_wanted(guard, kafka):
    kafka.topics["orders"].error = TOPIC_AUTHORIZATION_FAILED
    try_kafka(guard, kafka.bootstrap, topics=EVERYTHING[0:1]).expect(
        "kafka-topic-denied",
        cause="may not read or write topic orders",
        hint="grant Read and Write on topic orders to this principal: Describe comes with it; if it has that, drop the rule that denies Describe",
    )


@pytest.mark.near_miss("kafka-topic-denied", "kafka-group-denied")
def test_a_broker_that_does_not_list_operations(guard, kafka):
    """The broker is too old: whether the principal may read and write stays open, and the report says so."""
    without_lists(kafka)
    check = expect_rights(guard, try_kafka(guard, kafka.bootstrap, topics=EVERYTHING, groups=["billing"]))
    open_questions = "read orders, write orders, read group billing" if lists_operations(guard) else None
    assert check["facts"].get("unverified") == open_questions
    assert left_nothing(kafka)


@pytest.mark.produces("answer-timeout")
def test_rights_beside_a_request_without_answer(guard):
    """The settings of another topic stay unknown: that is not a pass, whatever the rights are."""
    with FakeKafka(topics={"orders": (1, 1), "audit": (1, 1)}) as kafka:
        kafka.mute.add(DESCRIBE_CONFIGS)
        run_short(
            guard,
            bootstrap_servers=kafka.bootstrap,
            topics=[{"name": "orders", "operations": ["read"]}, {"name": "audit", "config": ["cleanup.policy=compact"]}],
        ).expect("answer-timeout", exit=124)


@pytest.mark.near_miss("kafka-topic-denied")
@pytest.mark.parametrize("operation", ["read", "write"])
def test_a_list_of_operations_that_does_not_come(guard, kafka, operation):
    """No answer is neither a pass nor a fact: only a broker that has no list leaves the question open."""
    kafka.mute.add(lambda request: request.operations)
    topics = [{"name": "orders", "operations": [operation]}]
    expect_rights(
        guard,
        run_short(guard, bootstrap_servers=kafka.bootstrap, topics=topics),
        "answer-timeout",
        exit=124,
        subject="topic orders",
        cause=f"may {operation} the topic was not answered",
    )


@pytest.mark.produces("kafka-error")
@pytest.mark.near_miss("kafka-config-denied", "answer-timeout", "kafka-topic-config")
@pytest.mark.parametrize("wish", [{"operations": ["write"]}, {"config": ["cleanup.policy=delete"]}])
def test_settings_that_end_in_an_error(guard, kafka, wish):
    kafka.configs_error = -1
    try_kafka(guard, kafka.bootstrap, topics=[{"name": "orders", **wish}]).expect(
        "kafka-error", exit=124, subject="topic orders", cause="settings cannot be read"
    )


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("kafka-isr-low")
def test_settings_that_are_not_told_in_time(guard, kafka):
    """The topic's own minimum of replicas was asked for: silence is not the denial that may stay a fact."""
    kafka.mute.add(DESCRIBE_CONFIGS)
    run_short(guard, bootstrap_servers=kafka.bootstrap, topics=[{"name": "orders", "operations": ["write"]}]).expect(
        "answer-timeout", exit=124
    )


def test_nothing_is_asked_that_the_profile_does_not_want(guard, kafka):
    try_kafka(guard, kafka.bootstrap, topics=ORDERS).passed()
    extra = {PRODUCE, FETCH, LIST_OFFSETS, FIND_COORDINATOR, INIT_PRODUCER_ID, DESCRIBE_CONFIGS}
    assert not extra & {r.api for r in kafka.requests}


# ---- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.near_miss("kafka-topic-config", "kafka-config-denied")
def test_settings(guard, kafka):
    kafka.config["orders"] = {"cleanup.policy": "delete,compact", "retention.ms": "-1", "max.message.bytes": "1048588"}
    try_kafka(
        guard,
        kafka.bootstrap,
        topics=[
            {
                "name": "orders",
                "config": ["cleanup.policy=compact,delete", "retention.ms>=86400000", "max.message.bytes>=1048588"],
            }
        ],
    ).passed()


@pytest.mark.produces("kafka-topic-config")
@pytest.mark.parametrize(
    "wish, words",
    [
        ("cleanup.policy=compact", "cleanup.policy is delete"),
        ("retention.ms>=86400000", "retention.ms is 3600000"),
        ("retention.ms=360000", "retention.ms is 3600000"),
        ("message.timestamp.type=CreateTime", "knows no message.timestamp.type"),
    ],
)
def test_setting_differs(guard, kafka, wish, words):
    kafka.config["orders"] = {"retention.ms": "3600000"}
    try_kafka(guard, kafka.bootstrap, topics=[{"name": "orders", "config": [wish]}]).expect(
        "kafka-topic-config", exit=69, phase="assert", subject="topic orders", cause=words
    )


@pytest.mark.produces("kafka-config-denied")
@pytest.mark.near_miss("kafka-topic-config", "kafka-topic-denied")
def test_settings_may_not_be_read(guard, kafka):
    kafka.denied = {("configs", "orders")}
    try_kafka(guard, kafka.bootstrap, topics=[{"name": "orders", "config": ["cleanup.policy=compact"]}]).expect(
        "kafka-config-denied", exit=69, subject="topic orders", hint="DescribeConfigs"
    )


@pytest.mark.produces("kafka-isr-low")
def test_isr_below_the_topics_own_minimum(guard):
    with FakeKafka(brokers=3, topics={"orders": (3, 3)}) as kafka:
        kafka.config["orders"] = {"min.insync.replicas": "2"}
        kafka.topics["orders"].partitions[1].isr = [2]
        try_kafka(guard, kafka.bootstrap, topics=[{"name": "orders", "operations": ["write"]}]).expect(
            "kafka-isr-low", exit=124, cause="partition 1 has 1 of 3 replicas in sync, the topic's own min.insync.replicas is 2"
        )


@pytest.mark.near_miss("kafka-isr-low")
def test_a_minimum_above_the_number_of_replicas(guard, kafka):
    """Brokers take the smaller of the two; nothing is out of sync here."""
    kafka.config["orders"] = {"min.insync.replicas": "2"}
    try_kafka(guard, kafka.bootstrap, topics=[{"name": "orders", "min_in_sync_replicas": 1}]).passed()


@pytest.mark.near_miss("kafka-isr-low", "kafka-config-denied")
def test_who_only_reads_does_not_need_replicas(guard):
    with FakeKafka(brokers=3, topics={"orders": (3, 3)}) as kafka:
        kafka.config["orders"] = {"min.insync.replicas": "2"}
        kafka.topics["orders"].partitions[1].isr = [2]
        expect_rights(guard, try_kafka(guard, kafka.bootstrap, topics=[{"name": "orders", "operations": ["read"]}]))


@pytest.mark.near_miss("kafka-config-denied", "kafka-isr-low")
@pytest.mark.parametrize("why", ["denied", "missing", "no number"])
def test_the_topics_own_minimum_may_stay_unknown(guard, kafka, why):
    """Denied to this principal, or of a server that is not Apache's. It was not judged: the report says so."""
    kafka.denied = {("configs", "orders")} if why == "denied" else set()
    kafka.config["orders"] = {"min.insync.replicas": None if why == "missing" else "as many as there are"}
    facts = try_kafka(guard, kafka.bootstrap, topics=[{"name": "orders", "min_in_sync_replicas": 1}]).passed()["facts"]
    assert facts["min_insync_unknown"] == "orders"


# ---- groups -------------------------------------------------------------------------------------------------------


@pytest.mark.near_miss("kafka-group-denied", "kafka-coordinator")
def test_group(guard):
    with FakeKafka(brokers=3, topics={"orders": (3, 1)}) as kafka:
        kafka.coordinator = 2
        check = expect_rights(guard, try_kafka(guard, kafka.servers[0], topics=ORDERS, groups=["orders", "audit"]))
        assert check["facts"]["coordinator"] == f"broker 2 at {kafka.servers[1]}"
        assert left_nothing(kafka)


@pytest.mark.produces("kafka-group-denied")
@pytest.mark.near_miss("kafka-coordinator", "answer-timeout")
def test_group_unknown_to_the_rules(guard, kafka):
    """Said by FindCoordinator already, which the library's consumer would only call a time-out."""
    kafka.denied = {("describe", "group orders"), ("read", "group orders")}
    try_kafka(guard, kafka.bootstrap, groups=["orders"]).expect(
        "kafka-group-denied", exit=69, phase="assert", subject="group orders", cause="neither describe nor read"
    )


def test_group_may_be_described_only(guard, kafka):
    kafka.denied = {("read", "group orders")}
    expect_rights(
        guard,
        try_kafka(guard, kafka.bootstrap, groups=["orders"]),
        "kafka-group-denied",
        exit=69,
        subject="group orders",
        cause="may not read group orders",
    )


@pytest.mark.produces("kafka-error")
@pytest.mark.near_miss("kafka-group-denied", "kafka-coordinator", "kafka-library-old")
def test_group_that_an_error_comes_for(guard, kafka):
    kafka.groups_error = -1
    try_kafka(guard, kafka.bootstrap, groups=["orders"]).expect(
        "kafka-error", exit=124, subject="group orders", cause="Unknown broker error"
    )


def test_many_groups(guard, kafka):
    names = [f"group-{i}" for i in range(40)]
    expect_rights(guard, try_kafka(guard, kafka.bootstrap, groups=names))
    kafka.denied = {("read", "group group-7"), ("read", "group group-39")}
    expect_rights(
        guard,
        try_kafka(guard, kafka.bootstrap, groups=names),
        "kafka-group-denied",
        exit=69,
        subject="group group-7",
        cause="group group-39 too: kafka-group-denied",
    )


@pytest.mark.produces("kafka-coordinator")
@pytest.mark.near_miss("kafka-group-denied", "kafka-no-brokers")
def test_no_coordinator(guard, kafka):
    kafka.coordinator_error = COORDINATOR_NOT_AVAILABLE
    run_short(guard, bootstrap_servers=kafka.servers, groups=["orders"]).expect(
        "kafka-coordinator", exit=124, subject="group orders"
    )


@pytest.mark.produces("kafka-coordinator")
def test_a_coordinator_that_comes_up(guard, kafka):
    kafka.coordinator_error = COORDINATOR_NOT_AVAILABLE
    text = profile(bootstrap_servers=kafka.servers, groups=["orders"], attempt_timeout=guard.span(1))
    with guard.spawn(text, "-v") as process:
        process.wait_for("kafka-coordinator")
        kafka.coordinator_error = 0
        expect_rights(guard, process.result())


@pytest.mark.produces("kafka-advertised-unreachable")
@pytest.mark.near_miss("kafka-coordinator")
def test_coordinator_cannot_be_reached(guard):
    with FakeKafka(brokers=2, topics={"orders": (1, 1)}) as kafka:
        dead = refused_port()
        kafka.coordinator, kafka.advertised[2] = 2, ("127.0.0.1", dead)
        try_kafka(guard, kafka.servers[0], topics=ORDERS, groups=["orders"]).expect(
            "kafka-advertised-unreachable", exit=124, subject=f"broker 2 at 127.0.0.1:{dead}", cause="refused"
        )


@pytest.mark.produces("tls-wrong-name")
@pytest.mark.near_miss("kafka-coordinator", "kafka-advertised-unreachable")
def test_coordinator_has_the_wrong_certificate(guard, tmp_path):
    ca = Authority(tmp_path)
    with FakeKafka(brokers=2, topics={"orders": (1, 1)}, tls=server_context(ca.issue(cn="k", names=["127.0.0.1"]))) as kafka:
        kafka.coordinator, kafka.advertised[2] = 2, ("localhost", kafka.broker[2].port)
        try_kafka(
            guard, kafka.servers[0], topics=ORDERS, groups=["orders"], properties=[*tls(ca), "broker.address.family=v4"]
        ).expect("tls-wrong-name", exit=69, subject="broker 2 at localhost")


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("kafka-coordinator")
def test_coordinator_is_silent(guard):
    with FakeKafka(brokers=2, topics={"orders": (1, 1)}) as kafka, TcpServer(silent) as mute:
        kafka.coordinator, kafka.advertised[2] = 2, ("127.0.0.1", mute.port)
        run_short(guard, bootstrap_servers=kafka.servers[:1], topics=ORDERS, groups=["orders"]).expect(
            "answer-timeout", exit=124, subject=f"broker 2 at {mute.address}"
        )


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("kafka-coordinator", "kafka-advertised-unreachable")
def test_coordinator_does_not_answer(guard):
    """It is ready for this client, and then says nothing about the group; that another broker is gone is not the reason."""
    with FakeKafka(brokers=3, topics={"orders": (1, 1)}) as kafka:
        kafka.coordinator, kafka.mute, kafka.advertised[3] = 2, {DESCRIBE_GROUPS}, ("127.0.0.1", refused_port())
        run_short(guard, bootstrap_servers=kafka.servers[:1], topics=ORDERS, groups=["orders"]).expect(
            "answer-timeout", exit=124, subject=f"broker 2 at {kafka.servers[1]}", cause="coordinator of group orders"
        )


@pytest.mark.near_miss("kafka-coordinator", "kafka-advertised-unreachable", "answer-timeout")
def test_coordinator_is_slow(guard):
    with FakeKafka(brokers=3, topics={"orders": (1, 1)}) as kafka:
        kafka.coordinator, kafka.slow, kafka.advertised[3] = 2, {DESCRIBE_GROUPS: 0.8}, ("127.0.0.1", refused_port())
        expect_rights(guard, guard.check(profile(bootstrap_servers=kafka.servers[:1], topics=ORDERS, groups=["orders"])))


# ---- producers ------------------------------------------------------------------------------------------------------


@pytest.mark.near_miss("kafka-idempotence-denied")
def test_idempotent(guard, kafka):
    try_kafka(guard, kafka.bootstrap, topics=ORDERS, idempotent=True, properties=["acks=1", "retries=0"]).passed()
    assert kafka.producer_ids == [None] and left_nothing(kafka)


@pytest.mark.near_miss("kafka-idempotence-denied")
def test_idempotent_on_the_mock_cluster(guard):
    with KafkaMock(brokers=3, topics={"orders": (3, 3)}) as kafka:
        try_kafka(guard, kafka.bootstrap, topics=ORDERS, idempotent=True).passed()


@pytest.mark.near_miss("kafka-no-brokers", "kafka-idempotence-denied", "kafka-advertised-unreachable")
@pytest.mark.parametrize("how, code", MUTE_OR_CLOSING)
def test_producer_id_is_not_answered(guard, how, code):
    """Brokers are there and have answered; that one besides is gone is not the reason."""
    with FakeKafka(brokers=2, topics={"orders": (1, 1)}) as kafka:
        getattr(kafka, how).add(INIT_PRODUCER_ID)
        kafka.advertised[2] = ("127.0.0.1", refused_port())
        check = run_short(guard, bootstrap_servers=kafka.servers[:1], topics=ORDERS, idempotent=True).expect(code, exit=124)
        assert how == "closing" or "InitProducerId has no answer" in check["cause"]


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("kafka-coordinator", "kafka-advertised-unreachable")
def test_transaction_is_not_answered(guard):
    """By a coordinator that is ready; that another broker is gone is not the reason."""
    with FakeKafka(brokers=3, topics={"orders": (1, 1)}) as kafka:
        kafka.mute, kafka.coordinator, kafka.advertised[3] = {INIT_PRODUCER_ID}, 2, ("127.0.0.1", refused_port())
        run_short(guard, bootstrap_servers=kafka.servers[:1], topics=ORDERS, transactional_id="orders-1").expect(
            "answer-timeout", exit=124, subject=f"broker 2 at {kafka.servers[1]}", cause="InitProducerId has no answer"
        )


@pytest.mark.near_miss("kafka-transaction-denied", "kafka-transaction-timeout", "kafka-coordinator")
def test_transactional_id(guard):
    with FakeKafka(brokers=2, topics={"orders": (1, 1)}) as kafka:
        kafka.coordinator = 2
        try_kafka(guard, kafka.servers[0], topics=ORDERS, transactional_id="orders-1").passed()
        assert kafka.producer_ids == ["startguard-orders-1"], "never the service's own id: that fences it"


@pytest.mark.produces("kafka-coordinator")
@pytest.mark.near_miss("answer-timeout")
@pytest.mark.parametrize("api, answer", [(FIND_COORDINATOR, "coordinator_error"), (INIT_PRODUCER_ID, "producer_id_error")])
def test_no_coordinator_of_transactions_while_it_is_asked_again(guard, kafka, api, answer):
    """The request in flight at the deadline is not the cause: the one before was answered."""
    again = AskedAgain(api)
    setattr(kafka, answer, COORDINATOR_NOT_AVAILABLE)
    kafka.mute.add(again)
    guard.check(profile(attempt_timeout=guard.span(1.5), bootstrap_servers=kafka.servers, transactional_id="orders-1")).expect(
        "kafka-coordinator", exit=124, subject="transactional id startguard-orders-1"
    )
    assert again.seen > 1


@pytest.mark.produces("kafka-advertised-unreachable")
def test_coordinator_of_transactions_cannot_be_reached(guard):
    with FakeKafka(brokers=2, topics={"orders": (1, 1)}) as kafka:
        kafka.coordinator, kafka.advertised[2] = 2, ("127.0.0.1", refused_port())
        run_short(guard, bootstrap_servers=kafka.servers[:1], topics=ORDERS, transactional_id="orders-1").expect(
            "kafka-advertised-unreachable", exit=124, subject="broker 2 at"
        )


# ---- what a broker answers to producers and canaries ----------------------------------------------------------------

IDEMPOTENT = {"idempotent": True}
TRANSACTION = {"transactional_id": "orders-1", "properties": ["transaction.timeout.ms=3600000"]}
OWN_ID = {"subject": "transactional id startguard-orders-1"}
FLY = {"canary": CANARY}
REFUSALS = [  # the code; keys of the check; what the broker does; what the diagnosis has beside exit status 124
    ("kafka-idempotence-denied", IDEMPOTENT, {"denied": {("idempotent", "")}}, {"exit": 69, "hint": "IdempotentWrite"}),
    ("kafka-error", IDEMPOTENT, {"producer_id_error": -1}, {"subject": "producer id", "cause": "Unknown broker error"}),
    ("kafka-error", IDEMPOTENT, {"producer_id_error": 42}, {"subject": "producer id", "cause": "Invalid request"}),
    (
        "kafka-transaction-denied",
        TRANSACTION,
        {"denied": {("write", "transaction startguard-orders-1")}},
        OWN_ID | {"exit": 69},
    ),
    ("kafka-transaction-timeout", TRANSACTION, {"producer_id_error": INVALID_TRANSACTION_TIMEOUT}, OWN_ID | {"exit": 69}),
    # There is a coordinator, and its answer is an error.
    ("kafka-error", TRANSACTION, {"producer_id_error": 31}, OWN_ID | {"cause": "Cluster authorization failed"}),
    ("kafka-error", TRANSACTION, {"producer_id_error": 42}, OWN_ID | {"cause": "Invalid request"}),
    ("kafka-error", TRANSACTION, {"producer_id_error": -1}, OWN_ID | {"cause": "Unknown broker error"}),
    # There is no coordinator (yet).
    *(("kafka-coordinator", TRANSACTION, {"producer_id_error": error}, OWN_ID) for error in (14, 15, 16)),
    ("kafka-coordinator", TRANSACTION, {"coordinator_error": COORDINATOR_NOT_AVAILABLE}, OWN_ID),
    # Of the broker, and it may pass: UNKNOWN_SERVER_ERROR, INVALID_PRODUCER_EPOCH.
    ("kafka-canary-failed", FLY, {"produce_error": -1}, {"subject": "topic canary", "cause": "sending the canary"}),
    ("kafka-canary-failed", FLY, {"produce_error": 47}, {"phase": "assert", "cause": "sending the canary"}),
    ("kafka-canary-failed", FLY, {"mute": {PRODUCE}}, {"cause": "not acknowledged"}),
    ("kafka-canary-failed", FLY, {"delay_reads": 10**9}, {"cause": "could not be read back"}),
    ("kafka-isr-low", FLY, {"produce_error": NOT_ENOUGH_REPLICAS}, {"subject": "topic canary"}),
    ("kafka-slow", {"canary": CANARY | {"max_latency": "100ms"}}, {"slow": {PRODUCE: 0.2}}, {"cause": "max_latency is 100 ms"}),
    ("kafka-throttled", {"canary": CANARY | {"max_latency": "10m"}}, {"throttle": 700_000}, {"cause": "for 700000 ms"}),
]
REFUSED_BY = {"kafka-canary-refused", "kafka-no-brokers", *(row[0] for row in REFUSALS)}


@pytest.mark.parametrize(
    "code, keys, bend, expected",
    [
        pytest.param(*row, marks=[pytest.mark.produces(row[0]), pytest.mark.near_miss(*sorted(REFUSED_BY - {row[0]}))])
        for row in REFUSALS
    ],
)
def test_refusals(guard, kafka, code, keys, bend, expected):
    for name, value in bend.items():
        setattr(kafka, name, value)
    run_far(guard, bootstrap_servers=kafka.servers, **keys).expect(code, **{"exit": 124, **expected})


# ---- the canary -------------------------------------------------------------------------------------------------------


def fly(guard, kafka, **keys):
    return try_kafka(guard, kafka.bootstrap, canary=CANARY | keys)


@pytest.mark.near_miss("kafka-canary-failed", "kafka-slow", "kafka-throttled")
@pytest.mark.parametrize("partitions", [1, 5])
def test_canary(guard, partitions):
    with FakeKafka(brokers=2, topics={"canary": (partitions, 1), "orders": (1, 1)}) as kafka:
        kafka.delay_reads = 2
        check = fly(guard, kafka, max_latency="10m").passed()
        assert check["facts"]["canary_ms"] >= 0
        ((where, batches),) = kafka.log.items()
        assert where[0] == "canary" and len(batches) == 1
        assert b"startguard kafka.try" in batches[0] and b"sent-by" in batches[0]
        kafka.log.clear()
        assert left_nothing(kafka)


@pytest.mark.near_miss("kafka-canary-failed")
def test_canary_on_the_mock_cluster(guard):
    with KafkaMock(brokers=3, topics={"canary": (3, 3)}) as kafka:
        fly(guard, kafka).passed()


@pytest.mark.produces("kafka-canary-refused")
@pytest.mark.near_miss("kafka-canary-failed")
@pytest.mark.parametrize("error", [2, 4, 10, 21, 32, 43, 44, 76, 87])
def test_canary_refused(guard, kafka, error):
    """The record is at fault: waiting does not change it."""
    kafka.produce_error = error
    text = profile(bootstrap_servers=kafka.servers, canary=CANARY, timeout="10m")
    guard.check(text).expect(
        "kafka-canary-refused", exit=69, phase="assert", subject="topic canary", cause="sending the canary"
    )
    assert kafka.count(PRODUCE) == 1


@pytest.mark.produces("kafka-isr-low")
@pytest.mark.near_miss("kafka-canary-failed")
def test_canary_topic_has_a_partition_with_too_few_replicas(guard):
    """Whichever partition the record would hit: each is looked at, and nothing is sent."""
    with FakeKafka(brokers=3, topics={"canary": (6, 3)}) as kafka:
        kafka.config["canary"] = {"min.insync.replicas": "2"}
        kafka.topics["canary"].partitions[4].isr = [2]
        for _ in range(3):
            fly(guard, kafka).expect(
                "kafka-isr-low", exit=124, subject="topic canary", cause="partition 4 has 1 of 3 replicas in sync"
            )
        assert left_nothing(kafka)


@pytest.mark.produces("kafka-topic-denied")
@pytest.mark.near_miss("kafka-canary-failed")
@pytest.mark.parametrize("operation, words", [("write", "sending the canary"), ("read", "reading back the canary")])
def test_canary_denied(guard, kafka, operation, words):
    kafka.denied = {(operation, "canary")}
    fly(guard, kafka).expect(
        "kafka-topic-denied",
        exit=69,
        subject="topic canary",
        cause=words,
        hint=f"grant {operation.capitalize()} on topic canary",
    )


@pytest.mark.produces("kafka-topic-denied")
def test_canary_topic_may_not_be_described(guard, kafka):
    """Described by nobody who has neither right: both are named."""
    kafka.topics["canary"].error = TOPIC_AUTHORIZATION_FAILED
    fly(guard, kafka).expect(
        "kafka-topic-denied", exit=69, cause="may not read or write topic canary", hint="grant Read and Write on topic canary"
    )


@pytest.mark.produces("kafka-topic-missing")
@pytest.mark.near_miss("kafka-canary-failed")
def test_canary_topic_is_not_created(guard):
    with FakeKafka(auto_create=True) as kafka:
        fly(guard, kafka).expect("kafka-topic-missing", exit=124, subject="topic canary")
        assert not kafka.topics


@pytest.mark.produces("kafka-throttled")
@pytest.mark.near_miss("kafka-coordinator", "answer-timeout")
def test_silence_of_a_broker_that_throttles(guard, kafka):
    kafka.throttle, kafka.mute = 700_000, {DESCRIBE_GROUPS}
    run_short(guard, bootstrap_servers=kafka.servers, topics=ORDERS, groups=["orders"]).expect(
        "kafka-throttled", exit=124, subject=f"broker 1 at {kafka.bootstrap}", cause="for 700000 ms"
    )


@pytest.mark.near_miss("kafka-throttled", "kafka-slow")
def test_throttling_is_a_fact_without_a_limit(guard, kafka):
    kafka.throttle = 700_000
    assert fly(guard, kafka).passed()["facts"]["throttled_ms"] == 700_000
