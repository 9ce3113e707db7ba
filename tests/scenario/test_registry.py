"""schema_registry"""

import json

import fastavro
import pytest

from fakes.http import HttpServer, Reply
from fakes.tcp import TcpServer, full_backlog, silent

SCHEMA = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [{"name": "id", "type": "string"}, {"name": "total", "type": "double"}],
}


def error(code, message, status=None):
    return Reply(status or code // 100, {"error_code": code, "message": message})


def registry(schema=SCHEMA, **routes):
    table = {
        "/config": Reply(body={"compatibilityLevel": "BACKWARD"}),
        "/mode": Reply(body={"mode": "READWRITE"}),
        "/subjects/orders-value/versions/latest": Reply(
            body={"subject": "orders-value", "version": 3, "id": 7, "schema": json.dumps(schema)}
        ),
        "/config/orders-value": Reply(body={"compatibilityLevel": "BACKWARD"}),
        "POST /compatibility/subjects/orders-value/versions/latest": Reply(body={"is_compatible": True}),
        "/subjects/*": error(40401, "Subject not found."),
    }
    names = {
        "config": "/config",
        "mode": "/mode",
        "latest": "/subjects/orders-value/versions/latest",
        "level": "/config/orders-value",
        "compatibility": "POST /compatibility/subjects/orders-value/versions/latest",
        "any": "*",
    }
    for name, reply in routes.items():
        table[names[name]] = reply
    return HttpServer(table)


@pytest.fixture
def file(guard):
    return guard.write("order.avsc", json.dumps(SCHEMA, indent=2))


def subjects(file=None, **keys):
    words = {"name": '"orders-value"'}
    if file:
        words |= {"must": '"same"', "schema": f'"{file}"'}
    words |= {k: f'"{v}"' for k, v in keys.items()}
    return "( { " + " ".join(f"{k} = {v};" for k, v in words.items()) + " } )"


@pytest.mark.near_miss(
    "registry-not-registry",
    "registry-subject-missing",
    "registry-schema-differs",
    "registry-readonly",
    "registry-schema-type",
    "registry-store",
    "registry-leader",
    "registry-incompatible",
    "registry-level",
    "registry-version-missing",
)
def test_pass(guard, file):
    with registry() as s:
        guard.try_("schema_registry", url=s.url, subjects=subjects(file)).passed()
        guard.try_("schema_registry", url=s.url, subjects=subjects(type="AVRO", compatibility="BACKWARD")).passed()
        guard.try_(
            "schema_registry", url=s.url, subjects=subjects(file, must="compatible").replace('must = "same";', "")
        ).passed()
        assert all(r.method == "GET" or r.path.startswith("/compatibility/") for r in s.requests)


@pytest.mark.near_miss("registry-schema-differs")
def test_same_whatever_the_form(guard):
    spelled = {
        "namespace": "shop",
        "name": "Order",
        "doc": "an order",
        "type": "record",
        "fields": [{"name": "id", "type": {"type": "string"}, "doc": "x"}, {"type": "double", "name": "total"}],
    }
    local = guard.write("o.avsc", json.dumps(spelled))
    with registry(schema=SCHEMA | {"name": "shop.Order", "namespace": ""}) as s:
        guard.try_("schema_registry", url=s.url, subjects=subjects(local)).passed()


@pytest.mark.produces("registry-schema-differs")
@pytest.mark.near_miss("registry-incompatible")
@pytest.mark.parametrize(
    "change,words",
    [
        ({"fields": [{"name": "id", "type": "long"}, {"name": "total", "type": "double"}]}, "/fields/id/type"),
        ({"fields": SCHEMA["fields"][:1]}, "/fields/total"),
        ({"fields": SCHEMA["fields"][:1] + [{"name": "total", "type": "double", "default": 0}]}, "default"),
        ({"name": "Other"}, "/name"),
    ],
)
def test_differs(guard, file, change, words):
    with registry(schema=SCHEMA | change) as s:
        guard.try_("schema_registry", url=s.url, subjects=subjects(file)).expect(
            "registry-schema-differs", exit=69, subject="orders-value", cause=words
        )


@pytest.mark.near_miss("answer-timeout", "connect-timeout", "guard-deadline")
@pytest.mark.parametrize("how", ["silent", "black hole"])
def test_a_registry_that_does_not_answer(guard, how):
    """It gets its share of the attempt: the next one has its own, and needs it."""
    level = Reply(body={"compatibilityLevel": "BACKWARD"}, delay=0.3)
    with registry(config=level) as s, TcpServer(silent) if how == "silent" else full_backlog() as dead:
        guard.check(f"""startguard = 1; schema_registry: {{ r: {{ url = ["http://{dead.address}", "{s.url}"]; subjects = ["orders-value"];
            attempt_timeout = "{guard.span(3)}"; }}; }};""").passed()


@pytest.mark.produces("registry-subject-missing")
@pytest.mark.near_miss("registry-version-missing", "registry-not-registry")
def test_subject_missing(guard):
    with registry(latest=error(40401, "Subject 'orders-value' not found.")) as s:
        guard.try_("schema_registry", url=s.url, subjects=subjects()).expect("registry-subject-missing", exit=69, cause="40401")


@pytest.mark.produces("registry-subject-missing")
@pytest.mark.parametrize("there", ["deleted", "value", "nothing"])
def test_what_is_there_in_place_of_a_subject(guard, there):
    missing = error(40401, "Subject 'orders' not found.")
    with registry() as s:
        s.routes |= {
            "/subjects/orders/versions/latest": missing,
            "/subjects/orders/versions?deleted=true": Reply(body=[1, 2]) if there == "deleted" else missing,
            "/subjects/orders-value/versions": Reply(body=[1]) if there == "value" else missing,
        }
        check = guard.try_("schema_registry", url=s.url, subjects=["orders"]).expect("registry-subject-missing", exit=69)
    assert ("deleted (softly)" in check["cause"]) == (there == "deleted")
    assert ("subject orders-value is there" in check["cause"]) == (there == "value")
    assert "not found" in check["cause"]


def test_grace_waits_for_a_subject(guard):
    there = Reply(body={"schema": json.dumps(SCHEMA), "version": 1, "id": 1})
    with registry(latest=[error(40401, "not yet"), error(40401, "not yet"), there]) as s:
        result = guard.run(
            f'startguard = 1; schema_registry: {{ r: {{ url = "{s.url}"; subjects = ["orders-value"]; grace = "20s"; }}; }};'
        )
        assert result.passed()["attempts"] == 3
    # The earlier attempts are told in the history; the run itself is ready.
    assert result.code == 0 and result.status == "ready"


@pytest.mark.produces("registry-version-missing")
@pytest.mark.near_miss("registry-subject-missing")
def test_version_missing(guard):
    with registry() as s:
        s.routes["/subjects/orders-value/versions/9"] = error(40402, "Version 9 not found.")
        guard.try_("schema_registry", url=s.url, subjects=subjects(version="9")).expect("registry-version-missing", exit=69)


REFUSED = (42201, 42202, 42205, 40408, 44302)


@pytest.mark.produces("registry-refused")
@pytest.mark.near_miss("registry-incompatible", "http-status")
@pytest.mark.parametrize("code", REFUSED)
def test_what_the_registry_refuses(guard, file, code):
    with registry(compatibility=error(code, "Input schema is an invalid Avro schema")) as s:
        wanted = subjects(file).replace("same", "compatible")
        guard.try_("schema_registry", url=s.url, subjects=wanted).expect(
            "registry-refused", exit=69, cause=f"error {code}: Input schema"
        )


@pytest.mark.produces("registry-subject-missing")
@pytest.mark.near_miss("http-status")
def test_a_soft_deleted_subject(guard):
    with registry(latest=error(40404, "Subject 'orders-value' was soft deleted.")) as s:
        guard.try_("schema_registry", url=s.url, subjects=subjects()).expect(
            "registry-subject-missing", exit=69, cause="40404: Subject 'orders-value' was soft deleted"
        )


@pytest.mark.produces("http-too-many")
@pytest.mark.near_miss("registry-refused")
@pytest.mark.parametrize("code", [429, 42901])
def test_a_registry_with_too_much_to_do(guard, code):
    with registry(config=Reply(429, {"error_code": code, "message": "Too Many Requests"}, headers={"Retry-After": "50"})) as s:
        words = f'startguard = 1; timeout = "{guard.span(2)}"; schema_registry: {{ r: {{ url = "{s.url}"; }}; }};'
        guard.run(words).expect("http-too-many", exit=124)
        assert len(s.requests) < 10


@pytest.mark.near_miss("auth-forbidden", "auth-required", "registry-not-registry")
@pytest.mark.parametrize("status", [401, 403])
def test_rights_on_the_subject_alone(guard, file, status):
    """/config and /mode belong to all subjects. A registry that forbids them says so in its own form."""
    denied = error(status * 100 + 1, "User is denied operation Read on Subject: __GLOBAL", status)
    with registry(config=denied, mode=denied) as s:
        guard.try_("schema_registry", url=s.url, subjects=subjects(file, compatibility="BACKWARD")).passed()


@pytest.mark.produces("auth-forbidden")
def test_rights_that_are_missing(guard):
    denied = error(40301, "User is denied operation Read on Subject: orders-value", 403)
    with registry(config=denied, latest=denied) as s:
        guard.try_("schema_registry", url=s.url, subjects=subjects()).expect("auth-forbidden", exit=69, cause="orders-value")
        guard.try_("schema_registry", url=s.url).expect("auth-forbidden", exit=69)
    with registry(config=Reply(403, "<html>proxy</html>")) as s:
        guard.try_("schema_registry", url=s.url, subjects=subjects()).expect("auth-forbidden", exit=69)


@pytest.mark.near_miss("registry-readonly")
def test_a_reader_does_not_ask_for_the_mode(guard):
    with registry(mode=Reply(body={"mode": "IMPORT"})) as s:
        guard.try_("schema_registry", url=s.url, mode="ANY", subjects=subjects()).passed()
        assert "/mode" not in [r.path for r in s.requests]


CUSTOMER = {"type": "record", "name": "shop.Customer", "fields": [{"name": "name", "type": "string"}]}
REFERRING = {"type": "record", "name": "shop.Order", "fields": [{"name": "customer", "type": "shop.Customer"}]}
REFERENCES = [{"name": "shop.Customer", "subject": "customer-value", "version": 2}]


def registry_with_references(customer=CUSTOMER):
    latest = {"subject": "orders-value", "version": 1, "schema": json.dumps(REFERRING), "references": REFERENCES}
    server = registry(latest=Reply(body=latest))
    if customer:
        server.routes["/subjects/customer-value/versions/2"] = Reply(body={"schema": json.dumps(customer), "version": 2})
    return server


@pytest.mark.near_miss("registry-schema-differs", "avro-invalid-schema")
@pytest.mark.parametrize("customer", [CUSTOMER, None], ids=["known", "not permitted"])
def test_the_same_with_references(guard, customer):
    local = guard.write("order.avsc", json.dumps(REFERRING))
    with registry_with_references(customer) as s:
        guard.try_("schema_registry", url=s.url, subjects=subjects(local)).passed()


@pytest.mark.produces("registry-schema-differs")
def test_a_type_of_a_reference_differs(guard):
    local = guard.write("order.avsc", json.dumps(REFERRING))
    types = guard.write("customer.avsc", json.dumps(CUSTOMER))
    wanted = [{"name": "orders-value", "must": "same", "schema": str(local), "types": [str(types)]}]
    with registry_with_references() as s:
        guard.try_("schema_registry", url=s.url, subjects=wanted).passed()
    other = CUSTOMER | {"fields": [{"name": "name", "type": "bytes"}]}
    with registry_with_references(other) as s:
        guard.try_("schema_registry", url=s.url, subjects=wanted).expect("registry-schema-differs", exit=69, cause="name")


@pytest.mark.near_miss("registry-refused")
def test_registered_references_are_sent(guard, file):
    references = [{"name": "shop.Customer", "subject": "customer-value", "version": 1}]
    latest = {"subject": "orders-value", "version": 1, "schema": json.dumps(SCHEMA), "references": references}
    with registry(latest=Reply(body=latest)) as s:
        guard.try_("schema_registry", url=s.url, subjects=subjects(file).replace("same", "compatible")).passed()
        assert json.loads(s.requests[-1].body)["references"] == references


@pytest.mark.produces("registry-incompatible")
@pytest.mark.near_miss("registry-schema-differs")
def test_incompatible(guard, file):
    with registry(
        compatibility=Reply(body={"is_compatible": False, "messages": ["READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1"]})
    ) as s:
        guard.try_("schema_registry", url=s.url, subjects=subjects(file).replace("same", "compatible")).expect(
            "registry-incompatible", exit=69, cause="READER_FIELD_MISSING"
        )


REFUSES = error(42201, "Could not execute compatibility rule on invalid Avro schema")
ALL = "POST /compatibility/subjects/orders-value/versions"


def compatible(schema, types=(), **keys):
    return [
        {"name": "orders-value", "must": "compatible", "schema": str(schema)}
        | ({"types": [str(t) for t in types]} if types else {})
        | keys
    ]


def write(guard, name, schema):
    return guard.write(name, json.dumps(schema))


def sent(server):
    return [json.loads(r.body) for r in server.requests if r.method == "POST"]


@pytest.mark.near_miss("registry-refused", "registry-incompatible")
def test_types_of_other_files_are_sent_in_their_places(guard):
    """A registry does not have them by the names of these files; of what it is asked, nothing is left out."""
    files = [write(guard, "order.avsc", REFERRING), write(guard, "customer.avsc", CUSTOMER)]
    with registry_with_references() as s:
        guard.try_("schema_registry", url=s.url, subjects=compatible(files[0], files[1:])).passed()
    assert "references" not in sent(s)[0]
    fields = json.loads(sent(s)[0]["schema"])["fields"]
    assert fields[0]["type"]["fields"] == CUSTOMER["fields"]


def test_a_type_without_a_namespace_keeps_its_name(guard):
    """Inside of a record of a namespace it would get that one."""
    kind = {"type": "enum", "name": "Kind", "symbols": ["A"]}
    files = [
        write(guard, "kind.avsc", kind),
        write(guard, "order.avsc", REFERRING | {"fields": [{"name": "k", "type": "Kind"}]}),
    ]
    with registry() as s:
        guard.try_("schema_registry", url=s.url, subjects=compatible(files[1], files[:1])).passed()
    parsed = fastavro.parse_schema(json.loads(sent(s)[0]["schema"]))
    assert [parsed["name"], parsed["fields"][0]["type"]["name"]] == ["shop.Order", "Kind"]


@pytest.mark.produces("avro-invalid-schema", "file-missing")
def test_types_that_are_wrong(guard):
    order = write(guard, "order.avsc", REFERRING)
    with registry() as s:
        for types, code in (["/nonexistent"], "file-missing"), ([guard.write("t", "{")], "avro-invalid-schema"):
            guard.try_("schema_registry", url=s.url, subjects=compatible(order, types)).expect(code)
    assert sent(s) == []


@pytest.mark.parametrize(
    "keys, words", [({"type": "JSON"}, "only Avro schemas"), ({"must": "exists", "schema": None}, "no schema")]
)
def test_types_without_use(guard, keys, words):
    subject = compatible("a.avsc", ["b.avsc"])[0] | keys
    subject = {name: value for name, value in subject.items() if value is not None}
    guard.try_("schema_registry", url="http://127.0.0.1:1", subjects=[subject]).problem(words, exit=64)


@pytest.mark.produces("file-content")
def test_a_file_that_is_not_text(guard):
    """It cannot stand in JSON, which is what is sent."""
    with registry(latest=Reply(body={"schema": "x", "schemaType": "PROTOBUF", "version": 3})) as s:
        result = guard.try_("schema_registry", url=s.url, subjects=compatible(guard.write("o", b"// caf\xe9"), type="PROTOBUF"))
        assert sent(s) == []
    result.expect("file-content", cause="byte 7 is not text in UTF-8")


@pytest.mark.produces("avro-invalid-schema")
def test_a_schema_that_is_not_text(guard):
    with registry() as s:
        result = guard.try_("schema_registry", url=s.url, subjects=compatible(guard.write("o", b'"caf\xe9"')))
        assert sent(s) == []
    result.expect("avro-invalid-schema", exit=69)


INCOMPATIBLE = Reply(body={"is_compatible": False})
LESS = SCHEMA | {"fields": SCHEMA["fields"][:1]}


@pytest.mark.produces("registry-incompatible")
@pytest.mark.parametrize(
    "level, schema, words",
    [
        ("BACKWARD", SCHEMA, "the file cannot read what version 3 writes: total: "),
        ("FORWARD", SCHEMA | {"fields": [{"name": "id", "type": "int"}]}, "version 3 cannot read what the file writes: id: "),
        (
            "FULL",
            SCHEMA | {"fields": [{"name": "id", "type": "int"}]},
            "id: the reader has int, the writer string; version 3 cannot",
        ),
    ],
)
def test_the_reason_where_the_registry_gives_none(guard, level, schema, words):
    with registry(LESS, compatibility=INCOMPATIBLE, level=Reply(body={"compatibilityLevel": level})) as s:
        result = guard.try_("schema_registry", url=s.url, subjects=compatible(write(guard, "o", schema)))
    result.expect(
        "registry-incompatible", exit=69, cause=f"({level}): the registry gives no reason; by Avro's rules, read here, "
    )
    result.expect("registry-incompatible", cause=words)


@pytest.mark.produces("registry-incompatible")
def test_no_reason_is_made_up(guard, file):
    """What is read here finds nothing wrong: the registry has rules of its own."""
    with registry(compatibility=INCOMPATIBLE) as s:
        result = guard.try_("schema_registry", url=s.url, subjects=compatible(file))
    result.expect("registry-incompatible", exit=69, cause="the registry gives no reason")
    assert "read here" not in result.err


def registry_that_cannot_judge(level="BACKWARD"):
    server = registry_with_references()
    server.routes["POST /compatibility/subjects/orders-value/versions/latest"] = REFUSES
    server.routes[ALL] = REFUSES
    server.routes["/config/orders-value"] = Reply(body={"compatibilityLevel": level}) if level else error(40301, "denied", 403)
    return server


@pytest.mark.near_miss("registry-refused", "registry-incompatible")
def test_a_registry_that_cannot_judge_references(guard):
    """Apicurio: it refuses its own schema with its own references, which it has registered."""
    with registry_that_cannot_judge() as s:
        check = guard.try_("schema_registry", url=s.url, subjects=compatible(write(guard, "o", REFERRING))).passed()
    assert check["facts"]["judged_here"] is True
    assert [body["references"] for body in sent(s)] == [REFERENCES] * 2


@pytest.mark.produces("registry-incompatible")
def test_what_is_incompatible_where_the_registry_cannot_judge(guard):
    more = REFERRING | {"fields": [*REFERRING["fields"], {"name": "n", "type": "int"}]}
    with registry_that_cannot_judge() as s:
        guard.try_("schema_registry", url=s.url, subjects=compatible(write(guard, "o", more))).expect(
            "registry-incompatible",
            exit=69,
            cause="cannot judge schemas with references; by Avro's rules, read here, the file cannot",
        )


@pytest.mark.produces("registry-refused")
@pytest.mark.parametrize("unknown", ["level", "reference", "format"])
def test_what_nobody_can_judge(guard, unknown):
    with registry_that_cannot_judge(None if unknown == "level" else "BACKWARD") as s:
        if unknown == "reference":
            s.routes["/subjects/customer-value/versions/2"] = error(40301, "denied", 403)
        if unknown == "format":
            s.routes["/subjects/orders-value/versions/latest"].body["schemaType"] = "PROTOBUF"
        result = guard.try_("schema_registry", url=s.url, subjects=compatible(write(guard, "o", REFERRING), type="ANY"))
    result.expect("registry-refused", exit=69, cause="cannot judge schemas with references (error 42201")


LOOKS_ELSEWHERE = Reply(500, body={"message": "java.net.ConnectException: Connection refused", "error_code": 0})
STORE_FAILS = error(50001, "Error in the backend data store", 500)


def ask_of_json(guard, *answers, then=None):
    """What is said of a JSON schema with references, where the registry answers so about the file, and then about its own schema.
    then: its answer when the schema is read again."""
    server = registry_with_references()
    version = "/subjects/orders-value/versions/latest"
    registered = server.routes[version]
    registered.body |= {"schema": '{"$ref": "http://x.test/c.json"}', "schemaType": "JSON"}
    server.routes[version] = [registered, then or registered]
    server.routes[f"POST /compatibility{version}"] = list(answers)
    with server as s:
        file = guard.write("o", '{"title": "x", "$ref": "http://x.test/c.json"}')
        return guard.try_("schema_registry", url=s.url, subjects=compatible(file, type="JSON"))


@pytest.mark.produces("registry-refused")
@pytest.mark.near_miss("http-status")
def test_references_that_a_registry_looks_for_elsewhere(guard):
    """Apicurio: when it judges a JSON schema it asks the address in $ref, and not itself."""
    cause = "cannot judge schemas with references (error 0: java.net.ConnectException"
    ask_of_json(guard, LOOKS_ELSEWHERE).expect("registry-refused", exit=69, cause=cause, hint='must = "same"')


@pytest.mark.produces("http-status", "registry-store")
@pytest.mark.near_miss("registry-refused")
def test_a_registry_in_trouble(guard):
    other = Reply(500, body={"message": "java.lang.IllegalStateException", "error_code": 0})
    ask_of_json(guard, LOOKS_ELSEWHERE, Reply(body={"is_compatible": True})).expect("http-status", exit=124)
    ask_of_json(guard, LOOKS_ELSEWHERE, other).expect("http-status", exit=124)
    ask_of_json(guard, LOOKS_ELSEWHERE, then=STORE_FAILS).expect("http-status", exit=124)
    ask_of_json(guard, STORE_FAILS).expect("registry-store", exit=124)


@pytest.mark.produces("avro-invalid-schema")
def test_a_refused_file_that_cannot_be_read_here_either(guard):
    with registry(compatibility=REFUSES) as s:
        guard.try_("schema_registry", url=s.url, subjects=compatible(write(guard, "o", REFERRING))).expect(
            "avro-invalid-schema", exit=69, cause='the type "shop.Customer" is not defined; the registry says: error 42201'
        )


def transitive(judgement):
    server = registry(level=Reply(body={"compatibilityLevel": "BACKWARD_TRANSITIVE"}))
    server.routes[ALL] = judgement
    server.routes["/subjects/orders-value/versions"] = Reply(body=[1, 2, 3])
    server.routes["/subjects/orders-value/versions/2"] = Reply(body={"schema": json.dumps(SCHEMA), "version": 2})
    server.routes["/subjects/orders-value/versions/1"] = Reply(body={"schema": json.dumps(LESS), "version": 1})
    return server


@pytest.mark.produces("registry-incompatible")
def test_a_transitive_level_is_about_all_versions(guard, file):
    with transitive(INCOMPATIBLE) as s:
        guard.try_("schema_registry", url=s.url, subjects=compatible(file)).expect(
            "registry-incompatible", exit=69, cause="fits the latest version, and not all earlier ones (BACKWARD_TRANSITIVE)"
        )
        result = guard.try_("schema_registry", url=s.url, subjects=compatible(file))
    result.expect("registry-incompatible", cause="what version 1 writes: total: ")


@pytest.mark.near_miss("registry-incompatible", "registry-not-registry")
@pytest.mark.parametrize(
    "judgement", [Reply(body={"is_compatible": True}), Reply(404, {"error_code": 404, "message": "Not found"})]
)
def test_a_transitive_level_that_is_kept(guard, file, judgement):
    """Karapace judges all versions when asked about one, and has no other question."""
    with transitive(judgement) as s:
        guard.try_("schema_registry", url=s.url, subjects=compatible(file)).passed()
        assert len(sent(s)) == 2
        del s.requests[:]
        s.routes["/subjects/orders-value/versions/3"] = s.routes["/subjects/orders-value/versions/latest"]
        s.routes["POST /compatibility/subjects/orders-value/versions/3"] = Reply(body={"is_compatible": True})
        guard.try_("schema_registry", url=s.url, subjects=compatible(file, version="3")).passed()
        assert len(sent(s)) == 1


PROTO = {"schema": 'syntax = "proto3";', "schemaType": "PROTOBUF", "version": 3}


def look_up_protobuf(guard, answer):
    """Registries write Protobuf in forms of their own. The look-up, which registers nothing, says whether it is the same."""
    file = guard.write("o.proto", 'syntax="proto3";')
    with registry(latest=Reply(body=PROTO)) as s:
        s.routes["POST /subjects/orders-value"] = answer
        result = guard.try_("schema_registry", url=s.url, subjects=subjects(file, type="PROTOBUF"))
        assert sent(s) == [{"schema": 'syntax="proto3";', "schemaType": "PROTOBUF"}]
    return result


@pytest.mark.near_miss("registry-schema-differs")
def test_the_same_protobuf_in_another_form(guard):
    look_up_protobuf(guard, Reply(body={"version": 3})).passed()


@pytest.mark.produces("registry-schema-differs")
@pytest.mark.parametrize(
    "answer, words",
    [
        (Reply(body={"version": 2}), "is version 2 of the subject, demanded is version 3"),
        (error(40403, "Schema not found"), "Schema not found"),
    ],
)
def test_another_protobuf(guard, answer, words):
    look_up_protobuf(guard, answer).expect("registry-schema-differs", exit=69, cause=words)


@pytest.mark.produces("registry-refused")
def test_no_protobuf(guard):
    look_up_protobuf(guard, error(42201, "Invalid schema")).expect("registry-refused", exit=69, cause="42201")


@pytest.mark.produces("registry-schema-type")
def test_type(guard):
    """Avro is what is meant where nothing is said."""
    with registry(latest=Reply(body={"schema": "{}", "schemaType": "JSON"})) as s:
        for named in ({}, {"type": "AVRO"}, {"type": "PROTOBUF"}):
            guard.try_("schema_registry", url=s.url, subjects=subjects(**named)).expect(
                "registry-schema-type", exit=69, cause="JSON"
            )
        for named in ("JSON", "ANY"):
            guard.try_("schema_registry", url=s.url, subjects=subjects(type=named)).passed()


@pytest.mark.parametrize("named, sent", [({}, None), ({"type": "JSON"}, "JSON"), ({"type": "ANY"}, "JSON")])
def test_type_that_is_asked_about(guard, file, named, sent):
    """Compatible is asked of a schema of the registered type; Avro is what a request without one means."""
    latest = {"schema": "{}"} | ({"schemaType": sent} if sent else {})
    with registry(latest=Reply(body=latest)) as s:
        guard.try_(
            "schema_registry", url=s.url, subjects=subjects(file, must="compatible", **named).replace('must = "same";', "")
        ).passed()
        asked = [json.loads(r.body) for r in s.requests if r.method == "POST"]
        assert [one.get("schemaType") for one in asked] == [sent]


@pytest.mark.parametrize("version", ["3", '"3"', '"latest"'])
def test_version_in_every_form(guard, version):
    with registry() as s:
        s.routes["/subjects/orders-value/versions/3"] = s.routes["/subjects/orders-value/versions/latest"]
        guard.check(
            f'startguard = 1; schema_registry: {{ r: {{ url = "{s.url}"; subjects = ( {{ name = "orders-value"; version = {version}; }} ); }}; }};'
        ).passed()


@pytest.mark.produces("registry-level")
@pytest.mark.parametrize("has,wants", [("NONE", "BACKWARD"), ("BACKWARD", "FULL"), ("FORWARD_TRANSITIVE", "BACKWARD")])
def test_level(guard, has, wants):
    with registry(level=Reply(body={"compatibilityLevel": has})) as s:
        guard.try_("schema_registry", url=s.url, subjects=subjects(compatibility=wants)).expect(
            "registry-level", exit=69, cause=has
        )


@pytest.mark.near_miss("registry-level")
@pytest.mark.parametrize("has,wants", [("FULL_TRANSITIVE", "BACKWARD"), ("FULL", "FORWARD"), ("NONE", "NONE")])
def test_level_is_more(guard, has, wants):
    with registry(level=Reply(body={"compatibilityLevel": has})) as s:
        guard.try_("schema_registry", url=s.url, subjects=subjects(compatibility=wants)).passed()


@pytest.mark.produces("registry-readonly")
def test_mode(guard):
    with registry(mode=Reply(body={"mode": "READONLY"})) as s:
        guard.try_("schema_registry", url=s.url).expect("registry-readonly", exit=124, cause="READONLY")


@pytest.mark.near_miss("registry-readonly", "registry-not-registry")
def test_no_modes(guard):
    with registry(mode=Reply(404, "no such route")) as s:
        guard.try_("schema_registry", url=s.url).passed()
    with registry(mode=Reply(body={"mode": "READONLY"})) as s:
        guard.try_("schema_registry", url=s.url, mode="READONLY").passed()


@pytest.mark.produces("registry-store", "registry-leader")
def test_registry_in_trouble(guard):
    with registry(config=error(50001, "Error in the backend data store", 500)) as s:
        guard.try_("schema_registry", url=s.url).expect("registry-store", exit=124, cause="backend data store")
    with registry(config=error(50003, "Error while forwarding the request to the primary", 500)) as s:
        guard.try_("schema_registry", url=s.url).expect("registry-leader", exit=124)


@pytest.mark.near_miss("registry-store", "registry-leader")
def test_a_500_without_a_code(guard):
    with registry(config=Reply(500, "oops")) as s:
        guard.try_("schema_registry", url=s.url).expect("http-status")


@pytest.mark.produces("registry-not-registry")
@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, "not found"),
        Reply(404, {"error_code": 404, "message": "HTTP 404 Not Found"}),  # Kafka Connect, REST Proxy
        Reply(200, {"hello": 1}),
        Reply(200, "ok"),
    ],
)
def test_other_server(guard, reply):
    with registry(config=reply) as s:
        guard.try_("schema_registry", url=s.url).expect("registry-not-registry", exit=69)


@pytest.mark.produces("http-html-page")
def test_login_page(guard):
    with registry(config=Reply(200, "<html>Sign in</html>", content_type="text/html")) as s:
        guard.try_("schema_registry", url=s.url).expect("http-html-page", exit=69)


def test_below_a_path_and_second_of_two(guard):
    with HttpServer({"/apis/ccompat/v7/config": Reply(body={"compatibilityLevel": "NONE"}), "*": Reply(404)}) as s:
        guard.try_("schema_registry", url=f"http://127.0.0.1:1,{s.url}/apis/ccompat/v7/").passed()


@pytest.mark.produces("auth-required", "auth-failed")
def test_credentials(guard):
    with registry(
        config=lambda r: (
            Reply(200, {"compatibilityLevel": "FULL"}) if r.headers.get("authorization") == "Basic YTpi" * 1 else Reply(401)
        )
    ) as s:
        guard.try_("schema_registry", url=s.url).expect("auth-required")
        guard.try_("schema_registry", url=s.url, username="a", password="env:P", _env={"P": "wrong"}).expect("auth-failed")
        guard.try_("schema_registry", url=s.url, username="a", password="env:P", _env={"P": "b"}).passed()


@pytest.mark.produces("avro-invalid-schema", "file-missing")
def test_local_file(guard):
    broken = guard.write("b.avsc", '{"type": "rekord"}')
    with registry() as s:
        guard.try_("schema_registry", url=s.url, subjects=subjects(broken)).expect("avro-invalid-schema")
        guard.try_("schema_registry", url=s.url, subjects=subjects("/nonexistent.avsc")).expect("file-missing")
