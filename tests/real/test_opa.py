"""opa against a real one: policies in a bundle and pushed ones that come late, or never, and one that forbids /health."""

import http.server
import io
import tarfile
import threading

import pytest

from servers import common
from servers.opa import OpaServer, install

pytestmark = pytest.mark.timeout(120)
REGO = 'package authz\nimport rego.v1\ndefault allow := false\nallow if input.user == "probe"\n'
AUTHZ = """package system.authz
import rego.v1
default allow := false
allow if input.path == ["v1", "data", "authz", "allow"]
"""
DECISIONS = '( { path = "authz/allow"; input = "{\\"user\\": \\"probe\\"}"; equals = true; } )'
LATE_S = 3


def profile(guard, url, timeout):
    return (
        f"""startguard = 1; timeout = "{guard.span(timeout)}"; opa: {{ p: {{ url = "{url}"; decisions = {DECISIONS}; }}; }};"""
    )


def bundle():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        info = tarfile.TarInfo("authz.rego")
        info.size = len(REGO)
        tar.addfile(info, io.BytesIO(REGO.encode()))
    return packed.getvalue()


class BundleServer(http.server.ThreadingHTTPServer):
    """Has the bundle from `ready` on."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), BundleHandler)
        self.ready = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class BundleHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = bundle() if self.server.ready.is_set() else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class BundledOpa(OpaServer):
    """An OPA that polls a bundle each second."""

    def __init__(self, port, *options):
        super().__init__({})
        self.bundles, self.options = port, options

    def command(self):
        settings = (
            f"services.b.url=http://127.0.0.1:{self.bundles}",
            "bundles.authz.service=b",
            "bundles.authz.resource=/bundle.tar.gz",
            "bundles.authz.polling.min_delay_seconds=1",
            "bundles.authz.polling.max_delay_seconds=1",
        )
        words = [install(), "run", "--server", "--addr", f"127.0.0.1:{self.port}", "--log-level", "error"]
        return [*words, *self.options, *(f"--set={s}" for s in settings)]


class GuardedOpa(OpaServer):
    def command(self):
        return [*super().command(), "--authorization=basic"]

    def is_ready(self):
        return common.accepts(self.port)


def later(action):
    timer = threading.Timer(LATE_S, action)
    timer.start()
    return timer


@pytest.mark.near_miss("opa-undefined")
def test_a_bundle_that_comes_late(guard):
    served = BundleServer()
    with BundledOpa(served.server_port) as server:
        timer = later(served.ready.set)
        check = guard.run(profile(guard, server.url, 30)).passed()
        timer.join()
        assert check["history"][0]["code"] == "opa-bundle-inactive"
    served.shutdown()


@pytest.mark.produces("opa-bundle-inactive")
@pytest.mark.near_miss("opa-undefined")
def test_a_bundle_that_never_comes(guard):
    served = BundleServer()
    with BundledOpa(served.server_port) as server:
        guard.run(profile(guard, server.url, 2)).expect("opa-bundle-inactive", exit=124, cause="not activated")
    served.shutdown()


def test_a_policy_that_is_pushed_late(guard):
    with OpaServer({}) as server:
        timer = later(lambda: server.put_policy("authz", REGO))
        check = guard.run(profile(guard, server.url, 30)).passed()
        timer.join()
        assert check["history"][0]["code"] == "opa-undefined"


@pytest.mark.produces("opa-undefined")
@pytest.mark.near_miss("opa-bundle-inactive")
def test_a_policy_that_never_comes(guard):
    with OpaServer({}) as server:
        guard.run(profile(guard, server.url, 2)).expect("opa-undefined", exit=124, cause="no rule at authz/allow")


@pytest.mark.produces("opa-decision")
@pytest.mark.near_miss("opa-bundle-inactive")
def test_a_wrong_decision_is_final(guard):
    with OpaServer({"authz": REGO.replace("probe", "admin")}) as server:
        guard.run(profile(guard, server.url, 20)).expect("opa-decision", exit=69)


@pytest.mark.near_miss("auth-required")
def test_health_that_the_policy_forbids(guard):
    with GuardedOpa({"authz": REGO, "system": AUTHZ}) as server:
        assert guard.run(profile(guard, server.url, 20)).passed()["summary"].startswith("health is not permitted")


@pytest.mark.produces("opa-undefined")
def test_the_authorisation_policy_is_missing(guard):
    with GuardedOpa({"authz": REGO}) as server:
        guard.run(profile(guard, server.url, 2)).expect("opa-undefined", exit=124, cause="authorization policy missing")


@pytest.mark.produces("auth-required")
def test_a_decision_that_the_policy_forbids(guard):
    with GuardedOpa({"authz": REGO, "system": AUTHZ.replace('"authz", ', '"other", ')}) as server:
        guard.run(profile(guard, server.url, 20)).expect("auth-required", exit=69)
