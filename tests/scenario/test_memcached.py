"""memcached: by a scripted peer, and on a real server with and without a login."""

import pytest

from fakes.certs import Authority, server_context
from fakes.tcp import TcpServer, answer, banner, close_at_once, drip, refused_port, reset_after_request, silent, with_proxy_line
from servers.memcached import MemcachedServer


def replies(*lines):
    """Answers each command with the next of the lines. The commands are kept in .seen."""

    def handler(sock):
        with sock.makefile("rb") as stream:
            for line in lines:
                command = stream.readline().decode()
                if command.startswith("set "):
                    command += stream.readline().decode()
                handler.seen.append(command)
                sock.sendall(line.encode() + b"\r\n")
            stream.read()

    handler.seen = []
    return handler


def meet(guard, handler, **keys):
    with TcpServer(handler) as server:
        return guard.try_("memcached", url=f"memcached://{server.address}", **keys)


# ---- a real one ----


@pytest.fixture(scope="module")
def server():
    with MemcachedServer() as one:
        assert list(one.ask("set here 0 0 3\r\nabc\r\n")) == ["STORED"]
        yield one


@pytest.mark.near_miss("memcached-version", "memcached-key", "memcached-error", "auth-required")
def test_a_real_server(guard, server):
    result = guard.try_("memcached", url=server.url, min_version="1.5", key="here")
    assert result.passed()["reached"] == ["connect", "version"]
    assert guard.run(None, "-w", server.url, mode=None).status == "ready"


@pytest.mark.produces("memcached-key")
def test_a_key_that_is_missing(guard, server):
    guard.try_("memcached", url=server.url, key="gone").expect("memcached-key", exit=124, subject="key gone")


@pytest.mark.produces("memcached-version")
def test_an_old_server(guard, server):
    guard.try_("memcached", url=server.url, min_version="99").expect("memcached-version", exit=69, cause="demanded is 99")


@pytest.mark.near_miss("auth-failed", "auth-required")
def test_a_real_login(guard):
    with MemcachedServer(login=("app", "pw-12345")) as server:
        env = {"PW": "pw-12345", "URL": f"memcached://app:pw-12345@{server.address}"}
        guard.try_("memcached", url=server.url, username="app", password="env:PW", _env=env).passed()
        guard.try_("memcached", url="env:URL", _env=env).passed()


@pytest.mark.produces("auth-required", "auth-failed")
def test_a_real_server_that_refuses(guard):
    with MemcachedServer(login=("app", "pw-12345")) as server:
        guard.try_("memcached", url=server.url).expect("auth-required", exit=69, cause="unauthenticated")
        result = guard.try_("memcached", url=server.url, username="app", password="env:BAD", _env={"BAD": "pw-00000"})
        result.expect("auth-failed", exit=69)


@pytest.mark.produces("protocol-mismatch")
def test_a_real_server_behind_a_proxy_that_sends_the_proxy_protocol(guard, server):
    with TcpServer(with_proxy_line(server.port)) as balancer:
        result = guard.try_("memcached", url=f"memcached://{balancer.address}", key="here")
        result.expect("protocol-mismatch", exit=69, cause="not sent", hint="send-proxy")


def test_a_server_without_a_login_never_sees_the_password(guard, server):
    """It would store it, for everybody to read."""
    guard.try_("memcached", url=server.url, username="app", password="env:PW", _env={"PW": "pw-12345"}).passed()
    assert list(server.ask("get login\r\n")) == ["END"]


def test_a_unix_socket(guard):
    with TcpServer(replies("VERSION 1.6.18"), unix=True) as server:
        guard.try_("memcached", url=f"unix://{server.address}").passed()


# ---- by a script ----


@pytest.mark.produces("memcached-error")
@pytest.mark.parametrize("line", ["ERROR Too many open connections", "SERVER_ERROR out of memory"])
def test_errors_in_answer_to_version(guard, line):
    meet(guard, replies(line)).expect("memcached-error", exit=124, cause=line)


@pytest.mark.near_miss("memcached-error")
@pytest.mark.produces("protocol-mismatch")
@pytest.mark.parametrize("line", ["ERROR", "+PONG", "VERSION\0 1.6"])
def test_answers_of_something_else(guard, line):
    meet(guard, replies(line)).expect("protocol-mismatch", exit=69, cause=line.partition("\0")[0])


@pytest.mark.near_miss("memcached-key")
@pytest.mark.parametrize("line, code", [("SERVER_ERROR busy", "memcached-error"), ("VALUES", "protocol-mismatch")])
def test_answers_to_get(guard, line, code):
    meet(guard, replies("VERSION 1.6.0", line), key="a").expect(code, cause=line)


def test_what_is_sent(guard):
    handler = replies("CLIENT_ERROR unauthenticated", "STORED", "VERSION 1.6.40", "VALUE a 0 100000000")
    meet(guard, handler, username="u", password="env:PW", key="a", _env={"PW": "pw-1"}).passed()
    assert handler.seen == ["version\r\n", "set login 0 0 6\r\nu pw-1\r\n", "version\r\n", "get a\r\n"]


@pytest.mark.parametrize("handler", [close_at_once, reset_after_request], ids=["closes", "resets"])
def test_a_connection_that_ends(guard, handler):
    meet(guard, handler).expect("connect-closed" if handler is close_at_once else "connect-reset", hint="SASL")


@pytest.mark.parametrize(
    "handler, code",
    [
        (silent, "answer-timeout"),
        (drip(b"VERSION 1.6.18" * 1000, 0.05), "answer-timeout"),
        (answer(b"VERSION 1.6"), "answer-truncated"),
        (banner(b"x" * 5000), "protocol-mismatch"),
        (banner(b"220 mail ESMTP\r\n"), "protocol-mismatch"),
    ],
    ids=["silent", "slow", "cut", "long", "another"],
)
def test_peers_that_are_not_memcached(guard, handler, code):
    meet(guard, handler, attempt_timeout=guard.span(2)).expect(code)


@pytest.mark.near_miss("protocol-mismatch")
def test_a_port_with_tls(guard, tmp_path):
    with TcpServer(silent, tls=server_context(Authority(tmp_path).issue())) as server:
        guard.try_("memcached", url=f"memcached://{server.address}").expect("tls-required")


def test_nothing_listens(guard):
    guard.try_("memcached", url=f"memcached://127.0.0.1:{refused_port()}").expect("connect-refused", exit=124)


@pytest.mark.parametrize(
    "keys, words",
    [
        ({"url": "memcached://h/db"}, "has a path"),
        ({"url": "memcached://u@h"}, "half a login"),
        ({"url": "redis://h"}, "is not a scheme for this"),
        ({"url": "memcached://h", "username": "u"}, "needs password"),
        ({"url": "memcached://h", "password": "env:PW"}, "needs username"),
        ({"url": "memcached://u:p@h", "username": "u"}, "exclude each other"),
        ({"url": "memcached://h", "key": "a b"}, "holds a blank"),
        ({"url": "memcached://h", "key": "k" * 251}, "longer than 250"),
        ({"url": "memcached://h", "min_version": "new"}, "min_version"),
    ],
)
def test_mistakes_of_the_profile(guard, keys, words):
    guard.try_("memcached", _mode="dev", **keys).problem(words, exit=64)


def test_a_path_in_a_variable_is_told(guard):
    guard.try_("memcached", url="env:URL", _env={"URL": "memcached://h/db"}).expect("env-mismatch", cause="has a path")
