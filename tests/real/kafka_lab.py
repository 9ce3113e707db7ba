"""What the Kafka tests share: faults as rows of a table, a check of one row, and the table they leave behind.

A row says what is done (a function that gets the Lab and gives the keys of the kafka check), which code must come of it
and with which exit status. The measured times go into FOLDER_OF_THE_PROGRAM/kafka-faults.md, for people: nothing
asserts them.
"""

import contextlib
import json
import os
import pathlib
import re
import time

from harness import ROOT, settings
from servers.kafka_admin import differences

SECRET_NAME = "KAFKA_PASSWORD"
PERMANENT, PASSING = 69, 124


class Fault:
    """code: the expected one, or a function of (lab, guard) that gives it; exit: the status of one round."""

    def __init__(self, id, code, exit, keys, **words):
        self.id, self.code, self.exit, self.keys, self.words = id, code, exit, keys, words


class Lab:
    """.kafka the server (None for fakes) .guard .stack (undone at the end of the test) .tmp"""

    def __init__(self, guard, stack, kafka=None):
        self.guard, self.stack, self.kafka, self.tmp = guard, stack, kafka, guard.tmp

    def at(self, listener, *, user=None, password=None, mechanism="PLAIN", ca=None, cert=None, more=(), **keys):
        """The keys of a check that comes to a listener of .kafka as this user."""
        properties = self.kafka.client_properties(listener, user, password, mechanism)
        return self.keys(properties, ca=ca, cert=cert, more=more, **keys)

    def as_if(self, protocol, listener, *, ca=None, more=(), **keys):
        """The same, speaking another protocol than the listener's."""
        properties = {"bootstrap.servers": getattr(self.kafka, listener), "security.protocol": protocol}
        if protocol.endswith("SSL"):
            properties["ssl.ca.location"] = str(self.kafka.ca_file)
        if protocol.startswith("SASL"):
            properties |= {"sasl.mechanism": "PLAIN", "sasl.username": "admin", "sasl.password": self.kafka.users["admin"]}
        return self.keys(properties, ca=ca, more=more, **keys)

    def keys(self, properties, *, ca=None, cert=None, more=(), **keys):
        properties = dict(properties)
        if ca:
            properties["ssl.ca.location"] = str(ca)
        if cert:
            properties |= {"ssl.certificate.location": cert.cert_file, "ssl.key.location": cert.key_file}
        servers = properties.pop("bootstrap.servers")
        password = properties.pop("sasl.password", None)
        lines = [f"{name}={value}" for name, value in properties.items()]
        if password is not None:
            lines.append(f"sasl.password=env:{SECRET_NAME}")
        return {
            "bootstrap_servers": servers.split(","),
            "properties": [*lines, *more],
            "_env": {SECRET_NAME: password} if password is not None else {},
        } | keys

    def topic(self, name, **options):
        """A topic for this test; its name."""
        self.kafka.create_topic(name, **options)
        self.stack.callback(self.kafka.delete_topic, name)
        return name

    def allow(self, user, operation, name, **options):
        self.kafka.add_acl(user, operation, name, **options)
        self.stack.callback(self.kafka.remove_acl, user, operation, name, **options)


def profile(**keys):
    if not keys.get("properties"):
        keys.pop("properties", None)
    return f'startguard = 1; service = "lab"; kafka: {{ lab: {{ {settings(**keys)} }}; }};'


def own(kind, name):
    """What a check may leave behind: records in a canary's topic, and the trace of its own transactional ids."""
    if kind == "transactions":
        return name.startswith("startguard-")
    if kind in ("ends", "producers"):
        return "canary" in name or name.startswith("__transaction_state-")
    return False


@contextlib.contextmanager
def unchanged(kafka):
    """Nothing in the cluster differs afterwards, but what is a check's own."""
    before = kafka.dump()
    yield
    found = differences(before, kafka.dump(), own)
    assert not found, found


def provoke(guard, fault, table, kafka=None, side="fake"):
    """One row: set up, asked once, judged; where waiting cannot help, also run to its end with all the time in the world."""
    with contextlib.ExitStack() as stack:
        lab = Lab(guard, stack, kafka)
        keys = fault.keys(lab)
        env, dns = keys.pop("_env", {}), keys.pop("_dns", None)
        code = fault.code(lab, guard) if callable(fault.code) else fault.code
        stack.enter_context(unchanged(kafka) if kafka else contextlib.nullcontext())
        result = guard.check(profile(**keys), env=env, dns=dns)
        table.judge(fault.id, side, code, fault.exit, result, **fault.words)
        said = result.err + json.dumps(result.report)
        assert not env.get(SECRET_NAME) or env[SECRET_NAME] not in said
        if fault.exit == PERMANENT:
            begun = time.monotonic()
            ended = guard.run(profile(**keys), "-t", "60s", env=env, dns=dns)
            table.ended((time.monotonic() - begun) * 1000)
            ended.expect(code, exit=PERMANENT)
            assert ended.elapsed < guard.scale(30), "a cause that cannot pass must not be waited for"


def library(guard):
    """(2, 0, 2) of the linked librdkafka."""
    return tuple(map(int, re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", guard.cli("version").out).groups()))


class Table:
    """Rows for people, written when the tests are through."""

    def __init__(self):
        self.rows = []

    def add(self, *row):
        self.rows.append([*row, None])

    def judge(self, fault, side, code, exit, result, id=None, **words):
        """One round, as a row: asserted as Result.expect() does."""
        given = result.check(id)
        self.add(fault, side, code, given.get("code"), given["elapsed_ms"])
        return result.expect(code, exit=exit, id=id, **words)

    def ended(self, milliseconds):
        self.rows[-1][-1] = milliseconds

    def write(self):
        program = pathlib.Path(os.environ.get("STARTGUARD") or ROOT / "build" / "startguard").resolve()
        lines = [
            "| # | fault | real or fake | code expected | code given | ms to the verdict | ms to the end of the run |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        for n, (id, side, wanted, given, verdict, end) in enumerate(self.rows, 1):
            end = f"{end:.0f}" if end is not None else "waits"
            lines.append(f"| {n} | {id} | {side} | {wanted} | {given} | {verdict:.0f} | {end} |")
        (program.parent / "kafka-faults.md").write_text("\n".join(lines) + "\n")
