"""What is refused before any check runs, exit 77: loosening switches, required checks left out, literal secrets."""

import pytest

from fakes.tcp import TcpServer, refused_port, silent

ROOT = 'file: { root: { path = "/"; }; };'


def profile(more="", top=""):
    return f"startguard = 1; {top} {ROOT} {more}"


def switch(env="FORCE_JSON", allowed='"dev"', waives='"tcp.*"', name="easy"):
    return (
        f'switches: {{ {name}: {{ env = ["{env}"]; allowed_in = [{allowed}]; waives = [{waives}]; '
        f'degraded = "everything is JSON"; }}; }};'
    )


def unreachable(name="broker"):
    return f'tcp: {{ {name}: {{ address = "127.0.0.1:{refused_port()}"; }}; }};'


# ---- switches ----


@pytest.mark.produces("switch-forbidden")
@pytest.mark.parametrize("value", ["1", "true", "YES", "On"])
def test_switch_on_outside_its_modes(guard, value):
    with TcpServer(silent) as server:
        text = profile(switch() + f'tcp: {{ a: {{ address = "{server.address}"; }}; }};')
        result = guard.run(text, env={"FORCE_JSON": value}, command=["/bin/sh", "-c", "echo started"])
        line = result.problem(
            "switches.easy", "FORCE_JSON", "prod", "dev", "everything is JSON", code="switch-forbidden", exit=77
        )
        assert line.startswith(f"startguard: BLOCKED (77): {guard.tmp}/")
        assert result.out == ""
        assert server.connections == 0
    assert result.err.splitlines()[-1].startswith("startguard: BLOCKED (77): ")
    assert (result.status, result.report["checks"]) == ("blocked", [])


@pytest.mark.produces("switch-forbidden")
def test_switch_allowed_nowhere(guard):
    text = profile('switches: { never: { env = ["NEVER"]; degraded = "all is lost"; }; };')
    guard.run(text, mode="dev", env={"NEVER": "1"}).problem("NEVER", "no mode", code="switch-forbidden", exit=77)


@pytest.mark.near_miss("switch-forbidden")
def test_switch_on_in_its_mode_waives_and_degrades(guard):
    result = guard.run(profile(switch() + unreachable()), mode="dev", env={"FORCE_JSON": "1"})
    assert (result.code, result.status) == (0, "degraded")
    check = result.check("tcp.broker")
    assert (check["outcome"], check["waived_by"], check["degraded"]) == ("waived", "FORCE_JSON", "everything is JSON")
    assert check["attempts"] == 0
    assert "FORCE_JSON is on: everything is JSON" in result.report["summary"]
    assert result.report["switches"] == [{"name": "easy", "set_by": "FORCE_JSON", "degraded": "everything is JSON"}]


@pytest.mark.near_miss("switch-forbidden", "switch-unclear")
@pytest.mark.parametrize("value", ["0", "false", "No", "OFF", "", None])
def test_switch_off_is_no_matter(guard, value):
    result = guard.run(profile(switch()), env={"FORCE_JSON": value})
    assert (result.code, result.status) == (0, "ready")


@pytest.mark.near_miss("switch-forbidden")
def test_switch_by_the_systems_own_name_of_a_mode(guard):
    text = profile(switch(allowed='"full-local"'), 'modes: { dev = ["full-local"]; }; mode = "full-local";')
    assert guard.run(text, mode=None, env={"FORCE_JSON": "1"}).status == "degraded"


def test_a_run_whose_checks_are_all_waived_is_degraded(guard):
    result = guard.run("startguard = 1; " + switch() + unreachable(), mode="dev", env={"FORCE_JSON": "1"})
    assert (result.code, result.status) == (0, "degraded")


@pytest.mark.produces("switch-unclear")
@pytest.mark.parametrize("mode", ["dev", "prod"])
@pytest.mark.parametrize("value", ["2", "maybe", "enabled", " "])
def test_switch_with_an_unclear_value(guard, mode, value):
    result = guard.run(profile(switch()), mode=mode, env={"FORCE_JSON": value})
    result.problem("switches.easy", "FORCE_JSON", "neither on", code="switch-unclear", exit=77)


def negated(env="REQUIRE_INFRA"):
    return switch(env).replace("allowed_in", "negated = true; allowed_in")


@pytest.mark.produces("switch-forbidden")
@pytest.mark.parametrize("value", ["0", "false", "No", "OFF"])
def test_negated_switch(guard, value):
    """REQUIRE_X=0 loosens."""
    words = "REQUIRE_INFRA is off in mode prod"
    guard.run(profile(negated()), env={"REQUIRE_INFRA": value}).problem(words, code="switch-forbidden", exit=77)
    result = guard.run(profile(negated() + unreachable()), mode="dev", env={"REQUIRE_INFRA": value})
    assert (result.code, result.status, result.check("tcp.broker")["outcome"]) == (0, "degraded", "waived")
    assert "REQUIRE_INFRA is off: everything is JSON" in result.report["summary"]


@pytest.mark.near_miss("switch-forbidden", "switch-unclear")
@pytest.mark.parametrize("value", ["1", "true", "yes", "on", "", None])
def test_negated_switch_that_does_not_loosen(guard, value):
    assert guard.run(profile(negated()), env={"REQUIRE_INFRA": value}).status == "ready"


@pytest.mark.produces("switch-unclear")
def test_negated_switch_with_an_unclear_value(guard):
    guard.run(profile(negated()), env={"REQUIRE_INFRA": "2"}).problem(code="switch-unclear", exit=77)


def from_file(file, more=""):
    source = f'file = "{file}"; at = "/learner/lax"; {more}'
    return switch().replace('env = ["FORCE_JSON"];', source)


@pytest.mark.produces("switch-forbidden")
@pytest.mark.parametrize(
    "value, more", [("true", ""), ("1", ""), ('"yes"', ""), ("false", "negated = true;"), ("0", "negated = true;")]
)
def test_switch_in_a_file(guard, value, more):
    file = guard.write("overrides.json", f'{{"learner": {{"lax": {value}}}}}')
    text = profile(from_file(file, more) + unreachable())
    state = "off" if more else "on"
    guard.run(text).problem(f"overrides.json#/learner/lax is {state} in mode prod", code="switch-forbidden", exit=77)
    result = guard.run(text, mode="dev")
    assert result.report["switches"][0]["set_by"] == f"{file}#/learner/lax"
    assert result.check("tcp.broker")["outcome"] == "waived"


@pytest.mark.near_miss("switch-forbidden", "switch-unclear")
@pytest.mark.parametrize("more", ["", "negated = true;"])
@pytest.mark.parametrize("content", [None, "{}", '{"learner": null}', '{"learner": {"lax": null}}', '{"learner": {"lax": ""}}'])
def test_switch_in_a_file_that_does_not_say(guard, content, more):
    file = guard.tmp / "overrides.json"
    if content is not None:
        file.write_text(content)
    assert guard.run(profile(from_file(file, more))).status == "ready"


@pytest.mark.near_miss("switch-forbidden")
def test_switch_in_a_file_and_in_a_variable(guard):
    """Either of them turns it on; lint reads neither."""
    file = guard.write("overrides.json", '{"learner": {"lax": false}}')
    text = profile(from_file(file, 'env = ["EASY"];'))
    assert guard.run(text, mode="dev").status == "ready"
    assert guard.run(text, mode="dev", env={"EASY": "1"}).report["switches"][0]["set_by"] == "EASY"
    file.write_text("no JSON")
    assert guard.cli("lint", guard.write("p.cfg", text)).code == 0


@pytest.mark.produces("switch-unclear")
@pytest.mark.near_miss("switch-forbidden")
@pytest.mark.parametrize(
    "content, words",
    [
        ('{"learner": {"lax": 2}}', "neither on"),
        ('{"learner": {"lax": {"a": 1}}}', "neither on"),
        ('{"learner": {"lax": 0.5}}', "neither on"),
        ('{"password": hunter2hunter2', "is not a JSON document"),
        (None, "it is not a file"),
    ],
)
def test_switch_in_a_file_that_is_unclear(guard, content, words):
    """What cannot be read may be on: the start is refused, and nothing of the file is quoted."""
    file = guard.tmp / "overrides.json"
    file.mkdir() if content is None else file.write_text(content)
    result = guard.run(profile(from_file(file)), mode="dev")
    result.problem("switches.easy", words, code="switch-unclear", exit=77)
    assert "hunter2" not in result.err


@pytest.mark.parametrize(
    "keys, words",
    [
        ("", "needs env, or file and at"),
        ('file = "/x";', "need each other"),
        ('env = ["A"]; at = "/x";', "need each other"),
        ('file = "/x"; at = "x";', "JSON pointer"),
    ],
)
def test_switch_without_a_place(guard, keys, words):
    guard.run(profile(f'switches: {{ s: {{ {keys} degraded = "x"; }}; }};')).problem(words, exit=78)


@pytest.mark.produces("switch-forbidden", "switch-unclear", "skip-forbidden", "secret-literal")
def test_every_policy_error_at_once(guard):
    text = profile("""switches: { a: { env = ["ONE"]; allowed_in = ["dev"]; waives = ["tcp.*"]; degraded = "x"; };
                              b: { env = ["TWO"]; degraded = "y"; }; };
                  redis: { cache: { url = "redis://127.0.0.1:1"; password = "hunter2hunter2"; }; };""")
    result = guard.run(text, "--skip", "file.root", env={"ONE": "1", "TWO": "perhaps"})
    for code in ("switch-forbidden", "switch-unclear", "skip-forbidden", "secret-literal"):
        result.problem(code=code, exit=77)
    assert result.err.splitlines()[-1].endswith("4 problems in all")
    assert "hunter2" not in result.err
    assert "perhaps" not in result.err


# ---- leaving out ----


@pytest.mark.produces("skip-forbidden")
@pytest.mark.parametrize("options", [["--skip", "tcp.*"], ["--only", "file.*"], ["--skip", "*", "--only", "file.root"]])
def test_required_check_left_out_in_prod(guard, options):
    guard.run(profile(unreachable()), *options).problem("tcp.broker", "prod", code="skip-forbidden", exit=77)


@pytest.mark.near_miss("skip-forbidden")
@pytest.mark.parametrize("options", [["--skip", "tcp.*"], ["--only", "file.*"]])
def test_left_out_elsewhere_degrades(guard, options):
    result = guard.run(profile(unreachable()), *options, mode="staging")
    assert (result.code, result.status) == (0, "degraded")
    assert result.check("tcp.broker")["outcome"] == "skipped"
    assert "tcp.broker: skipped on request" in result.report["summary"]


@pytest.mark.near_miss("skip-forbidden")
def test_optional_check_left_out_in_prod(guard):
    text = profile(
        f'tcp: {{ cache: {{ address = "127.0.0.1:{refused_port()}"; required = false; degraded = "no cache"; }}; }};'
    )
    result = guard.run(text, "--skip", "tcp.cache")
    assert (result.code, result.status) == (0, "degraded")


@pytest.mark.near_miss("skip-forbidden")
def test_nothing_required_is_left_out(guard):
    assert guard.run(profile(), "--only", "file.*").status == "ready"


@pytest.mark.near_miss("skip-forbidden")
def test_a_pattern_that_matches_nothing_is_a_mistake(guard):
    result = guard.run(profile(), "--skip", "kafka.*", last_line=True)
    assert result.code == 64
    assert '--skip: "kafka.*" matches no check' in result.err


# ---- secrets ----

SECRETS = {
    "password": 'redis: { c: { url = "redis://127.0.0.1:1"; password = "hunter2hunter2"; }; };',
    "user part of a URL": 'http: { w: { url = "http://alice:hunter2hunter2@127.0.0.1:1/"; }; };',
    "token": 'opa: { p: { url = "http://127.0.0.1:1"; token = "hunter2hunter2"; decisions = ["a/b"]; }; };',
    "header": 'http: { w: { url = "http://127.0.0.1:1/"; headers = ["Authorization: Bearer hunter2hunter2"]; }; };',
    "kafka property": 'kafka: { k: { bootstrap_servers = "127.0.0.1:1"; properties = ["sasl.password=hunter2hunter2"]; }; };',
}


@pytest.mark.produces("secret-literal")
@pytest.mark.parametrize("where", SECRETS)
def test_literal_secret_in_prod(guard, where):
    result = guard.run(profile(SECRETS[where]))
    result.problem(code="secret-literal", exit=77)
    assert "hunter2" not in result.err + result.out


@pytest.mark.near_miss("secret-literal")
def test_literal_secret_elsewhere_is_a_warning(guard):
    text = profile(
        'http: { w: { url = "http://127.0.0.1:1/"; password = "hunter2hunter2"; username = "u"; required = false; '
        'timeout = "1s"; degraded = "no web"; }; };'
    )
    result = guard.run(text, mode="dev")
    assert (result.code, result.status) == (0, "degraded")
    assert "warning:" in result.err
    assert "hunter2" not in result.err


@pytest.mark.near_miss("secret-literal")
@pytest.mark.parametrize("reference", ["env:CACHE_PASSWORD", "file:secret"])
def test_referenced_secret(guard, reference):
    guard.write("secret", "hunter2hunter2\n")
    text = profile(f'redis: {{ c: {{ url = "redis://127.0.0.1:{refused_port()}"; password = "{reference}"; }}; }};')
    result = guard.check(text, env={"CACHE_PASSWORD": "hunter2hunter2"})
    result.expect("connect-refused", id="redis.c")
    assert "hunter2" not in result.err


@pytest.mark.near_miss("secret-literal")
@pytest.mark.parametrize(
    "url", ["${THE_URL}", "redis://:${PASS}@127.0.0.1:1", "redis://${USER_PART}@127.0.0.1:1", "${THE_URL:-x}"]
)
def test_a_url_whose_secret_comes_out_of_a_variable(guard, url):
    text = profile(f'redis: {{ c: {{ url = "{url}"; }}; }};')
    env = {"THE_URL": "redis://:hunter2hunter2@127.0.0.1:1", "PASS": "hunter2hunter2", "USER_PART": ":hunter2hunter2"}
    result = guard.check(text, env=env)
    result.expect("connect-refused", id="redis.c")
    assert "hunter2" not in result.err
    assert "hunter2" not in guard.cli("show", "-p", guard.write("p.cfg", text), env=env).out


@pytest.mark.produces("secret-literal")
@pytest.mark.parametrize(
    "url", ["redis://:${PASS:-hunter2hunter2}@127.0.0.1:1", "${THE_URL:-redis://:hunter2hunter2@127.0.0.1:1}"]
)
def test_a_default_is_plain_text(guard, url):
    result = guard.run(profile(f'redis: {{ c: {{ url = "{url}"; }}; }};'))
    result.problem(code="secret-literal", exit=77)
    assert "hunter2" not in result.err + result.out


@pytest.mark.near_miss("secret-literal")
def test_a_property_that_only_looks_secret(guard):
    text = profile(
        'kafka: { k: { bootstrap_servers = "127.0.0.1:1"; '
        'properties = ["sasl.oauthbearer.token.endpoint.url=http://127.0.0.1:1/t", "client.rack=a"]; }; };'
    )
    assert guard.cli("lint", guard.write("p.cfg", text)).code == 0


def test_lint_names_policy_errors_that_stand_in_the_file(guard):
    result = guard.cli("lint", guard.write("p.cfg", profile(SECRETS["password"])))
    assert result.code == 77
    assert "[secret-literal]" in result.err
