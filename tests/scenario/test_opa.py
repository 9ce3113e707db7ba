"""opa"""

import pytest

from fakes.http import HttpServer, Reply

ALLOW = '( { path = "authz/allow"; equals = true; } )'


def opa(**routes):
    table = {
        "/health": Reply(body={}),
        "/health?bundles=true": Reply(body={}),
        "/health?plugins=true": Reply(body={}),
        "POST /v1/data/authz/allow": Reply(body={"result": True}),
    }
    table.update(
        {
            k.replace("decision", "POST /v1/data/authz/allow").replace("health", "/health"): v
            for k, v in routes.items()
            if k in ("decision", "health")
        }
    )
    if "bundles" in routes:
        table["/health?bundles=true"] = routes["bundles"]
    if "plugins" in routes:
        table["/health?plugins=true"] = routes["plugins"]
    return HttpServer(table)


@pytest.mark.near_miss(
    "opa-not-opa",
    "opa-undefined",
    "opa-decision",
    "opa-decision-type",
    "opa-unhealthy",
    "opa-bundle-inactive",
    "opa-plugin-not-ready",
    "opa-evaluation-error",
)
def test_pass(guard):
    with opa() as s:
        guard.try_("opa", url=s.url, health=["bundles", "plugins"], decisions=ALLOW).passed()
        assert s.requests[-1].json() == {}


def test_input(guard):
    file = guard.write("input.json", '{"user": "probe"}')
    with opa() as s:
        guard.try_("opa", url=s.url, decisions='( { path = "/v1/data/authz/allow"; input = "{\\"user\\": 1}"; } )').passed()
        assert s.requests[-1].json() == {"input": {"user": 1}}
        guard.try_("opa", url=s.url, decisions=f'( {{ path = "authz/allow"; input_file = "{file}"; }} )').passed()
        assert s.requests[-1].json() == {"input": {"user": "probe"}}


@pytest.mark.near_miss("opa-undefined")
@pytest.mark.parametrize(
    "path", ["authz/allow", "authz.allow", "data.authz.allow", "/authz/allow", "/v1/data/authz/allow", "authz/allow/"]
)
def test_path_in_every_form(guard, path):
    with opa() as s:
        check = guard.try_("opa", url=s.url, decisions=f'( {{ path = "{path}"; equals = true; }} )').passed()
        assert check["summary"] == "healthy, 1 decision defined and right"
        assert check["reached"][-1] == "decision authz/allow"


def test_only_what_was_compared_is_called_right(guard):
    with opa() as s:
        assert guard.try_("opa", url=s.url).passed()["summary"] == "healthy, 0 decisions defined"
        two = '( "authz/allow", { path = "authz.allow"; equals = true; } )'
        assert guard.try_("opa", url=s.url, decisions=two).passed()["summary"] == "healthy, 2 decisions defined"


@pytest.mark.parametrize("path", [".authz", "authz.", "authz..allow", "data.", ""])
def test_paths_that_are_none(guard, path):
    guard.try_("opa", url="http://127.0.0.1:1", decisions=f'( {{ path = "{path}"; }} )').problem("path", exit=64)


@pytest.mark.produces("opa-undefined")
@pytest.mark.near_miss("opa-decision")
def test_undefined(guard):
    with opa(decision=Reply(body={})) as s:
        guard.try_("opa", url=s.url, decisions=ALLOW).expect("opa-undefined", exit=124, phase="assert", cause='no "result"')


@pytest.mark.produces("opa-decision")
@pytest.mark.near_miss("opa-undefined", "opa-decision-type")
@pytest.mark.parametrize("result", [False, None, "true", {"allow": True}])
def test_other_decision(guard, result):
    with opa(decision=Reply(body={"result": result})) as s:
        guard.try_("opa", url=s.url, decisions=ALLOW).expect("opa-decision", exit=69, cause="expected true")


@pytest.mark.produces("opa-decision-type")
@pytest.mark.near_miss("opa-decision")
def test_other_type(guard):
    with opa(decision=Reply(body={"result": {"allow": True}})) as s:
        guard.try_("opa", url=s.url, decisions='( { path = "authz/allow"; type = "boolean"; } )').expect(
            "opa-decision-type", exit=69, cause="object"
        )
        guard.try_(
            "opa", url=s.url, decisions='( { path = "authz/allow"; at = "/allow"; type = "boolean"; equals = true; } )'
        ).passed()


@pytest.mark.produces("opa-evaluation-error")
def test_rule_conflict(guard):
    words = {
        "code": "internal_error",
        "message": "error(s) occurred while evaluating query",
        "errors": [{"code": "eval_conflict_error", "message": "complete rules must not produce multiple outputs"}],
    }
    with opa(decision=Reply(500, words)) as s:
        guard.try_("opa", url=s.url, decisions=ALLOW).expect("opa-evaluation-error", exit=69, cause="multiple outputs")


@pytest.mark.produces("http-status")
@pytest.mark.near_miss("opa-evaluation-error")
@pytest.mark.parametrize("reply", [Reply(400, "<html>Bad Request</html>"), Reply(500, "upstream")])
def test_error_page_of_a_proxy(guard, reply):
    with opa(decision=reply) as s:
        guard.try_("opa", url=s.url, decisions=ALLOW).expect("http-status", exit=124)


@pytest.mark.produces("opa-unhealthy")
@pytest.mark.near_miss("opa-not-opa")
def test_unhealthy(guard):
    with opa(health=Reply(500, {"error": "unable to perform evaluation"})) as s:
        guard.try_("opa", url=s.url).expect("opa-unhealthy", exit=124, retryable=True)


@pytest.mark.produces("opa-bundle-inactive")
@pytest.mark.near_miss("opa-unhealthy", "opa-plugin-not-ready")
def test_bundles(guard):
    with opa(bundles=Reply(500, {"error": "not all configured bundles have been activated"})) as s:
        guard.try_("opa", url=s.url).passed()
        guard.try_("opa", url=s.url, health=["bundles"]).expect("opa-bundle-inactive", exit=124)


INACTIVE = Reply(500, {"error": "one or more bundles are not activated"})


@pytest.mark.produces("opa-bundle-inactive")
@pytest.mark.near_miss("opa-undefined", "opa-decision", "opa-evaluation-error", "auth-failed")
@pytest.mark.parametrize(
    "reply",
    [
        Reply(body={}),
        Reply(body={"result": False}),
        Reply(500, {"code": "internal_error", "message": "error(s) occurred", "errors": []}),
        Reply(401, {"code": "unauthorized", "message": "request rejected by administrative policy"}),
    ],
)
def test_a_wrong_decision_while_bundles_are_to_come(guard, reply):
    """Whatever health demands: OPA is asked for its bundles before such a decision is called wrong."""
    with opa(decision=reply, bundles=INACTIVE) as s:
        guard.try_("opa", url=s.url, token="env:T", _env={"T": "token-1"}, decisions=ALLOW).expect(
            "opa-bundle-inactive", exit=124, cause="one or more bundles are not activated"
        )


@pytest.mark.near_miss("opa-bundle-inactive")
def test_bundles_are_not_asked_for_beside_a_good_decision(guard):
    with opa(bundles=INACTIVE) as s:
        guard.try_("opa", url=s.url, decisions=ALLOW).passed()
        assert [r.target for r in s.requests] == ["/health", "/v1/data/authz/allow"]


def test_a_policy_that_is_pushed_later(guard):
    with opa(decision=[Reply(body={}), Reply(body={}), Reply(body={"result": True})]) as s:
        words = f'url = "{s.url}"; decisions = {ALLOW};'
        assert guard.run(f"startguard = 1; opa: {{ p: {{ {words} }}; }};").passed()["attempts"] == 3


@pytest.mark.produces("opa-undefined")
@pytest.mark.near_miss("opa-evaluation-error")
def test_the_authorisation_policy_is_to_come(guard):
    """What OPA says while system.authz is not loaded."""
    words = {"code": "internal_error", "message": "authorization policy missing or undefined"}
    with opa(decision=Reply(500, words), health=Reply(500, words)) as s:
        guard.try_("opa", url=s.url, decisions=ALLOW).expect("opa-undefined", exit=124, cause="authorization policy missing")


@pytest.mark.near_miss("auth-required", "auth-failed", "auth-forbidden")
@pytest.mark.parametrize("status", [401, 403])
def test_health_that_is_not_permitted(guard, status):
    """A service that may ask for its decision needs no right to ask for health."""
    with opa(health=Reply(status, {"code": "unauthorized", "message": "request rejected by administrative policy"})) as s:
        summary = guard.try_("opa", url=s.url, decisions=ALLOW).passed()["summary"]
        assert summary == "health is not permitted, 1 decision defined and right"


@pytest.mark.produces("auth-required")
@pytest.mark.parametrize("keys", [{}, {"health": ["bundles"], "decisions": ALLOW}])
def test_health_that_is_demanded_must_be_permitted(guard, keys):
    with opa(health=Reply(401), bundles=Reply(401)) as s:
        guard.try_("opa", url=s.url, **keys).expect("auth-required", exit=69)


@pytest.mark.produces("opa-plugin-not-ready")
@pytest.mark.near_miss("opa-bundle-inactive")
def test_plugins(guard):
    with opa(plugins=Reply(500, {"error": "one or more plugins are not up"})) as s:
        guard.try_("opa", url=s.url, health=["plugins"]).expect("opa-plugin-not-ready", exit=124)


@pytest.mark.produces("opa-not-opa")
@pytest.mark.parametrize("health", [Reply(404, "not found"), Reply(200, {"status": "UP"}), Reply(200, "ok")])
def test_other_server(guard, health):
    with opa(health=health) as s:
        guard.try_("opa", url=s.url).expect("opa-not-opa", exit=69)


@pytest.mark.produces("opa-not-opa")
def test_the_diagnostic_address(guard):
    """It has /health and /metrics, and no decisions. A peer without OPA's /health is another service."""
    with opa(decision=Reply(404, "404 page not found")) as s:
        guard.try_("opa", url=s.url, decisions=ALLOW).expect("opa-not-opa", exit=69, hint="--diagnostic-addr")
    with opa(health=Reply(404, "404 page not found"), decision=Reply(404, "404 page not found")) as s:
        result = guard.try_("opa", url=s.url, decisions=ALLOW)
        result.expect("opa-not-opa", exit=69)
        assert "diagnostic" not in result.err


@pytest.mark.produces("auth-required", "auth-failed", "auth-forbidden")
def test_authorisation(guard):
    for reply, token, code in (
        (Reply(401), None, "auth-required"),
        (Reply(401), "env:T", "auth-failed"),
        (Reply(403), "env:T", "auth-forbidden"),
    ):
        with opa(decision=reply) as s:
            keys = {"token": token} if token else {}
            guard.try_("opa", url=s.url, decisions=ALLOW, _env={"T": "token-1"}, **keys).expect(code, exit=69)


@pytest.mark.produces("file-missing", "file-content")
def test_input_file(guard):
    broken = guard.write("broken.json", "{")
    with opa() as s:
        guard.try_("opa", url=s.url, decisions='( { path = "authz/allow"; input_file = "/nonexistent"; } )').expect(
            "file-missing"
        )
        guard.try_("opa", url=s.url, decisions=f'( {{ path = "authz/allow"; input_file = "{broken}"; }} )').expect(
            "file-content"
        )


@pytest.mark.parametrize("end", ["/v1/data", "/v1", "/v1/data/authz/allow", "/prefix/v1/", "/health", "?x=1"])
def test_url_that_is_no_base(guard, end):
    """OPA answers {} at /v1/data/health too: health would be that of nothing."""
    guard.try_("opa", url=f"http://x{end}").problem("url", exit=64)
    guard.try_("opa", url="env:URL", _env={"URL": f"http://x{end}"}).expect("env-mismatch", exit=69)


def test_prefix_of_a_proxy(guard):
    with HttpServer({"/opa/health": Reply(body={}), "POST /opa/v1/data/authz/allow": Reply(body={"result": True})}) as s:
        guard.try_("opa", url=s.url + "/opa/", decisions=ALLOW).passed()


def test_the_whole_decision(guard):
    with opa() as s:
        guard.try_("opa", url=s.url, decisions='( { path = "authz/allow"; at = ""; equals = true; } )').passed()


@pytest.mark.produces("opa-undefined")
@pytest.mark.parametrize("before", ["v1/data/", "data/"])
def test_a_path_with_what_stands_before_it(guard, before):
    with opa() as s:
        s.routes[f"POST /v1/data/{before}authz/allow"] = Reply(body={})
        guard.try_("opa", url=s.url, decisions=f'( {{ path = "{before}authz/allow"; }} )').expect(
            "opa-undefined", exit=124, hint="likely the path is authz/allow"
        )


@pytest.mark.produces("opa-decision")
def test_an_input_that_is_wrapped_twice(guard):
    """OPA's documentation shows bodies of requests, and the policy sees input.input."""

    def decide(request):
        return Reply(body={"result": request.json()["input"].get("user") == "admin"})

    admin = '{\\"user\\": \\"admin\\"}'
    with opa(decision=decide) as s:
        ask = '( {{ path = "authz/allow"; input = "{}"; equals = true; }} )'
        guard.try_("opa", url=s.url, decisions=ask.format(admin)).passed()
        guard.try_("opa", url=s.url, decisions=ask.format(f'{{\\"input\\": {admin}}}')).expect(
            "opa-decision", exit=69, hint="the check wraps it"
        )


def test_bad_path(guard):
    guard.try_("opa", url="http://x", decisions='( { path = "a b"; } )').problem("path", exit=64)
