"""http, and what every kind on HTTP shares: statuses, credentials, bodies, hostile servers."""

import base64
import functools
import gzip
import json
import select
import socket
import ssl
import urllib.parse

import pytest

from fakes.certs import Authority, server_context
from fakes.dns import DnsServer
from fakes.http import HttpServer, Reply
from fakes.tcp import (
    TcpServer,
    answer,
    close_at_once,
    drip,
    forever,
    full_backlog,
    refused_port,
    reset,
    reset_after_request,
    silent,
    tls_or,
)
from harness import text


def serve(reply, path="/*", **options):
    return HttpServer({path: reply}, **options)


@pytest.mark.near_miss("http-status", "http-body", "http-not-http", "answer-truncated", "answer-too-large", "http-html-page")
def test_ok(guard):
    with serve(Reply(200, "all is well")) as s:
        check = guard.try_("http", url=s.url + "/health", body_contains="well").passed()
        assert check["facts"]["status"] == 200
        assert s.requests[0].method == "GET" and s.requests[0].path == "/health"


@pytest.mark.near_miss("answer-truncated", "answer-too-large")
def test_chunked_body_and_body_of_exactly_max_body(guard):
    with serve(Reply(200, "x" * 1000, chunked=True)) as s:
        guard.try_("http", url=s.url, max_body="1000B", body_contains="x").passed()


# ---- statuses ----


@pytest.mark.produces("http-status")
@pytest.mark.parametrize("status,exit", [(404, 124), (500, 124), (503, 124)])
def test_status(guard, status, exit):
    with serve(Reply(status, "broken")) as s:
        guard.try_("http", url=s.url).expect(
            "http-status", exit=exit, cause=f"HTTP status {status}, expected 2xx", phase="protocol"
        )


@pytest.mark.produces("http-refused")
@pytest.mark.near_miss("http-status", "http-too-many")
@pytest.mark.parametrize("status", [405, 410, 415, 422, 505])
def test_a_status_that_refuses_the_request(guard, status):
    with serve(Reply(status, "no")) as s:
        guard.try_("http", url=s.url).expect("http-refused", exit=69, cause=f"HTTP status {status}, expected 2xx")


@pytest.mark.near_miss("http-refused", "http-too-many")
@pytest.mark.parametrize("status", [400, 404, 408, 409, 425, 500, 501, 502, 503, 504])
def test_a_status_that_may_pass(guard, status):
    with serve(Reply(status, "not now")) as s:
        guard.try_("http", url=s.url).expect("http-status", exit=124)


LATER = {"Date": "Mon, 30 Nov 2026 06:00:00 GMT", "Retry-After": "Mon, 30 Nov 2026 06:01:40 GMT"}


@pytest.mark.produces("http-too-many")
@pytest.mark.near_miss("http-refused")
@pytest.mark.parametrize("headers", [{}, {"Retry-After": "100"}, LATER])
def test_too_many_requests(guard, headers):
    """The slower pace, or the time that the server names; a clock of its own does not matter."""
    with serve(Reply(429, "slow down", headers=headers)) as s:
        guard.run(f'startguard = 1; timeout = "{guard.span(2)}"; http: {{ h: {{ url = "{s.url}"; }}; }};').expect(
            "http-too-many", exit=124, cause="HTTP status 429"
        )
        assert 1 <= len(s.requests) <= 9


@pytest.mark.parametrize("headers", [{"Retry-After": "100"}, LATER])
def test_a_server_in_maintenance_is_asked_when_it_says(guard, headers):
    """The time that it names lies beyond the deadline: it is asked at half of the time that is left."""
    with serve([Reply(503, "maintenance", headers=headers), Reply(200)]) as s:
        result = guard.run(f'startguard = 1; timeout = "{guard.span(4)}"; http: {{ h: {{ url = "{s.url}"; }}; }};')
        assert result.passed()["attempts"] == 2
        assert result.report["elapsed_ms"] > 1000


@pytest.mark.parametrize("headers", [{"Retry-After": "0"}, {"Retry-After": "soon"}, {}])
def test_a_server_that_starts_is_asked_again_soon(guard, headers):
    with serve([Reply(503, "starting", headers=headers)] * 5 + [Reply(200)]) as s:
        result = guard.run(f'startguard = 1; timeout = "{guard.span(20)}"; http: {{ h: {{ url = "{s.url}"; }}; }};')
        assert result.passed()["attempts"] == 6


@pytest.mark.produces("auth-required")
@pytest.mark.near_miss("http-status")
def test_a_proxy_that_wants_a_login(guard):
    with HttpServer({"*": Reply(407, "who are you")}) as s:
        guard.try_("http", url="http://api.test/", proxy=s.url).expect(
            "auth-required", exit=69, subject=s.address, cause="the proxy answers with HTTP status 407"
        )


BASIC = "Basic " + base64.b64encode(b"app:pw-of-the-proxy").decode()


def a_proxy(scheme='Basic realm="office"', where=None):
    """A proxy with a login. CONNECT is answered by a tunnel to the server `where`."""

    def handler(sock):
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(4096) or b"\r\n\r\n"
        if f"proxy-authorization: {BASIC}".lower() not in head.decode().lower():
            body = b"who are you, " + head.split(b"uthorization:")[-1].strip()[:80]
            return sock.sendall(
                b"HTTP/1.1 407 No\r\nproxy-authenticate: %s\r\ncontent-length: %d\r\n\r\n%s"
                % (scheme.encode(), len(body), body)
            )
        if not where:
            return sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nin")
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with socket.create_connection(("127.0.0.1", where.port)) as peer:
            while True:
                for ready in select.select([sock, peer], [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return None
                    (peer if ready is sock else sock).sendall(data)

    return TcpServer(handler)


def quiet(result):
    said = result.out + result.err + json.dumps(result.report)
    assert "pw-of-the-proxy" not in said and BASIC[6:].rstrip("=") not in said
    return result


@pytest.mark.near_miss("auth-required", "auth-failed", "auth-mechanism")
@pytest.mark.parametrize("how", ["keys", "env:PROXY", "${PROXY}", "file"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_login_at_a_proxy(guard, scheme, how):
    authority = Authority(guard.tmp)
    with HttpServer({"*": Reply(200, "in")}, tls=server_context(authority.issue(names=["api.test"]))) as s:
        with a_proxy(where=s if scheme == "https" else None) as proxy:
            secret = guard.write("pw", "pw-of-the-proxy\n")
            login = 'proxy_username = "app"; proxy_password = "env:PW";'
            keys = {
                "keys": f'proxy = "http://{proxy.address}"; {login}',
                "file": f'proxy = "http://{proxy.address}"; {login.replace("env:PW", f"file:{secret}")}',
            }.get(how, f'proxy = "{how}";')
            keys += f' url = "{scheme}://api.test/x"; body_contains = "in";'
            keys += f' ca_file = "{authority.ca_file}";' if scheme == "https" else ""
            env = {"PW": "pw-of-the-proxy", "PROXY": f"http://app:pw-of-the-proxy@{proxy.address}"}
            text = f"startguard = 1; http: {{ a: {{ {keys} }}; }};"
            quiet(guard.check(text, env=env)).passed()
            assert "pw-of" not in guard.cli("show", "-p", guard.write("p.cfg", text), env=env).out
            assert all("proxy-authorization" not in r.headers for r in s.requests)


@pytest.mark.produces("auth-failed", "auth-required")
@pytest.mark.parametrize("url", ["http://api.test/", "https://api.test/"])
def test_a_login_that_a_proxy_refuses(guard, url):
    with a_proxy() as s:
        where = f"http://{s.address}"
        result = guard.try_("http", url=url, proxy=where)
        asks = 'it asks for Basic realm="office"' if url.startswith("http:") else "answers CONNECT with HTTP status 407"
        result.expect("auth-required", exit=69, subject=where, cause=asks, hint="give proxy_username")
        wrong = {"proxy": where, "proxy_username": "app", "proxy_password": "env:PW"}
        result = guard.try_("http", url=url, _env={"PW": "another-password"}, **wrong)
        result.expect("auth-failed", exit=69, subject=where, cause="407 to the login", hint="look at proxy_username")
        assert "another-password" not in result.err and "YXBwOmFub3RoZXI" not in result.err
        result = guard.try_("http", url=url, _env={"PW": ""}, **wrong)
        result.expect("auth-failed", exit=69, cause="variable PW is empty")


@pytest.mark.produces("auth-mechanism")
def test_a_login_of_another_kind_at_a_proxy(guard):
    with a_proxy(scheme="Negotiate") as s:
        keys = {"proxy": f"http://{s.address}", "proxy_username": "app", "proxy_password": "env:PW"}
        result = guard.try_("http", url="http://api.test/", _env={"PW": "another-password"}, **keys)
        result.expect("auth-mechanism", exit=69, cause="it asks for Negotiate", hint="are Basic")


@pytest.mark.parametrize(
    "keys, words",
    [
        ('proxy_username = "a"; proxy_password = "env:B";', "proxy_username: needs proxy"),
        ('proxy = "http://p:1"; proxy_password = "env:B";', "needs proxy_username"),
        ('proxy = "http://p:1"; proxy_username = "a";', "needs proxy_password"),
        ('proxy = "http://a:b@p:1";', "holds a secret as plain text"),
        ('proxy = "http://a:${PW}@p:1"; proxy_username = "a"; proxy_password = "env:PW";', "exclude each other"),
        ('proxy = "ftp://p:1";', "is not a scheme for this; use http, https or socks5h"),
        ('proxy = "p:1";', "has no scheme"),
        ('proxy = "http://p:1"; unix_socket = "/run/x";', "and unix_socket exclude each other"),
    ],
)
def test_keys_of_a_proxy(guard, keys, words):
    text = f'startguard = 1; http: {{ a: {{ url = "http://h/"; {keys} }}; }};'
    result = guard.cli("lint", guard.write("p.cfg", text), env={"PW": "pw-of-the-proxy"})
    assert words in result.err and result.code in (77, 78), result
    assert "pw-of-the-proxy" not in result.err


@pytest.mark.parametrize(
    "words,code",
    [
        pytest.param(*row, marks=pytest.mark.produces(row[1]))
        for row in (
            ("400 No required SSL certificate was sent", "tls-client-cert-required"),
            ("The SSL certificate error", "tls-client-cert-refused"),
        )
    ],
)
def test_a_client_certificate_that_nginx_misses(guard, words, code):
    """The handshake ends well; nginx says it in a page."""
    page = f"<html><head><title>{words}</title></head><body><center><h1>400 Bad Request</h1></center></body></html>"
    with serve(Reply(400, page, content_type="text/html")) as s:
        guard.try_("http", url=s.url).expect(code, exit=69, cause="HTTP status 400")


@pytest.mark.near_miss("http-status")
@pytest.mark.parametrize("status", ["404", "[404]", '["4xx"]', '(200, "4xx")'])
def test_expected_status(guard, status):
    with serve(Reply(404, "none")) as s:
        guard.try_("http", url=s.url, status=status).passed()


@pytest.mark.produces("http-status")
@pytest.mark.near_miss("http-json-mismatch")
def test_other_class(guard):
    with serve(Reply(204)) as s:
        guard.try_("http", url=s.url, status="[200, 201]").expect("http-status", cause="200 or 201")


def test_wrong_status_in_the_profile(guard):
    guard.try_("http", url="http://x", status='["2xy"]').problem("status", exit=64)


@pytest.mark.produces("http-redirect")
def test_redirect(guard):
    with serve(Reply(302, headers={"location": "http://login.test/sso?ticket=secret-ticket"})) as s:
        result = guard.try_("http", url=s.url)
        result.expect("http-redirect", exit=69, cause="http://login.test/sso")
        assert "secret-ticket" not in result.err + str(result.report)


@pytest.mark.near_miss("http-redirect")
def test_redirect_followed(guard):
    with HttpServer({"/a": Reply(302, headers={"location": "/b"}), "/b": Reply(200, "here")}) as s:
        guard.try_("http", url=s.url + "/a", follow=1, body_contains="here").passed()


@pytest.mark.produces("http-redirect")
def test_redirects_without_end(guard):
    with serve(Reply(302, headers={"location": "/again"})) as s:
        guard.try_("http", url=s.url, follow=3).expect("http-redirect", exit=69)


@pytest.mark.produces("http-redirect")
@pytest.mark.near_miss("http-not-http")
@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://files.test/x", "gopher://old.test"])
@pytest.mark.parametrize("follow", [0, 3])
def test_redirect_to_another_scheme(guard, to, follow):
    with serve(Reply(302, headers={"location": to})) as s:
        guard.try_("http", url=s.url + "/a", follow=follow).expect("http-redirect", exit=69, cause=to)
        assert [r.path for r in s.requests] == ["/a"]


SECRETS = {
    "_env": {"K": "key-12345", "PW": "pw-12345"},
    "headers": ["X-Api-Key: env:K", "X-Plain: 1"],
    "username": "app",
    "password": "env:PW",
}


@pytest.mark.near_miss("http-redirect")
def test_secrets_follow_a_redirect_at_home(guard):
    with HttpServer({"/a": Reply(307, headers={"location": "/b?x=1"}), "/b": Reply(200)}) as s:
        guard.try_("http", url=s.url + "/a", follow=1, **SECRETS).passed()
        assert s.requests[1].target == "/b?x=1"
        assert s.requests[1].headers["x-api-key"] == "key-12345" and "authorization" in s.requests[1].headers


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_secrets_do_not_follow_a_redirect_elsewhere(guard, host):
    """Another port or another name is somebody else, on the way back too."""
    with HttpServer({"/b": Reply(200, "there")}) as other:
        with serve(Reply(302, headers={"location": f"http://{host}:{other.port}/b"}), path="/a") as s:
            guard.try_("http", url=s.url + "/a", follow=1, body_contains="there", **SECRETS).passed()
            assert "x-api-key" in s.requests[0].headers
        assert not {"x-api-key", "x-plain", "authorization"} & set(other.requests[0].headers)


@pytest.mark.produces("auth-required")
@pytest.mark.near_miss("auth-failed")
def test_credentials_are_wanted_elsewhere(guard):
    with serve(Reply(401)) as other, serve(Reply(302, headers={"location": f"{other.url}/b"})) as s:
        guard.try_("http", url=s.url, follow=1, **SECRETS).expect("auth-required", cause="after a redirect", hint="as url")


@pytest.mark.parametrize("status,method", [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_what_a_post_becomes(guard, status, method):
    with HttpServer({"POST /a": Reply(status, headers={"location": "/b"}), "/b": Reply(200)}) as s:
        guard.try_("http", url=s.url + "/a", follow=1, body="x=1").passed()
        assert s.requests[1].method == method and s.requests[1].body == (b"x=1" if method == "POST" else b"")


@pytest.mark.produces("http-redirect")
def test_a_body_stays_at_home(guard):
    with serve(Reply(200)) as other, serve(Reply(307, headers={"location": other.url})) as s:
        guard.try_("http", url=s.url, follow=1, body="x=1").expect("http-redirect", cause="body is not sent")
        assert other.requests == []


@pytest.mark.produces("connect-refused")
def test_a_redirect_into_the_void(guard):
    where = f"127.0.0.1:{refused_port()}"
    with serve(Reply(302, headers={"location": f"http://{where}/"})) as s:
        guard.try_("http", url=s.url, follow=1).expect("connect-refused", subject=where)


# ---- a whole URL by reference ----


@pytest.mark.produces("env-mismatch", "secret-malformed")
@pytest.mark.parametrize(
    "kind,url",
    [
        ("http", "ftp://x/"),
        ("redis", "http://x/"),
        ("opa", "redis://x"),
        ("metrics", "file:///x"),
        ("schema_registry", "kafka://x"),
    ],
)
def test_scheme_of_a_reference(guard, kind, url):
    scheme = url.partition(":")[0]
    result = guard.try_(kind, url="env:URL", _env={"URL": url})
    result.expect("env-mismatch", exit=69, phase="config", retryable=False, subject="URL", cause=f"begins with {scheme}://")
    file = guard.write("url", url + "\n")
    guard.try_(kind, url=f"file:{file}").expect(
        "secret-malformed", exit=69, phase="config", subject="url", cause=f"{scheme}://"
    )


@pytest.mark.produces("env-empty", "secret-malformed")
@pytest.mark.near_miss("env-mismatch")
def test_an_empty_url_by_reference(guard):
    empty = guard.write("empty", "\n")
    guard.try_("http", url="env:URL", _env={"URL": ""}).expect("env-empty", exit=69, subject="variable URL", cause="is empty")
    guard.try_("http", url=f"file:{empty}").expect("secret-malformed", exit=69, cause="is empty")


@pytest.mark.near_miss("env-mismatch", "secret-malformed")
def test_url_by_reference(guard):
    with serve(Reply(200)) as s:
        guard.try_("http", url="env:URL", _env={"URL": s.url}).passed()
        guard.try_("http", url=f"file:{guard.write('url', s.url)}").passed()


# ---- credentials ----


@pytest.mark.produces("auth-required")
@pytest.mark.near_miss("auth-failed", "auth-forbidden")
def test_no_credentials(guard):
    with serve(Reply(401, "who?")) as s:
        guard.try_("http", url=s.url).expect("auth-required", exit=69, phase="auth")


@pytest.mark.produces("auth-failed")
@pytest.mark.near_miss("auth-required")
def test_wrong_password(guard):
    secret = "s3cret/pass+word"
    with serve(
        Reply(401, f"no: {secret} {urllib.parse.quote(secret, safe='')} {base64.b64encode(secret.encode()).decode()}")
    ) as s:
        result = guard.try_("http", url=s.url, username="app", password="env:PW", _env={"PW": secret})
        result.expect("auth-failed", exit=69)
        assert s.requests[0].headers["authorization"] == "Basic " + base64.b64encode(f"app:{secret}".encode()).decode()
        everything = result.out + result.err + str(result.report)
        assert secret not in everything and urllib.parse.quote(secret, safe="") not in everything
        assert base64.b64encode(secret.encode()).decode() not in everything


def both(user, password):
    return base64.b64encode(f"{user}:{password}".encode()).decode().rstrip("=")


def echo(request):
    return Reply(401, f"you sent {request.headers.get('authorization')}")


@pytest.mark.parametrize("kind,keys", [("http", {}), ("opa", {}), ("schema_registry", {}), ("metrics", {})])
@pytest.mark.parametrize("given", ["keys", "url"])
def test_basic_credentials_do_not_come_back(guard, kind, keys, given):
    """A peer that echoes the Authorization header: base64 of user and password together holds neither of their own forms."""
    with HttpServer({"/*": echo}) as s:
        if given == "keys":
            keys = {"url": s.url, "username": "app", "password": "env:PW"}
        else:
            keys = {"url": "env:URL"}
        result = guard.try_(kind, _env={"PW": "pw-1", "URL": s.url.replace("://", "://app:pw-1@")}, _args=["-v"], **keys)
        result.expect("auth-failed", cause="you sent Basic ***")
        assert s.requests[0].headers["authorization"].rstrip("=") == "Basic " + both("app", "pw-1")
        assert both("app", "pw-1") not in result.out + result.err + str(result.report)


@pytest.mark.near_miss("auth-failed", "auth-required")
def test_token_from_file(guard):
    token = guard.write("token", "bearer-me\n")
    with HttpServer({"/*": lambda r: Reply(200 if r.headers.get("authorization") == "Bearer bearer-me" else 401)}) as s:
        guard.try_("http", url=s.url, token=f"file:{token}").passed()


@pytest.mark.near_miss("auth-failed")
def test_header_from_env(guard):
    with HttpServer({"/*": lambda r: Reply(200 if r.headers.get("x-api-key") == "k-1234" else 401)}) as s:
        guard.try_("http", url=s.url, headers=["X-Api-Key: env:KEY", "Accept: text/plain"], _env={"KEY": "k-1234"}).passed()


@pytest.mark.near_miss("answer-truncated")
@pytest.mark.parametrize(
    "status,code",
    [
        pytest.param(*row, marks=pytest.mark.produces(row[1]))
        for row in ((407, "auth-required"), (403, "auth-forbidden"), (502, "http-status"))
    ],
)
def test_a_proxy_that_does_not_connect(guard, status, code):
    with TcpServer(answer(f"HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno".encode())) as s:
        guard.try_("http", url="https://api.test/", proxy=f"http://{s.address}").expect(
            code, subject=s.address, cause=f"CONNECT with HTTP status {status}"
        )


@pytest.mark.produces("connect-refused")
def test_a_proxy_that_is_not_there(guard):
    where = f"127.0.0.1:{refused_port()}"
    guard.try_("http", url="http://api.test/", proxy=f"http://{where}").expect("connect-refused", subject=where)


@pytest.mark.produces("connect-timeout", "dns-timeout", "dns-server-failed", "answer-timeout")
@pytest.mark.near_miss("guard-deadline", "dns-no-such-name")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_reached_in_time(guard, scheme):
    """It is told from one that does not answer, and that from a server behind it."""
    keys = {"url": f"{scheme}://api.test/", "attempt_timeout": guard.span(2)}
    with full_backlog() as full:
        guard.try_("http", proxy=f"http://{full.address}", **keys).expect("connect-timeout", exit=124, subject=full.address)
    with DnsServer({"proxy.test": None, "broken.test": "SERVFAIL"}, options="timeout:5 attempts:2") as dns:
        guard.try_("http", proxy="http://proxy.test:3128", _dns=dns, **keys).expect(
            "dns-timeout", exit=124, subject="proxy.test"
        )
        guard.try_("http", proxy="http://broken.test:3128", _dns=dns, **keys).expect(
            "dns-server-failed", exit=124, subject="broken.test"
        )
    with TcpServer(silent) as s:
        guard.try_("http", proxy=f"http://{s.address}", **keys).expect(
            "answer-timeout", exit=124, cause="connected and asked" if scheme == "http" else "no answer of the proxy to CONNECT"
        )


@pytest.mark.parametrize("host", ["127.0.0.1", "proxy.test"])
def test_through_a_proxy(guard, host):
    with DnsServer({"proxy.test": ["127.0.0.1"]}) as dns, serve(Reply(200, "by proxy"), path="*") as s:
        guard.try_(
            "http", url="http://api.test/x", proxy=f"http://{host}:{s.port}", body_contains="by proxy", _dns=dns
        ).passed()
        assert [r.target for r in s.requests] == ["http://api.test/x"]


@pytest.mark.near_miss("protocol-mismatch")
def test_addresses_of_ipv6(guard):
    with serve(Reply(200, "six"), path="*", host="::1") as s:
        guard.try_("http", url=f"{s.url}/", body_contains="six").passed()
        guard.try_("http", url="http://api.test/x", proxy=s.url, body_contains="six").passed()


@pytest.mark.near_miss("connect-refused")
def test_redirect_through_a_proxy(guard):
    """Its connection serves both hosts: none is opened besides."""
    routes = {"http://a.test/": Reply(302, headers={"Location": "http://b.test/"}), "http://b.test/": Reply(200, "there")}
    with HttpServer(routes) as s:
        guard.try_("http", url="http://a.test/", proxy=s.url, follow=1, body_contains="there").passed()
        assert s.connections == 1


def socks_with_login(accepted):
    """A SOCKS5 proxy that wants a user and a password (RFC 1929)."""

    def handler(sock):
        sock.recv(257)
        sock.sendall(bytes((5, 2)))
        sock.recv(513)
        sock.sendall(bytes((1, 0 if accepted else 1)))
        if accepted:
            sock.recv(262)
            sock.sendall(bytes((5, 0, 0, 1, 0, 0, 0, 0, 0, 0)))
            sock.recv(4096)
            sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nin")

    return TcpServer(handler)


@pytest.mark.produces("auth-failed")
def test_a_login_at_a_socks_proxy(guard):
    keys = {"url": "http://api.test/", "proxy_username": "app", "proxy_password": "env:PW", "_env": {"PW": "pw-of-the-proxy"}}
    with socks_with_login(True) as s:
        quiet(guard.try_("http", proxy=f"socks5h://{s.address}", **keys)).passed()
    with socks_with_login(False) as s:
        quiet(guard.try_("http", proxy=f"socks5h://{s.address}", **keys)).expect(
            "auth-failed", exit=69, hint="look at proxy_username"
        )


def socks(reply, method=0):
    """A SOCKS5 proxy (RFC 1928) that chooses `method` and answers the request with `reply`."""

    def handler(sock):
        sock.recv(257)
        sock.sendall(bytes((5, method)))
        if method == 0:
            sock.recv(262)
            sock.sendall(bytes((5, reply, 0, 1, 0, 0, 0, 0, 0, 0)))

    return TcpServer(handler)


@pytest.mark.produces("connect-unreachable", "connect-refused", "auth-forbidden")
@pytest.mark.near_miss("protocol-mismatch")
def test_what_a_socks_proxy_says(guard):
    for reply, code, status in (
        (1, "connect-unreachable", 124),
        (4, "connect-unreachable", 124),
        (5, "connect-refused", 124),
        (2, "auth-forbidden", 69),
    ):
        with socks(reply) as s:
            guard.try_("http", url="http://api.test/", proxy=f"socks5h://{s.address}", _limit="2s").expect(
                code, exit=status, cause="SOCKS5"
            )


@pytest.mark.produces("auth-required")
def test_a_socks_proxy_that_wants_a_login(guard):
    with socks(0, method=255) as s:
        guard.try_("http", url="http://api.test/", proxy=f"socks5h://{s.address}").expect(
            "auth-required", exit=69, subject=s.address
        )


@pytest.mark.produces("answer-timeout")
def test_silent_on_a_kept_connection(guard):
    """Its handshake is long over: what is missing is the answer."""
    authority = Authority(guard.tmp)

    def again(request):
        s.stopping.wait(60)
        return Reply(200)

    with HttpServer(
        {"/": Reply(302, headers={"Location": "/again"}), "/again": again}, tls=server_context(authority.issue())
    ) as s:
        guard.try_("http", url=f"{s.url}/", ca_file=authority.ca_file, follow=1, attempt_timeout=guard.span(2)).expect(
            "answer-timeout", exit=124, cause="connected and asked"
        )
        assert s.connections == 1


@pytest.mark.parametrize("keys", [{"username": "app", "password": "env:PW"}, {"token": "env:T"}])
def test_two_logins(guard, keys):
    guard.try_("http", url="http://other:pw-12345@x", _mode="dev", **keys).problem("user in the url", exit=64)


@pytest.mark.produces("auth-forbidden")
def test_forbidden(guard):
    with serve(Reply(403, "not you")) as s:
        guard.try_("http", url=s.url).expect("auth-forbidden", exit=69, cause="not you", hint="no credentials were sent")
        guard.try_("http", url=s.url, token=f"file:{guard.write('token', 't0ken-value')}").expect(
            "auth-forbidden", exit=69, cause="not you", hint="grant this user the permission"
        )


@pytest.mark.produces("secret-unreadable")
def test_secret_file_missing(guard):
    with serve(Reply(200)) as s:
        guard.try_("http", url=s.url, token="file:/nonexistent/token").expect(
            "secret-unreadable", exit=124, phase="config", retryable=True
        )
        assert s.requests == []


@pytest.mark.near_miss("secret-unreadable")
def test_empty_token_file_is_sent_as_it_is(guard):
    token = guard.write("token", "t0ken")
    with serve(Reply(200)) as s:
        guard.try_("http", url=s.url, token=f"file:{token}").passed()


# ---- bodies ----


@pytest.mark.produces("http-body")
def test_body_lacks_text(guard):
    with serve(Reply(200, "something else")) as s:
        guard.try_("http", url=s.url, body_contains="UP").expect("http-body", exit=124, phase="assert", cause="something else")


@pytest.mark.produces("http-body")
@pytest.mark.near_miss("http-html-page")
def test_a_page_that_lacks_text(guard):
    """Nobody said that an API's answer is expected, so a page is none of the wrong kind."""
    with serve(Reply(200, "<!DOCTYPE html><title>Closed</title>", content_type="text/html")) as s:
        guard.try_("http", url=s.url, body_contains="Open").expect("http-body", exit=124, cause="Closed")


@pytest.mark.near_miss("http-json-mismatch", "http-json-invalid")
def test_json(guard):
    with serve(Reply(200, {"status": "UP", "n": 3.0, "list": [{"a": None}]})) as s:
        guard.try_(
            "http",
            url=s.url,
            json='( { at = "/status"; equals = "\\"UP\\""; }, { at = "/n"; equals = 3; min = 1; }, '
            '{ at = "/list/0/a"; type = "null"; } )',
        ).problem("json", exit=64)
        guard.try_(
            "http",
            url=s.url,
            json='( { at = "/status"; equals = "\\"UP\\""; }, { at = "/n"; equals = 3; }, { at = "/n"; min = 1; max = 3; }, '
            '{ at = "/list/0/a"; type = "null"; }, { at = "/status"; one_of = ["\\"DOWN\\"", "\\"UP\\""]; } )',
        ).passed()


@pytest.mark.produces("http-json-mismatch")
@pytest.mark.parametrize(
    "expect,words",
    [
        ('{ at = "/status"; equals = "\\"UP\\""; }', '"DOWN"'),
        ('{ at = "/status"; one_of = ["\\"UP\\"", "1", "null"]; }', 'is "DOWN", expected "UP", 1 or null'),
        ('{ at = "/none"; }', "nothing at /none"),
        ('{ at = "/n"; max = 1; }', "outside"),
        ('{ at = "/status"; min = 1; }', "string"),
        ('{ at = "/n"; type = "string"; }', "number"),
    ],
)
def test_json_mismatch(guard, expect, words):
    with serve(Reply(200, {"status": "DOWN", "n": 3})) as s:
        guard.try_("http", url=s.url, json=f"( {expect} )").expect("http-json-mismatch", exit=124, cause=words)


@pytest.mark.produces("http-json-invalid")
@pytest.mark.near_miss("http-html-page")
@pytest.mark.parametrize("body", ["not json", '{"a": 1', "[" * 100000, ""])
def test_json_invalid(guard, body):
    with serve(Reply(200, body)) as s:
        guard.try_("http", url=s.url, json='( { at = "/a"; } )').expect("http-json-invalid", exit=124)


@pytest.mark.near_miss("http-json-invalid", "http-json-mismatch")
@pytest.mark.parametrize(
    "expect",
    [
        '{ at = "/big"; min = 1e19; max = 2e19; }',
        '{ at = "/big"; equals = "18446744073709551616"; }',
        '{ at = "/big"; type = "number"; }',
        '{ at = "/fits"; equals = "9223372036854775807"; }',
        '{ at = "/text"; equals = "\\"99999999999999999999\\""; }',
    ],
)
def test_integers_larger_than_64_bits(guard, expect):
    body = '{"text": "99999999999999999999", "low": -99999999999999999999, "big": 18446744073709551616, "fits": 9223372036854775807, "e": 1e-0000000000000000000001}'
    with serve(Reply(200, body)) as s:
        guard.try_("http", url=s.url, json=f"( {expect} )").passed()


@pytest.mark.produces("http-json-mismatch")
@pytest.mark.parametrize(
    "body,equals",
    [
        ("9223372036854775808", "9223372036854775807"),
        ('{"a": 99999999999999999999, "b": 9007199254740993}', '{"a": 99999999999999999999, "b": 9007199254740992}'),
        ("9007199254740993", "9007199254740992.0"),
    ],
)
def test_other_numbers_stay_exact(guard, body, equals):
    with serve(Reply(200, body)) as s:
        guard.try_("http", url=s.url, json=f"""( {{ at = ""; equals = {text(equals)}; }} )""").expect("http-json-mismatch")


@pytest.mark.near_miss("http-json-mismatch")
def test_the_whole_answer(guard):
    with serve(Reply(200, "[1, 2]")) as s:
        guard.try_("http", url=s.url, json='( { at = ""; equals = "[1, 2]"; } )').passed()


@pytest.mark.produces("http-html-page")
@pytest.mark.near_miss("http-json-invalid", "http-body")
def test_login_page(guard):
    with serve(Reply(200, "<!DOCTYPE html><title>Sign in</title>", content_type="text/html")) as s:
        guard.try_("http", url=s.url, json='( { at = "/a"; } )').expect("http-html-page", exit=69, cause="Sign in")


@pytest.mark.near_miss("http-html-page")
def test_a_page_where_a_page_is_expected(guard):
    with serve(Reply(200, "<!DOCTYPE html><title>Shop</title>", content_type="text/html")) as s:
        guard.try_("http", url=s.url, body_contains="Shop").passed()


# ---- servers that do not speak HTTP ----


@pytest.mark.produces("http-not-http")
@pytest.mark.near_miss("tls-required")
def test_other_protocol(guard):
    with TcpServer(answer(b"SSH-2.0-OpenSSH_9.2\r\n")) as s:
        guard.try_("http", url=f"http://{s.address}/").expect("http-not-http", exit=69, cause="SSH-2.0")


@pytest.mark.produces("http-not-http")
def test_http_2_alone(guard):
    """A gRPC server sends its settings and hangs up."""
    settings = bytes.fromhex("00000c040000000000 000300000064 000400100000")
    with TcpServer(answer(settings)) as s:
        guard.try_("http", url=f"http://{s.address}/").expect("http-not-http", exit=69, cause="HTTP/2", hint="gRPC")


@pytest.mark.near_miss("http-not-http")
def test_http_1_0(guard):
    with TcpServer(answer(b"HTTP/1.0 200 OK\r\n\r\nold but fine")) as s:
        guard.try_("http", url=f"http://{s.address}/", body_contains="old").passed()


@pytest.mark.produces("tls-required")
@pytest.mark.parametrize(
    "reply",
    [
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\nReason: You're speaking plain HTTP to an SSL-enabled server port.<br />\n",
        b"HTTP/1.1 400 \r\n\r\nBad Request\r\nThis combination of host and port requires TLS.\r\n",
    ],
    ids=["alert", "go", "apache", "tomcat"],
)
def test_plain_to_a_tls_port(guard, reply):
    with TcpServer(answer(reply)) as s:
        guard.try_("http", url=f"http://{s.address}/").expect("tls-required", exit=69, phase="tls")


@pytest.mark.produces("tls-required")
@pytest.mark.near_miss("connect-reset", "connect-closed")
@pytest.mark.parametrize("end", [reset, close_at_once], ids=["reset", "close"])
def test_plain_to_a_tls_port_that_says_nothing(guard, authority, end):
    with TcpServer(tls_or(end, server_context(authority.issue()))) as s:
        guard.try_("http", url=f"http://{s.address}/").expect(
            "tls-required", exit=69, phase="tls", cause="answers a TLS handshake"
        )


@pytest.mark.near_miss("tls-required")
def test_an_ordinary_400(guard):
    with serve(Reply(400, "bad parameter")) as s:
        guard.try_("http", url=s.url).expect("http-status")


@pytest.mark.produces("connect-closed")
@pytest.mark.near_miss("connect-reset", "answer-truncated")
def test_closes(guard):
    with TcpServer(close_at_once) as s:
        assert guard.try_("http", url=f"http://{s.address}/").check()["code"] in ("connect-closed", "connect-reset")

    def handler(sock):
        sock.recv(65536)

    with TcpServer(handler) as s:
        guard.try_("http", url=f"http://{s.address}/").expect("connect-closed", exit=124)


@pytest.mark.produces("connect-reset")
def test_resets(guard):
    with TcpServer(reset_after_request) as s:
        guard.try_("http", url=f"http://{s.address}/").expect("connect-reset", exit=124)


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("guard-deadline", "connect-timeout")
def test_silent(guard):
    with TcpServer(silent) as s:
        guard.try_("http", url=f"http://{s.address}/", attempt_timeout=guard.span(2)).expect(
            "answer-timeout", exit=124, phase="protocol"
        )


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("guard-deadline")
def test_drips(guard):
    with TcpServer(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100, guard.scale(0.05))) as s:
        guard.try_("http", url=f"http://{s.address}/", attempt_timeout=guard.span(2)).expect("answer-timeout", exit=124)


@pytest.mark.near_miss("answer-timeout")
def test_slow_but_in_time(guard):
    with serve(Reply(200, "late", delay=0.2)) as s:
        guard.try_("http", url=s.url, attempt_timeout=guard.span(5)).passed()


@pytest.mark.produces("answer-truncated")
def test_truncated(guard):
    with serve(Reply(200, "x" * 1000, truncate=10)) as s:
        guard.try_("http", url=s.url).expect("answer-truncated", exit=124)


@pytest.mark.produces("answer-truncated")
@pytest.mark.near_miss("opa-not-opa", "registry-not-registry", "metrics-empty")
@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 204 No Content\r\n"],
    ids=["status", "name", "204"],
)
@pytest.mark.parametrize("kind", ["http", "opa", "schema_registry", "metrics"])
def test_closes_between_headers(guard, kind, head):
    """The status alone is not an answer, and not one with an empty body."""
    with TcpServer(answer(head)) as s:
        guard.try_(kind, url=f"http://{s.address}").expect("answer-truncated", exit=124, cause="in the middle of the headers")


@pytest.mark.near_miss("answer-truncated")
def test_headers_in_front_and_behind(guard):
    body = b"Transfer-Encoding: chunked\r\n\r\n3\r\nall\r\n0\r\nX-Checksum: 1\r\n\r\n"
    with TcpServer(answer(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n" + body)) as s:
        guard.try_("http", url=f"http://{s.address}/", body_contains="all").passed()


@pytest.mark.produces("answer-too-large")
@pytest.mark.near_miss("answer-timeout")
def test_body_without_end(guard):
    with TcpServer(forever(b"x" * 65536, prefix=b"HTTP/1.1 200 OK\r\n\r\n")) as s:
        guard.try_("http", url=f"http://{s.address}/").expect("answer-too-large", exit=69, cause="max_body")


@pytest.mark.produces("answer-too-large")
def test_headers_without_end(guard):
    with TcpServer(forever(b"x-header: y\r\n" * 1000, prefix=b"HTTP/1.1 200 OK\r\n")) as s:
        guard.try_("http", url=f"http://{s.address}/").expect("answer-too-large")


@pytest.mark.produces("connect-refused")
def test_refused(guard):
    guard.try_("http", url=f"http://127.0.0.1:{refused_port()}/").expect("connect-refused", exit=124)


def test_unix_socket(guard):
    with serve(Reply(200, "by socket"), unix=guard.tmp / "h.sock"):
        guard.try_("http", url="http://localhost/x", unix_socket=str(guard.tmp / "h.sock"), body_contains="socket").passed()


def test_proxies_of_the_environment_are_ignored(guard):
    with serve(Reply(200)) as s:
        guard.try_("http", url=s.url, _env={"http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}).passed()


def test_header_from_env_cannot_add_headers(guard):
    with serve(Reply(200)) as s:
        guard.try_("http", url=s.url, headers=["X-A: env:A"], _env={"A": "x\r\nX-Evil: 1"}).expect(
            "secret-malformed", exit=69, phase="config", retryable=False
        )
        assert s.requests == []


WITH_TOKEN = {"http": {}, "opa": {}, "metrics": {"families": [{"name": "up"}]}, "schema_registry": {}}


@pytest.mark.produces("secret-malformed", "env-empty")
@pytest.mark.near_miss("auth-forbidden", "auth-failed")
@pytest.mark.parametrize("kind", WITH_TOKEN)
def test_token_cannot_add_headers(guard, kind):
    """Nor end the head: a line end in it, or none of it at all, is told before a word is said."""
    with serve(Reply(200)) as s:
        ask = functools.partial(guard.try_, kind, url=s.url, **WITH_TOKEN[kind])
        for value in ("abcd\nX-Evil: 1", "abcd\r", "\nabcd"):
            ask(token="env:T", _env={"T": value}).expect(
                "secret-malformed", exit=69, phase="config", subject="token", cause="line end"
            )
        ask(token=f"file:{guard.write('token', 'abcd' * 4 + chr(10) * 2)}").expect("secret-malformed", exit=69, subject="token")
        ask(token=f"file:{guard.write('empty', chr(10))}").expect("secret-malformed", exit=69, cause="the token is empty")
        ask(token="env:T", _env={"T": ""}).expect("env-empty", exit=69, subject="T")
        check = ask(token="env:T", _env={"T": "Bearer marker-5518"}).expect(
            "secret-malformed", exit=69, subject="token", cause="begins with Bearer"
        )
        assert "marker" not in str(check)
        assert s.requests == []


@pytest.mark.near_miss("secret-malformed", "env-empty")
def test_token_from_a_file_with_a_line_end(guard):
    with serve(Reply(200)) as s:
        guard.try_("http", url=s.url, token=f"file:{guard.write('token', 'abcdefgh' + chr(10))}").passed()
        assert s.requests[0].headers["authorization"] == "Bearer abcdefgh"


def test_a_reference_is_the_whole_value(guard):
    guard.try_("http", url="http://x/", headers=["Authorization: Bearer env:TOKEN"]).problem("must be the whole value", exit=77)


@pytest.mark.parametrize("status", ["503", '"503"', "[503]", '"2xx, 503"', '["5xx"]'])
def test_status_in_every_form(guard, status):
    with serve(Reply(503)) as s:
        guard.check(f'startguard = 1; http: {{ h: {{ url = "{s.url}"; status = {status}; }}; }};').passed()


@pytest.mark.parametrize("header", ["X-A: x\r\nX-Evil: 1", "X-A: x\ny", "X A: 1", "X-A\u00e4: 1", "X A: env:A"])
def test_header_that_is_none(guard, header):
    profile = f'startguard = 1; http: {{ h: {{ url = "http://x"; headers = [{text(header)}]; }}; }};'
    guard.run(profile).problem("headers", exit=78)


# ---- TLS through curl says the same as TLS by hand ----


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.mark.near_miss("tls-wrong-name", "tls-unknown-ca")
def test_https(guard, authority):
    with serve(Reply(200, "safe"), tls=server_context(authority.issue("api.internal", ["api.internal"]))) as s:
        guard.try_("http", url=s.url, ca_file=authority.ca_file, server_name="api.internal", body_contains="safe").passed()
        assert s.requests[0].headers["host"] == s.address


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(c, marks=pytest.mark.produces(c))
        for c in ("tls-expired", "tls-not-yet-valid", "tls-wrong-name", "tls-self-signed", "tls-certificate")
    ],
)
def test_https_certificates(guard, authority, code):
    make = {
        "tls-expired": authority.expired,
        "tls-not-yet-valid": authority.not_yet_valid,
        "tls-wrong-name": authority.wrong_name,
        "tls-self-signed": authority.self_signed,
        "tls-certificate": authority.other_purpose,
    }[code]
    exit = 124 if code == "tls-not-yet-valid" else 69
    with serve(Reply(200), tls=server_context(make())) as s:
        guard.try_("http", url=s.url, ca_file=authority.ca_file).expect(code, exit=exit, cause="certificate of")


@pytest.mark.produces(
    "tls-unknown-ca",
    "tls-client-cert-required",
    "tls-client-cert-refused",
    "tls-ca-unreadable",
    "tls-key-mismatch",
    "tls-peer-is-plaintext",
)
def test_https_other_faults(guard, authority, tmp_path):
    other = Authority(tmp_path / "other", "other CA") if (tmp_path / "other").mkdir() is None else None
    mine, theirs = authority.issue("client", client=True), other.issue("client", client=True)
    with serve(Reply(200), tls=server_context(other.issue())) as s:
        guard.try_("http", url=s.url, ca_file=authority.ca_file).expect("tls-unknown-ca", cause="other CA")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with serve(
            Reply(200),
            tls=server_context(
                authority.issue(), client_ca=authority.ca_file, require_client=True, min_version=version, max_version=version
            ),
        ) as s:
            guard.try_("http", url=s.url, ca_file=authority.ca_file).expect("tls-client-cert-required", exit=69)
            guard.try_(
                "http", url=s.url, ca_file=authority.ca_file, cert_file=theirs.cert_file, key_file=theirs.key_file
            ).expect("tls-client-cert-refused", exit=69, cause="sent is the certificate of CN = client, names")
            guard.try_("http", url=s.url, ca_file=authority.ca_file, cert_file=mine.cert_file, key_file=mine.key_file).passed()
            guard.try_("http", url=s.url, ca_file=authority.ca_file, cert_file=mine.cert_file, key_file=theirs.key_file).expect(
                "tls-key-mismatch", exit=69
            )
            guard.try_("http", url=s.url, ca_file="/nonexistent.pem").expect("tls-ca-unreadable", exit=69)
    with serve(Reply(200)) as s:
        guard.try_("http", url=s.url.replace("http:", "https:")).expect("tls-peer-is-plaintext", exit=69)


@pytest.mark.produces("connect-reset")
@pytest.mark.near_miss("tls-handshake")
@pytest.mark.parametrize(
    "kind,keys", [("http", {"url": "https://{}/"}), ("redis", {"url": "rediss://{}"}), ("tcp", {"address": "{}", "tls": True})]
)
def test_a_reset_during_the_handshake_is_a_reset(guard, kind, keys):
    with TcpServer(reset_after_request) as s:
        keys = {k: v.format(s.address) if isinstance(v, str) else v for k, v in keys.items()}
        guard.try_(kind, **keys).expect("connect-reset", exit=124)


@pytest.mark.parametrize(
    "kind,keys",
    [
        ("http", {"url": "http://x"}),
        ("opa", {"url": "http://x"}),
        ("metrics", {"url": "http://x"}),
        ("schema_registry", {"url": "http://x"}),
        ("redis", {"url": "redis://x"}),
        ("redis", {"url": "unix:///x"}),
        ("tcp", {"address": "x:1"}),
    ],
)
def test_tls_keys_without_tls(guard, kind, keys):
    guard.try_(kind, ca_file="/ca.pem", **keys).problem("ca_file", "TLS only", exit=64)


def test_tls_keys_that_may_be_of_use(guard, authority):
    with (
        serve(Reply(200, "safe"), tls=server_context(authority.issue())) as s,
        serve(Reply(302, headers={"location": s.url})) as plain,
    ):
        guard.try_("http", url=plain.url, follow=1, ca_file=authority.ca_file, body_contains="safe").passed()
        guard.try_("http", url="env:URL", ca_file=authority.ca_file, _env={"URL": s.url}).passed()


def test_https_to_http_drops_what_is_secret(guard, authority):
    with HttpServer({"/b": Reply(200)}) as plain:
        with serve(
            Reply(302, headers={"location": f"http://{plain.address}/b"}),
            tls=server_context(authority.issue("api.internal", ["api.internal"])),
        ) as s:
            guard.try_("http", url=s.url, server_name="api.internal", ca_file=authority.ca_file, follow=1, **SECRETS).passed()
            assert "x-api-key" in s.requests[0].headers
        assert not {"x-api-key", "authorization"} & set(plain.requests[0].headers)


def test_server_name_stays_with_its_host(guard, authority):
    with HttpServer(
        {"/a": Reply(302, headers={"location": "/b"}), "/b": Reply(200)},
        tls=server_context(authority.issue("api.internal", ["api.internal"])),
    ) as s:
        guard.try_(
            "http", url=s.url + "/a", server_name="api.internal", ca_file=authority.ca_file, follow=1, **SECRETS
        ).passed()
        assert [r.path for r in s.requests] == ["/a", "/b"] and s.requests[1].headers["x-api-key"] == "key-12345"


PACKED = gzip.compress(b'{"status": "UP"}', mtime=0)


def packed(body, coding="gzip"):
    return HttpServer({"/": Reply(body=body, headers={"content-encoding": coding}, content_type="application/json")})


@pytest.mark.near_miss("http-json-invalid", "answer-truncated")
@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
def test_gzip_that_nobody_asked_for_is_undone(guard, coding):
    with packed(PACKED, coding) as s:
        guard.try_("http", url=s.url, json='( { at = "/status"; equals = "\\"UP\\""; } )').passed()
        assert "accept-encoding" not in s.requests[0].headers


@pytest.mark.produces("http-json-invalid")
@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_other_codings_are_named(guard, coding):
    with packed(b"\x0b\x03\x80 bytes", coding) as s:
        guard.try_("http", url=s.url, json='( { at = "/status"; type = "string"; } )').expect(
            "http-json-invalid", cause=f"it is compressed with {coding}, which was not asked for"
        )


@pytest.mark.parametrize(
    "code, body, max_body, cause",
    [
        pytest.param(*row, marks=pytest.mark.produces(row[0]))
        for row in [
            ("answer-truncated", PACKED[:-9], 1000, "cut off"),
            ("http-body", b"not gzip", 1000, "not the gzip"),
            ("answer-too-large", gzip.compress(b"x" * 2000, mtime=0), 1000, "more than 1000"),
        ]
    ],
    ids=["cut", "other bytes", "too large"],
)
def test_broken_gzip(guard, code, body, max_body, cause):
    with packed(body) as s:
        guard.try_("http", url=s.url, max_body=f"{max_body}B").expect(code, cause=cause)


# ---- who says it, and what ----


@pytest.mark.produces("auth-mechanism")
@pytest.mark.near_miss("auth-failed")
@pytest.mark.parametrize(
    "challenge", ["Negotiate", 'Digest realm="x", nonce="abc"', 'Bearer realm="basics", scope="Basically"']
)
def test_a_server_that_takes_no_basic(guard, challenge):
    """No other password helps there."""
    keys = {"username": "probe", "password": "env:PW", "_env": {"PW": "pw-12345"}}
    with serve(Reply(401, "who?", headers={"www-authenticate": challenge})) as s:
        guard.try_("http", url=s.url, **keys).expect("auth-mechanism", exit=69, cause=f"asks for {challenge}", hint="(Basic)")


@pytest.mark.near_miss("auth-mechanism")
@pytest.mark.parametrize(
    "challenge", ['Basic realm="a"', 'Negotiate, basic realm="a"', 'Digest realm="a", Basic realm="b"', ""]
)
def test_a_server_that_takes_basic(guard, challenge):
    keys = {"username": "probe", "password": "env:PW", "_env": {"PW": "pw-12345"}}
    with serve(Reply(401, "who?", headers={"www-authenticate": challenge})) as s:
        guard.try_("http", url=s.url, **keys).expect("auth-failed", exit=69)


@pytest.mark.produces("auth-failed", "auth-required")
def test_why_a_token_is_refused(guard):
    why = 'Bearer error="invalid_token", error_description="The token expired"'
    with serve(Reply(401, headers={"www-authenticate": why})) as s:
        result = guard.try_("http", url=s.url, token="env:T", _env={"T": "token-12345"})
        result.expect("auth-failed", exit=69, cause="to the credentials (Bearer); the server asks for Bearer error=")
    with serve(Reply(401, headers={"www-authenticate": "Negotiate"})) as s:
        guard.try_("http", url=s.url).expect("auth-required", exit=69, hint="in headers")
    with serve(Reply(401, headers={"www-authenticate": 'Basic realm="token-12345"'})) as s:
        result = guard.try_("http", url=s.url, token="env:T", _env={"T": "token-12345"})
        result.expect("auth-failed")
        assert "token-12345" not in str(result)


@pytest.mark.produces("http-status")
@pytest.mark.parametrize(
    "status, words",
    [
        (400, "PROXY protocol"),
        (404, "host name"),
        (421, "server_name"),
        (502, "proxy answers"),
        (503, "back ends"),
        (504, "that server"),
    ],
)
def test_where_to_look(guard, status, words):
    with serve(Reply(status)) as s:
        guard.try_("http", url=s.url).expect("http-status", exit=124, hint=words)


@pytest.mark.produces("http-status")
@pytest.mark.parametrize(
    "page, text",
    [
        ("<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>", "502 Bad Gateway"),
        ("<html><title>Maintenance</title><body><img src=x></body></html>", "Maintenance"),
        ("<title>The SSL certificate error</title><body><h1>400 Bad Request</h1>", "The SSL certificate error 400 Bad Request"),
        ("<!DOCTYPE html><style>p { a: b }</style><script>x < y</script><!-- n <p> --><p>1 < 2", "1 < 2"),
        ("<html><body>cut <a href=", "cut"),
        ("<html></html>", None),
    ],
    ids=["nginx", "title", "both", "hidden", "cut", "none"],
)
def test_what_a_page_says(guard, page, text):
    with serve(Reply(502, page, content_type="text/html")) as s:
        cause = guard.try_("http", url=s.url).expect("http-status", exit=124)["cause"]
        assert cause.endswith(f"the body: the page says: {text}" if text else "the body: it holds no text")


@pytest.mark.produces("http-status", "auth-forbidden")
def test_answers_through_a_proxy_may_be_the_proxys(guard):
    """Squid answers for a name that it does not find, and for one that its rules forbid."""
    with serve(Reply(503), path="*") as s:
        guard.try_("http", url="http://api.test/x", proxy=s.url).expect("http-status", cause=f"through the proxy {s.url}")
    with serve(Reply(403), path="*") as s:
        check = guard.try_("http", url="http://api.test/x", proxy=s.url).expect("auth-forbidden", hint="rules of the proxy")
        assert f"through the proxy {s.url}" in check["cause"]


@pytest.mark.parametrize(
    "status, words",
    [
        (400, "a web server"),
        (403, "allow it there"),
        (407, "give proxy_username"),
        (500, "resolves there"),
        (503, "does not reach"),
    ],
)
def test_where_to_look_when_a_proxy_does_not_connect(guard, status, words):
    with TcpServer(answer(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())) as s:
        check = guard.try_("http", url="https://api.test/", proxy=f"http://{s.address}").check()
        assert words in check["hint"] and check["subject"] == f"http://{s.address}"


@pytest.mark.produces("tls-peer-is-plaintext")
def test_a_proxy_that_does_not_speak_tls(guard):
    with serve(Reply(200), path="*") as s:
        proxy = s.url.replace("http:", "https:")
        for url in ("http://api.test/", "https://api.test/"):
            guard.try_("http", url=url, proxy=proxy).expect("tls-peer-is-plaintext", exit=69, subject=proxy)


@pytest.mark.produces("http-json-invalid")
@pytest.mark.parametrize(
    "encoding, words",
    [("utf-8-sig", "byte order mark"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), ("utf-16-be", "UTF-16")],
)
def test_json_in_another_encoding(guard, encoding, words):
    with serve(Reply(200, '{"status": "UP"}'.encode(encoding))) as s:
        result = guard.try_("http", url=s.url, json='( { at = "/status"; equals = "\\"UP\\""; } )')
        result.expect("http-json-invalid", exit=124, cause=words)


def test_head_takes_no_body(guard):
    guard.try_("http", url="http://127.0.0.1/", method="HEAD", body="x").problem("HEAD is sent without a body", exit=64)
    step = 'request = { url = "http://h/"; method = "HEAD"; body = "x"; };'
    text = f"startguard = 1; flow: {{ f: {{ steps = ( {{ {step} }} ); }}; }};"
    assert "HEAD is sent without a body" in guard.cli("lint", guard.write("p.cfg", text)).err


def test_show_says_no_method_that_is_not_sent(guard):
    """`show` named GET, and the request was a POST. A search takes GET with a body (Elasticsearch)."""
    with HttpServer({"/": Reply(200, "ok")}) as s:
        shown = guard.cli(
            "show", "-p", guard.write("p.cfg", f'startguard = 1; http: {{ a: {{ url = "{s.url}/"; body = "x"; }}; }};')
        )
        assert "method" not in shown.out and "GET" not in shown.out
        for method, sent in ((None, "POST"), ("GET", "GET"), ("PUT", "PUT")):
            keys = {"method": method} if method else {}
            guard.try_("http", url=s.url + "/", body="x", **keys).passed()
            assert s.requests[-1].method == sent and s.requests[-1].body == b"x"
        result = guard.cli("try", "http", f"url={s.url}/", "body=x")
        assert f" POST {s.url}/ 200" in result.err
        guard.try_("http", url=s.url + "/").passed()
        assert s.requests[-1].method == "GET"


@pytest.mark.parametrize(
    "more, doubted", [("", True), ('method = "POST";', False), ('headers = ["Content-Type: text/plain"];', False)]
)
def test_a_body_that_was_meant_for_the_answer_is_doubted(guard, more, doubted):
    text = f'startguard = 1; http: {{ a: {{ url = "http://a/ping"; body = "Ok."; {more} }}; }};'
    result = guard.cli("lint", guard.write("p.cfg", text))
    assert result.code == 0
    assert ("warning: is sent, as a POST; what the answer must hold is body_contains" in result.err) == doubted
