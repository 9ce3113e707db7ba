"""kafka: consumer groups that must be active, in every state a coordinator may tell. Real groups: tests/real/test_kafka_consumers.py."""

import pytest
from kafka_help import linked_before, profile, run_short, try_kafka

from fakes.kafka import FakeKafka
from fakes.kafka_apis import DESCRIBE_GROUPS, LIST_GROUPS, LIST_OFFSETS, OFFSET_FETCH, Group

CODES = tuple(f"kafka-group-{one}" for one in ("inactive", "rebalancing", "members", "topic", "lag"))
WHOLE = [{"orders": [0, 1]}, {"orders": [2]}]


@pytest.fixture
def kafka():
    with FakeKafka(topics={"orders": (3, 1), "audit": (1, 1)}) as fake:
        fake.groups = {"readers": Group("Stable", WHOLE)}
        yield fake


def look(guard, kafka, **keys):
    return try_kafka(guard, kafka.bootstrap, consumers=[{"group": "readers", **keys}], _limit=guard.span(1))


def written(kafka, topic, *records):
    """How many records each partition has."""
    for part, n in enumerate(records):
        kafka.log[topic, part] = [b""] * n


def not_(*codes):
    return pytest.mark.near_miss(*(one for one in CODES if one not in codes))


@not_()
@pytest.mark.parametrize(
    "keys,fact",
    [
        ({}, "readers 2 members"),
        ({"min_members": 2, "topics": ["orders"]}, "readers 2 members"),
        ({"topics": ["orders"], "max_lag": 5}, "readers 2 members lag 5"),
        ({"max_lag": 5}, "readers 2 members lag 5"),
    ],
)
def test_active(guard, kafka, keys, fact):
    written(kafka, "orders", 10, 4, 0)
    kafka.committed = {("readers", "orders", 0): 8, ("readers", "orders", 1): 1}
    result = look(guard, kafka, **keys)
    assert result.passed()["facts"]["consumers"] == fact
    assert ", 1 active group" in result.err
    assert kafka.count(LIST_GROUPS) == 0


@not_()
def test_also_among_groups(guard, kafka):
    """The group is described once, also when the profile names it twice."""
    kafka.denied = {("read", "group readers")}
    look(guard, kafka).passed()
    kafka.denied = set()
    result = try_kafka(guard, kafka.bootstrap, groups=["readers"], consumers=["readers"])
    assert result.check()["code"] in (None, "kafka-library-old"), result


@pytest.mark.produces("kafka-group-inactive")
@not_("kafka-group-inactive")
@pytest.mark.parametrize(
    "group,cause",
    [
        (None, "the coordinator does not know this group (state Dead)"),
        (Group("Empty"), "the group has no member (state Empty)"),
        (Group("Empty", protocol_type=""), "the group has no member (state Empty)"),
    ],
)
def test_no_members(guard, kafka, group, cause):
    kafka.groups = {"readers": group} if group else {}
    look(guard, kafka, topics=["orders"], max_lag=0).expect(
        "kafka-group-inactive",
        exit=124,
        phase="assert",
        retryable=True,
        subject="group readers",
        cause=cause,
        hint="start the group's consumers, or correct group",
    )


@pytest.mark.produces("kafka-group-rebalancing")
@not_("kafka-group-rebalancing")
@pytest.mark.parametrize(
    "state,cause",
    [("PreparingRebalance", None), ("CompletingRebalance", None), ("Reconciling", "(state Assigning or Reconciling)")],
)
def test_rebalancing(guard, kafka, state, cause):
    kafka.groups["readers"] = Group(state, [{}, {}])
    look(guard, kafka, topics=["orders"], min_members=2).expect(
        "kafka-group-rebalancing",
        exit=124,
        phase="assert",
        retryable=True,
        subject="group readers",
        cause=f"{cause or f'(state {state})'}, with 2 members",
    )


@pytest.mark.produces("kafka-group-members")
@not_("kafka-group-members")
def test_too_few_members(guard, kafka):
    look(guard, kafka, topics=["orders"], min_members=3).expect(
        "kafka-group-members",
        exit=124,
        phase="assert",
        retryable=True,
        subject="group readers",
        cause="the group has 2 members, min_members is 3",
    )


@pytest.mark.produces("kafka-group-topic")
@not_("kafka-group-topic")
@pytest.mark.parametrize(
    "assigned,cause",
    [
        ([{"orders": [0, 2]}], "no member has partition 1 of topic orders (1 of 3)"),
        ([{"orders": [1]}, {}], "no member has partition 0, 2 of topic orders (2 of 3)"),
        ([{"audit": [0]}], "no member has any partition of topic orders; the 1 member reads audit"),
        ([{"audit": [0]}, {"order": [0]}], "no member has any partition of topic orders; the 2 members read audit, order"),
        ([{}], "no member has any partition of topic orders; the 1 member reads nothing"),
        ([{f"t{i}": [0, 1] for i in range(7)}], "the 1 member reads t0, t1, t2, t3, t4 and 2 more"),
    ],
)
def test_a_topic_that_is_not_read(guard, kafka, assigned, cause):
    """A consumer of a misspelt topic is stable, and reads what nobody writes."""
    kafka.groups["readers"] = Group("Stable", assigned)
    look(guard, kafka, topics=["orders"]).expect(
        "kafka-group-topic", exit=124, phase="assert", retryable=True, subject="group readers", cause=cause
    )


@pytest.mark.produces("kafka-topic-missing")
@not_()
def test_a_topic_that_is_not_there(guard, kafka):
    look(guard, kafka, topics=["order"]).expect("kafka-topic-missing", exit=124, subject="topic order")


@pytest.mark.produces("kafka-group-lag")
@not_("kafka-group-lag")
def test_lag(guard, kafka):
    written(kafka, "orders", 10, 4, 0)
    kafka.committed = {("readers", "orders", 0): 8, ("readers", "orders", 1): 1}
    look(guard, kafka, topics=["orders"], max_lag=4).expect(
        "kafka-group-lag",
        exit=124,
        phase="assert",
        retryable=True,
        subject="group readers",
        cause="the group is 5 records behind, max_lag is 4; most in topic orders partition 1: at offset 1 of 4; "
        "in 1 partition the group has committed nothing",
    )


@pytest.mark.produces("kafka-group-lag")
def test_what_is_not_committed_counts_as_unread(guard, kafka):
    written(kafka, "orders", 10, 4, 0)
    look(guard, kafka, max_lag=13).expect(
        "kafka-group-lag", cause="14 records behind, max_lag is 13; most in topic orders partition 0: at offset 0 of 10"
    )


@not_()
def test_commits_beyond_the_end(guard, kafka):
    """A topic was made anew, and the group's offsets are those of the old one: it is not behind."""
    kafka.committed = {("readers", "orders", part): 1000 for part in range(3)}
    assert look(guard, kafka, max_lag=0).passed()["facts"]["consumers"].endswith("lag 0")


@pytest.mark.produces("kafka-group-inactive")
def test_all_groups_are_told(guard, kafka):
    """In one start."""
    result = try_kafka(
        guard, kafka.bootstrap, consumers=["nobody", {"group": "readers", "min_members": 9}], _limit=guard.span(1)
    )
    result.expect("kafka-group-inactive", cause="group readers too: kafka-group-members")


# ---- rights and errors ---------------------------------------------------------------------------------------------


@pytest.mark.produces("kafka-group-denied")
@not_()
def test_describe_on_the_group_is_missing(guard, kafka):
    kafka.denied = {("describe", "group readers"), ("read", "group readers")}
    look(guard, kafka, max_lag=0).expect(
        "kafka-group-denied", exit=69, subject="group readers", hint="grant Describe on group readers to this principal"
    )


COMMITTED_ERRORS = [(30, "kafka-group-denied", 69), (14, "kafka-coordinator", 124), (42, "kafka-error", 124)]


@not_()
@pytest.mark.parametrize(
    "error,code,exit", [pytest.param(*row, marks=pytest.mark.produces(row[1])) for row in COMMITTED_ERRORS]
)
def test_committed_offsets_that_are_refused(guard, kafka, error, code, exit):
    kafka.committed_error = error
    look(guard, kafka, max_lag=0).expect(code, exit=exit, subject="group readers")


@pytest.mark.produces("kafka-error")
@not_()
def test_an_answer_without_committed_offsets(guard, kafka):
    """Not that the group is up to date."""
    kafka.no_commits = True
    look(guard, kafka, max_lag=0).expect("kafka-error", exit=124, subject="topic orders", cause="it is not in the answer")


@pytest.mark.produces("kafka-topic-denied")
@not_()
def test_offsets_of_a_topic_that_may_not_be_described(guard, kafka):
    kafka.denied = {("describe", "orders")}
    look(guard, kafka, max_lag=0).expect(
        "kafka-topic-denied", exit=69, subject="topic orders", cause="partition 0, the group's committed offset"
    )


@pytest.mark.produces("kafka-no-leader")
@not_()
def test_ends_that_are_refused(guard, kafka):
    kafka.list_error = 6
    look(guard, kafka, max_lag=0).expect("kafka-no-leader", exit=124, subject="topic orders")


@pytest.mark.produces("answer-timeout")
@not_()
@pytest.mark.parametrize(
    "api,name",
    [(OFFSET_FETCH, "OffsetFetch"), (LIST_OFFSETS, "ListOffsets"), (DESCRIBE_GROUPS, "coordinator of group readers")],
)
def test_no_answer(guard, kafka, api, name):
    kafka.mute.add(api)
    run_short(guard, bootstrap_servers=kafka.bootstrap, consumers=[{"group": "readers", "max_lag": 0}]).expect(
        "answer-timeout", exit=124, cause=name
    )


# ---- the new protocol -----------------------------------------------------------------------------------------------


@pytest.mark.near_miss("kafka-group-topic", "kafka-group-members")
def test_a_group_that_is_listed_and_not_described(guard, kafka):
    """To a librdkafka before 2.10 this is a group of the new protocol; a newer one has asked for that as well."""
    kafka.groups["readers"] = Group("Dead")
    if linked_before(guard, 2, 10, 0):
        look(guard, kafka).expect(
            "kafka-library-old", exit=69, subject="group readers", cause="KIP-848", hint="2.10.0 or newer"
        )
    else:
        look(guard, kafka).expect("kafka-group-inactive", exit=124)
        assert kafka.count(LIST_GROUPS) == 0


@pytest.mark.produces("kafka-group-inactive")
@pytest.mark.near_miss("kafka-library-old")
def test_a_group_that_comes_while_it_is_looked_for(guard, kafka):
    """It is described once more before the library is blamed."""

    def appear(request):
        if request.api == LIST_GROUPS:
            kafka.groups["readers"] = Group("Empty")
        return False

    kafka.groups["readers"] = Group("Dead")
    kafka.mute.add(appear)
    look(guard, kafka).expect("kafka-group-inactive", exit=124)


@pytest.mark.produces("kafka-group-inactive")
@pytest.mark.near_miss("kafka-library-old", "answer-timeout")
def test_no_list_of_groups(guard, kafka):
    kafka.groups["readers"] = Group("Dead")
    if linked_before(guard, 2, 10, 0):
        kafka.mute.add(LIST_GROUPS)
    run_short(guard, 3, bootstrap_servers=kafka.bootstrap, consumers=["readers"]).expect("kafka-group-inactive", exit=124)


# ---- waiting, keys ---------------------------------------------------------------------------------------------------


@pytest.mark.produces("kafka-group-rebalancing")
def test_the_group_is_waited_for(guard, kafka):
    kafka.groups["readers"] = Group("PreparingRebalance", [{}, {}])
    with guard.spawn(
        profile(bootstrap_servers=kafka.bootstrap, consumers=[{"group": "readers", "min_members": 2}]), "-v"
    ) as run:
        run.wait_for("kafka-group-rebalancing")
        kafka.groups["readers"] = Group("Stable", WHOLE)
        assert run.result().passed()["attempts"] > 1


@pytest.mark.parametrize(
    "consumers,words",
    [
        (["readers", "readers"], "consumers: names a group twice"),
        (["readers-*"], "ends with a star"),
        ([{"min_members": 1}], "group"),
        ([{"group": "readers", "min_members": 0}], "min_members"),
        ([{"group": "readers", "topics": ["a b"]}], "not a topic name"),
        ([{"group": "readers", "max_lag": -1}], "max_lag"),
    ],
)
def test_bad_keys(guard, consumers, words):
    guard.try_("kafka", bootstrap_servers="127.0.0.1:1", consumers=consumers).problem(words, exit=64)
