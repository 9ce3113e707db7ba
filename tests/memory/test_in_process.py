"""Every kind under valgrind: attempts that pass and attempts that fail, in the very process that valgrind watches.

Leaks are not looked for: a check's memory goes with its child, by design. The unit tests are where leaks are found.
"""

import io
import json
import os
import pathlib
import shutil
import subprocess
import sys

import fastavro
import pytest

import harness
from fakes.certs import Authority, server_context
from fakes.dns import DnsServer
from fakes.http import HttpServer, Reply
from fakes.kafka import KafkaMock
from fakes.resp import RespServer, bulk, simple
from fakes.tcp import TcpServer, garbage, refused_port, silent
from servers.memcached import MemcachedServer
from servers.postgres import PASSWORD, PostgresServer

SUPPRESSIONS = pathlib.Path(__file__).with_name("valgrind.supp")
RUN_SECONDS = 120
PASSES, FAILS = (0,), (69, 124)
SCHEMA = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "total", "type": ["null", "double"]},
        {"name": "tags", "type": {"type": "map", "values": {"type": "array", "items": "long"}}},
    ],
}
RECORD = {"id": "o-1", "total": 1.5, "tags": {"a": [1, 2]}}
PAGE = '# TYPE events counter\nevents_total{a="b\\n"} 3\n# TYPE heat gauge\nheat 21.5\n'


@pytest.fixture
def attempt(guard, monkeypatch):
    """attempt(exit codes, kind, **keys): one attempt, which must end so and find valgrind silent."""
    monkeypatch.setattr(
        harness,
        "WRAP",
        [
            shutil.which("valgrind"),
            "-q",
            f"--log-file={guard.tmp}/valgrind.%p",
            "--num-callers=30",
            f"--suppressions={SUPPRESSIONS}",
        ],
    )

    def run(expected, kind, _dns=None, _env={}, **keys):
        pairs = [
            f"{k}={v if isinstance(v, str) else str(v) if isinstance(v, os.PathLike) else harness.text(v)}"
            for k, v in keys.items()
        ]
        result = guard.cli("try", kind, "--in-process", *pairs, timeout=RUN_SECONDS, dns=_dns, env=_env)
        logs = list(guard.tmp.glob("valgrind.*"))
        said = "".join(f.read_text() for f in logs)
        assert logs and not said, said
        assert result.code in expected, result
        return result.err

    return run


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


def encode(record):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(json.dumps(SCHEMA))), record)
    return out.getvalue()


@pytest.fixture
def schema(guard):
    return guard.write("order.avsc", json.dumps(SCHEMA))


def test_an_error_is_seen(guard, attempt):
    """A program that looks at what it never wrote: without this, silence would prove nothing."""
    source = guard.write(
        "wrong.c", "#include <stdlib.h>\nint main(void) { volatile char *p = malloc(1); return *p ? 1 : 0; }\n"
    )
    guard.path = str(guard.tmp / "wrong")
    subprocess.run(["cc", "-O0", "-o", guard.path, str(source)], check=True)
    with pytest.raises(AssertionError, match="uninitialised"):
        attempt(PASSES, "env")


def test_no_kind_is_left_out():
    assert [kind for kind in harness.kinds() if f"test_{kind}" not in globals()] == []


def test_env(attempt):
    attempt(PASSES, "env", required=["A"], one_of=["A|B"], match=["A=x+"], _env={"A": "xx"})
    assert "env-" in attempt(FAILS, "env", required=["NOT_THERE"], match=["A=y"], _env={"A": "x"})


def test_file(guard, attempt):
    file = guard.write("hello", "hello world\n")
    attempt(
        PASSES,
        "file",
        path=file,
        type="file",
        contains="world",
        min_size="5B",
        sha256="a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447",
    )
    attempt(PASSES, "file", path=guard.tmp / "h*")
    assert "file-content" in attempt(FAILS, "file", path=file, contains="mars")


def test_flow(attempt, schema):
    with KafkaMock(brokers=1, topics={"orders": (1, 1)}) as kafka, HttpServer({"/total": Reply(body={"total": 1.5})}) as http:
        http.routes["POST /*"] = lambda r: (
            kafka.produce("orders", encode(RECORD | {"id": r.path[1:]})) or Reply(body={"id": "x"})
        )
        record = {
            "bootstrap_servers": kafka.bootstrap,
            "topic": "orders",
            "format": "avro_bare",
            "schema": schema,
            "where": ["id={random}"],
            "holds": ["tags=1", "total>1"],
            "capture": ["total=total"],
        }
        sent = {"url": f"{http.url}/{{random}}", "body": '{"at": {now_ms}}', "holds": ["id=x"], "capture": ["id=/id"]}
        asked = {"url": f"{http.url}/total?of={{id}}", "at": "/total", "equals": "{total}"}
        attempt(PASSES, "flow", steps=[{"request": sent}, {"expect_record": record}, {"poll": asked}])
        record["within"] = "1s"
        err = attempt(FAILS, "flow", steps=[{"request": sent}, {"expect_record": record | {"where": ["id=none"]}}])
        assert "flow-no-record" in err


def test_exec(attempt):
    attempt(PASSES, "exec", command=["/bin/echo", "version 7"], stdout_matches="^version")
    assert "exec-" in attempt(FAILS, "exec", command=["/no/such/program"])


def test_python(attempt):
    attempt(
        PASSES,
        "python",
        interpreter=sys.executable,
        modules=["json"],
        distributions=["pytest >= 1"],
        forbidden=["kafka-python < 3"],
        attempt_timeout="30s",
    )
    assert "python-module-missing" in attempt(
        FAILS, "python", interpreter=sys.executable, modules=["no_such_thing"], attempt_timeout="30s"
    )


def test_tcp(attempt):
    with TcpServer(silent) as server:
        attempt(PASSES, "tcp", address=server.address)
    assert "connect-refused" in attempt(FAILS, "tcp", address=f"127.0.0.1:{refused_port()}")


def test_dns(attempt):
    with DnsServer({"one.test": ["10.0.0.1"], "six.test": ["fd00::1"], "none.test": "NXDOMAIN"}) as server:
        attempt(PASSES, "dns", name="one.test", includes=["10.0.0.0/8"], _dns=server)
        attempt(PASSES, "dns", name="six.test", _dns=server)
        assert "dns-no-such-name" in attempt(FAILS, "dns", name="none.test", _dns=server)


def test_http(attempt, authority):
    with HttpServer({"/*": Reply(200, '{"a": [1, {"b": null}]}', chunked=True)}) as s:
        attempt(PASSES, "http", url=s.url, body_contains="null", headers=["X: y"])
    with HttpServer({"/*": Reply(503, "no")}, tls=server_context(authority.issue())) as s:
        assert "http-status" in attempt(FAILS, "http", url=s.url, ca_file=authority.ca_file)
        assert "tls-" in attempt(FAILS, "http", url=s.url)
    with TcpServer(garbage) as s:
        attempt(FAILS, "http", url=f"http://{s.address}/")


def test_metrics(attempt):
    with HttpServer({"/metrics": Reply(200, PAGE, content_type="text/plain; version=0.0.4")}) as s:
        attempt(PASSES, "metrics", url=s.url + "/metrics", families='( { name = "heat"; type = "gauge"; min = 20; } )')
        assert "metrics-label" in attempt(
            FAILS, "metrics", url=s.url + "/metrics", families='( { name = "events_total"; labels = ["a=c"]; } )'
        )
    with HttpServer({"/metrics": Reply(200, 'a{b="c\n', content_type="text/plain")}) as s:
        assert "metrics-malformed" in attempt(FAILS, "metrics", url=s.url + "/metrics")


def test_opa(attempt):
    decisions = '( { path = "authz/allow"; equals = true; } )'
    with HttpServer({"/health": Reply(body={}), "POST /v1/data/authz/allow": Reply(body={"result": True})}) as s:
        attempt(PASSES, "opa", url=s.url, decisions=decisions)
    with HttpServer({"/health": Reply(body={}), "POST /v1/data/authz/allow": Reply(body={"result": {"allow": False}})}) as s:
        assert "opa-decision" in attempt(FAILS, "opa", url=s.url, decisions=decisions)


def test_schema_registry(attempt, schema):
    def registry(text):
        return HttpServer(
            {
                "/config": Reply(body={"compatibilityLevel": "BACKWARD"}),
                "/mode": Reply(body={"mode": "READWRITE"}),
                "/config/orders-value": Reply(body={"compatibilityLevel": "BACKWARD"}),
                "/subjects/orders-value/versions/latest": Reply(
                    body={"subject": "orders-value", "version": 3, "id": 7, "schema": text}
                ),
            }
        )

    subjects = f'( {{ name = "orders-value"; must = "same"; schema = "{schema}"; }} )'
    with registry(json.dumps(SCHEMA, indent=1)) as s:
        attempt(PASSES, "schema_registry", url=s.url, subjects=subjects)
    with registry('{"type": "record", "name": "shop.Order", "fields": []}') as s:
        assert "registry-schema-differs" in attempt(FAILS, "schema_registry", url=s.url, subjects=subjects)


def test_avro(guard, attempt, schema):
    attempt(PASSES, "avro", schema=schema, sample=guard.write("order.bin", encode(RECORD)), reads=schema, readable_by=schema)
    assert "avro-decode" in attempt(FAILS, "avro", schema=schema, sample=guard.write("short.bin", encode(RECORD)[:5]))
    assert "avro-invalid-schema" in attempt(FAILS, "avro", schema=guard.write("no.avsc", '{"type": "rekord"}'))


def test_redis(attempt, authority):
    with RespServer({"TYPE config": simple("hash"), "GET a": bulk("b")}) as s:
        attempt(PASSES, "redis", url=s.url + "/2", role="master", keys='( { name = "config"; type = "hash"; } )')
        assert "redis-key" in attempt(FAILS, "redis", url=s.url, keys='( { name = "config"; type = "list"; } )')
    with TcpServer(garbage) as s:
        attempt(FAILS, "redis", url=f"redis://{s.address}")


def test_memcached(attempt):
    with MemcachedServer() as s:
        attempt(PASSES, "memcached", url=s.url, min_version="1.5")
        assert "memcached-key" in attempt(FAILS, "memcached", url=s.url, key="nothing")
    with TcpServer(garbage) as s:
        attempt(FAILS, "memcached", url=f"memcached://{s.address}")


def test_postgres(attempt):
    with PostgresServer() as s:
        url = {"URL": f"postgresql://app:{PASSWORD}@127.0.0.1:{s.port}/service"}
        s.sql("create table t (id int)", "service", "app")
        attempt(PASSES, "postgres", attempt_timeout="30s", url="env:URL", tables=["t"], privileges=["INSERT on t"], _env=url)
        assert "postgres-table-missing" in attempt(
            FAILS, "postgres", attempt_timeout="30s", url="env:URL", tables=["u"], _env=url
        )
        assert "auth-failed" in attempt(
            FAILS, "postgres", attempt_timeout="30s", url="env:URL", _env={"URL": url["URL"].replace(PASSWORD, "no")}
        )
    with TcpServer(garbage) as s:
        attempt(FAILS, "postgres", attempt_timeout="30s", url=f"postgresql://{s.address}/service")


def test_kafka(attempt):
    with KafkaMock(brokers=2, topics={"orders": (3, 2)}) as kafka:
        attempt(
            PASSES, "kafka", bootstrap_servers=kafka.bootstrap, every_broker=True, topics=[{"name": "orders", "partitions": 3}]
        )
        assert "kafka-partitions" in attempt(
            FAILS, "kafka", bootstrap_servers=kafka.bootstrap, topics=[{"name": "orders", "partitions": 4}]
        )
    assert "connect-refused" in attempt(FAILS, "kafka", bootstrap_servers=[f"127.0.0.1:{refused_port()}"])


def test_wire_format(attempt, schema):
    with KafkaMock(brokers=1, topics={"orders": (1, 1)}) as kafka:
        kafka.produce("orders", *[encode(RECORD)] * 5, partition=0)
        attempt(PASSES, "wire_format", bootstrap_servers=kafka.bootstrap, topic="orders", expect="avro_bare", schema=schema)
        kafka.produce("orders", *[b'{"id": "o-1"}'] * 5, partition=0)
        assert "wire-format" in attempt(
            FAILS, "wire_format", bootstrap_servers=kafka.bootstrap, topic="orders", expect="avro_bare", schema=schema
        )
