"""What can be wrong, each as a context manager that puts it into the servers, yields the variables that change, and takes it back."""

import contextlib
import io
import json
import time

from fastavro import parse_schema, schemaless_writer
from image import ROOT

from servers.redis import RedisServer

DENY = "package soma.policy.integrator\n\ndefault allow := false\n"
# A value for each rule: asking for allow alone is answered, asking for the package is an error.
CONFLICT = """package soma.policy.integrator

default allow := true

leader := input.candidate.leader

leader := "action"
"""
TS = "2025-11-08T15:00:00Z"
JSON_CONFIG = f'{{"tenant": "acme", "learning_rate": 0.05, "exploration_temp": 0.62, "ts": "{TS}"}}'
CONFIG = {
    "learning_rate": 0.05,
    "exploration_temp": 0.62,
    "lambda_state": 0.5,
    "lambda_agent": 0.5,
    "lambda_action": 0.5,
    "ts": TS,
}
UPDATE = {"domain": "state", "ts": TS, "delta_error": 0.5, "confidence": 0.5, "model_ver": "v1", "latency_ms": 7}
UPDATE |= {"evidence": {"tenant": "public"}, "posterior": {}}
DAY = 24 * 3600


def nothing(_system):
    return contextlib.nullcontext({})


def variables(**more):
    """A function of the system in place of a value: the value is known only while it runs."""

    def plant(system):
        return contextlib.nullcontext({name: value(system) if callable(value) else value for name, value in more.items()})

    return plant


def schema_of(commit, name):
    return (ROOT / "profiles/somabrain/schemas" / commit / f"{name}.avsc").read_text()


def avro(commit, name, record):
    out = io.BytesIO()
    schemaless_writer(out, parse_schema(json.loads(schema_of(commit, name))), record)
    return out.getvalue()


def records(topic, *values, age=0):
    """The topic holds these and no others, written `age` seconds ago."""

    @contextlib.contextmanager
    def plant(system):
        system.kafka.delete_topic(topic)
        system.kafka.create_topic(topic, 2)
        for value in values:
            system.kafka.produce(topic, value, timestamp=int((time.time() - age) * 1000))
        yield {}
        system.kafka.delete_topic(topic)
        system.kafka.create_topic(topic, 2)

    return plant


def policy(rego):
    """In place of the good ones; None: none is loaded."""

    @contextlib.contextmanager
    def plant(system):
        system.opa.delete_policies()
        if rego:
            system.opa.put_policy("integrator", rego)
        yield {}
        system.opa.delete_policies()
        for name, good in system.opa.policies.items():
            system.opa.put_policy(name, good)

    return plant


def down(server):
    @contextlib.contextmanager
    def plant(system):
        getattr(system, server).halt()
        yield {}
        getattr(system, server).launch().wait_ready()

    return plant


def redis_with_password(login):
    """login: what the service's URL has before the address."""

    @contextlib.contextmanager
    def plant(_system):
        with RedisServer(password="sesame") as redis:
            yield {"SOMABRAIN_REDIS_URL": f"redis://{login}127.0.0.1:{redis.port}/0"}

    return plant


# ---- changes of an image ----


def remove(path):
    return lambda image: (image.folder / path).unlink()


def write(path, text):
    def edit(image):
        file = image.folder / path
        file.parent.mkdir(exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text)

    return edit


def replace(path, old, new):
    return lambda image: image.replace(path, old, new)
