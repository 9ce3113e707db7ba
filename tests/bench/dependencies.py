"""What the benchmarks check: fixed answers over HTTP and a TCP port (serve.c), and the profiles that ask for them."""

import contextlib
import json
import pathlib
import subprocess

from harness import settings

ROOT = pathlib.Path(__file__).resolve().parents[2]
HELPERS = ROOT / "build" / "tests" / "bench"
SCHEMA = ROOT / "profiles" / "somabrain" / "schemas" / "eb14dcb" / "config_update.avsc"
SUBJECT, DECISION, FAMILY, TOPIC = "cog.config.updates-value", "soma/policy/allow", "requests_total", "orders"
PAGE = f"# HELP {FAMILY} Requests.\n# TYPE {FAMILY} counter\n{FAMILY} 12\n"


def http_answer(body, kind="application/json"):
    data = (body if isinstance(body, str) else json.dumps(body)).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def answers():
    """What serve.c answers, by path; "/" first."""
    schema = json.dumps(json.loads(SCHEMA.read_text()))
    version = {"subject": SUBJECT, "version": 1, "id": 1, "schema": schema}
    return {
        "/": http_answer({}),
        "/health": http_answer({}),
        f"/v1/data/{DECISION}": http_answer({"result": True}),
        "/config": http_answer({"compatibilityLevel": "BACKWARD"}),
        "/mode": http_answer({"mode": "READWRITE"}),
        f"/subjects/{SUBJECT}/versions/latest": http_answer(version),
        "/metrics": http_answer(PAGE, "text/plain; version=0.0.4"),
    }


@contextlib.contextmanager
def served(folder):
    """(TCP port, HTTP port) of serve.c; a file of its answers is written into the folder."""
    path = folder / "answers"
    path.write_bytes(b"".join(f"{name} {len(data)}\n".encode() + data for name, data in answers().items()))
    with subprocess.Popen([HELPERS / "serve", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield tuple(map(int, server.stdout.readline().split()))
        server.stdin.close()


def profile(text):
    return f'startguard = 1; service = "bench"; mode = "prod"; {text}'


def six(ports, redis, kafka_servers=None):
    """Six checks: redis, opa, schema_registry, avro, tcp, and metrics; or kafka in its place."""
    tcp, http = ports
    url = f"http://127.0.0.1:{http}"
    groups = {
        "redis": {"url": f"redis://127.0.0.1:{redis}"},
        "opa": {"url": url, "decisions": [{"path": DECISION}]},
        "schema_registry": {"url": url, "subjects": [{"name": SUBJECT, "must": "same", "schema": str(SCHEMA)}]},
        "avro": {"schema": str(SCHEMA), "full_name": "soma.cognition.ConfigUpdate"},
        "tcp": {"address": f"127.0.0.1:{tcp}"},
    }
    if kafka_servers:
        groups["kafka"] = {"bootstrap_servers": kafka_servers, "topics": [{"name": TOPIC, "partitions": 3}]}
    else:
        groups["metrics"] = {"url": f"{url}/metrics", "families": [{"name": FAMILY, "type": "counter"}]}
    return " ".join(f"{kind}: {{ c: {{ {settings(**keys)} }}; }};" for kind, keys in groups.items())
