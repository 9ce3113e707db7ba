"""Names with several addresses, ::1 first, as localhost has them in /etc/hosts: what the service's own client would meet is told.

curl, redis-py and the client of memcached stay with the first address that takes a connection. libpq does too, and tries the next one
where it got no connection, or no answer within connect_timeout. librdkafka goes round the addresses until one works.
"""

import contextlib

import pytest
from kafka_help import ORDERS

from fakes.dns import DnsServer
from fakes.http import HttpServer, Reply
from fakes.kafka import FakeKafka
from fakes.resp import RespServer, array, bulk
from fakes.tcp import TcpServer, answer, banner, close_at_once, refused_port, silent
from servers.postgres import PASSWORD, PostgresServer

NAME = "two.test"
FIRST, SECOND = "::1", "127.0.0.1"
EVERY_KIND = ["tcp", "http", "schema_registry", "opa", "metrics", "redis", "sentinel", "seed", "memcached", "postgres", "kafka"]
every_kind = pytest.mark.parametrize("kind", EVERY_KIND)


@pytest.fixture(scope="module")
def names():
    with DnsServer({}, hosts=f"{SECOND} {NAME}\n{FIRST} {NAME}\n") as server:
        yield server


def memcached(sock):
    with sock.makefile("rb") as stream:
        for _ in stream:
            sock.sendall(b"VERSION 1.6.1\r\n")


def redis(host):
    """Also a sentinel, which names itself as the master, and a node of a cluster."""
    complete = bulk("cluster_state:ok\r\ncluster_slots_ok:16384\r\n")
    server = RespServer({"SENTINEL": lambda args: array([NAME, str(server.port)]), "CLUSTER INFO": complete}, host=host)
    return server


@contextlib.contextmanager
def healthy(kind, host):
    """A server of this kind at this address; its port."""
    if kind == "kafka":
        with FakeKafka(topics={"orders": (1, 1)}, host=host) as kafka:
            kafka.advertised[1] = (NAME, kafka.broker[1].port)
            yield kafka.broker[1].port
        return
    if kind == "postgres":
        server = PostgresServer(listen_addresses=host)
    elif kind in ("redis", "sentinel", "seed"):
        server = redis(host)
    elif kind in ("tcp", "memcached"):
        server = TcpServer(silent if kind == "tcp" else memcached, host=host)
    else:
        page = Reply(body="a 1\n", content_type="text/plain; version=0.0.4")
        answers = {"/config": {"compatibilityLevel": "BACKWARD"}, "/mode": {"mode": "READWRITE"}, "/health": {}, "*": {}}
        server = HttpServer({"/metrics": page, "/subjects": [[]], **answers}, host=host)
    with server:
        yield server.port


def ask(guard, kind, port, **options):
    at = f"{NAME}:{port}"
    keys = {
        "tcp": {"address": at},
        "http": {"url": f"http://{at}/"},
        "schema_registry": {"url": f"http://{at}"},
        "opa": {"url": f"http://{at}"},
        "metrics": {"url": f"http://{at}/metrics"},
        "redis": {"url": f"redis://{at}"},
        "sentinel": {"sentinels": [at], "master_name": "main"},
        "seed": {"seeds": [at]},
        "memcached": {"url": f"memcached://{at}"},
        "postgres": {"url": f"postgres://app@{at}/service"},
        "kafka": {"bootstrap_servers": at, "topics": ORDERS},
    }[kind]
    options.setdefault("_env", {"PGPASSWORD": PASSWORD})
    return guard.try_("redis" if kind in ("sentinel", "seed") else kind, **keys, **options)


@pytest.fixture
def meet(guard, names):
    """One attempt at a name of which one address has a healthy server, and the other one `bad`, or nobody."""

    def meet(kind, bad=None, first=FIRST, **options):
        with healthy(kind, SECOND if first == FIRST else FIRST) as port, contextlib.ExitStack() as stack:
            if bad:
                stack.enter_context(TcpServer(bad, host=first, port=port))
            return ask(guard, kind, port, _dns=names, **options)

    return meet


@pytest.mark.near_miss("connect-refused", "connect-closed")
@every_kind
def test_one_refuses(meet, kind):
    meet(kind).passed()
    meet(kind, first=SECOND).passed()


@pytest.mark.near_miss("connect-closed")
@every_kind
def test_the_second_closes(meet, kind):
    meet(kind, close_at_once, first=SECOND).passed()


@pytest.mark.produces("connect-refused")
@every_kind
def test_all_refuse(guard, names, kind):
    port = refused_port()
    check = ask(guard, kind, port, _dns=names).expect("connect-refused", exit=124, subject=f"{NAME}:{port}")
    assert kind in ("kafka", "postgres") or (FIRST in check["cause"] and SECOND in check["cause"])


@pytest.mark.produces("connect-closed")
@pytest.mark.parametrize("kind", EVERY_KIND[1:-1])
def test_the_first_closes(meet, kind):
    """As the service's client does, the check stays with it."""
    meet(kind, close_at_once).expect("connect-closed", exit=124)


@pytest.mark.parametrize(
    "kind, code",
    [
        pytest.param(*row, marks=pytest.mark.produces(row[1]))
        for row in [
            ("http", "http-not-http"),
            ("redis", "redis-not-redis"),
            ("sentinel", "redis-not-redis"),
            ("seed", "redis-not-redis"),
            ("memcached", "protocol-mismatch"),
            ("postgres", "protocol-mismatch"),
        ]
    ],
)
def test_the_first_speaks_another_protocol(meet, kind, code):
    meet(kind, banner(b"SSH-2.0-OpenSSH_9.2\r\n")).expect(code, exit=69, cause="SSH-2.0")


@pytest.mark.produces("answer-timeout")
def test_libpq_waits_for_the_first(meet, guard):
    """Without an answer it tries the next one only if it has a limit."""
    limit = {"PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "2"}
    meet("postgres", silent, attempt_timeout=guard.span(2)).expect("answer-timeout", exit=124)
    meet("postgres", silent, attempt_timeout=guard.span(4), _env=limit).passed()


@pytest.mark.produces("auth-failed")
def test_libpq_stays_with_a_server_that_refuses_it(guard, names):
    with PostgresServer(listen_addresses=FIRST) as one, PostgresServer(listen_addresses=SECOND) as other:
        one.sql("alter role app password 'another'")
        url = f"postgres://app@{NAME}:{one.port},{NAME}:{other.port}/service"
        ask_both = {"_dns": names, "_env": {"PGPASSWORD": PASSWORD}}
        guard.try_("postgres", url=url, **ask_both).expect("auth-failed", exit=69, subject=f"{NAME}:{one.port}")
        swapped = f"postgres://app@{NAME}:{other.port},{NAME}:{one.port}/service"
        guard.try_("postgres", url=swapped, **ask_both).passed()


@pytest.mark.near_miss("connect-closed", "protocol-mismatch", "connect-reset", "tls-required")
@pytest.mark.parametrize("first", [FIRST, SECOND])
@pytest.mark.parametrize(
    "bad",
    [close_at_once, banner(b"SSH-2.0-OpenSSH_9.2\r\n"), answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")],
    ids=["closes", "ssh", "http"],
)
def test_librdkafka_goes_round(meet, bad, first):
    meet("kafka", bad, first=first).passed()
