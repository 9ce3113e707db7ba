"""The schemas of the table avro.json, and the pairs of a reader and a writer of the table avro_pairs.json."""

import json


def record(*fields, name="R", **more):
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(kind, default=..., name="f", **more):
    return {"name": name, "type": kind, **({} if default is ... else {"default": default}), **more}


def enum(*symbols, name="E", **more):
    return {"type": "enum", "name": name, "symbols": list(symbols), **more}


def fixed(size, name="F", **more):
    return {"type": "fixed", "name": name, "size": size, **more}


def array(items):
    return {"type": "array", "items": items}


def map_of(values):
    return {"type": "map", "values": values}


INNER = record(field("int", name="a"), field("string", "x", name="b"), name="In")
DEFAULTS = {
    "null": [None, 0, "null", False],
    "boolean": [True, False, 0, "true", None],
    "int": [0, -1, 2147483647, 2147483648, 1.0, 1.5, "0", None, True, []],
    "long": [0, 2147483648, 9223372036854775807, 1.0, "0", None],
    "float": [0, 1.5, -1e30, "1.5", "NaN", "Infinity", "x", "", None, True],
    "double": [0, 1.5, 1e300, "NaN", "-Infinity", "nan", None],
    "string": ["", "x", "\0", "ü", 0, None, [], {}],
    "bytes": ["", "\xff", "\0", "Ā", 0, None, [1]],
}
COMPLEX = [
    (array("string"), [[], ["a"], ["a", 1], "[]", {}, None]),
    (map_of("int"), [{}, {"a": 1}, {"a": "1"}, [], "{}", None]),
    (enum("A", "B"), ["A", "C", 0, None]),
    (fixed(2), ["\x01\x02", "abc", 0, None]),
    (["null", "int"], [None, 1, "x"]),
    (["int", "null"], [None, 1, "x"]),
    (["null", array("int")], [None, [1], ["x"]]),
    (["null", enum("A")], [None, "A", 5]),
    (INNER, [{"a": 1}, {"a": 1, "b": "y"}, {"a": "1"}, {}, {"b": "y"}, {"a": 1, "z": 2}, None, []]),
    ({"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}, ["\0", "", 0]),
    ({"type": "int", "logicalType": "date"}, [0, "2026-01-01"]),
]
NAMES = ["a", "_", "_1", "A9", "1a", "", "a-b", "a b", "a.b", ".a", "a.", "ü", "名", "a$", "a☃", "😀"]
NAMESPACES = ["a", "a.b", "", "my-company.events", "a..b", ".a", "a.", "1a", "a.1b", "ü.x", "a b", None, 5]
LOGICAL = [
    {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
    {"type": "bytes", "logicalType": "decimal"},
    {"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 4},
    {"type": "bytes", "logicalType": "decimal", "precision": 0},
    {"type": "bytes", "logicalType": "decimal", "precision": "4"},
    {"type": "string", "logicalType": "decimal", "precision": 4},
    fixed(2, logicalType="decimal", precision=9),
    fixed(12, logicalType="duration"),
    fixed(11, logicalType="duration"),
    {"type": "int", "logicalType": "date"},
    {"type": "long", "logicalType": "date"},
    {"type": "long", "logicalType": "timestamp-millis"},
    {"type": "int", "logicalType": "timestamp-millis"},
    {"type": "string", "logicalType": "uuid"},
    fixed(16, logicalType="uuid"),
    {"type": "int", "logicalType": "of-ours"},
    {"type": "int", "logicalType": 5},
]
# Texts, since JSON itself is what differs, or schemas.
OTHERS = {
    "a primitive": "string",
    "a primitive as an object": {"type": "string"},
    "a primitive in an object of an object": {"type": {"type": "string"}},
    "a union in an object": {"type": ["null", "int"]},
    "an unknown name": "Unknown",
    "an unknown type": {"type": "strnig"},
    "no type": {"name": "x"},
    "a number": 5,
    "null": None,
    "an empty object": {},
    "an empty union": [],
    "a union of one": ["int"],
    "a union in a union": ["int", ["null"]],
    "a type twice in a union": ["int", "int"],
    "two arrays in a union": [array("int"), array("string")],
    "two maps in a union": [map_of("int"), map_of("string")],
    "a logical type twice in a union": ["int", {"type": "int", "logicalType": "date"}],
    "two records in a union": [record(name="A"), record(name="B")],
    "a record twice in a union": [record(name="A"), "A"],
    "a name of two namespaces in a union": [record(name="x.A"), record(name="y.A")],
    "a map and a record": [map_of("int"), record()],
    "no fields": {"type": "record", "name": "R"},
    "an empty list of fields": record(),
    "fields that are an object": {"type": "record", "name": "R", "fields": {}},
    "fields that are null": {"type": "record", "name": "R", "fields": None},
    "no name of a record": {"type": "record", "fields": []},
    "a name that is a number": {"type": "record", "name": 5, "fields": []},
    "a field without name": record({"type": "int"}),
    "a field without type": record({"name": "f"}),
    "a field of type null": record({"name": "f", "type": None}),
    "a field that is a text": {"type": "record", "name": "R", "fields": ["f"]},
    "a field twice": record(field("int"), field("string")),
    "a field twice in other letters": record(field("int"), field("int", name="F")),
    "a doc that is a number": record(doc=5),
    "a doc with a zero": record(doc="a\0b"),
    "a property of ours with a zero": record(ours="a\0b"),
    "an error": {"type": "error", "name": "R", "fields": []},
    "order ascending": record(field("int", order="ascending")),
    "order in capitals": record(field("int", order="IGNORE")),
    "order up": record(field("int", order="up")),
    "order that is a number": record(field("int", order=1)),
    "order that is null": record(field("int", order=None)),
    "symbols": enum("A", "B"),
    "no symbols": {"type": "enum", "name": "E"},
    "an empty list of symbols": enum(),
    "symbols that are a text": {"type": "enum", "name": "E", "symbols": "A"},
    "a symbol twice": enum("A", "A"),
    "a symbol in two cases": enum("A", "a"),
    "a symbol that is a number": enum(1),
    "an enum default": enum("A", default="A"),
    "an enum default that is no symbol": enum("A", default="C"),
    "an enum default that is null": enum("A", default=None),
    "an enum default that is a number": enum("A", default=1),
    "a size of 0": fixed(0),
    "a size below 0": fixed(-1),
    "a size with a fraction": fixed(1.0),
    "a size as text": fixed("2"),
    "a size beyond 32 bits": fixed(4294967296),
    "no size": {"type": "fixed", "name": "F"},
    "no items": {"type": "array"},
    "no values": {"type": "map"},
    "items that are null": {"type": "array", "items": None},
    "an array of a union": array(["null", "int"]),
    "aliases": record(aliases=["A", "x.B"]),
    "aliases that are a text": record(aliases="A"),
    "an alias that is a number": record(aliases=[5]),
    "an alias with a dash": record(aliases=["a-b"]),
    "an empty alias": record(aliases=[""]),
    "an alias twice": record(aliases=["A", "A"]),
    "aliases of a field": record(field("int", aliases=["a-b", "g"])),
    "aliases of a field that are a text": record(field("int", aliases="g")),
    "an alias of a field that is another field": record(field("int", aliases=["g"]), field("int", name="g")),
    "a record that holds itself": record(field(["null", "R"], None)),
    "a record that must hold itself": record(field("R")),
    "itself by its full name": record(field(["null", "x.R"]), namespace="x"),
    "a name defined twice": record(field(enum("A")), field(enum("B"), name="g")),
    "a name defined twice alike": record(field(enum("A")), field(enum("A"), name="g")),
    "a name defined inside itself": record(field(record(name="R"))),
    "a name used again": record(field(enum("A")), field("E", name="g")),
    "a name used before its definition": record(field("E"), field(enum("A"), name="g")),
    "a name defined twice, with aliases": record(field(enum("A")), field(enum("A", aliases=["Q"]), name="g")),
    "a name defined twice, with a default": record(field(enum("A")), field(enum("A", default="A"), name="g")),
    "a name defined twice, with an order": record(
        field(record(field("int"), name="I")), field(record(field("int", order="ignore"), name="I"), name="g")
    ),
    "a name defined twice, with the usual order": record(
        field(record(field("int"), name="I")), field(record(field("int", order="ascending"), name="I"), name="g")
    ),
    "a name defined twice, with the default of a field": record(
        field(record(field("int"), name="I")), field(record(field("int", 1), name="I"), name="g")
    ),
    "a name defined twice, with the alias of a field": record(
        field(record(field("int"), name="I")), field(record(field("int", aliases=["x"]), name="I"), name="g")
    ),
    "a name defined twice, with a doc": record(field(fixed(2)), field(fixed(2, doc="x"), name="g")),
    "a name defined twice, with a logical type": record(field(fixed(16)), field(fixed(16, logicalType="uuid"), name="g")),
    **{
        f"a name defined twice, {what}": record(field(first), field(second, name="g"))
        for what, first, second in [
            ("with a property", enum("A"), enum("A", owner="x")),
            ("with the same property", enum("A", owner="x", at=1), enum("A", at=1, owner="x")),
            ("with another value of a property", enum("A", owner="x"), enum("A", owner="y")),
            ("with a property that is another number", fixed(2, at=1), fixed(2, at=1.0)),
            ("with a property that is null", fixed(2), fixed(2, at=None)),
            ("with a property of an object", fixed(2, at={"a": 1, "b": 2}), fixed(2, at={"b": 2, "a": 1})),
            ("with a logical type nobody knows", fixed(2), fixed(2, logicalType="x")),
            ("with a size", enum("A"), enum("A", size=3)),
            ("with symbols", fixed(2), fixed(2, symbols=["A"])),
            ("with items and values", fixed(2), fixed(2, items="int", values="int")),
            ("with an order of the type", fixed(2), fixed(2, order="ignore")),
            ("with a default of a fixed", fixed(2), fixed(2, default="A")),
            ("with a precision", fixed(2), fixed(2, precision=3)),
            ("a record with a property", record(name="I"), record(name="I", owner="x")),
            ("a record with a default", record(name="I"), record(name="I", default="x")),
        ]
    },
    **{
        f"a record defined twice, {what}": record(
            field(record({"name": "x", **first}, name="I")), field(record({"name": "x", **second}, name="I"), name="g")
        )
        for what, first, second in [
            ("with a property of a field", {"type": "int"}, {"type": "int", "owner": "x"}),
            ("with the same property of a field", {"type": "int", "owner": "x"}, {"type": "int", "owner": "x"}),
            ("with a doc of a field", {"type": "int"}, {"type": "int", "doc": "x"}),
            ("with a logical type beside a field", {"type": "int"}, {"type": "int", "logicalType": "date"}),
            ("with a namespace beside a field", {"type": "int"}, {"type": "int", "namespace": "x"}),
            ("with a type in an object", {"type": "int"}, {"type": {"type": "int"}}),
            ("with a property of a type", {"type": "string"}, {"type": {"type": "string", "avro.java.string": "String"}}),
            ("with a doc of a type", {"type": "int"}, {"type": {"type": "int", "doc": "x"}}),
            ("with a property of an array", {"type": array("int")}, {"type": {**array("int"), "java-class": "x"}}),
            ("with a default of an array", {"type": array("int")}, {"type": {**array("int"), "default": []}}),
            ("with a name of an array", {"type": array("int")}, {"type": {**array("int"), "name": "x"}}),
            ("with a property of items", {"type": array("int")}, {"type": array({"type": "int", "owner": "x"})}),
            ("with a property of values", {"type": map_of("int")}, {"type": map_of({"type": "int", "owner": "x"})}),
            ("with a property of a branch", {"type": ["null", "int"]}, {"type": ["null", {"type": "int", "owner": "x"}]}),
        ]
    },
    "an alias that begins with a dot": record(field(enum(aliases=[".J"])), name="x.R", aliases=[".Q"]),
    "a name that begins with a dot": record(field(enum(name=".I")), field("I", name="g"), name="x.R"),
    "a name that begins with a dot, used with the namespace": record(
        field(enum(name=".I")), field("x.I", name="g"), name="x.R"
    ),
    "a name that begins with a dot beside a namespace": record(
        field(enum(name=".I", namespace="y")), field("y.I", name="g"), name="x.R"
    ),
    "a type below a name that begins with a dot": record(
        field(record(field(enum(name="J")), name=".I")), field("J", name="g"), name="x.R"
    ),
    "a dot before the name where it is used": record(field(enum(name="I", namespace="")), field(".I", name="g"), name="x.R"),
    "a logical type beside a name": record(field(fixed(2)), field({"type": "F", "logicalType": "x"}, name="g")),
    "a default of the record itself": record(field("R", {})),
    "a default of a union with the record itself": record(field(["null", "R"], {})),
    "another default of a union with the record itself": record(field(["R", "int"], 5)),
    "a default that another branch takes too": record(field(["R", map_of("int")], {})),
    "a default that an earlier branch takes": record(field([map_of("int"), "R"], {})),
    "an empty list of the record itself": record(field(array("R"), [])),
    "a list of the record itself": record(field(array("R"), [{}])),
    "a list of a union with the record itself": record(field(array(["null", "R"]), [None])),
    "a map of the record itself": record(field(map_of("R"), {"a": {}})),
    "a default of the record around": record(field(record(field("R", {}), name="I"))),
    "a default of a record that holds the record around": record(
        field(record(field(["R", "null"]), name="I")), field("I", {"f": {}}, name="g")
    ),
    "a default of a record that may hold the record around": record(
        field(record(field(["R", "null"]), name="I")), field("I", {"f": None}, name="g")
    ),
    "a default of a record that holds itself": record(
        field(record(field(["null", "I"], None), name="I")), field("I", {}, name="g")
    ),
    "a name that nobody defines": record(field("E")),
    "a name of the namespace": record(field(enum("A")), field("x.E", name="g"), namespace="x"),
    "a name of no namespace within one": record(field(enum("A", namespace="")), field("E", name="g"), namespace="x"),
    "a namespace of its own": record(field(enum("A", namespace="y")), field("E", name="g"), namespace="x"),
    "a namespace of its own, named": record(field(enum("A", namespace="y")), field("y.E", name="g"), namespace="x"),
    "a full name beside a namespace": record(name="a.b.R", namespace="x"),
    "a record named int": record(name="int"),
    "a record named x.int": record(name="x.int"),
    "a record named record": record(name="record"),
    "types of a namespace inside an array": record(field(array(enum("A"))), field("x.E", name="g"), namespace="x"),
}
TEXTS = {
    "no JSON": "{",
    "nothing": "",
    "a comma at the end": '{"type": "int",}',
    "something behind it": '"int" 5',
    "a comment before it": '/* words */ // and more\n{"type": "int"}\n',
    "a comment inside": '{"type": /* "x */ "int" // "y"\n}',
    "a comment behind it": '{"type": "int"} /* x */',
    "a comment in a text": '{"type": "record", "name": "R", "fields": [], "doc": "http://x /* y */"}',
    "a comment that does not end": '{"type": "int" /* x }',
    "a name without quotes": "{type: 'int'}",
    "a primitive without quotes": "int",
    "a byte order mark": '\ufeff"int"',
    "a key twice": '{"type": "int", "type": "string"}',
    "blanks around it": ' \n "int" \n',
    "a number with a zero before it": '{"type": "fixed", "name": "F", "size": 02}',
}


def schemas():
    """Yields (name, text)."""
    for kind, values in DEFAULTS.items():
        for value in values:
            yield f"{kind} default {json.dumps(value)}", json.dumps(record(field(kind, value)))
    for kind, values in COMPLEX:
        for value in values:
            yield f"{json.dumps(kind)[:60]} default {json.dumps(value)}", json.dumps(record(field(kind, value)))
    for name in NAMES:
        yield f"record name {name!r}", json.dumps(record(name=name))
        yield f"field name {name!r}", json.dumps(record(field("int", name=name)))
        yield f"symbol {name!r}", json.dumps(enum(name))
    for space in NAMESPACES:
        yield f"namespace {space!r}", json.dumps(record(namespace=space))
    for kind in LOGICAL:
        yield f"logical type {json.dumps(kind)}", json.dumps(kind)
    for name, schema in OTHERS.items():
        yield name, json.dumps(schema)
    yield from TEXTS.items()


PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "string", "bytes"]
PAIRS = {
    "same record": (record(field("int")), record(field("int"))),
    "another name": (record(name="A"), record(name="B")),
    "another namespace": (record(name="x.A"), record(name="y.A")),
    "an alias": (record(name="A", aliases=["B"]), record(name="B")),
    "an alias of another namespace": (record(name="x.A", aliases=["B"]), record(name="y.B")),
    "an alias with its namespace": (record(name="x.A", aliases=["y.B"]), record(name="y.B")),
    "an alias that begins with a dot": (record(name="x.A", aliases=[".B"]), record(name="x.B")),
    "an alias that begins with a dot and no namespace": (record(name="x.A", aliases=[".B"]), record(name="B")),
    "an alias of the namespace": (record(name="x.A", aliases=["B"]), record(name="x.B")),
    "a union with an alias": (["null", record(name="x.A", aliases=["y.B"])], ["null", record(name="y.B")]),
    "an enum with an alias": (enum("A", name="E", aliases=["G"]), enum("A", name="G")),
    "a fixed with an alias and another size": (fixed(2, name="A", aliases=["B"]), fixed(3, name="B")),
    "the writer has the alias": (record(name="A"), record(name="B", aliases=["A"])),
    "a field more at the writer": (record(), record(field("int"))),
    "a field more at the reader": (record(field("int")), record()),
    "a field more with a default": (record(field("int", 0)), record()),
    "a field more with the default null": (record(field(["null", "int"], None)), record()),
    "a field more, an enum with a default": (record(field(enum("A", default="A"))), record()),
    "a field more, an enum whose default is no symbol": (record(field(enum("A"), "C")), record()),
    "a field more, an enum in an array whose default is no symbol": (record(field(array(enum("A")), ["A", "C"])), record()),
    "a field more, an enum in a map whose default is no symbol": (record(field(map_of(enum("A")), {"k": "C"})), record()),
    "a field more, an enum in a union whose default is no symbol": (record(field([enum("A"), "null"], "C")), record()),
    "a field more, a string beside an enum, whose default is no symbol": (record(field([enum("A"), "string"], "C")), record()),
    "a field more, an enum behind a string, whose default is no symbol": (record(field(["string", enum("A")], "C")), record()),
    "a field more, an enum in a record whose default is no symbol": (
        record(field(record(field(enum("A"), name="g"), name="I"), {"g": "C"})),
        record(),
    ),
    "an enum whose default is no symbol, which the writer writes": (record(field(enum("A"), "C")), record(field(enum("A")))),
    "a field more, a fixed whose default is too short": (record(field(fixed(2), "a")), record()),
    "a field more, a fixed whose default is too long": (record(field(fixed(2), "abc")), record()),
    "a field more, bytes whose default is no byte": (record(field("bytes", "\u0100")), record()),
    "a field more, a union with a default of its second branch": (record(field(["null", "int"], 5)), record()),
    "a field more, a long whose default is too large for an int": (record(field("long", 3000000000)), record()),
    "a field more, a record with a field of its own default": (
        record(field(record(field("int", 1, name="g"), name="I"), {})),
        record(),
    ),
    "fields in another order": (
        record(field("int", name="a"), field("string", name="b")),
        record(field("string", name="b"), field("int", name="a")),
    ),
    "a field by its alias": (record(field("int", name="g", aliases=["f"])), record(field("int"))),
    "a field by its alias and its name": (
        record(field("int", name="g", aliases=["f"])),
        record(field("int"), field("int", name="g")),
    ),
    "a field of another type": (record(field("int")), record(field("string"))),
    "a field that is promoted": (record(field("double")), record(field("int"))),
    "an optional field": (record(field(["null", "int"])), record(field("int"))),
    "a field that was optional": (record(field("int")), record(field(["null", "int"]))),
    "a union that grew": (["null", "int", "string"], ["null", "int"]),
    "a union that shrank": (["null", "int"], ["null", "int", "string"]),
    "a union in another order": (["int", "null"], ["null", "int"]),
    "a union whose branch is promoted": (["null", "long"], ["null", "int"]),
    "a union of one": ("int", ["int"]),
    "a union of two to one": ("double", ["int", "float"]),
    "a union of two to one that reads one": ("int", ["int", "string"]),
    "an empty union": ("int", []),
    "an empty union at the reader": ([], "int"),
    "a bytes branch for a string": (["null", "bytes"], "string"),
    "records in a union": ([record(name="A"), record(name="B")], record(name="B")),
    "records in a union of another name": ([record(name="A"), record(name="B")], record(name="C")),
    "records in a union by alias": ([record(name="A", aliases=["C"])], record(name="C")),
    "symbols more at the reader": (enum("A", "B"), enum("A")),
    "symbols more at the writer": (enum("A"), enum("A", "B")),
    "symbols more, with a default": (enum("A", default="A"), enum("A", "B")),
    "symbols in another order": (enum("A", "B"), enum("B", "A")),
    "another enum": (enum("A", name="E"), enum("A", name="G")),
    "the writer's default": (enum("A"), enum("A", "B", default="A")),
    "a fixed": (fixed(2), fixed(2)),
    "a fixed of another size": (fixed(2), fixed(3)),
    "a fixed of another name": (fixed(2, name="A"), fixed(2, name="B")),
    "fixed and bytes": ("bytes", fixed(2)),
    "enum and string": ("string", enum("A")),
    "string and enum": (enum("A"), "string"),
    "arrays": (array("long"), array("int")),
    "arrays that do not fit": (array("int"), array("string")),
    "maps": (map_of("string"), map_of("bytes")),
    "maps that do not fit": (map_of("int"), map_of("long")),
    "array and map": (array("int"), map_of("int")),
    "logical types": ({"type": "int", "logicalType": "date"}, "int"),
    "decimals of another scale": (
        {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
        {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 1},
    ),
    "a record that holds itself": (record(field(["null", "R"], None)), record(field(["null", "R"], None))),
    "a record that holds itself, with a field more": (
        record(field("int", name="a"), field(["null", "R"], None)),
        record(field(["null", "R"], None)),
    ),
    "a record within": (record(field(record(field("int"), name="I"))), record(field(record(name="I")))),
    "a record within of another name": (record(field(record(name="I"))), record(field(record(name="J")))),
    "a record and a map": (record(), map_of("int")),
    "an error and a record": ({"type": "error", "name": "R", "fields": []}, record()),
}


def pairs():
    """Yields (name, reader, writer)."""
    for reader in PRIMITIVES:
        for writer in PRIMITIVES:
            if reader != writer:
                yield f"{reader} reads {writer}", json.dumps(reader), json.dumps(writer)
    for name, (reader, writer) in PAIRS.items():
        yield name, json.dumps(reader), json.dumps(writer)
