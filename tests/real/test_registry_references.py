"""schema_registry against a real one, Apicurio: schemas with references, and each compatibility level."""

import json

import pytest

from servers.common import StartError
from servers.registry import RegistryServer

pytestmark = pytest.mark.timeout(180)


def record(full_name, /, **fields):
    """A field is a type, or an object with its type and more."""
    kinds = {n: t if isinstance(t, dict) and "fields" not in t else {"type": t} for n, t in fields.items()}
    return {"type": "record", "name": full_name, "fields": [{"name": n, **kind} for n, kind in kinds.items()]}


NAME = record("shop.Name", text="string")
CUSTOMER = record("shop.Customer", name="shop.Name", age="int")
NEWER = record("shop.Customer", name="shop.Name", age="int", city={"type": "string", "default": ""})
ORDER = record("shop.Order", by="shop.Customer")
PROTO = 'syntax = "proto3";\npackage shop;\nmessage Customer { int32 age = 1; }\n'
PROTO_ORDER = 'syntax = "proto3";\npackage shop;\nimport "customer.proto";\nmessage Order { Customer by = 1; }\n'
JSON = {"$id": "http://127.0.0.1:1/customer.json", "type": "object", "properties": {"age": {"type": "integer"}}}
JSON_ORDER = {"$id": "http://127.0.0.1:1/order.json", "type": "object", "properties": {"by": {"$ref": JSON["$id"]}}}


def reference(name, subject, version=1):
    return {"name": name, "subject": subject, "version": version}


OF_CUSTOMER = [reference("shop.Name", "name-value")]
OF_ORDER = [reference("shop.Customer", "customer-value")]


@pytest.fixture(scope="module")
def registry():
    with RegistryServer() as server:
        server.register("name-value", json.dumps(NAME))
        server.register("customer-value", json.dumps(CUSTOMER), references=OF_CUSTOMER)
        server.register("order-value", json.dumps(ORDER), references=OF_ORDER)
        server.register("customer-value", json.dumps(NEWER), references=OF_CUSTOMER)
        server.set_level("order-value", "BACKWARD")
        server.register("customer-proto", PROTO, "PROTOBUF")
        server.register("order-proto", PROTO_ORDER, "PROTOBUF", [reference("customer.proto", "customer-proto")])
        server.set_level("order-proto", "BACKWARD")
        server.register("customer-json", json.dumps(JSON), "JSON")
        server.register("order-json", json.dumps(JSON_ORDER), "JSON", [reference(JSON["$id"], "customer-json")])
        server.set_level("order-json", "BACKWARD")
        yield server


def check(guard, registry, subject, schema, must, types=(), **keys):
    file = guard.write("schema", schema if isinstance(schema, str) else json.dumps(schema))
    files = [str(guard.write(f"type{i}.avsc", json.dumps(type_))) for i, type_ in enumerate(types)]
    wanted = {"name": subject, "schema": str(file), "must": must} | ({"types": files} if files else {}) | keys
    return guard.try_("schema_registry", url=registry.url, subjects=[wanted])


@pytest.mark.near_miss("registry-schema-differs", "avro-invalid-schema")
@pytest.mark.parametrize(
    "schema, types, keys",
    [
        (ORDER, [], {}),
        (ORDER, [], {"version": "1"}),
        (ORDER, [NAME, CUSTOMER], {}),
        (record("shop.Order", by=record("shop.Customer", name=NAME, age="int")), [], {}),
    ],
    ids=["references", "pinned", "types", "in one file"],
)
def test_same(guard, registry, schema, types, keys):
    check(guard, registry, "order-value", schema, "same", types, **keys).passed()


@pytest.mark.produces("registry-schema-differs")
def test_a_reference_of_another_version(guard, registry):
    check(guard, registry, "order-value", ORDER, "same", [NAME, NEWER]).expect("registry-schema-differs", exit=69, cause="city")


@pytest.mark.produces("registry-schema-differs")
def test_a_type_below_a_reference_differs(guard, registry):
    other = record("shop.Name", text="bytes")
    check(guard, registry, "order-value", ORDER, "same", [other, CUSTOMER]).expect("registry-schema-differs", cause="text")


@pytest.mark.produces("registry-version-missing")
def test_a_version_that_is_missing(guard, registry):
    check(guard, registry, "order-value", ORDER, "compatible", version="7").expect("registry-version-missing", exit=69)


@pytest.mark.produces("avro-invalid-schema")
@pytest.mark.parametrize("must", ["same", "compatible"])
def test_a_type_without_a_reference(guard, registry, must):
    """Apicurio's own words are that it could not execute a rule."""
    other = record("shop.Order", by="shop.Customer", at="shop.Address")
    result = check(guard, registry, "order-value", other, must)
    result.expect("avro-invalid-schema", exit=69, cause='the type "shop.Address" is not defined')


# Apicurio resolves no references when it is asked for compatibility, though it does when a schema is registered: it refuses its own.
@pytest.mark.near_miss("registry-refused", "registry-incompatible")
@pytest.mark.parametrize("types", [[], [NAME, CUSTOMER], [NAME, NEWER]], ids=["references", "types", "newer type"])
def test_compatible(guard, registry, types):
    more = ORDER | {"fields": [*ORDER["fields"], {"name": "n", "type": "int", "default": 0}]}
    assert check(guard, registry, "order-value", more, "compatible", types).passed()["facts"]["judged_here"] is True


@pytest.mark.produces("registry-incompatible")
@pytest.mark.parametrize(
    "schema, types, cause",
    [
        (record("shop.Order", by="shop.Customer", n="int"), [], "version 1 writes: n: "),
        (ORDER, [NAME, record("shop.Customer", name="shop.Name", age="string")], "by.age: the reader has string"),
        (ORDER, [record("shop.Name", text="int"), CUSTOMER], "by.name.text: "),
    ],
    ids=["file", "type", "type of a type"],
)
def test_incompatible(guard, registry, schema, types, cause):
    result = check(guard, registry, "order-value", schema, "compatible", types)
    result.expect("registry-incompatible", exit=69, cause=cause)
    # The registry would say so too when the schema is registered.
    if not types:
        with pytest.raises(StartError, match="HTTP 409"):
            registry.register("order-value", json.dumps(schema), references=OF_ORDER)


@pytest.mark.near_miss("registry-schema-differs", "registry-incompatible")
def test_protobuf(guard, registry):
    keys = {"type": "PROTOBUF"}
    check(guard, registry, "order-proto", PROTO_ORDER, "same", **keys).passed()
    check(guard, registry, "order-proto", PROTO_ORDER.replace("; }", ";\n  // x\n}"), "same", **keys).passed()
    check(guard, registry, "order-proto", PROTO_ORDER.replace("}", "int32 n = 2; }"), "compatible", **keys).passed()


@pytest.mark.produces("registry-schema-differs", "registry-incompatible")
def test_other_protobuf(guard, registry):
    other = PROTO_ORDER.replace("Customer by", "int32 by")
    for must, code in (("same", "registry-schema-differs"), ("compatible", "registry-incompatible")):
        check(guard, registry, "order-proto", other, must, type="PROTOBUF").expect(code, exit=69)


@pytest.mark.produces("registry-schema-differs")
def test_json_schema(guard, registry):
    check(guard, registry, "order-json", json.dumps(JSON_ORDER, indent=1), "same", type="JSON").passed()
    other = JSON_ORDER | {"required": ["by"]}
    check(guard, registry, "order-json", other, "same", type="JSON").expect("registry-schema-differs", exit=69)


@pytest.mark.produces("registry-refused")
@pytest.mark.near_miss("http-status")
def test_compatible_json_schema(guard, registry):
    """The registry asks the address in $ref, where nobody listens; what has no references it judges."""
    check(guard, registry, "order-json", json.dumps(JSON_ORDER), "compatible", type="JSON").expect(
        "registry-refused", exit=69, cause="cannot judge schemas with references (error 0: java.net.ConnectException"
    )
    check(guard, registry, "customer-json", json.dumps(JSON), "compatible", type="JSON").passed()


@pytest.mark.produces("registry-incompatible")
def test_the_reason_that_the_registry_does_not_give(guard, registry):
    """Battery of faults: an incompatible schema at Apicurio."""
    other = record("shop.Name", text="string", more="int")
    registry.set_level("name-value", "BACKWARD")
    result = check(guard, registry, "name-value", other, "compatible")
    result.expect(
        "registry-incompatible",
        exit=69,
        cause="gives no reason; by Avro's rules, read here, the file cannot read what version 1",
    )
    result.expect("registry-incompatible", cause="more: the reader needs this field")


# Version 1, version 2, and what is to be compatible with them. Each level answers for what it promises.
FIRST, SECOND = record("R", f="int", k="int"), record("R", k="int")
CASES = {
    "a field more with a default": record("R", k="int", n={"type": "int", "default": 0}),
    "a field more": record("R", k="int", n="int"),
    "a field less": record("R"),
    "promoted": record("R", k="long"),
    "f again, of another type": record("R", k="int", f={"type": "string", "default": ""}),
    "another type": record("R", k="string"),
}
LEVELS = [way + all_ for way in ("BACKWARD", "FORWARD", "FULL") for all_ in ("", "_TRANSITIVE")]


def judge(guard, registry, level):
    """What is said must be what the registry does when the schema is registered."""
    for number, (name, schema) in enumerate(CASES.items()):
        subject = f"{level}-{number}"
        for version in (FIRST, SECOND):
            registry.register(subject, json.dumps(version))
        registry.set_level(subject, level)
        result = check(guard, registry, subject, schema, "compatible")
        try:
            registry.register(subject, json.dumps(schema))
        except StartError as refusal:
            assert "HTTP 409" in str(refusal)
            result.expect("registry-incompatible", exit=69, cause="read here")
        else:
            assert result.code == 0, name


@pytest.mark.produces("registry-incompatible")
@pytest.mark.parametrize("level", LEVELS)
def test_levels(guard, registry, level):
    judge(guard, registry, level)


@pytest.mark.near_miss("registry-incompatible")
def test_no_level(guard, registry):
    judge(guard, registry, "NONE")
