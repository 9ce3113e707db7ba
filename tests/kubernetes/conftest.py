"""The cluster, what its pods depend on, and a namespace for each test.

Pods find `catalogue` and `cache` by the names that the manifests use: a name server answers for each namespace with the
address of a server, or with one where nothing listens.
"""

import contextlib
import itertools
import json
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import programs as kubernetes  # noqa: E402
from cluster import CLOSED, NODE, Cluster  # noqa: E402

from fakes.dns import DnsServer  # noqa: E402
from fakes.http import HttpServer, json_reply  # noqa: E402
from fakes.tcp import TcpServer  # noqa: E402
from harness import ROOT, program  # noqa: E402

PASSWORD = "correct-horse"
MANIFESTS = ROOT / "packaging/kubernetes"


def serve_redis(sock):
    """As much of Redis as a login and a PING take."""
    known = False
    with sock.makefile("rb") as stream:
        while line := stream.readline():
            words = [stream.read(int(stream.readline()[1:]) + 2)[:-2].decode() for _ in range(int(line[1:]))]
            command = words[0].upper()
            if command == "AUTH":
                known = words[-1] == PASSWORD
                sock.sendall(b"+OK\r\n" if known else b"-WRONGPASS invalid username-password pair or user is disabled.\r\n")
            elif not known:
                sock.sendall(b"-NOAUTH Authentication required.\r\n")
            else:
                sock.sendall(b"+PONG\r\n" if command == "PING" else b"-ERR unknown command\r\n")


@pytest.fixture(scope="session")
def names():
    """The zone of the name server. It starts after the node's address is there, and ends with the run."""
    return {}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("cluster")
    with Cluster(folder, pathlib.Path(kubernetes.install()), program()) as one:
        catalogue = HttpServer({"/health": json_reply({"status": "UP"})}, host=NODE, port=8080)
        with DnsServer(names, host=NODE), catalogue, TcpServer(serve_redis, host=NODE, port=6379):
            yield one


class Namespace:
    """One namespace of the cluster, with the names that its pods find."""

    def __init__(self, cluster, names, name):
        self.cluster, self.name, self._names = cluster, name, names

    def has(self, **services):
        """catalogue=True: it answers; False: it refuses connections."""
        for service, there in services.items():
            self._names[f"{service}.{self.name}.svc.cluster.local"] = [NODE if there else CLOSED]

    def kubectl(self, *words, **more):
        return self.cluster.kubectl("-n", self.name, *words, **more)

    def apply(self, *documents):
        """Files of packaging/kubernetes by name, or objects."""
        for document in documents:
            text = document_text(document)
            self.kubectl("apply", "--validate=strict", "-f", "-", text=text)

    def make_secret(self, password=PASSWORD):
        """By the command of docs/kubernetes.md."""
        self.kubectl("create", "secret", "generic", "shop", f"--from-literal=cache-password={password}")

    def pod(self):
        """The namespace's newest pod; None before there is one."""
        pods = json.loads(self.kubectl("get", "pods", "-o", "json").stdout)["items"]
        return max(pods, key=lambda pod: pod["metadata"]["creationTimestamp"], default=None)

    def wait_pod(self, question, what, seconds=90):
        """Asks until question(pod) is true, and returns the pod."""

        def answer():
            pod = self.pod()
            return pod if pod and question(pod) else None

        try:
            return self.cluster.wait_for(answer, what, seconds)
        except Exception as error:
            raise AssertionError(f"{error}\n{self.kubectl('describe', 'pods').stdout}") from None

    def wait_ready(self):
        return self.wait_pod(is_ready, "the pod is ready")

    def wait_ended(self, container, code):
        """The last ended state of a container, once it has ended with this exit status."""

        def ended(pod):
            state = ended_state(pod, container)
            return state and state["exitCode"] == code

        return ended_state(self.wait_pod(ended, f"{container} ends with {code}"), container)

    def logs(self, container):
        pod = self.pod()["metadata"]["name"]
        return self.cluster.wait_for(lambda: self.kubectl("logs", pod, "-c", container).stdout, f"{container} says something")


def document_text(document):
    if isinstance(document, str):
        return (MANIFESTS / document).read_text("utf-8")
    return json.dumps(document)


def status_of(pod, container):
    both = itertools.chain(pod["status"].get("initContainerStatuses", []), pod["status"].get("containerStatuses", []))
    return next((status for status in both if status["name"] == container), {})


def ended_state(pod, container):
    status = status_of(pod, container)
    return status.get("state", {}).get("terminated") or status.get("lastState", {}).get("terminated")


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


@contextlib.contextmanager
def made_namespace(cluster, names):
    """A namespace that takes restricted pods alone."""
    name = f"t{os.urandom(4).hex()}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}))
    one = Namespace(cluster, names, name)
    one.has(catalogue=True, cache=True)
    yield one
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def namespace(cluster, names):
    with made_namespace(cluster, names) as one:
        yield one
