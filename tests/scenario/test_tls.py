"""Faults of a TLS server, in each kind that does TLS: by OpenSSL (tcp, redis), curl, libpq and librdkafka the words are the same.

The server does the handshake and says nothing. Before it libpq sends an SSLRequest, which it answers.
"""

import pathlib
import socket
import ssl

import pytest

from fakes.certs import Authority, server_context
from fakes.dns import DnsServer
from fakes.tcp import TcpServer, read_until_closed, reset_after_request

SSL_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"
KINDS = ["tcp", "http", "redis", "postgres", "kafka"]
every_kind = pytest.mark.parametrize("kind", KINDS)


def tls_port(handler):
    """The handler gets a connection on which the handshake is the next thing to come."""

    def begin(sock):
        if sock.recv(len(SSL_REQUEST), socket.MSG_PEEK) == SSL_REQUEST:
            sock.recv(len(SSL_REQUEST))
            sock.sendall(b"S")
        handler(sock)

    return TcpServer(begin)


def tls_server(cert, context=None):
    context = context or server_context(cert)

    def handler(sock):
        with context.wrap_socket(sock, server_side=True) as inner:
            read_until_closed(inner)

    return tls_port(handler)


def ask(guard, kind, address, ca=None, mine=None, **options):
    """One attempt of this kind; mine: certificate and key of the client."""
    files = {"ca_file": ca} if ca else {}
    files |= {"cert_file": mine.cert_file, "key_file": mine.key_file} if mine else {}
    if kind == "tcp":
        keys = {"address": address, "tls": True, **files}
    elif kind == "http":
        keys = {"url": f"https://{address}/", **files}
    elif kind == "redis":
        keys = {"url": f"rediss://{address}", **files}
    elif kind == "postgres":
        keys = {"url": f"postgres://app@{address}/shop", "sslmode": "verify-full", **files}
    else:
        names = {"ca_file": "ssl.ca.location", "cert_file": "ssl.certificate.location", "key_file": "ssl.key.location"}
        properties = ["security.protocol=SSL", *(f"{names[key]}={path}" for key, path in files.items())]
        keys = {"bootstrap_servers": address, "properties": properties}
    return guard.try_(kind, **keys, **options)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("root"), "root CA")


@pytest.fixture(scope="module")
def intermediate(root, tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("intermediate"), "intermediate CA", parent=root)


# ---- the handshake ----


@pytest.mark.produces("tls-handshake")
@pytest.mark.near_miss("connect-closed", "tls-peer-is-plaintext")
@every_kind
def test_closed_in_the_handshake(guard, kind, root):
    with tls_port(lambda sock: sock.recv(4096)) as s:
        check = ask(guard, kind, f"localhost:{s.port}", root.ca_file)
        check.expect("tls-handshake", exit=124, phase="tls", cause="the peer closed the connection during the handshake")


@pytest.mark.produces("connect-reset")
@pytest.mark.near_miss("tls-handshake", "connect-closed")
@every_kind
def test_reset_in_the_handshake(guard, kind, root):
    with tls_port(reset_after_request) as s:
        ask(guard, kind, f"localhost:{s.port}", root.ca_file).expect("connect-reset", exit=124)


@pytest.mark.produces("connect-closed")
@pytest.mark.near_miss("tls-handshake")
@pytest.mark.parametrize("kind", KINDS[1:])
def test_closed_after_the_handshake(guard, kind, root):
    context = server_context(root.issue())

    def handler(sock):
        with context.wrap_socket(sock, server_side=True) as inner:
            inner.recv(4096)

    with tls_port(handler) as s:
        ask(guard, kind, f"localhost:{s.port}", root.ca_file).expect("connect-closed", exit=124)


@pytest.mark.produces("tls-protocol")
@every_kind
@pytest.mark.parametrize("version, name", [("TLSv1", "TLS 1.0"), ("TLSv1_1", "TLS 1.1")])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_version(guard, kind, root, version, name):
    context = server_context(root.issue())
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = getattr(ssl.TLSVersion, version)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with tls_server(None, context) as s:
        check = ask(guard, kind, f"localhost:{s.port}", root.ca_file)
        check.expect("tls-protocol", exit=69, cause=f"the peer speaks {name} at most", hint="TLS 1.2 or 1.3")


def only(cipher=None, curve=None):
    """Makes a server's context take this cipher or curve alone, which no client offers unasked."""

    def narrow(context):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(f"{cipher or 'ECDHE'}:@SECLEVEL=0")
        if curve:
            context.set_ecdh_curve(curve)

    return narrow


@pytest.mark.produces("tls-protocol")
@pytest.mark.near_miss("tls-handshake", "tls-client-cert-required")
@every_kind
@pytest.mark.parametrize(
    "narrow, chosen",
    [
        pytest.param(only("ECDHE-ECDSA-AES128-CCM8"), "ECDHE-ECDSA-AES128-CCM8", id="cipher"),
        # OpenSSL 4 does not offer the curve; then the cause is called likely.
        pytest.param(only(curve="secp256k1"), "ECDHE-ECDSA-", marks=pytest.mark.dynamic, id="curve"),
    ],
)
def test_nothing_in_common(guard, kind, root, narrow, chosen):
    """The server's alert is a bare handshake_failure; what it answers to a client that offers everything is what tells."""
    context = server_context(root.issue())
    narrow(context)
    with tls_server(None, context) as s:
        check = ask(guard, kind, f"localhost:{s.port}", root.ca_file)
        check.expect(
            "tls-protocol", exit=69, cause=f"a client that offers more of them is answered with {chosen}", hint="curves"
        )


@pytest.mark.produces("tls-client-cert-required")
@pytest.mark.near_miss("tls-protocol", "tls-handshake")
@every_kind
def test_the_same_alert_for_want_of_a_client_certificate(guard, kind, root):
    """TLS 1.2 has no alert of its own for that."""
    context = server_context(root.issue(), client_ca=root.ca_file, require_client=True, max_version=ssl.TLSVersion.TLSv1_2)
    with tls_server(None, context) as s:
        ask(guard, kind, f"localhost:{s.port}", root.ca_file).expect("tls-client-cert-required", exit=69)


@pytest.mark.near_miss("tls-protocol")
@every_kind
@pytest.mark.parametrize(
    "alert, code",
    [
        pytest.param(b"\x28", "tls-handshake", marks=pytest.mark.produces("tls-handshake"), id="failure"),
        pytest.param(b"\x70", "tls-wrong-name", marks=pytest.mark.produces("tls-wrong-name"), id="unrecognized"),
    ],
)
def test_server_that_wants_a_name(guard, kind, root, alert, code):
    """It refuses a client that sends no server name, since an address is asked for."""

    def handler(sock):
        sock.recv(4096)
        sock.sendall(b"\x15\x03\x03\x00\x02\x02" + alert)
        read_until_closed(sock)

    with tls_port(handler) as s:
        ask(guard, kind, s.address, root.ca_file).expect(code, hint="is an address, so that no server name (SNI) was sent")
        hint = ask(guard, kind, f"localhost:{s.port}", root.ca_file).check()["hint"]
        assert "SNI" not in hint
        assert ("likely the server has no certificate for this name, or has no cipher" in hint) == (code == "tls-handshake")


# ---- certificates ----


@pytest.mark.produces("tls-unknown-ca")
@every_kind
def test_incomplete_chain(guard, kind, root, intermediate):
    """The server's own certificate alone: the CA file of the client may well be right."""
    with tls_server(intermediate.issue()) as s:
        check = ask(guard, kind, f"localhost:{s.port}", root.ca_file)
        check = check.expect("tls-unknown-ca", exit=69, cause="the server sent 1 certificate, its own, and no intermediate")
        assert "if CN = intermediate CA is an intermediate CA, the server must send its certificate too" in check["hint"]
    with tls_server(intermediate.issue().with_chain(Authority(root.folder, "other CA"))) as s:
        check = ask(guard, kind, f"localhost:{s.port}", root.ca_file)
        cause = "the server sent 2 certificates, none of which issued its own"
        check.expect("tls-unknown-ca", exit=69, cause=cause, hint="the server must send its certificate")


@pytest.mark.produces("tls-unknown-ca")
@every_kind
def test_chain_of_a_root_that_is_not_trusted(guard, kind, root, intermediate, tmp_path):
    with tls_server(intermediate.issue().with_chain(intermediate)) as s:
        check = ask(guard, kind, f"localhost:{s.port}", Authority(tmp_path, "other CA").ca_file)
        check.expect(
            "tls-unknown-ca", exit=69, cause="the server sent 2 certificates", hint="of CN = root CA, which issued the last"
        )
        check = ask(guard, kind, f"localhost:{s.port}", intermediate.ca_file)
        check.expect("tls-unknown-ca", exit=69, hint="add the certificate of CN = root CA to ca_file")


@pytest.mark.near_miss("tls-unknown-ca", "tls-expired", "tls-wrong-name")
def test_whole_chain(guard, root, intermediate):
    with tls_server(intermediate.issue().with_chain(intermediate)) as s:
        ask(guard, "tcp", s.address, root.ca_file).passed()


@pytest.mark.produces("tls-expired")
@every_kind
def test_expired_intermediate(guard, kind, root, tmp_path):
    old = Authority(tmp_path, "old CA", parent=root, days=(-30, -2))
    with tls_server(old.issue().with_chain(old)) as s:
        check = ask(guard, kind, f"localhost:{s.port}", root.ca_file)
        where = "in the server's chain, or in ca_file" if kind == "kafka" else "in the chain that the server sends"
        check.expect(
            "tls-expired", exit=69, cause="certificate of CN = old CA", hint=f"not the server's own: replace it {where}"
        )
    with tls_server(root.expired()) as s:
        check = ask(guard, kind, f"localhost:{s.port}", root.ca_file)
        check.expect("tls-expired", exit=69, cause="certificate of CN = localhost", hint="renew the certificate")


@pytest.mark.produces("tls-expired")
def test_expired_ca_of_the_client(guard, root, tmp_path):
    old = Authority(tmp_path, "old CA", parent=root, days=(-30, -2))
    both = guard.write("both.pem", "".join(pathlib.Path(a.ca_file).read_text() for a in (root, old)))
    with tls_server(old.issue()) as s:
        ask(guard, "tcp", s.address, str(both)).expect("tls-expired", exit=69, hint="replace it in ca_file")


@pytest.mark.produces("tls-wrong-name")
@every_kind
@pytest.mark.parametrize(
    "host, names, hint",
    [
        ("127.0.0.1", ["localhost"], "127.0.0.1 is an address, and the certificate has names alone"),
        ("localhost", ["127.0.0.1"], "the certificate has addresses alone"),
        ("localhost", ["other.test", "127.0.0.1"], "use a name that stands in the certificate"),
    ],
    ids=["address", "name", "other"],
)
def test_name_and_address(guard, kind, root, host, names, hint):
    with tls_server(root.issue(cn="x", names=names)) as s:
        check = ask(guard, kind, f"{host}:{s.port}", root.ca_file)
        check.expect("tls-wrong-name", exit=69, cause=f"asked for is {host}", hint=hint)


@pytest.mark.produces("tls-wrong-name")
@pytest.mark.parametrize("name", ["*.test", "a b", "a..b", "-x", "x" * 64 + ".test"])
def test_name_that_no_certificate_has(guard, root, name):
    """OpenSSL 4 refuses some of them before the handshake."""
    with tls_server(root.issue()) as s:
        ask(guard, "tcp", s.address, root.ca_file, server_name=name).expect("tls-wrong-name", exit=69)
        ask(guard, "http", s.address, root.ca_file, server_name=name).expect("tls-wrong-name", exit=69)


@pytest.fixture
def dotted(root):
    """(name server, address with a dot at the end of its name) of a server whose certificate has the name, without the dot."""
    with DnsServer({"db.test": ["127.0.0.1"]}) as dns, tls_server(root.issue(names=["db.test"])) as s:
        yield dns, f"db.test.:{s.port}"


@pytest.mark.near_miss("tls-wrong-name")
@pytest.mark.parametrize("kind", ["tcp", "http", "redis"])
def test_name_with_a_dot_at_its_end(guard, kind, root, dotted):
    """The dot is for the resolver: no certificate has it."""
    dns, address = dotted
    result = ask(guard, kind, address, root.ca_file, _dns=dns, attempt_timeout=guard.span(2))
    assert result.check().get("code") in (None, "answer-timeout")  # the handshake was good


@pytest.mark.produces("tls-wrong-name")
@pytest.mark.parametrize("kind", ["postgres", "kafka"])
def test_name_with_a_dot_that_the_library_compares(guard, kind, root, dotted):
    dns, address = dotted
    ask(guard, kind, address, root.ca_file, _dns=dns).expect(
        "tls-wrong-name", exit=69, hint="drop the dot at the end of db.test."
    )


# ---- files ----


@pytest.mark.produces("tls-file-format", "tls-key-password", "tls-ca-unreadable")
@every_kind
def test_files(guard, kind, root):
    mine = root.issue(client=True)
    with tls_server(root.issue()) as s:
        address = f"localhost:{s.port}"
        for text, name in (("", "empty"), ("<html>", "HTML")):
            path = guard.write("bad.pem", text)
            ask(guard, kind, address, str(path)).expect("tls-file-format", exit=69, subject=str(path), cause=name)
        ask(guard, kind, address, "/nonexistent.pem").expect("tls-ca-unreadable", subject="/nonexistent.pem")
        check = ask(guard, kind, address, root.ca_file, mine.locked("marker"))
        check.expect("tls-key-password", exit=69, cause="is encrypted, and no password for it is given")


@pytest.mark.produces("tls-ca-unreadable")
def test_key_that_libpq_refuses_for_its_mode(guard, root):
    mine = root.issue(client=True)
    with tls_server(root.issue()) as s:
        check = ask(guard, "postgres", f"localhost:{s.port}", root.ca_file, mine)
        check.expect("tls-ca-unreadable", exit=69, cause="group or world access", hint="the mode 0600")


@pytest.mark.produces("tls-ca-unreadable")
def test_the_address_that_libpq_reaches_tells(guard, root):
    """Of a name with two addresses one is refused; libpq tells of both."""
    mine, cert = root.issue(client=True), root.issue(names=["two.test"])
    with DnsServer({}, hosts="127.0.0.1 two.test\n::1 two.test\n") as dns, tls_server(cert) as s:
        check = ask(guard, "postgres", f"two.test:{s.port}", root.ca_file, mine, _dns=dns)
        check.expect("tls-ca-unreadable", exit=69, cause="group or world access")
