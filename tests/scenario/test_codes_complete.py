"""Every diagnosis code is produced by a test and has a near miss: read from the markers of all tests."""

import ast
import json
import pathlib
import re

import pytest

TESTS = pathlib.Path(__file__).parents[1]
FILES = sorted([*TESTS.glob("scenario/test_*.py"), *TESTS.glob("real/test_*.py")])


def is_marker(node, name):
    """pytest.mark.NAME(...)"""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == "mark"
    )


def texts(node):
    return [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def around(module, call):
    """The expression a marker stands in: a decorator, an assignment, else the whole statement or function."""
    for node in module.body:
        pieces = [*getattr(node, "decorator_list", []), *(c for c in ast.iter_child_nodes(node) if hasattr(c, "lineno")), node]
        for piece in pieces:
            if any(n is call for n in ast.walk(piece)):
                return piece
    raise AssertionError("a marker outside of its module")


def computed(module, call):
    """Texts that a marker whose argument is no plain text may name: those around it, and in the lists named there."""
    expression = around(module, call)
    names = {n.id for n in ast.walk(expression) if isinstance(n, ast.Name)}
    lists = [
        node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in names
    ]
    return texts(expression) + [t for value in lists for t in texts(value)]


def claimed(name, known=()):
    """{code: [where, ...]} of every marker of that name in every test file, wherever it stands. What a computed marker
    may name counts when it is in `known`: that the code really occurs is judged where the test runs."""
    found = {}
    for path in FILES:
        module = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(module):
            if not is_marker(node, name):
                continue
            plain = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            more = computed(module, node) if len(plain) < len(node.args) else []
            for code in [*plain, *(t for t in more if t in known)]:
                found.setdefault(code, []).append(f"{path.relative_to(TESTS)}:{node.lineno}")
    return found


@pytest.fixture
def codes(guard):
    result = guard.cli("codes", "--json")
    assert result.code == 0
    return [entry["code"] for entry in json.loads(result.out)]


def test_files_are_read():
    assert FILES
    assert "connect-refused" in claimed("produces")
    assert "connect-refused" in claimed("near_miss")


def test_every_code_is_produced(codes):
    assert sorted(set(codes) - set(claimed("produces", codes))) == []


def test_every_code_has_a_near_miss(codes):
    assert sorted(set(codes) - set(claimed("near_miss", codes))) == []


@pytest.mark.parametrize("marker", ["produces", "near_miss"])
def test_no_marker_names_a_code_that_does_not_exist(codes, marker):
    assert {code: where for code, where in claimed(marker).items() if code not in codes} == {}


def test_codes_are_words(codes):
    assert [c for c in codes if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", c)] == []
    assert len(set(codes)) == len(codes)
