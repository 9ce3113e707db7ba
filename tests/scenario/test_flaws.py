"""Secrets and other values that were written down wrongly: empty, with the line end of echo, in the quotes of an --env-file.

A server only says that the login is wrong; the value says why, in each kind that logs in and for each way in which a secret comes."""

import pytest
from kafka_help import login, try_kafka

from fakes.http import HttpServer, Reply
from fakes.kafka import FakeKafka
from fakes.resp import RespServer
from servers.memcached import MemcachedServer
from servers.postgres import PostgresServer

PASSWORD = "marker-pw-31415"
FLAWS = {
    "line-end": (PASSWORD + "\n", "ends in a line end", "echo"),
    "line-end-of-windows": (PASSWORD + "\r\n", "ends in a line end", "echo"),
    "blank": (" " + PASSWORD, "begins with a blank", "--env-file"),
    "quotes": (f'"{PASSWORD}"', "stands in quotes", "--env-file"),
    "empty": ("", "is empty", "give the secret a value"),
}
flaws = pytest.mark.parametrize("value, says, hint", FLAWS.values(), ids=FLAWS)


def web():
    return HttpServer({"/": Reply(401, "no")})


@pytest.mark.produces("auth-failed")
@flaws
def test_http(guard, value, says, hint):
    with web() as s:
        check = guard.try_("http", url=s.url, username="app", password="env:PW", _env={"PW": value})
        check.expect("auth-failed", exit=69, cause=f"the value of variable PW {says}", hint=hint)


@pytest.mark.produces("auth-failed")
@flaws
def test_redis(guard, value, says, hint):
    with RespServer(password={"default": PASSWORD}) as s:
        check = guard.try_("redis", url=s.url, password="env:PW", _env={"PW": value})
        check.expect("auth-failed", exit=69, cause=f"the value of variable PW {says}", hint=hint)


@pytest.mark.produces("auth-failed")
@pytest.mark.parametrize("name", ["line-end", "line-end-of-windows", "quotes"])
def test_kafka(guard, name):
    """librdkafka itself drops blanks in front of a value."""
    value, says, hint = FLAWS[name]
    with FakeKafka(mechanisms=["PLAIN"], users={"alice": PASSWORD}) as kafka:
        check = try_kafka(guard, kafka.bootstrap, properties=login(), _env={"KAFKA_PASSWORD": value})
        check.expect("auth-failed", exit=69, cause=f"the value of variable KAFKA_PASSWORD {says}", hint=hint)


@pytest.mark.produces("auth-failed")
def test_the_name_of_the_user(guard):
    """The password is right, and what stands behind ${NAME} is not."""
    with FakeKafka(mechanisms=["PLAIN"], users={"alice": PASSWORD}) as kafka:
        keys = {"properties": login(user="${U}"), "_env": {"KAFKA_PASSWORD": PASSWORD, "U": "alice\n"}}
        try_kafka(guard, kafka.bootstrap, **keys).expect("auth-failed", exit=69, cause="sasl.username ends in a line end")
    with web() as s:
        keys = {"username": "${U}", "password": "env:PW", "_env": {"PW": PASSWORD, "U": '"app"'}}
        guard.try_("http", url=s.url, **keys).expect("auth-failed", exit=69, cause="username stands in quotes")


@pytest.mark.produces("kafka-property")
def test_empty_password_of_kafka(guard):
    check = try_kafka(guard, "127.0.0.1:1", properties=login(), _env={"KAFKA_PASSWORD": ""})
    check.expect("kafka-property", exit=69, cause="the value of variable KAFKA_PASSWORD is empty")


@pytest.fixture(scope="module")
def postgres():
    with PostgresServer() as server:
        yield server


@flaws
def test_postgres(guard, postgres, value, says, hint):
    keys = {"url": f"postgres://{postgres.address}/service", "username": "app", "password": "env:PW"}
    check = guard.try_("postgres", **keys, _env={"PW": value}).check()
    assert check["code"] in ("auth-failed", "auth-required")
    assert f"the value of variable PW {says}" in check["cause"] and hint in check["hint"]


@pytest.mark.produces("auth-failed")
def test_memcached(guard):
    with MemcachedServer(login=("app", PASSWORD)) as server:
        check = guard.try_("memcached", url=server.url, username="app", password="env:PW", _env={"PW": f"'{PASSWORD}'"})
        check.expect("auth-failed", exit=69, cause="the value of variable PW stands in quotes")


@pytest.mark.produces("auth-failed")
def test_file(guard):
    """One line end is dropped; the second one is part of the secret."""
    with web() as s:
        for text, says in ((PASSWORD + "\n\n", "ends in a line end"), ("\n", "is empty"), ("", "is empty")):
            path = guard.write("pw", text)
            check = guard.try_("http", url=s.url, username="app", password=f"file:{path}")
            check.expect("auth-failed", exit=69, cause=f"the value of file {path} {says}")


@pytest.mark.produces("auth-failed")
@pytest.mark.near_miss("secret-malformed", "env-empty")
@pytest.mark.parametrize("value", [PASSWORD, PASSWORD + "\n"], ids=["plain", "file-with-a-line-end"])
def test_nothing_wrong_with_it(guard, value):
    with web() as s:
        path = guard.write("pw", value)
        check = guard.try_("http", url=s.url, username="app", password=f"file:{path}").expect("auth-failed", exit=69)
        assert "the value of" not in check["cause"] and "rotated" in check["hint"]


@pytest.mark.near_miss("auth-failed")
def test_a_flaw_that_is_right(guard):
    """A password may end in a blank: nobody is told of it while the login is good."""
    with RespServer(password={"default": PASSWORD + " "}) as s:
        guard.try_("redis", url=s.url, password="env:PW", _env={"PW": PASSWORD + " "}).passed()


# ---- tokens, URLs and other values ----


@pytest.mark.parametrize(
    "code, value, subject, says",
    [
        pytest.param(*row, marks=pytest.mark.produces(row[0]))
        for row in (
            ("secret-malformed", PASSWORD + "\n", "token", "the value of TOKEN ends in a line end"),
            ("env-empty", "", "TOKEN", "the token is empty"),
        )
    ],
)
def test_token(guard, code, value, subject, says):
    with web() as s:
        check = guard.try_("http", url=s.url, token="env:TOKEN", _env={"TOKEN": value})
        check.expect(code, exit=69, subject=subject, cause=says)


@pytest.mark.produces("env-mismatch")
@pytest.mark.parametrize("kind, url", [("redis", "redis://h"), ("http", "http://h/"), ("postgres", "postgres://h/x")])
def test_url(guard, kind, url):
    for value, says in ((url + "\n", "ends in a line end"), (" " + url, "begins with a blank"), (url + " ", "ends in a blank")):
        guard.try_(kind, url="env:U", _env={"U": value}).expect("env-mismatch", exit=69, subject="variable U", cause=says)


@pytest.mark.produces("env-mismatch")
def test_value_of_a_form(guard):
    check = guard.try_("env", match=["PORT=[0-9]+"], _env={"PORT": "80\n"})
    check.expect("env-mismatch", exit=69, cause="is not of the form [0-9]+; likely it is not as meant: it ends in a line end")


def test_address(guard):
    guard.try_("tcp", address="${A}", _env={"A": "127.0.0.1:1\n"}).problem("address", "it ends in a line end", exit=64)
