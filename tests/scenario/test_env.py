"""env"""

import pytest


@pytest.mark.near_miss("env-missing", "env-empty", "env-forbidden", "env-conflict", "env-mismatch")
def test_pass(guard):
    guard.try_("env", required=["A", "B"], forbidden=["*_FORCE_JSON", "NOPE"], one_of=["A|C"], equal=["A|B|D"], match=["PORT=[0-9]+"],
               _env={"A": "1", "B": "1", "PORT": "8080", "X_FORCE_JSON": ""}).passed()


@pytest.mark.parametrize("code,keys,env,words", [pytest.param(*row, marks=pytest.mark.produces(row[0])) for row in [
    ("env-missing", {"required": ["A", "B"]}, {"A": "1"}, "B is not set"),
    ("env-empty", {"required": ["A"]}, {"A": ""}, "A is set but empty"),
    ("env-forbidden", {"forbidden": ["*_FORCE_JSON"]}, {"X_FORCE_JSON": "0"}, "X_FORCE_JSON is set, forbidden by *_FORCE_JSON"),
    ("env-missing", {"one_of": ["A|B"]}, {}, "none of A|B"),
    ("env-conflict", {"one_of": ["A|B"]}, {"A": "1", "B": "1"}, "A, B"),
    ("env-conflict", {"equal": ["A|B"]}, {"A": "1", "B": "2"}, "A and B have different values"),
    ("env-mismatch", {"match": ["A=[0-9]+"]}, {"A": "12x"}, "3 characters"),
    ("env-missing", {"match": ["A=[0-9]+"]}, {}, "A is not set"),
]])
def test_faults(guard, code, keys, env, words):
    guard.try_("env", _env=env, **keys).expect(code, exit=69, phase="config", retryable=False, cause=words)


def test_values_are_never_shown(guard):
    result = guard.try_("env", match=["A=x"], equal=["A|B"], _env={"A": "the-value-of-a", "B": "the-value-of-b"})
    assert "the-value-of" not in result.err + str(result.report)


@pytest.mark.parametrize("keys,words", [({}, "give at least one"), ({"match": ["A=("]}, "expression of A"), ({"required": ["A B"]}, "name of a variable"),
                                        ({"one_of": ["A"]}, "one variable only")])
def test_bad_keys(guard, keys, words):
    guard.try_("env", **keys).problem(words, exit=64)


def test_required_is_also_the_common_key(guard):
    result = guard.try_("env", forbidden=["A"], required=False, degraded="nothing", _env={"A": "1"})
    assert result.code == 0 and result.check()["outcome"] == "degraded"


def test_variables_that_nobody_reads(guard):
    keys = {"required": ["A"], "unread_warning": ["STRICT_*", "OLD"]}
    check = guard.try_("env", _env={"A": "1", "STRICT_REAL": "the-value", "OLD": "", "STRICT": "1"}, **keys).passed()
    assert check["facts"]["unread"] == "STRICT_REAL"
    assert check["summary"] == "1 required, 0 forbidden; set, but nobody reads: STRICT_REAL"
    assert "unread" not in guard.try_("env", _env={"A": "1"}, **keys).passed()["facts"]
