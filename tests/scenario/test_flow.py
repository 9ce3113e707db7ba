"""flow: a reward goes through a system, and every way in which smoke scripts of a real system took failure for success.

The system is a fake: its reward endpoint writes records to librdkafka's mock cluster and sets the value that is polled. A test
replaces one piece of it.
"""

import io
import json
import struct

import fastavro
import pytest

from fakes.http import HttpServer, Reply, json_reply
from fakes.kafka import FakeKafka, KafkaMock
from fakes.kafka_apis import LIST_OFFSETS
from fakes.tcp import refused_port
from harness import ROOT, text

SCHEMAS = ROOT / "profiles" / "somabrain" / "schemas" / "eb14dcb"
REWARDS, UPDATES = "cog.reward.events", "cog.config.updates"
FLOW = ("flow-no-record", "flow-record-differs", "flow-poll-mismatch", "flow-poll-unchanged", "flow-capture-missing")


def encode(name, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads((SCHEMAS / f"{name}.avsc").read_text())), value)
    return out.getvalue()


def reward(frame_id, total):
    zeros = dict.fromkeys(("r_task", "r_user", "r_latency", "r_safety", "r_cost"), 0.0)
    return encode("reward_event", zeros | {"frame_id": frame_id, "total": total, "ts": "2025-11-08T15:00:00Z"})


def update(tau):
    return encode("config_update", {"learning_rate": 0.05, "exploration_temp": tau, "ts": "2025-11-08T15:00:00Z"})


def as_float(number):
    """As a service reads it that keeps floats: 0.865 is 0.8650000095367432."""
    return struct.unpack("f", struct.pack("f", number))[0]


class System(HttpServer):
    """POST /reward/ID writes a reward and the config update that comes of it; GET /tau has the value. .events and .updates make the
    records; .lost: how many rewards are answered without any effect, as just after a consumer's start."""

    def __init__(self, kafka):
        self.kafka, self.tau, self.lost, self.answer = kafka, 1.0, 0, {"status": "ok"}
        self.events = lambda frame_id, total: [reward(frame_id, total)]
        self.updates = lambda tau: [update(tau)]
        self.moves = True
        super().__init__({"POST /reward/*": self._reward, "/tau": lambda _: json_reply({"tau": self.tau})})

    def _reward(self, request):
        total = request.json()["total"]
        tau = min(1.0, max(0.1, 0.8 - 0.5 * (total - 0.5)))
        if self.lost:
            self.lost -= 1
            return json_reply(self.answer)
        self.kafka.produce(REWARDS, *self.events(request.path.rpartition("/")[2], total))
        self.kafka.produce(UPDATES, *self.updates(tau))
        if self.moves:
            self.tau = as_float(tau)
        return json_reply(self.answer)


@pytest.fixture
def kafka():
    with KafkaMock(brokers=1, topics={REWARDS: (3, 1), UPDATES: (1, 1)}) as mock:
        yield mock


@pytest.fixture
def system(kafka):
    with System(kafka) as one:
        yield one


# ---- profiles ----


def request(system, **keys):
    keys = {
        "url": f"{system.url}/reward/{{random}}",
        "body": '{"total": 0.37, "tenant": "startguard-{random}"}',
        "holds": ["/status=ok"],
    } | keys
    return {"request": keys}


def expect(system, topic=REWARDS, within="2s", **keys):
    schema = "reward_event" if topic == REWARDS else "config_update"
    where = ["frame_id={random}"] if topic == REWARDS else ["exploration_temp=0.865"]
    keys = {
        "bootstrap_servers": system.kafka.bootstrap,
        "topic": topic,
        "format": "avro_bare",
        "schema": SCHEMAS / f"{schema}.avsc",
        "where": where,
        "within": within,
    } | keys
    return {"expect_record": {k: v for k, v in keys.items() if v is not None}}


def poll(system, within="2s", **keys):
    return {"poll": {"url": f"{system.url}/tau", "at": "/tau", "within": within} | keys}


def whole(system):
    return [
        request(system),
        expect(system, holds=["total=0.37"], capture=["total=total"]),
        expect(system, UPDATES, capture=["tau=exploration_temp"]),
        poll(system, equals="{tau}", changed=True),
    ]


def profile(steps, **keys):
    keys = "".join(f" {k} = {text(v)};" for k, v in keys.items())
    listed = ",\n".join(text(one) for one in steps)
    return f'startguard = 1; service = "smoke"; mode = "staging"; flow: {{ reward: {{{keys} steps = (\n{listed}\n); }}; }};'


def check(guard, steps, **keys):
    return guard.check(profile(steps, **keys), mode=None)


# ---- what passes -----------------------------------------------------------------------------------------------------


@pytest.mark.near_miss(*FLOW)
def test_a_reward_goes_through(guard, system):
    """The records are written before the answer comes: a consumer that is placed after the request misses them."""
    result = check(guard, whole(system))
    facts = result.passed()["facts"]
    assert "4 steps in " in result.err
    assert {f"step_{i}_ms" for i in range(1, 5)} < set(facts)
    [sent] = [r for r in system.requests if r.method == "POST"]
    assert sent.path == f"/reward/{facts['random']}" and sent.json()["tenant"] == f"startguard-{facts['random']}"
    assert sent.headers["content-type"] == "application/json"


@pytest.mark.produces("avro-invalid-schema")
def test_types_of_other_files(guard, system):
    """A record of one field has the bytes of that field."""
    field = {"name": "update", "type": "soma.cognition.ConfigUpdate"}
    outer = guard.write("outer.avsc", json.dumps({"type": "record", "name": "Outer", "fields": [field]}))
    types = [str(SCHEMAS / "config_update.avsc")]
    keys = {"schema": outer, "where": ["update.exploration_temp=0.865"]}
    check(guard, [request(system), expect(system, UPDATES, **keys, types=types)]).passed()
    check(guard, [request(system), expect(system, UPDATES, **keys)]).expect("avro-invalid-schema", exit=69)
    check(guard, [expect(system, UPDATES, types=types, schema=None, format="json")]).problem("types", "has no schema")


@pytest.mark.near_miss("flow-no-record", "flow-record-differs")
def test_records_of_others_are_skipped(guard, system):
    """A record of another format, a keep-alive, a tombstone, another's reward: none hides the one that is meant."""
    system.events = lambda frame_id, total: [b'{"frame_id": "x"}', None, reward("other", total), reward(frame_id, total)]
    system.updates = lambda tau: [update(0.7), b"", update(tau)]
    check(guard, whole(system)).passed()


@pytest.mark.near_miss("flow-no-record")
def test_records_in_another_order_than_the_steps(guard, system):
    """Each step looks at all that came since before the first one."""
    steps = [request(system), request(system, body='{"total": 0.87}')]
    steps += [expect(system, UPDATES, where=["exploration_temp=0.615"]), expect(system, UPDATES)]
    check(guard, steps).passed()


@pytest.mark.produces("flow-no-record")
def test_a_record_is_taken_once(guard, system):
    """Two steps want two records."""
    twice = [request(system), expect(system, UPDATES), expect(system, UPDATES, within="300ms")]
    found = check(guard, twice).expect("flow-no-record", cause="step 3 of 3, expect_record cog.config.updates")
    assert "no record came to its 1 partition within 300ms" in found["cause"]
    system.updates = lambda tau: [update(tau), update(tau)]
    check(guard, twice).passed()


@pytest.mark.produces("flow-no-record")
def test_the_sequence_is_repeated_while_consumers_have_no_partitions(guard, system):
    """The reward that comes before the learner has its partitions is lost, though it is answered with ok."""
    system.lost = 1
    steps = [request(system), expect(system, within="300ms"), poll(system, equals=0.865, changed=True)]
    result = guard.run(profile(steps), "-t", guard.span(20), mode=None)
    assert result.status == "ready", result
    check = result.passed()
    assert check["attempts"] == 2 and check["history"] == [{"code": "flow-no-record", "count": 1}]
    ids = [r.path for r in system.requests if r.method == "POST"]
    assert len(set(ids)) == 2, "each attempt has a {random} of its own"


def test_json_records_and_other_operators(guard, system):
    moment = '{"order": {"id": "%s", "n": 9007199254740993, "ok": true, "none": null, "items": [{"sku": "a"}, {"sku": "b"}]}}'
    system.events = lambda frame_id, _: [(moment % frame_id).encode()]
    holds = ["order.n=9007199254740993", "/order/ok=true", "order.none=null", "order.items.sku=b", "order.n>1e3", "order.n!=1"]
    steps = [
        request(system),
        expect(system, format="json", schema=None, where=["/order/id={random}"], holds=holds, capture=["n=/order/n"]),
        request(system, url=f"{system.url}/reward/{{n}}", body='{"total": 1, "n": {n}}'),
    ]
    check(guard, steps).passed()
    assert system.requests[-1].body == b'{"total": 1, "n": 9007199254740993}'


def test_captures_are_escaped_where_they_are_filled_in(guard, system):
    system.answer = {"status": "ok", "id": 'a/b?"\\ {now}', "tau": 0.1 + 0.2}
    steps = [
        request(system, capture=["id=id", "tau=/tau"]),
        request(system, url=f"{system.url}/reward/{{id}}?q={{id}}", body='{"total": {tau}, "id": "{id}", "x": {"y": {}}}'),
    ]
    check(guard, steps).passed()
    last = system.requests[-1]
    assert last.target == "/reward/a%2Fb%3F%22%5C%20%7Bnow%7D?q=a%2Fb%3F%22%5C%20%7Bnow%7D"
    assert last.json() == {"total": 0.1 + 0.2, "id": system.answer["id"], "x": {"y": {}}}


def test_a_captured_token_is_a_secret(guard, system):
    system.answer = {"status": "ok", "token": "marker-token-4711"}
    system.routes["/private"] = lambda r: Reply(500, r.headers["authorization"])
    steps = [
        request(system, capture=["token=token"]),
        {"request": {"url": f"{system.url}/private", "headers": ["Authorization: Bearer {token}"]}},
        poll(system, equals=1.0),
    ]
    result = check(guard, steps)
    result.expect("http-status", cause="step 2 of 3, request")
    assert system.requests[-1].headers["authorization"] == "Bearer marker-token-4711"
    assert "marker-token" not in result.err + json.dumps(result.report)


@pytest.mark.parametrize("capture", ["token=/id", "jwt=/id", "login=/data/0/access_token", "login=data.access_token"])
@pytest.mark.parametrize(
    ("keys", "answer", "code"),
    [
        ({"holds": ["/status=fine"]}, {}, "http-json-mismatch"),
        ({"status": (200,)}, {}, "http-status"),
        ({"capture": ["other=/none"]}, {}, "flow-capture-missing"),
        ({}, {"long": True}, "flow-capture-missing"),
    ],
    ids=["holds", "status", "missing", "long"],
)
def test_a_token_of_a_failed_login_is_a_secret(guard, system, capture, keys, answer, code):
    """Each failure shows a part of the answer, and comes before, or instead of, the capture."""
    token = "marker-token-4711" * (300 if answer else 1)
    system.answer = {"status": "ok", "id": token, "data": [{"access_token": token}, {"access_token": "marker-another-one"}]}
    system.routes["POST /reward/*"] = lambda _: Reply(201, json.dumps(system.answer))
    steps = [request(system, **keys | {"capture": [*keys.get("capture", []), capture]})]
    steps[0]["request"].setdefault("holds", ["/status=ok"])
    result = check(guard, steps)
    result.expect(code)
    said = result.err + json.dumps(result.report)
    assert "marker-token" not in said
    assert "data." not in capture or "marker-another" not in said


def test_long_captures_arrive_whole(guard, system):
    system.answer = {"status": "ok", "a": "ä" * 2000}
    steps = [
        request(system, capture=["a=a"]),
        request(system, url=f"{system.url}/reward/{{random}}?a={{a}}", headers=["X-A: " + "{a}" * 20], holds=["/status=ok"]),
    ]
    system.header_limit = 1 << 20
    check(guard, steps).passed()
    last = system.requests[-1]
    assert last.target.endswith("?a=" + "%C3%A4" * 2000)
    assert len(last.headers["x-a"]) >= 20 * 2000


# ---- what smoke scripts took for success --------------------------------------------------------------------------------


def no_record(guard, system, steps, *words):
    cause = check(guard, steps).expect("flow-no-record", exit=124, phase="assert")["cause"]
    for word in words:
        assert word in cause


@pytest.mark.produces("flow-no-record")
def test_any_producers_record(guard, system):
    """e2e_reward_smoke.py takes any record of the topic."""
    system.events = lambda frame_id, total: [reward("anothers", total)]
    steps = [request(system), expect(system, within="300ms")]
    no_record(guard, system, steps, "1 record came within 300ms, none is the one", 'frame_id is "anothers", expected')


@pytest.mark.produces("flow-no-record")
def test_the_keep_alive(guard, system):
    """e2e_learner_smoke.py takes any record of the topic, also the one that is written when nothing happens."""
    system.updates = lambda tau: [update(0.7)]
    steps = [request(system), expect(system, UPDATES, within="300ms")]
    no_record(guard, system, steps, "exploration_temp is 0.6999999881, expected 0.865")


@pytest.mark.produces("flow-no-record")
@pytest.mark.parametrize("value", [b"", b"\x00", b"\xff" * 40, b"not a record", b"[1, 2]"])
def test_any_bytes(guard, system, value):
    """e2e_next_smoke.py takes any value that is not empty, e2e_teach_feedback_smoke.py one that cannot be decoded."""
    system.events = lambda frame_id, total: [value]
    steps = [request(system), expect(system, within="300ms")]
    no_record(guard, system, steps, "1 not bare Avro (the first: ")


@pytest.mark.produces("flow-no-record")
def test_an_old_record(guard, system):
    """e2e_teach_feedback_smoke.py reads from the beginning, with an id that is always the same."""
    system.kafka.produce(REWARDS, reward("smoke", 0.37))
    system.events = lambda frame_id, total: []
    steps = [request(system, url=f"{system.url}/reward/smoke"), expect(system, where=["frame_id=smoke"], within="300ms")]
    no_record(guard, system, steps, "no record came to its 3 partitions within 300ms")


@pytest.mark.produces("flow-no-record")
def test_an_answer_of_200_without_a_record(guard, system):
    """The producer answers ok although nothing was delivered: its flush timed out and nobody looked."""
    system.lost = 99
    no_record(guard, system, [request(system), expect(system, within="300ms")], "no record came")


@pytest.mark.produces("flow-record-differs")
def test_our_record_in_json(guard, system):
    """verify_config_update.py reads JSON alone; others fall back to it in silence."""
    system.events = lambda frame_id, total: [json.dumps({"frame_id": frame_id, "total": total}).encode()]
    check(guard, [request(system), expect(system)]).expect(
        "flow-record-differs", exit=69, subject=f"topic {REWARDS}", cause="the record that where finds is a JSON object of"
    )


@pytest.mark.produces("flow-record-differs")
def test_our_record_of_a_later_schema(guard, system):
    """Readers that do not look at what is left over see no error."""
    system.events = lambda frame_id, total: [reward(frame_id, total) + b"\x02\x06abc"]
    found = check(guard, [request(system), expect(system)]).expect("flow-record-differs", exit=69)
    assert "5 of 67 bytes are left over, expected bare Avro" in found["cause"]


@pytest.mark.produces("flow-record-differs")
def test_our_record_in_a_confluent_frame(guard, system):
    system.events = lambda frame_id, total: [b"\0\0\0\0\7" + reward(frame_id, total)]
    found = check(guard, [request(system), expect(system)]).expect("flow-record-differs", exit=69)
    assert "a Confluent frame with schema id 7" in found["cause"]
    check(guard, [request(system), expect(system, format="avro_confluent")]).passed()


@pytest.mark.produces("flow-record-differs")
def test_a_wrong_value_in_our_record(guard, system):
    """Values are never compared by the scripts."""
    system.events = lambda frame_id, total: [reward(frame_id, 0.5)]
    found = check(guard, [request(system), expect(system, holds=["total=0.37", "frame_id={random}"])])
    found.expect("flow-record-differs", exit=69, cause="total is 0.5, expected 0.37")


@pytest.mark.produces("flow-poll-unchanged")
def test_an_unchanged_value(guard, system):
    """e2e_smoke.sh only warns, test_tau_moves.py compares nothing."""
    system.moves = False
    steps = [request(system), poll(system, changed=True, within="300ms")]
    check(guard, steps).expect("flow-poll-unchanged", exit=124, cause="at /tau is 1, as before the first step")


@pytest.mark.produces("flow-poll-unchanged")
def test_a_value_that_was_right_before(guard, system):
    system.tau, system.moves = as_float(0.865), False
    steps = [request(system), poll(system, equals=0.865, changed=True, within="300ms")]
    check(guard, steps).expect("flow-poll-unchanged", cause="at /tau is 0.8650000095, as before")
    # A total that must give another value.
    system.moves = True
    check(guard, [request(system, body='{"total": 0.87}'), poll(system, equals=0.615, changed=True)]).passed()


@pytest.mark.produces("flow-poll-mismatch")
@pytest.mark.parametrize(
    "keys,cause",
    [
        ({"equals": 0.615}, "at /tau is 0.8650000095, expected 0.615"),
        ({"min": 0.9}, "outside 0.9 to inf"),
        ({"equals": 0.615, "changed": True}, "expected 0.615"),
        ({"at": "/tua", "equals": 0.865}, "there is nothing at /tua"),
        ({"at": "/tua", "changed": True}, "there is nothing at /tua"),
    ],
)
def test_a_wrong_value(guard, system, keys, cause):
    steps = [request(system), poll(system, within="300ms", **keys)]
    found = check(guard, steps).expect("flow-poll-mismatch", exit=124, cause=cause)
    assert "within 300ms" in found["cause"]


@pytest.mark.near_miss("flow-poll-mismatch", "flow-poll-unchanged")
def test_a_value_that_comes_later(guard, system):
    late = [json_reply({"tau": 1.0})] * 3 + [Reply(503, "starting"), json_reply({"tau": as_float(0.865)})]
    system.routes["/tau"] = late
    check(guard, [request(system), poll(system, equals=0.865, changed=True)]).passed()


@pytest.mark.near_miss("flow-poll-unchanged")
def test_a_value_that_is_not_there_before(guard, system):
    system.routes["/tau"] = [Reply(404, "no tau yet"), json_reply({"tau": 1.0})]
    check(guard, [request(system), poll(system, changed=True)]).passed()


@pytest.mark.produces("flow-capture-missing")
@pytest.mark.parametrize(
    "capture,cause", [("id=/id", "there is no /id"), ("id=deep", "deep is no scalar, which cannot be captured")]
)
def test_an_answer_without_what_is_captured(guard, system, capture, cause):
    system.answer = {"status": "ok", "deep": {"id": 1}}
    steps = [request(system, capture=[capture]), expect(system, where=["frame_id={id}"])]
    check(guard, steps).expect(
        "flow-capture-missing", cause=f"step 1 of 2, request {system.url}/reward/{{random}}: {{id}}: {cause}"
    )


# ---- failures of the pieces themselves ---------------------------------------------------------------------------------


@pytest.mark.produces("http-status")
def test_the_wrong_route(guard, system):
    """verify_config_update.py posts to /reward, and says nothing of its 404."""
    steps = [request(system, url=f"{system.url}/reward"), expect(system)]
    check(guard, steps).expect("http-status", cause="step 1 of 2, request http://")


@pytest.mark.produces("connect-refused")
@pytest.mark.parametrize("changed", [False, True])
def test_nothing_listens(guard, system, changed):
    """test_tau_moves.py passes when it reaches nobody. With changed the fault is found before anything is sent."""
    steps = [
        request(system),
        poll(system, url=f"http://127.0.0.1:{refused_port()}/tau", equals=1, within="300ms", changed=changed),
    ]
    found = check(guard, steps).expect("connect-refused", cause="step 2 of 2, poll")
    assert ("before the first step" in found["cause"]) == changed
    assert len(system.requests) == (0 if changed else 1)


@pytest.mark.produces("http-json-mismatch")
def test_an_answer_that_is_not_ok(guard, system):
    system.answer = {"status": "queued"}
    steps = [request(system), expect(system)]
    check(guard, steps).expect("http-json-mismatch", cause='/status is "queued", expected ok')


@pytest.mark.produces("http-html-page")
def test_a_page_instead_of_a_value(guard, system):
    system.routes["/tau"] = Reply(body="<html>login</html>", content_type="text/html")
    check(guard, [poll(system, equals=1.0)]).expect("http-html-page", exit=69, cause="step 1 of 1, poll")


@pytest.mark.produces("auth-required")
def test_a_poll_without_credentials(guard, system):
    system.routes["/tau"] = lambda r: (
        json_reply({"tau": 1.0}) if r.headers.get("authorization") == "Bearer x-1-y" else Reply(401)
    )
    check(guard, [poll(system, equals=1.0)]).expect("auth-required", exit=69)
    result = guard.check(profile([poll(system, equals=1.0, token="env:TOKEN")]), mode=None, env={"TOKEN": "x-1-y"})
    result.passed()


@pytest.mark.produces("avro-name-mismatch")
def test_a_field_that_the_schema_lacks(guard, system):
    steps = [request(system), expect(system, where=["frame={random}"])]
    check(guard, steps).expect("avro-name-mismatch", exit=69, cause="no scalar at frame")
    assert not system.requests


@pytest.mark.produces("kafka-topic-missing")
def test_the_topic_is_missing(guard):
    with FakeKafka(topics={"other": (1, 1)}) as fake, System(fake) as system:
        check(guard, [request(system), expect(system)]).expect("kafka-topic-missing", cause="before the first step")
        assert not system.requests


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("flow-no-record")
def test_a_broker_that_freezes_after_the_request(guard):
    """No record came because the cluster does not answer, which is another thing to do."""
    with FakeKafka(topics={REWARDS: (1, 1)}) as fake, System(fake) as system:
        fake.produce = lambda *_: fake.mute.update({1, LIST_OFFSETS})  # Fetch as well
        steps = [request(system), expect(system, within="300ms")]
        check(guard, steps).expect("answer-timeout", cause="step 2 of 2, expect_record cog.reward.events")


@pytest.mark.produces("connect-refused")
def test_kafka_is_down(guard, system):
    steps = [request(system), expect(system, bootstrap_servers=f"127.0.0.1:{refused_port()}")]
    check(guard, steps).expect("connect-refused", cause="step 2 of 2, expect_record cog.reward.events, before the first step")
    assert not system.requests


# ---- mistakes of profiles ---------------------------------------------------------------------------------------------------


class Nowhere:
    url = "http://127.0.0.1:1"

    class kafka:
        bootstrap = "127.0.0.1:1"


@pytest.mark.parametrize(
    "steps,line,words",
    [
        ([request(Nowhere, body="{nope}"), expect(Nowhere)], 2, "steps[1].request.body: uses {nope}, which is not a name"),
        (
            [request(Nowhere, url="http://h/{tau}"), expect(Nowhere, capture=["tau=total"])],
            2,
            "uses {tau}, which step 2 captures, and not before",
        ),
        ([expect(Nowhere, where=["frame_id={id}"])], 2, "steps[1].expect_record.where: uses {id}"),
        ([poll(Nowhere, equals="{id}")], 2, "steps[1].poll.equals: uses {id}"),
        ([expect(Nowhere), expect(Nowhere, UPDATES, holds=["ts={x}"])], 3, "steps[2].expect_record.holds: uses {x}"),
        ([request(Nowhere, headers=["X-Id: {x}"]), poll(Nowhere, equals=1)], 2, "steps[1].request.headers: uses {x}"),
        ([request(Nowhere, capture=["a=/a", "a=/b"]), poll(Nowhere, equals=1)], 2, "names a, which is taken already"),
        ([request(Nowhere, capture=["now=/a"]), poll(Nowhere, equals=1)], 2, "names now, which is taken already"),
        ([request(Nowhere, capture=["1a=/a"])], 2, "does not begin with a letter"),
        ([request(Nowhere, holds=["status"])], 2, "is not field=value"),
        ([request(Nowhere, holds=["a==1"])], 2, "has ==: write field=value"),
        ([request(Nowhere, url="http://{random}.example/")], 2, "has a { in its host"),
        ([request(Nowhere) | poll(Nowhere, equals=1)], 2, "steps[1]: must have exactly one of request, expect_record and poll"),
        ([{}], 2, "must have exactly one of request"),
        ([request(Nowhere, holds=["a=1"], method="HEAD")], 2, "steps[1].request.method: HEAD gives no body"),
        ([{"request": {"url": "http://h/"}}], 1, "steps: look at no effect"),
        ([poll(Nowhere)], 2, "steps[1].poll.url: needs equals, min, max or changed"),
        ([poll(Nowhere, equals=1, min=0)], 2, "steps[1].poll.equals: has several of equals"),
        ([poll(Nowhere, equals="{tau")], 2, "is not JSON text"),
        (
            [request(Nowhere, capture=["id=/id"]), poll(Nowhere, url="http://h/{id}", changed=True)],
            3,
            "steps[2].poll.changed: asks before the first step",
        ),
        ([expect(Nowhere, schema=None)], 2, "steps[1].expect_record.schema: is needed"),
        ([expect(Nowhere, format="json")], 2, "steps[1].expect_record.schema: is for Avro"),
        ([expect(Nowhere, where=None)], 2, '"where" is missing'),
        ([request(Nowhere, hold=["a=1"])], 2, 'unknown key "hold"; did you mean "holds"?'),
        ([expect(Nowhere, properties=["enable.auto.commit=yes", "x"])], 2, "steps[1].expect_record.properties"),
    ],
)
def test_lint(guard, steps, line, words):
    """Each mistake is named with the line of the step."""
    file = guard.write("flow.cfg", profile(steps))
    guard.cli("lint", file, last_line=True).problem(f"flow.cfg:{line}: flow.reward", words)


def test_braces_that_are_no_names(guard):
    steps = [request(Nowhere, body='{"a": {}, "b": {"c": "{{nope} { x }"}}')]
    assert guard.cli("lint", guard.write("flow.cfg", profile(steps))).code == 0


def test_its_time_is_that_of_its_steps(guard):
    steps = [request(Nowhere, within="1m"), poll(Nowhere, equals=1, within="90s")]
    shown = guard.cli("show", "-p", guard.write("flow.cfg", profile(steps)))
    assert 'attempt_timeout = "155s"' in shown.out, shown
    optional = profile(steps, required=False, degraded="nothing is lost")
    assert guard.cli("show", "-p", guard.write("optional.cfg", optional)).out.count("155s") == 2
    for key in ("timeout", "attempt_timeout"):
        file = guard.write("short.cfg", profile(steps, **{key: "154s"}))
        guard.cli("lint", file, last_line=True).problem("short.cfg:1", f"{key} is shorter than its attempts may take: 155s")
        assert guard.cli("lint", guard.write("long.cfg", profile(steps, **{key: "155s"}))).code == 0


def test_lint_warns_of_it_in_prod(guard):
    """Of an effect at every start, unless it is said to be meant; and only lint does."""
    words = "warning: has side effects at every start in mode prod"
    prod = profile([poll(Nowhere, equals=1)]).replace('"staging"', '"prod"')
    result = guard.cli("lint", guard.write("prod.cfg", prod))
    assert result.code == 0 and "prod.cfg:1: flow.reward: " in result.err and words[9:] in result.err, result
    meant = profile([poll(Nowhere, equals=1)], only_in=["prod"]).replace('"staging"', '"prod"')
    for quiet in (guard.cli("lint", guard.write("meant.cfg", meant)), guard.cli("show", "-p", guard.write("prod.cfg", prod))):
        assert quiet.code == 0 and "side effects at" not in quiet.err, quiet


def test_the_example_of_the_manual(guard):
    page = (ROOT / "docs" / "kinds" / "flow.md").read_text("utf-8")
    example = page.partition("```\n")[2].partition("```")[0]
    assert guard.cli("lint", guard.write("manual.cfg", example)).err == "startguard: lint: 1 profile is fine\n"
