"""Hostile servers, files and programs, for every kind that reads what others send: the right code, in bounded time and
memory, and nothing of what they say reaches a terminal, a log or a report but as plain words on one line."""

import contextlib
import gzip
import pathlib
import re
import struct
import threading
import time
import unicodedata
import xml.etree.ElementTree as ET
import zlib

import pytest

from fakes.certs import Authority, server_context
from fakes.dns import DnsServer
from fakes.http import HttpServer, Reply, json_reply
from fakes.kafka import FakeKafka
from fakes.resp import RespServer
from fakes.tcp import TcpServer, answer, banner, forever, peer_stays, read_until_closed, silent
from harness import TIME_SCALE, settings

# What a terminal or a log would act upon: colours, titles, clipboard, clearing, cursor, backspaces, a line of our own,
# 8-bit controls, writing direction, separators, what is not seen, no characters, no UTF-8 at all.
FORGED = "startguard: READY: 1 check passed in 0.1 ms"
EVIL = (
    f"\x1b[31mred \x1b]0;title\x07\x1b]52;c;ZXZpbA==\x07\x1b[2J\x1b[1A\x08\x7f \r\n{FORGED}\r\n\n{FORGED}\u2028{FORGED} "
    "\x9b2J\x85 \u202egnp\u2066\u2069\u200f\u061c \u200b\u2060\ufeff\U000e0041\ufffe"
).encode() + b" \xff\xc0\x80\xed\xa0\x80 <&\"'\\>%s%n"
SECRETS = b"root:x:0:0"  # the beginning of /etc/passwd, which no redirect may bring in
PEAK_MAX = 128 * 1024 * 1024 * (8 if TIME_SCALE > 1 else 1)  # of any process of the run; sanitizers keep much more


class Watch(threading.Thread):
    """The largest resident size of a process and its children, looked at again and again while it runs."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.peak, self.looks = process, 0, 0

    def run(self):
        while self.process.poll() is None:
            with contextlib.suppress(OSError):
                pids = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
                for pid in [str(self.process.pid), *pids]:
                    with contextlib.suppress(OSError, TypeError):  # it has ended: a zombie has no VmHWM
                        status = pathlib.Path(f"/proc/{pid}/status").read_text()
                        self.peak = max(self.peak, int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.M)[1]) * 1024)
                        self.looks += 1
            time.sleep(0.002)


def meet(guard, kind, *codes, options=(), env={}, mode="dev", dns=None, extra="", **keys):
    """One attempt of a check of this kind, which must end in time with one of the codes (a string of them will do); gives its
    entry. The memory of guard and child is bounded; all output stands on one line, in plain characters."""
    keys.setdefault("attempt_timeout", "2s")
    profile = f"startguard = 1; {kind}: {{ x: {{ {settings(**keys)} {extra} }}; }};"
    with guard.spawn(profile, *options, word="check", mode=mode, env=env, dns=dns) as process:
        watch = Watch(process)
        watch.start()
        result = process.result()
        watch.join()
    check = result.check()
    assert check["code"] in " ".join(codes).split(), result
    assert check["outcome"] == "fail"
    assert result.elapsed < guard.scale(20), result
    assert watch.peak < PEAK_MAX, f"{watch.peak >> 20} MiB in {watch.looks} looks"
    assert watch.looks > 0 or result.elapsed < 1
    clean(result)
    return check


def clean(result):
    """The harness has judged control characters. Here: what else could deceive whoever reads it."""
    whole = result.out + result.err + str(result.report)
    bad = sorted(
        {
            c
            for c in result.out + result.err
            if c != "\n" and (unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cn") or c == "\ufffd")
        }
    )
    assert not bad, f"{bad!r}: {result!r}"
    verdicts = [line for line in result.err.splitlines() if line.startswith("startguard:")]
    assert len(verdicts) == 1 and verdicts[0] == result.err.splitlines()[-1] and "BLOCKED" in verdicts[0], result
    assert not any(line.startswith(FORGED) for line in (result.err + result.out).splitlines())
    assert SECRETS.decode() not in whole


def http(status="200 OK", body=b"", headers=b"", content_type=b"text/plain", length=True):
    head = f"HTTP/1.1 {status}\r\n".encode() if isinstance(status, str) else b"HTTP/1.1 " + status + b"\r\n"
    if content_type:
        head += b"Content-Type: " + content_type + b"\r\n"
    if length:
        head += f"Content-Length: {len(body)}\r\n".encode()
    return head + headers + b"Connection: close\r\n\r\n" + body


def slowly(chunk, seconds, prefix=b""):
    """Sends the prefix, then the chunk with a pause after each, for ever."""

    def handler(sock):
        sock.recv(65536)
        sock.sendall(prefix)
        while peer_stays(sock, seconds):
            sock.sendall(chunk)

    return handler


def web_kinds(url):
    """Every kind that asks over HTTP, with keys that look at the answer."""
    return {
        "http": {"url": url, "json": ({"at": "/a", "equals": 1},)},
        "opa": {"url": url, "decisions": ({"path": "a/b", "equals": True},)},
        "schema_registry": {"url": url, "subjects": ({"name": "s"},)},
        "metrics": {"url": url, "families": ("up",)},
    }


WEB = ["http", "opa", "schema_registry", "metrics"]


# ---- words of a peer ----


@pytest.mark.parametrize("kind", WEB)
@pytest.mark.parametrize("where", ["status line", "header", "body", "JSON body"])
def test_evil_words_of_a_web_server(guard, kind, where):
    text = EVIL.decode("utf-8", "ignore")
    says = {
        "status line": http(b"500 " + EVIL.replace(b"\r\n", b" ").replace(b"\n", b" ")),
        "header": http("302 Found", headers=b"Location: http://h/" + EVIL.replace(b"\r\n", b"").replace(b"\n", b"") + b"\r\n"),
        "body": http("500 No", EVIL),
        "JSON body": http(
            "200 OK",
            json_reply({"a": text, "error_code": 1, "message": text, "result": text}).body.encode(),
            content_type=b"application/json",
        ),
    }[where]
    with TcpServer(answer(says)) as server:
        check = meet(
            guard,
            kind,
            "http-status http-redirect http-json-mismatch registry-not-registry opa-not-opa opa-decision "
            "registry-store metrics-malformed protocol-mismatch http-not-http opa-decision-type answer-truncated",
            **web_kinds(f"http://{server.address}")[kind],
        )
    if where == "body":
        assert "?[31mred" in check["cause"]


@pytest.mark.parametrize("command", ["PING", "INFO"])
def test_evil_words_of_redis(guard, command):
    line = EVIL.replace(b"\r\n", b" ").replace(b"\n", b" ")
    with RespServer({command: b"-ERR " + line + b"\r\n"}) as server:
        check = meet(guard, "redis", "redis-error", url=server.url, min_version="7.0")
    assert "?[31mred" in check["cause"]


def test_evil_values_in_info(guard):
    text = b"redis_version:1.0" + EVIL.replace(b"\r\n", b"") + b"\r\nrole:" + EVIL + b"\r\n"
    with RespServer({"INFO": b"$%d\r\n%s\r\n" % (len(text), text)}) as server:
        meet(guard, "redis", "redis-wrong-role redis-version", url=server.url, min_version="7.0", role="replica")
        meet(guard, "redis", "redis-version", url=server.url, min_version="7.0")


def postgres(*messages, endless=b""):
    """A PostgreSQL server that lets everybody in without TLS and then says these messages: (type, body); after one that says it
    is ready, the next wait for a question."""

    def handler(sock):
        sock.recv(4096)
        for kind, body in messages:
            sock.sendall(kind + struct.pack(">I", 4 + len(body)) + body)
            if (kind, body) == READY:
                sock.recv(4096)
        while endless and peer_stays(sock, 0):
            sock.sendall(endless)
        read_until_closed(sock)

    return handler


READY = (b"Z", b"I")
LOGGED_IN = [(b"R", bytes(4)), READY]
ONE_ROW = [(b"T", struct.pack(">H", 5) + (b"c\0" + struct.pack(">IHIhih", 0, 0, 25, -1, -1, 0)) * 5)]


def value(text):
    return struct.pack(">i", len(text)) + text


@pytest.mark.parametrize(
    "handler, codes",
    [
        (postgres((b"E", b"SFATAL\0C28P01\0M" + EVIL + b"\0\0")), "auth-failed"),
        (postgres((b"E", b"SFATAL\0C\x1b[31m\0M" + EVIL + b"\0\0")), "connect-closed protocol-mismatch answer-timeout"),
        (postgres((b"E", b"M" + b"x" * 29000 + b"\0\0")), "connect-closed protocol-mismatch answer-timeout"),
        (postgres(*LOGGED_IN, (b"E", b"C22000\0M" + EVIL + b"\0\0")), "postgres-error connect-closed answer-timeout"),
        (postgres(*LOGGED_IN, *ONE_ROW, (b"D", struct.pack(">H", 9))), "connect-closed answer-timeout protocol-mismatch"),
        (postgres(*LOGGED_IN, *ONE_ROW, (b"D", struct.pack(">Hi", 5, 0x7FFFFFFF))), "connect-closed answer-timeout"),
        (
            postgres(*LOGGED_IN, *ONE_ROW, (b"D", struct.pack(">H", 5) + value(EVIL) * 5), (b"C", b"SELECT 1\0"), (b"Z", b"T")),
            "postgres-wrong-role",
        ),
        (postgres(*LOGGED_IN, endless=b"S" + struct.pack(">I", 12) + b"a\0bbbbb\0"), "answer-timeout connect-closed"),
        (postgres((b"R", struct.pack(">I", 10) + EVIL)), "connect-closed auth-mechanism answer-timeout protocol-mismatch"),
        (postgres((b"R", struct.pack(">I", 77))), "connect-closed auth-mechanism protocol-mismatch answer-timeout"),
        (postgres((b"N", b"C00000\0M" + EVIL + b"\0\0"), *LOGGED_IN), "protocol-mismatch answer-timeout connect-closed"),
    ],
    ids=["words", "state", "long", "query", "columns", "length", "row", "endless", "sasl", "login", "notice"],
)
def test_evil_postgres(guard, handler, codes):
    with TcpServer(handler) as server:
        meet(guard, "postgres", codes, url=f"postgres://{server.address}/x?sslmode=disable", username="app", role="replica")


def test_evil_banner(guard):
    with TcpServer(banner(EVIL)) as server:
        check = meet(
            guard, "tcp", "protocol-mismatch answer-timeout", address=server.address, expect_banner="220 ", attempt_timeout="2s"
        )
    assert "?[31mred" in check["cause"]


def test_evil_words_of_a_program(guard):
    guard.write("evil", EVIL)
    check = meet(guard, "exec", "exec-output", command=["cat", str(guard.tmp / "evil")], stdout_contains="good")
    assert "?[31mred" in check["cause"]
    meet(guard, "exec", "exec-status", command=["sh", "-c", "cat evil >&2; exit 3"], working_directory=str(guard.tmp))


def test_evil_names_in_a_certificate(guard, tmp_path):
    authority = Authority(tmp_path)
    evil = f"\x1b[31m\n{FORGED}"[:60]
    for cert in (authority.issue(evil, ["other.test"]), authority.self_signed(evil, ["x.test"])):
        with TcpServer(silent, tls=server_context(cert)) as server:
            for kind, keys in (
                ("tcp", {"address": server.address, "tls": True}),
                ("redis", {"url": f"rediss://{server.address}"}),
                ("http", {"url": f"https://{server.address}/"}),
            ):
                check = meet(guard, kind, "tls-wrong-name tls-self-signed", ca_file=authority.ca_file, **keys)
                assert "31m" in check["cause"], check


def test_evil_words_of_a_broker(guard):
    with FakeKafka(mechanisms=["PLAIN"], users={"u": "p"}) as kafka:
        kafka.auth_text = EVIL.decode("utf-8", "ignore")
        check = meet(
            guard,
            "kafka",
            "auth-failed",
            bootstrap_servers=kafka.bootstrap,
            properties=["security.protocol=sasl_plaintext", "sasl.mechanism=PLAIN", "sasl.username=u", "sasl.password=env:P"],
            env={"P": "wrong-password"},
        )
    assert "?[31m" in check["cause"]


def test_evil_names_in_metadata(guard):
    text = EVIL.decode("utf-8", "ignore")
    with FakeKafka(topics={"t": (1, 1)}) as kafka:
        kafka.cluster_id = text
        meet(guard, "kafka", "kafka-wrong-cluster", bootstrap_servers=kafka.bootstrap, cluster_id="right")
        kafka.cluster_id = "c"
        kafka.advertised = {1: (f"\x1b[31m{FORGED}\u202e", 9092)}
        meet(
            guard,
            "kafka",
            "kafka-advertised-unresolvable kafka-advertised-unreachable dns-no-such-name dns-server-failed "
            "kafka-no-brokers answer-timeout kafka-no-leader",
            bootstrap_servers=kafka.bootstrap,
            topics=["t"],
            attempt_timeout="5s",
        )


@pytest.mark.parametrize("format", ["text", "json", "junit", "tap", "prometheus"])
def test_evil_words_in_every_format(guard, format):
    profile = 'startguard = 1; http: {{ x: {{ url = "{url}"; body_contains = "good"; attempt_timeout = "2s"; }}; }};'
    with TcpServer(answer(http(body=EVIL))) as server:
        result = guard.check(profile.format(url=f"http://{server.address}/"), "--format", format, mode="dev")
    result.expect("http-body")
    clean(result)
    if format == "junit":
        ET.fromstring(result.out.encode())
    if format == "tap":
        assert re.findall(r"^(?:not )?ok \d.*$", result.out, re.M) == ["not ok 1 - http.x"]


# ---- without end, or far too long ----


@pytest.mark.parametrize("kind", WEB)
@pytest.mark.parametrize("how", ["until closed", "chunked", "by length", "in JSON"])
def test_body_of_hundreds_of_megabytes(guard, kind, how):
    chunk = b"x" * 65535 + b"\n"
    prefix = {
        "until closed": http(length=False),
        "chunked": http(length=False, headers=b"Transfer-Encoding: chunked\r\n"),
        "by length": http(length=False, headers=b"Content-Length: 100000000000\r\n"),
        "in JSON": http(body=b"", length=False, content_type=b"application/json") + b'{"a": "',
    }[how]
    if how == "chunked":
        chunk = b"10000\r\n" + chunk + b"\r\n"
    with TcpServer(forever(chunk, prefix)) as server:
        meet(guard, kind, "answer-too-large", attempt_timeout="20s", **web_kinds(f"http://{server.address}")[kind])


@pytest.mark.parametrize(
    "prefix,chunk",
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
        (b"HTTP/1.1 200 OK\r\n", b"X-Header: y\r\n" * 1000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: y\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"x" * 65536),
        (b"HTTP/1.1 200 " + b"x" * 65536, b"x" * 65536),
    ],
    ids=["line", "headers", "100", "103", "trailers", "chunk extension", "status line"],
)
def test_head_without_end(guard, prefix, chunk):
    # libcurl forgets a chunk's extension without counting it: there the deadline is the end.
    with TcpServer(forever(chunk, prefix)) as server:
        meet(
            guard,
            "http",
            "answer-too-large protocol-mismatch http-not-http",
            *(["answer-timeout"] if b"5;" in prefix else []),
            url=f"http://{server.address}/",
            attempt_timeout="2s" if b"5;" in prefix else "20s",
        )


def test_a_few_thousand_headers_are_an_answer(guard):
    with TcpServer(answer(http(body=b"fine", headers=b"X-Header: y\r\n" * 2000))) as server:
        guard.try_("http", url=f"http://{server.address}/", body_contains="fine").passed()


@pytest.mark.parametrize(
    "prefix,chunk",
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"z"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"z"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nz\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["first byte", "header", "body", "sized body", "chunks", "100 Continue"],
)
def test_drips(guard, prefix, chunk):
    with TcpServer(slowly(chunk, 0.05, prefix)) as server:
        meet(
            guard,
            "http",
            "answer-timeout http-not-http protocol-mismatch",
            url=f"http://{server.address}/",
            attempt_timeout="2s",
        )


@pytest.mark.parametrize(
    "prefix,chunk",
    [
        (b"+", b"x" * 65536),
        (b"$900000000\r\n", b"x" * 65536),
        (b"*1000\r\n", b":1\r\n*1000\r\n" * 4000),
        (b"", b"*1\r\n" * 10000),
        (b"-", b"y" * 65536),
    ],
    ids=["line", "bulk", "arrays", "nested", "error"],
)
def test_redis_reply_without_end(guard, prefix, chunk):
    with TcpServer(forever(chunk, prefix)) as server:
        meet(guard, "redis", "answer-too-large redis-not-redis", url=f"redis://{server.address}", attempt_timeout="20s")


@pytest.mark.produces("answer-too-large")
@pytest.mark.parametrize(
    "head", [b"*2147483647\r\n", b"*100000000\r\n", b"*10001\r\n", b"*5000\r\n*5001\r\n", b"*9999\r\n*1\r\n*1\r\n"]
)
def test_redis_array_that_is_only_announced(guard, head):
    with TcpServer(banner(head)) as server:
        meet(guard, "redis", "answer-too-large", sentinels=[server.address], master_name="m")


@pytest.mark.near_miss("answer-too-large")
def test_redis_arrays_that_are_just_short_enough(guard):
    with TcpServer(answer(b"*5000\r\n*5000\r\n")) as server:
        meet(guard, "redis", "answer-truncated", url=f"redis://{server.address}")


@pytest.mark.parametrize(
    "head",
    [
        b"$-2\r\n",
        b"$99999999999999999999\r\n",
        b"*-5\r\n",
        b":99999999999999999999999\r\n",
        b":1e5\r\n",
        b"$\r\n",
        b"?\r\n",
        b"*18446744073709551617\r\n",
        b"+\0\r\n",
        b"*2\r\n$-1\r\n:6379\r\n",
        b"%1\r\n+a\r\n+b\r\n",
        b"\0" * 100,
    ],
)
def test_redis_nonsense(guard, head):
    with TcpServer(answer(head)) as server:
        meet(
            guard,
            "redis",
            "redis-not-redis answer-truncated answer-too-large protocol-mismatch",
            url=f"redis://{server.address}",
        )
        meet(
            guard,
            "redis",
            "redis-not-redis answer-truncated answer-too-large protocol-mismatch connect-closed redis-sentinel-no-master",
            sentinels=[server.address],
            master_name="m",
        )


def test_banner_without_end(guard):
    with TcpServer(forever(b"x" * 65536)) as server:
        meet(
            guard,
            "tcp",
            "protocol-mismatch answer-too-large",
            address=server.address,
            expect_banner="220 ",
            attempt_timeout="20s",
        )


def test_program_that_prints_without_end(guard):
    meet(
        guard,
        "exec",
        "exec-output answer-too-large guard-deadline answer-timeout exec-status exec-signal",
        command=["sh", "-c", "while :; do cat /usr/lib/locale/C.utf8/LC_CTYPE; done"],
        stdout_contains="no such text at all",
        attempt_timeout="2s",
    )


# ---- JSON ----


@pytest.mark.parametrize("kind", ["http", "opa", "schema_registry"])
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100000,
        b"[" * 70 + b"]" * 70,
        b'{"a":' * 100000,
        b'[{"":' * 30000 + b"1",
        b"1e400",
        b"-" * 1000,
        b"1" * 100000,
        b'{"a": 1e999999999}',
        b'{"a":1}\0{"a":1}',
        b"\xef\xbb\xbf{}",
        b'"\\ud800"',
        b'"\xff"',
        b'{"a": "\\u0000"}',
        b"NaN",
        b"",
        b'{"a":' + b'{"b":' * 63 + b"1" + b"}" * 63 + b"}",
    ],
    ids=lambda b: repr(b[:12]),
)
def test_json_nonsense(guard, kind, body):
    with TcpServer(answer(http(body=body, content_type=b"application/json"))) as server:
        meet(
            guard,
            kind,
            "http-json-invalid http-json-mismatch opa-not-opa registry-not-registry opa-undefined opa-decision "
            "protocol-mismatch answer-truncated opa-decision-type",
            **web_kinds(f"http://{server.address}")[kind],
        )


# ---- invalid HTTP ----


@pytest.mark.parametrize(
    "says",
    [
        b"hello, this is HTTP/0.9\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 -1 OK\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"\0" * 500,
        b"\x16\x03\x01\x02\x00" + b"\1" * 200,
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 500\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: bogus\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nnot gzip",
        b"HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\0\1\2",
    ],
    ids=lambda b: repr(b[:60]),
)
def test_http_nonsense(guard, says):
    with TcpServer(answer(says)) as server:
        meet(
            guard,
            "http",
            "http-not-http protocol-mismatch answer-truncated http-status http-body tls-required connect-closed "
            "answer-too-large connect-reset",
            url=f"http://{server.address}/",
            body_contains="good",
        )


# ---- compressed bombs: of gzip that nobody has asked for one layer is undone, up to the bound of a body ----


def bomb(megabytes, wbits=31):
    """So many megabytes, packed: with gzip, or with zlib for wbits=15. One packed piece is repeated, which takes no time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    first, again = (packer.compress(b"a" * 1024 * 1024) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * (megabytes - 1) + packer.flush()  # the checksum, which nobody gets to, is not that of all


def test_compressed_bodies_are_unpacked_to_their_bound(guard):
    with HttpServer({"*": Reply(body=bomb(200), headers={"Content-Encoding": "gzip"}, content_type="text/plain")}) as server:
        meet(guard, "http", "answer-too-large", url=server.url, body_contains="aaaa", attempt_timeout="10s")
        assert "accept-encoding" not in server.requests[0].headers


@pytest.mark.parametrize(
    "names, body",
    [(b"gzip", bomb(300)), (b"gzip, gzip, gzip", gzip.compress(gzip.compress(bomb(300)))), (b"deflate", bomb(300, wbits=15))],
    ids=["gzip", "layers", "deflate"],
)
def test_bomb_in_the_transfer_encoding(guard, names, body):
    with TcpServer(answer(http(body=body, length=False, headers=b"Transfer-Encoding: " + names + b"\r\n"))) as server:
        meet(
            guard,
            "http",
            "answer-too-large protocol-mismatch http-body",
            url=f"http://{server.address}/",
            body_contains="good",
            attempt_timeout="20s",
        )


# ---- redirects ----


@pytest.mark.produces("http-redirect")
@pytest.mark.near_miss("http-not-http")
@pytest.mark.parametrize("follow", [0, 3])
@pytest.mark.parametrize(
    "to",
    [
        "file:///etc/passwd",
        "FILE:/etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1:6379/_PING",
        "dict://127.0.0.1:6379/x",
        "ldap://127.0.0.1/",
        "javascript:alert(1)",
        "smb://127.0.0.1/x",
        "telnet://127.0.0.1:1/",
        "tftp://127.0.0.1/x",
        "scp://x/y",
    ],
)
def test_redirect_to_another_scheme(guard, to, follow):
    with TcpServer(answer(http("302 Found", headers=f"Location: {to}\r\n".encode()))) as server:
        meet(guard, "http", "http-redirect", url=f"http://{server.address}/", follow=follow, body_contains="root")
        assert server.connections == 1


@pytest.mark.parametrize(
    "to",
    [
        "/",
        "//",
        "http://",
        "http://[",
        "http:///x",
        "http://h:99999/",
        "http://\x1b[31m/",
        "?" + "x" * 50000,
        "http://" + "h" * 60000 + "/",
    ],
    ids=lambda t: repr(t[:20]),
)
def test_redirect_to_nowhere(guard, to):
    with TcpServer(answer(http("302 Found", headers=f"Location: {to}\r\n".encode()))) as server:
        meet(
            guard,
            "http",
            "http-redirect protocol-mismatch dns-no-such-name dns-server-failed dns-timeout answer-too-large "
            "connect-refused http-not-http",
            url=f"http://{server.address}/",
            follow=3,
            attempt_timeout="5s",
        )


def test_secrets_do_not_follow_to_another_host(guard):
    """Neither the Authorization header nor another one whose value is a secret."""
    with HttpServer({"*": Reply(200, "thanks")}) as other:
        with HttpServer({"*": Reply(302, headers={"Location": f"http://localhost:{other.port}/x"})}) as server:
            guard.try_(
                "http",
                url=server.url,
                follow=2,
                headers=["X-Api-Key: env:KEY", "X-Plain: y"],
                token="env:TOKEN",
                _env={"KEY": "marker-key-1234", "TOKEN": "marker-token-1234"},
            )
            assert "x-api-key" in server.requests[0].headers
        for request in other.requests:
            assert not any("marker" in value for value in request.headers.values()), request


# ---- metrics ----


@pytest.mark.parametrize(
    "page",
    [
        b"up" + b"{" * 100000,
        b"up{" + b'a="b",' * 20000 + b"} 1\n",
        b"x " * 100000,
        b"up " + b"9" * 100000 + b"\n",
        b"up 1\n\0up 2\n",
        b"# TYPE " + b"x" * 100000 + b"\n",
        b'up{a="' + b"\\" * 99999 + b'"} 1\n',
        b"\xff\xfe\n",
        EVIL,
        b"\n" * 100000,
        b'{"' + b"x" * 100000 + b'"} 1\n',
    ],
    ids=lambda b: repr(b[:16]),
)
def test_metrics_nonsense(guard, page):
    with TcpServer(answer(http(body=page))) as server:
        meet(
            guard,
            "metrics",
            "metrics-malformed metrics-empty metrics-family-missing",
            url=f"http://{server.address}/metrics",
            families=("none",),
        )


def test_metrics_of_a_million_series(guard):
    """Three families against as many lines as a page may have: no more time than that takes."""
    page = b'a{x="1"} 1\n' * 90000
    with TcpServer(answer(http(body=page))) as server:
        meet(
            guard,
            "metrics",
            "metrics-family-missing",
            url=f"http://{server.address}/",
            families=("a", "b", "c"),
            attempt_timeout="10s",
        )


# ---- Kafka ----


def frame(correlation, body):
    return struct.pack(">ii", len(body) + 4, correlation) + body


def kafka_says(*answers):
    """A listener that answers each request with the next of these bodies, whatever is asked."""

    def handler(sock):
        for body in answers:
            head = sock.recv(4)
            if len(head) < 4:
                return
            request = b""
            while len(request) < struct.unpack(">i", head)[0]:
                more = sock.recv(65536)
                if not more:
                    return
                request += more
            sock.sendall(frame(struct.unpack(">i", request[4:8])[0], body))
        read_until_closed(sock)

    return handler


VERSIONS = (
    struct.pack(">hi", 0, 3) + struct.pack(">hhh", 18, 0, 0) + struct.pack(">hhh", 3, 0, 1) + struct.pack(">hhh", 17, 0, 1)
)


@pytest.mark.parametrize(
    "answers",
    [
        (b"\x7f\xff\xff\xff" * 4,),
        (VERSIONS[:2] + b"\x7f\xff\xff\xff",),
        (VERSIONS, b"\x7f\xff\xff\xff" + b"\0" * 20),
        (VERSIONS, b"\0\0\0\0\x7f\xff\xff\xff"),
        (VERSIONS, struct.pack(">iih", 1, 1, 0x7FFF) + b"h"),
        (VERSIONS, b"\xff" * 1000),
        (VERSIONS, b""),
        (b"",),
    ],
    ids=range(8),
)
def test_kafka_nonsense(guard, answers):
    with TcpServer(kafka_says(*answers)) as server:
        meet(
            guard,
            "kafka",
            "answer-timeout protocol-mismatch kafka-no-brokers connect-closed kafka-too-few-brokers auth-required "
            "guard-deadline kafka-topic-missing answer-truncated library-crashed",
            bootstrap_servers=server.address,
            topics=["t"],
            attempt_timeout="3s",
        )


@pytest.mark.parametrize(
    "chunk", [b"\0\0\0\1x", b"\x7f\xff\xff\xff", b"HTTP/1.1 200 OK\r\n", b"\x15\x03\x01\0\2\2\x46", b"\0" * 4096], ids=repr
)
def test_kafka_bytes_without_end(guard, chunk):
    with TcpServer(forever(chunk * (65536 // len(chunk)))) as server:
        meet(
            guard,
            "kafka",
            "answer-timeout protocol-mismatch kafka-no-brokers connect-closed connect-reset tls-required auth-required "
            "guard-deadline library-crashed",
            bootstrap_servers=server.address,
            attempt_timeout="3s",
        )


# ---- names ----

POINTER_LOOP = struct.pack("!HHHHH", 0x8580, 1, 1, 0, 0) + b"\xc0\x0c\0\1\0\1" + b"\xc0\x16\0\1\0\1\0\0\0\1\0\4\1\2\3\4"


@pytest.mark.parametrize(
    "says",
    [
        b"",
        b"\x85\x80",
        POINTER_LOOP,
        struct.pack("!HHHHH", 0x8580, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF) + b"\xff" * 400,
        b"\x85\x80" + b"\0" * 500,
    ],
    ids=["empty", "short", "loop", "counts", "zeros"],
)
def test_dns_nonsense(guard, says):
    with DnsServer({"evil.test": says}) as dns:
        meet(
            guard,
            "dns",
            "dns-server-failed dns-timeout dns-no-such-name dns-no-address",
            name="evil.test",
            attempt_timeout="4s",
            dns=dns,
        )


def test_dns_names_of_others_are_not_printed(guard):
    """A chain of names may hold any byte; a check speaks of the name in the profile only."""
    with DnsServer({"good.test": {"CNAME": "\x1b[31mevil.test"}, "\x1b[31mevil.test": "NXDOMAIN"}) as dns:
        check = meet(
            guard, "dns", "dns-no-such-name dns-server-failed dns-no-address", name="good.test", attempt_timeout="4s", dns=dns
        )
    assert "evil" not in str(check)


# ---- Avro ----


def zigzag(n):
    n, out = n << 1, b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


@pytest.mark.produces("avro-decode")
@pytest.mark.parametrize(
    "schema,sample",
    [
        ('{"type": "array", "items": "null"}', zigzag(1 << 60) + b"\0"),
        ('{"type": "map", "values": "null"}', zigzag(1 << 60) + b"\0"),
        (
            '{"type": "record", "name": "R", "fields": [{"name": "l", "type": {"type": "array", "items": "R"}}]}',
            zigzag(1) * 100000,
        ),
        ('"bytes"', zigzag(1 << 61)),
        ('"string"', b"\xff" * 9 + b"\1"),
        ('"long"', b"\xff" * 100),
        ('{"type": "array", "items": {"type": "array", "items": "null"}}', (zigzag(1000) * 1000)),
    ],
    ids=["nulls", "map", "deep", "bytes", "negative", "long", "arrays"],
)
def test_avro_samples(guard, schema, sample):
    files = {"schema": str(guard.write("s.avsc", schema)), "sample": str(guard.write("sample", sample))}
    meet(guard, "avro", "avro-decode", attempt_timeout="20s", **files)


def diamond(levels, last):
    """Each record mentions the one before it twice: without a memory the work doubles with each level."""
    records = [f'{{"type": "record", "name": "R0", "fields": [{{"name": "a", "type": "{last}"}}]}}']
    records += [
        f'{{"type": "record", "name": "R{i}", "fields": [{{"name": "a", "type": "R{i - 1}"}}, {{"name": "b", "type": "R{i - 1}"}}]}}'
        for i in range(1, levels)
    ]
    fields = ", ".join(f'{{"name": "f{i}", "type": {record}}}' for i, record in enumerate(records))
    return f'{{"type": "record", "name": "Top", "fields": [{fields}]}}'


@pytest.mark.near_miss("guard-deadline")
def test_avro_schemas_that_would_take_for_ever(guard):
    mine, theirs = guard.write("a.avsc", diamond(60, "long")), guard.write("b.avsc", diamond(60, "long"))
    guard.try_("avro", schema=str(mine), reads=str(theirs), attempt_timeout="10s").passed()
    theirs = guard.write("c.avsc", diamond(60, "string"))
    meet(guard, "avro", "avro-incompatible", schema=str(mine), reads=str(theirs), attempt_timeout="10s")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100000,
        '{"type":' * 1000 + '"int"' + "}" * 1000,
        '{"type": "enum", "name": "E", "symbols": [' + ", ".join(f'"s{i}"' for i in range(60000)) + ', "s0"]}',
        '{"type": "record", "name": "\\u001b[31m", "fields": []}',
        '"\x1b[31m"',
        '{"type": "fixed", "name": "F", "size": 1e300}',
        '["null", "null"]',
        '{"type": {"type": {"type": "no"}}}',
        "\0",
        '{"type": "record", "name": "R", "fields": {"a": 1}}',
    ],
    ids=lambda t: repr(t[:24]),
)
def test_avro_schema_nonsense(guard, text):
    meet(guard, "avro", "avro-invalid-schema", schema=str(guard.write("s.avsc", text)), attempt_timeout="10s")


def test_schema_of_a_hostile_registry(guard):
    mine = str(guard.write("mine.avsc", diamond(40, "long")))
    for theirs in (
        diamond(40, "string"),
        "[" * 5000,
        EVIL.decode("utf-8", "ignore"),
        '{"type": "enum", "name": "E", "symbols": ["' + '", "'.join(f"s{i}" for i in range(20000)) + '"]}',
    ):
        routes = {
            "/": json_reply({}),
            "/subjects/*": json_reply({"subject": "s", "version": 1, "id": 1, "schema": theirs}),
            "*": json_reply({}),
        }
        with HttpServer(routes) as server:
            meet(
                guard,
                "schema_registry",
                "registry-schema-differs registry-not-registry avro-invalid-schema registry-incompatible",
                url=server.url,
                attempt_timeout="10s",
                extra=f'subjects = ( {{ name = "s"; must = "same"; schema = "{mine}"; }} );',
            )
