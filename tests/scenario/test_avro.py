"""avro, with fastavro as the second opinion."""

import io
import json

import fastavro
import pytest

from harness import ROOT

ORDER = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "total", "type": "double"},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
        {"name": "tags", "type": {"type": "map", "values": "long"}},
        {"name": "items", "type": {"type": "array", "items": ["null", "int", "shop.State"]}},
    ],
}
RECORD = {"id": "o-1", "total": 1.5, "state": "PAID", "tags": {"a": 1}, "items": [None, 7, "NEW"]}


def save(guard, name, schema):
    return guard.write(name, json.dumps(schema))


def encode(schema, record):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(json.dumps(schema))), record)
    return out.getvalue()


def fingerprint(schema):
    return fastavro.schema.fingerprint(fastavro.schema.to_parsing_canonical_form(json.loads(json.dumps(schema))), "CRC-64-AVRO")


@pytest.mark.near_miss(
    "avro-invalid-schema", "avro-name-mismatch", "avro-fingerprint", "avro-decode", "avro-bytes-left", "avro-incompatible"
)
def test_pass(guard):
    file = save(guard, "order.avsc", ORDER)
    sample = guard.write("order.bin", encode(ORDER, RECORD))
    check = guard.try_(
        "avro", schema=file, full_name="shop.Order", fingerprint=fingerprint(ORDER), sample=sample, reads=file, readable_by=file
    ).passed()
    number = bytes.fromhex(fingerprint(ORDER))[::-1].hex()
    assert check["facts"]["fingerprint"] == number
    guard.try_("avro", schema=file, fingerprint=number).passed()


@pytest.mark.parametrize(
    "schema", sorted((ROOT / "profiles" / "somabrain" / "schemas").glob("*/*.avsc")), ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_fingerprints_are_those_of_fastavro(guard, schema):
    guard.try_("avro", schema=schema, fingerprint=fingerprint(json.loads(schema.read_text()))).passed()


@pytest.mark.parametrize(
    "schema",
    [
        '"string"',
        {"type": "array", "items": "int"},
        {"type": "fixed", "name": "F", "namespace": "a.b", "size": 4},
        {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"], "default": None}]},
        {
            "type": "record",
            "name": "x.R",
            "doc": "d",
            "aliases": ["Q"],
            "fields": [{"name": "a", "type": {"type": "long", "logicalType": "timestamp-millis"}, "order": "ignore"}],
        },
    ],
    ids=str,
)
def test_more_fingerprints(guard, schema):
    value = json.loads(schema) if isinstance(schema, str) else schema
    guard.try_(
        "avro",
        schema=guard.write("s.avsc", schema if isinstance(schema, str) else json.dumps(schema)),
        fingerprint=fingerprint(value),
    ).passed()


@pytest.mark.produces("avro-invalid-schema")
@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"type": "rekord"}',
        '{"type": "record", "name": "A"}',
        '"Unknown"',
        "[" * 200,
        '{"type": "enum", "name": "E", "symbols": ["a", "a"]}',
        '{"type":"record","name":"A","fields":[{"name":"b","type":"B"}]}',
        "",
        '{"type": "fixed", "name": "F", "size": -1}',
        "5",
    ],
)
def test_invalid(guard, text):
    guard.try_("avro", schema=guard.write("s.avsc", text)).expect("avro-invalid-schema", exit=69, phase="assert")


@pytest.mark.produces("avro-invalid-schema")
@pytest.mark.parametrize(
    "text, words",
    [
        (
            '{"type": "record", "name": "R", "namespace": "n", "fields": [{"name": "a", "type": "array", "items": "int"}]}',
            '"array" is no type by itself: write {"type": "array", ...}',
        ),
        ('{"subject": "x", "version": 1, "id": 3, "schema": "\\"string\\""}', "as a registry's answer has"),
        ('\ufeff"string"', "byte order mark"),
        (" \n", "it is empty"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 10\n", "a pointer of Git LFS"),
        ('syntax = "proto3";', "it is Protobuf"),
        ('@namespace("n") protocol P { record R { int a; } }', "it is Avro IDL"),
        ('{"protocol": "P", "types": [], "messages": {}}', "it is a protocol"),
        ('{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}', "it is JSON Schema"),
        ("<html></html>", "it is HTML or XML"),
        ('<<<<<<< HEAD\n"string"', "a merge conflict"),
        ('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "Missing"}]}', 'the type "Missing" is not defined'),
    ],
)
def test_common_mistakes_are_named(guard, text, words):
    guard.try_("avro", schema=guard.write("s.avsc", text)).expect("avro-invalid-schema", exit=69, cause=words)


@pytest.mark.produces("avro-name-mismatch", "avro-fingerprint")
def test_other_schema(guard):
    file = save(guard, "order.avsc", ORDER)
    guard.try_("avro", schema=file, full_name="shop.Orders").expect(
        "avro-name-mismatch", exit=69, cause="shop.Order, expected shop.Orders"
    )
    guard.try_("avro", schema=file, fingerprint="0" * 16).expect("avro-fingerprint", exit=69)


@pytest.mark.produces("avro-bytes-left")
@pytest.mark.near_miss("avro-decode")
def test_bytes_left(guard):
    guard.try_(
        "avro", schema=save(guard, "o.avsc", ORDER), sample=guard.write("s", encode(ORDER, RECORD) + b"\x00\x01")
    ).expect("avro-bytes-left", exit=69, cause="2 of")


@pytest.mark.produces("avro-decode")
@pytest.mark.near_miss("avro-bytes-left")
def test_truncated_and_json(guard):
    file = save(guard, "o.avsc", ORDER)
    guard.try_("avro", schema=file, sample=guard.write("s", encode(ORDER, RECORD)[:-1])).expect("avro-decode", exit=69)
    guard.try_("avro", schema=file, sample=guard.write("j", json.dumps(RECORD))).expect("avro-decode", cause="look like JSON")


@pytest.mark.produces("avro-decode")
def test_confluent_frame(guard):
    file, good = save(guard, "o.avsc", ORDER), encode(ORDER, RECORD)
    guard.try_("avro", schema=file, format="confluent", sample=guard.write("c", b"\0\0\0\0\7" + good)).passed()
    guard.try_("avro", schema=file, format="confluent", sample=guard.write("b", b"\1" + good)).expect(
        "avro-decode", cause="Confluent header"
    )


FRAMES = {
    "a Confluent frame with schema id 7": b"\0" + (7).to_bytes(4, "big"),
    "a frame of Apicurio's with the eight bytes of id 7": b"\0" + (7).to_bytes(8, "big"),
    "a frame of the AWS Glue registry": b"\3\0" + bytes(16),
    "Avro's single-object encoding": b"\xc3\1" + bytes(8),
}


@pytest.mark.produces("avro-decode")
@pytest.mark.near_miss("avro-bytes-left")
@pytest.mark.parametrize("frame", FRAMES)
def test_a_frame_that_the_profile_does_not_name(guard, frame):
    """Of some schemas the frame is a datum too, and the rest was said to be left over."""
    for schema, record in (
        (ORDER, RECORD),
        ("null", None),
        ({"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}, {"a": 1}),
    ):
        sample = guard.write("s", FRAMES[frame] + encode(schema, record))
        result = guard.try_("avro", schema=save(guard, "o.avsc", schema), sample=sample)
        result.expect("avro-decode", exit=69, cause=f"format is bare, and the bytes decode to the last one behind {frame}")
        assert ('format = "confluent"' in result.err) == ("Confluent" in frame)


@pytest.mark.produces("avro-decode")
@pytest.mark.parametrize("schema, record", [(ORDER, RECORD), ("int", 0), (["null", "string"], None)])
def test_no_frame_where_the_profile_names_one(guard, schema, record):
    file, bare = save(guard, "o.avsc", schema), encode(schema, record)
    for name in ("confluent", "object_container"):
        result = guard.try_("avro", schema=file, format=name, sample=guard.write("s", bare))
        result.expect("avro-decode", exit=69, cause=f"format is {name}, and the bytes decode to the last one by themselves")
        assert 'format = "bare"' in result.err
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(json.loads(json.dumps(schema))), [record])
    sample = guard.write("c", out.getvalue())
    for name in ("confluent", "bare"):
        guard.try_("avro", schema=file, format=name, sample=sample).expect(
            "avro-decode", exit=69, cause=f"format is {name}, and the file is an object container"
        )


@pytest.mark.produces("avro-decode")
def test_object_container(guard):
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(json.loads(json.dumps(ORDER))), [RECORD] * 3)
    file = save(guard, "o.avsc", ORDER)
    guard.try_("avro", schema=file, format="object_container", sample=guard.write("c.avro", out.getvalue())).passed()
    guard.try_("avro", schema=file, format="object_container", sample=guard.write("b.avro", b"Obj\2junk")).expect("avro-decode")


@pytest.mark.produces("avro-incompatible")
@pytest.mark.parametrize(
    "change,words",
    [
        ({"fields": ORDER["fields"] + [{"name": "added", "type": "int"}]}, "added"),
        ({"fields": [{"name": "id", "type": "int"}] + ORDER["fields"][1:]}, "id: the reader has int, the writer string"),
        ({"name": "Other"}, "shop.Other"),
        (
            {
                "fields": ORDER["fields"][:2]
                + [{"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW"]}}]
            },
            "PAID",
        ),
    ],
)
def test_incompatible(guard, change, words):
    reader, writer = save(guard, "r.avsc", ORDER | change), save(guard, "w.avsc", ORDER)
    guard.try_("avro", schema=reader, reads=writer).expect("avro-incompatible", exit=69, cause=words)
    guard.try_("avro", schema=writer, readable_by=reader).expect("avro-incompatible", cause=words)


@pytest.mark.near_miss("avro-incompatible")
@pytest.mark.parametrize(
    "change",
    [
        {"fields": ORDER["fields"][:1]},
        {"fields": ORDER["fields"] + [{"name": "added", "type": "int", "default": 0}]},
        {"fields": [{"name": "key", "aliases": ["id"], "type": ["null", "bytes"]}]},
    ],
)
def test_compatible(guard, change):
    guard.try_("avro", schema=save(guard, "r.avsc", ORDER | change), reads=save(guard, "w.avsc", ORDER)).passed()


@pytest.mark.produces("file-missing")
def test_globs(guard):
    save(guard, "a.avsc", ORDER)
    save(guard, "b.avsc", ORDER)
    check = guard.try_("avro", schemas=[str(guard.tmp / "*.avsc")]).passed()
    assert check["facts"]["schemas"] == 2
    guard.try_("avro", schemas=[str(guard.tmp / "*.none")]).expect("file-missing", exit=124)
    guard.try_("avro", schema="/nonexistent.avsc").expect("file-missing")


@pytest.mark.parametrize(
    "keys,words",
    [
        ({}, "give schema or schemas"),
        ({"schema": "a", "schemas": ["b"]}, "exclude"),
        ({"schemas": ["a"], "full_name": "x"}, "about one file"),
        ({"schema": "a", "fingerprint": "12"}, "16 hexadecimal"),
    ],
)
def test_bad_keys(guard, keys, words):
    guard.try_("avro", **keys).problem(words, exit=64)


NAME = {"type": "record", "name": "shop.Name", "fields": [{"name": "text", "type": "string"}]}
CUSTOMER = {"type": "record", "name": "shop.Customer", "fields": [{"name": "name", "type": "shop.Name"}]}
BASKET = {
    "type": "record",
    "name": "Basket",
    "namespace": "shop",
    "fields": [
        {"name": "by", "type": "Customer"},
        {"name": "to", "type": ["null", "Customer"]},
        {"name": "at", "type": "Name"},
    ],
}


@pytest.mark.near_miss("avro-invalid-schema", "avro-fingerprint")
def test_types_of_other_files(guard):
    """Whatever their order, and with the fingerprint of the schema that holds them all."""
    customer, order = guard.write("a.avsc", json.dumps(CUSTOMER)), guard.write("b.avsc", json.dumps(BASKET))
    name = guard.write("c.avsc", json.dumps(NAME))
    guard.try_("avro", schemas=[str(guard.tmp / "*.avsc")]).passed()
    parted = guard.try_("avro", schema=order, types=[str(customer), str(name)]).passed()
    inline = json.loads(json.dumps(BASKET))
    inline["fields"][0]["type"] = CUSTOMER | {"fields": [{"name": "name", "type": NAME}]}
    whole = guard.try_("avro", schema=guard.write("whole", json.dumps(inline))).passed()
    assert parted["facts"] == whole["facts"]


@pytest.mark.near_miss("avro-invalid-schema", "avro-fingerprint")
def test_files_that_use_each_other(guard):
    """Java's SchemaParser reads such files; the fingerprint is Java's, of the schema that holds the other one."""
    optional = ["null", "shop.Node"]
    tree = {"type": "record", "name": "shop.Tree", "fields": [{"name": "root", "type": optional}]}
    node = {
        "type": "record",
        "name": "shop.Node",
        "fields": [{"name": "in", "type": "Tree"}, {"name": "next", "type": optional}],
    }
    files = [guard.write(f"{one['name']}.avsc", json.dumps(one)) for one in (tree, node)]
    guard.try_("avro", schemas=[str(guard.tmp / "*.avsc")]).passed()
    for (schema, other), known in zip((files, files[::-1]), ("ed1d10b9f6907af2", "119dc3a930bf49ac"), strict=True):
        guard.try_("avro", schema=schema, types=[str(other)], fingerprint=known).passed()


@pytest.mark.produces("avro-invalid-schema", "file-missing")
def test_types_that_no_file_defines(guard):
    customer, order = guard.write("a.avsc", json.dumps(CUSTOMER)), guard.write("b.avsc", json.dumps(BASKET))
    for keys in ({"schemas": [str(guard.tmp / "*.avsc")]}, {"schema": order, "types": [str(customer)]}):
        guard.try_("avro", **keys).expect("avro-invalid-schema", exit=69, cause="shop.Name")
    guard.try_("avro", schema=order, types=["/nonexistent/*.avsc"]).expect("file-missing")
