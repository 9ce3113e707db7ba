"""env"""

import pytest


@pytest.mark.near_miss("env-missing", "env-empty", "env-forbidden", "env-conflict", "env-mismatch")
def test_pass(guard):
    guard.try_(
        "env",
        required=["A", "B"],
        forbidden=["*_FORCE_JSON", "NOPE"],
        one_of=["A|C"],
        any_of=["A|B", "PORT|EMPTY"],
        equal=["A|B|D|EMPTY"],
        equal_hosts=["URL|SERVERS|EMPTY", "BLANKS|NO_BLANKS"],
        match=["PORT=[0-9]+"],
        match_if_set=["PORT=[0-9]+", "NOPE=x", "EMPTY=x"],
        _env={
            "A": "1",
            "B": "1",
            "PORT": "8080",
            "BLANKS": "kafka://a:1, kafka://b:1 ",
            "NO_BLANKS": "a:1,b:1",
            "X_FORCE_JSON": "",
            "EMPTY": "",
            "URL": "kafka://a:1,kafka://b:2",
            "SERVERS": "a:1,b:2",
        },
    ).passed()


@pytest.mark.parametrize(
    "code,keys,env,words",
    [
        pytest.param(*row, marks=pytest.mark.produces(row[0]))
        for row in [
            ("env-missing", {"required": ["A", "B"]}, {"A": "1"}, "B is not set"),
            ("env-empty", {"required": ["A"]}, {"A": ""}, "A is set but empty"),
            (
                "env-forbidden",
                {"forbidden": ["*_FORCE_JSON"]},
                {"X_FORCE_JSON": "0"},
                "X_FORCE_JSON is set, forbidden by *_FORCE_JSON",
            ),
            ("env-missing", {"one_of": ["A|B"]}, {}, "none of A|B"),
            ("env-conflict", {"one_of": ["A|B"]}, {"A": "1", "B": "1"}, "A, B"),
            ("env-conflict", {"equal": ["A|B"]}, {"A": "1", "B": "2"}, "A and B have different values"),
            ("env-mismatch", {"match": ["A=[0-9]+"]}, {"A": "12x"}, "3 characters"),
            ("env-missing", {"match": ["A=[0-9]+"]}, {}, "A is not set"),
            ("env-empty", {"match": ["A=.*"]}, {"A": ""}, "A is set but empty"),
            ("env-mismatch", {"match_if_set": ["A=[0-9]+"]}, {"A": "12x"}, "3 characters"),
            ("env-missing", {"any_of": ["A|B"]}, {"A": ""}, "none of A|B is set"),
            ("env-conflict", {"equal_hosts": ["A|B"]}, {"A": "kafka://x:1", "B": "y:1"}, "A and B have different hosts"),
            ("env-conflict", {"equal_hosts": ["A|B"]}, {"A": "x:1,kafka://y:1", "B": "x:1"}, "different hosts"),
            ("env-conflict", {"equal": ["A|B"]}, {"A": "kafka://x:1", "B": "x:1"}, "different values"),
        ]
    ],
)
def test_faults(guard, code, keys, env, words):
    guard.try_("env", _env=env, **keys).expect(code, exit=69, phase="config", retryable=False, cause=words)


@pytest.mark.produces("env-missing")
def test_all_findings_of_a_check_are_told(guard):
    keys = {
        "required": ["A", "E"],
        "forbidden": ["*_FORCE_JSON"],
        "one_of": ["B|C"],
        "equal": ["B|D"],
        "match": ["PORT=[0-9]+"],
    }
    env = {"E": "", "X_FORCE_JSON": "1", "Y_FORCE_JSON": "1", "B": "1", "C": "1", "D": "2", "PORT": "x"}
    assert guard.try_("env", _env=env, **keys).expect("env-missing", exit=69, subject="A")["cause"] == (
        "A is not set; E too: env-empty; X_FORCE_JSON too: env-forbidden; Y_FORCE_JSON too: env-forbidden; "
        "B|C too: env-conflict (only one may be set, these are: B, C); B|D too: env-conflict (B and D have different values); "
        "PORT too: env-mismatch (the value of PORT (1 character) is not of the form [0-9]+)"
    )


@pytest.mark.produces("env-missing")
def test_more_findings_than_a_cause_has_room_for(guard):
    names = [f"SERVICE_VARIABLE_{i}" for i in range(40)]
    cause = guard.try_("env", required=names).expect("env-missing", exit=69, subject=names[0])["cause"]
    assert f"{names[10]} too: env-missing" in cause and cause.endswith(" more")
    assert cause.count(" too: ") + int(cause.split()[-2]) == 39, cause


def test_values_are_never_shown(guard):
    result = guard.try_("env", match=["A=x"], equal=["A|B"], _env={"A": "the-value-of-a", "B": "the-value-of-b"})
    assert "the-value-of" not in result.err + str(result.report)


ONE, TWO = {"A": "1", "B": "1"}, {"A": "1", "B": "2"}


@pytest.mark.produces("env-conflict", "env-missing")
@pytest.mark.parametrize(
    "form", ['["A", "B"]', '"A, B"', '["A|B"]', '"A|B"', '(["A", "B"])', '(["B", "A"], ["C", "D"])', '(["A", "B"], "C|D")']
)
def test_groups_in_every_form(guard, form):
    """One list is one group; lists in it are several."""
    text = "startguard = 1; env: {{ e: {{ {} = {}; }}; }};"
    two = "C" in form
    guard.check(text.format("equal", form), env=ONE).passed()
    guard.check(text.format("equal", form), env=TWO).expect("env-conflict", exit=69, cause="have different values")
    guard.check(text.format("one_of", form), env={"A": "1"} | ({"D": "1"} if two else {})).passed()
    guard.check(text.format("one_of", form), env=ONE).expect("env-conflict", exit=69, cause="only one may be set")
    guard.check(text.format("one_of", form), env={"D": "1"}).expect("env-missing", exit=69, cause="none of")
    assert (
        guard.run(guard.cli("show", "-p", guard.write("p.cfg", text.format("equal", form))).out, env=ONE, mode=None).code == 0
    )


@pytest.mark.produces("env-conflict", "env-missing")
def test_groups_from_variables(guard):
    """What a variable holds counts as if it stood there: a whole list, or a piece of a name."""
    names = {"LISTS": "A|B,C|D", "GROUP": "A|B", "NONE": "", "LIST": "A,B"}
    for form, groups in [
        ('"${LISTS}"', 2),
        ('"${GROUP},C|D"', 2),
        ('["A${NONE}", "${NONE}B"]', 1),
        ('"${LIST}"', 1),
        ('(["${NONE}A", "B"], "C|D")', 2),
    ]:
        text = f"startguard = 1; env: {{ e: {{ one_of = {form}; }}; }};"
        good = names | {"A": "1", "C": "1"}
        guard.check(text, env=good).passed()
        guard.check(text, env=good | {"B": "1"}).expect("env-conflict", exit=69, subject="A|B")
        alone = guard.check(text, env=names | {"A": "1"})
        alone.expect("env-missing", exit=69, subject="C|D") if groups == 2 else alone.passed()
        assert guard.cli("lint", guard.write("p.cfg", text)).code == 0
    guard.check('startguard = 1; env: { e: { one_of = ["${NOT_SET}", "A"]; }; };').problem("NOT_SET", exit=78)


@pytest.mark.parametrize("form", ['(["A"])', '(("A", 1))', "([])", '["A|B", "C"]', '(["A", "B"], "C")', "(1)"])
@pytest.mark.parametrize("key", ["equal", "one_of", "any_of", "equal_hosts"])
def test_groups_that_are_none(guard, key, form):
    guard.run(f"startguard = 1;\nenv: {{ e: {{ {key} = {form}; }}; }};").problem(f":2: env.e: {key}", exit=78)


@pytest.mark.near_miss("env-mismatch")
@pytest.mark.parametrize(
    "expression, value",
    [("^http", "http://x"), ("x$", "http://x"), ("^[0-9]+$", "12"), ("[0-9]+", "12"), ("a|b", "b"), (".*\\\\$", "1$")],
)
def test_match(guard, expression, value):
    guard.check(f'startguard = 1; env: {{ e: {{ match = ["A={expression}"]; }}; }};', env={"A": value}).passed()


@pytest.mark.produces("env-mismatch")
@pytest.mark.parametrize(
    "expression, value",
    [("^http$", "http://x"), ("x$", "xy"), ("[0-9]+", "12x"), ("a|b", "bb"), ("^a", "ba"), ("1\\\\$", "21$"), ("", "1")],
)
def test_match_not(guard, expression, value):
    """An expression without an anchor is over the whole value."""
    guard.check(f'startguard = 1; env: {{ e: {{ match = ["A={expression}"]; }}; }};', env={"A": value}).expect(
        "env-mismatch", exit=69, subject="A"
    )


@pytest.mark.parametrize(
    "keys,words",
    [
        ({}, "give at least one"),
        ({"match": ["A=("]}, "expression of A"),
        ({"match_if_set": ["A=("]}, "expression of A"),
        ({"match_if_set": ["A B=x"]}, "NAME=REGEX"),
        ({"match": ["A=\\d+"]}, "write [0-9]"),
        ({"match": ["A=(?:a|b)"]}, "groups are plain"),
        ({"required": ["A B"]}, "name of a variable"),
        ({"one_of": ["A"]}, "one variable only"),
    ],
)
def test_bad_keys(guard, keys, words):
    guard.try_("env", **keys).problem(words, exit=64)


@pytest.mark.parametrize(
    "keys", ['required = ["${P}_A"]', 'required = "${L}"', 'any_of = "${L}"', 'equal = "${L}"', 'required = ["${N:-X_A}"]']
)
def test_names_out_of_variables(guard, keys):
    """Names may be put together, and a list may be a variable's whole value."""
    env = {"P": "X", "X_A": "1", "L": "X_A,P"}
    assert guard.check(f"startguard = 1; env: {{ e: {{ {keys}; }}; }};", env=env).code in (0, 69)
    assert guard.check('startguard = 1; env: { e: { required = ["${P}_B"]; }; };', env=env).code == 69


def test_a_value_that_is_no_list_of_names_is_not_shown(guard):
    result = guard.check('startguard = 1; env: { e: { required = "${FLAG}"; }; };', env={"FLAG": "tr0ub4dor&3"})
    result.problem("the value of FLAG is none: write FLAG if that one is meant")
    assert "tr0ub4dor" not in result.err + result.out


def test_required_is_also_the_common_key(guard):
    result = guard.try_("env", forbidden=["A"], required=False, degraded="nothing", _env={"A": "1"})
    assert result.code == 0 and result.check()["outcome"] == "degraded"


def test_variables_that_nobody_reads(guard):
    keys = {"required": ["A"], "unread_warning": ["STRICT_*", "OLD"]}
    check = guard.try_("env", _env={"A": "1", "STRICT_REAL": "the-value", "OLD": "", "STRICT": "1"}, **keys).passed()
    assert check["facts"]["unread"] == "STRICT_REAL"
    assert check["summary"] == "1 required, 0 forbidden; set, but nobody reads: STRICT_REAL"
    assert "unread" not in guard.try_("env", _env={"A": "1"}, **keys).passed()["facts"]


@pytest.mark.produces("env-mismatch")
@pytest.mark.parametrize(
    "value, words",
    [
        ("tcp://10.0.0.1:6379", "likely it is not as meant: it is tcp://ADDRESS:PORT, as Kubernetes sets it"),
        ('"6379"', "it stands in quotes"),
        ("6379\r", "it ends in a line end"),
        ("6379 ", "it ends in a blank"),
        ("${PORT}", "likely it is not as meant: it holds a $ before a name"),
        ("{{ .Values.port }}", "likely it is not as meant: it holds the mark of a template"),
        ("~/port", "likely it is not as meant: it begins with ~"),
    ],
)
def test_values_that_changed_on_their_way(guard, value, words):
    guard.try_("env", match=["REDIS_PORT=[0-9]+"], _env={"REDIS_PORT": value}).expect(
        "env-mismatch", exit=69, phase="config", retryable=False, cause=words
    )


@pytest.mark.produces("env-mismatch")
@pytest.mark.parametrize("value", ["redis", "tcp://redis:6379", "63$9", "it's"])
def test_values_that_are_wrong_for_no_such_reason(guard, value):
    result = guard.try_("env", match=["REDIS_PORT=[0-9]+"], _env={"REDIS_PORT": value})
    result.expect("env-mismatch", exit=69, phase="config", retryable=False)
    assert "likely" not in result.err
