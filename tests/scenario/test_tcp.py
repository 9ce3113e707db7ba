"""tcp, and with it every diagnosis of connecting and of TLS that all kinds share."""

import collections
import os
import ssl
import time

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, load_pem_private_key

from fakes.certs import Authority, server_context
from fakes.tcp import TcpServer, banner, close_at_once, drip, full_backlog, garbage, refused_port, reset, silent
from harness import unshare


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


def tls_server(cert, handler=silent, **options):
    return TcpServer(handler, tls=server_context(cert, **options))


def try_tls(guard, server, authority=None, mine=None, **keys):
    """One attempt with TLS: the authority to trust, the certificate to give."""
    if authority:
        keys["ca_file"] = authority.ca_file
    if mine:
        keys = {"cert_file": mine.cert_file, "key_file": mine.key_file, **keys}
    return guard.try_("tcp", address=server.address, tls=True, **keys)


# ---- connecting ----


@pytest.mark.near_miss("connect-refused", "connect-closed", "connect-reset", "answer-timeout")
@pytest.mark.parametrize("handler", [silent, close_at_once, reset, garbage()], ids=["silent", "closes", "resets", "garbage"])
def test_accepting_is_enough(guard, handler):
    with TcpServer(handler) as server:
        guard.try_("tcp", address=server.address).passed()


@pytest.mark.near_miss("connect-refused")
def test_unix_socket(guard):
    with TcpServer(silent, unix=guard.tmp / "s.sock") as server:
        guard.try_("tcp", address=str(guard.tmp / "s.sock")).passed()
        assert server


@pytest.mark.produces("connect-refused")
def test_refused(guard):
    port = refused_port()
    guard.try_("tcp", address=f"127.0.0.1:{port}").expect(
        "connect-refused", exit=124, phase="connect", retryable=True, subject=f"127.0.0.1:{port}", cause="Connection refused"
    )


CONTAINER = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}


@pytest.mark.produces("connect-refused")
@pytest.mark.parametrize(
    "kind, key, value",
    [
        ("tcp", "address", "127.0.0.1:{}"),
        ("tcp", "address", "localhost:{}"),
        ("tcp", "address", "127.1.2.3:{}"),
        ("tcp", "address", "[::1]:{}"),
        ("tcp", "address", "[::ffff:127.0.0.1]:{}"),
        ("tcp", "address", "0.0.0.0:{}"),
        ("redis", "url", "redis://127.0.0.1:{}"),
        ("http", "url", "http://127.0.0.1:{}/"),
        ("postgres", "url", "postgres://127.0.0.1:{}/db"),
        ("kafka", "bootstrap_servers", "127.0.0.1:{}"),
        ("memcached", "url", "memcached://127.0.0.1:{}"),
    ],
)
def test_localhost_in_a_container(guard, kind, key, value):
    """The most frequent mistake of the first day in a container; a hint, since a sidecar may be meant."""
    result = guard.try_(kind, _env=CONTAINER, **{key: value.format(refused_port())})
    result.expect(
        "connect-refused", exit=124, retryable=True, cause="Connection refused", hint="localhost is this container itself"
    )
    assert "localhost is" not in result.check()["cause"]


def test_another_host_than_localhost_in_a_container(guard):
    script = 'ip link set lo up && ip addr add 10.9.9.9/32 dev lo && exec "$@"'
    profile = 'startguard = 1; timeout = "1s"; tcp: { x: { address = "10.9.9.9:80"; }; };'
    result = guard.spawn(profile, before=unshare("-n", "sh", "-c", script, "sh"), env=CONTAINER).result()
    result.expect("connect-refused", hint="look whether the server runs, and whether this is its port")


def test_localhost_outside_of_a_container(guard):
    if any(os.path.exists(mark) for mark in ("/.dockerenv", "/run/.containerenv")):
        words = "localhost is this container itself"
    else:
        words = "look whether the server runs, and whether this is its port"
    guard.try_("tcp", address=f"127.0.0.1:{refused_port()}").expect("connect-refused", hint=words)


@pytest.mark.produces("connect-refused")
def test_a_file_where_a_unix_socket_should_be(guard):
    path = guard.write("s.sock", "not a socket")
    guard.try_("tcp", address=path).expect("connect-refused", exit=124, cause="the path is not a socket")


@pytest.mark.produces("connect-refused")
def test_unix_socket_that_is_not_there(guard):
    guard.try_("tcp", address=str(guard.tmp / "none.sock")).expect("connect-refused", hint="mount the folder")


@pytest.mark.produces("connect-timeout")
@pytest.mark.near_miss("connect-unreachable", "guard-deadline")
def test_no_answer_to_the_connection_attempt(guard):
    with full_backlog() as full:
        guard.try_("tcp", address=full.address, attempt_timeout=guard.span(2)).expect(
            "connect-timeout", exit=124, retryable=True
        )


@pytest.mark.produces("connect-denied")
@pytest.mark.near_miss("connect-unreachable")
def test_the_kernel_denies(guard):
    """A route of type prohibit: connect(2) says EACCES, as it does behind many firewalls."""
    script = 'ip link set lo up && ip route add prohibit 10.9.9.9 && exec "$@"'
    profile = 'startguard = 1; timeout = "2s"; tcp: { x: { address = "10.9.9.9:80"; }; };'
    guard.spawn(profile, before=unshare("-n", "sh", "-c", script, "sh")).result().expect(
        "connect-denied", exit=69, phase="connect", retryable=False, cause="Permission denied"
    )


@pytest.mark.produces("connect-unreachable")
@pytest.mark.near_miss("connect-denied", "connect-timeout")
def test_no_route(guard):
    # A network of its own with nothing in it, not even a loopback that is up.
    profile = 'startguard = 1; timeout = "500ms"; tcp: { x: { address = "10.1.2.3:80"; }; };'
    guard.spawn(profile, before=unshare("-n")).result().expect("connect-unreachable", exit=124, retryable=True)


@pytest.mark.near_miss("connect-denied", "connect-unreachable")
def test_localhost_by_name(guard):
    with TcpServer(silent) as server:
        guard.try_("tcp", address=f"localhost:{server.port}").passed()


ZONES = [
    ("tcp", 'address = "{}:9";'),
    ("redis", 'url = "redis://{}:9/0";'),
    ("redis", 'sentinels = ["{}:9"]; master_name = "m";'),
    ("redis", 'seeds = ["{}:9"];'),
    ("http", 'url = "http://{}:9/";'),
    ("opa", 'url = "http://{}:9";'),
    ("schema_registry", 'url = "http://{}:9";'),
    ("metrics", 'url = "http://{}:9/metrics";'),
    ("memcached", 'url = "memcached://{}:9";'),
    ("kafka", 'bootstrap_servers = "{}:9";'),
    ("postgres", 'url = "postgres://{}:9/db";'),
]


@pytest.mark.produces("connect-refused")
@pytest.mark.near_miss("dns-no-such-name")
@pytest.mark.parametrize("zone", ["%25lo", "%lo"])
def test_an_address_with_a_zone(guard, zone):
    """`%25`, as RFC 6874 writes it in URLs, and a bare `%`. libpq takes the first alone."""
    groups = collections.defaultdict(str)
    for i, (kind, keys) in enumerate(ZONES):
        if (kind, zone) != ("postgres", "%lo"):
            groups[kind] += f"c{i}: {{ {keys.format(f'[fe80::1{zone}]')} }}; "
    checks = " ".join(f"{kind}: {{ {group}}};" for kind, group in groups.items())
    script = 'ip link set lo up && ip -6 addr add fe80::1/64 dev lo nodad && exec "$@"'
    profile = f'startguard = 1; timeout = "2s"; {checks}'
    result = guard.spawn(profile, before=unshare("-n", "sh", "-c", script, "sh")).result()
    assert result.code == 124 and len(result.checks) >= len(ZONES) - 1
    assert {(c["id"], c["code"]) for c in result.checks} == {(c["id"], "connect-refused") for c in result.checks}
    assert {c["subject"] for c in result.checks} == {"[fe80::1%lo]:9"}


# ---- greeting ----


@pytest.mark.near_miss("protocol-mismatch", "connect-closed", "answer-timeout")
def test_banner(guard):
    with TcpServer(banner(b"220 mail.test ESMTP\r\n")) as server:
        guard.try_("tcp", address=server.address, expect_banner="220 ").passed()


@pytest.mark.produces("protocol-mismatch")
def test_other_banner(guard):
    with TcpServer(banner(b"SSH-2.0-OpenSSH\x1b[31m\r\n")) as server:
        guard.try_("tcp", address=server.address, expect_banner="220 ", attempt_timeout=guard.span(2)).expect(
            "protocol-mismatch", exit=69, cause="SSH-2.0-OpenSSH"
        )


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("protocol-mismatch")
def test_a_banner_that_is_on_its_way(guard):
    """The first bytes of a banner are not taken for another protocol, which would end the run."""
    with TcpServer(drip(b"220 mail.test ESMTP\r\n", guard.scale(0.2))) as server:
        check = guard.try_("tcp", address=server.address, expect_banner="ESMTP", attempt_timeout=guard.span(2))
        check.expect("answer-timeout", exit=124, retryable=True, cause="it is: 22")

    def lines(sock):
        while True:
            sock.sendall(b"220-wait\r\n")
            time.sleep(0.1)

    with TcpServer(lines) as server:
        guard.try_("tcp", address=server.address, expect_banner="220 ", attempt_timeout=guard.span(2)).expect(
            "answer-timeout", exit=124
        )
    with TcpServer(banner(b"welcome\r\n22")) as server:
        guard.try_("tcp", address=server.address, expect_banner="220 ", attempt_timeout=guard.span(2)).expect(
            "answer-timeout", exit=124, cause="had not ended in time; it is: welcome"
        )


@pytest.mark.produces("protocol-mismatch")
def test_a_banner_that_is_no_text(guard):
    with TcpServer(banner(b"\x4a\0\0\0\n8.0.36\0\x08")) as server:
        guard.try_("tcp", address=server.address, expect_banner="220 ", attempt_timeout=guard.span(2)).expect(
            "protocol-mismatch", exit=69
        )


@pytest.mark.produces("answer-timeout")
def test_no_banner(guard):
    with TcpServer(silent) as server:
        guard.try_("tcp", address=server.address, expect_banner="220 ", attempt_timeout=guard.span(2)).expect(
            "answer-timeout", exit=124
        )


@pytest.mark.produces("connect-closed")
def test_closes_before_the_banner(guard):
    with TcpServer(close_at_once) as server:
        guard.try_("tcp", address=server.address, expect_banner="220 ").expect("connect-closed", exit=124)


@pytest.mark.produces("connect-reset")
def test_resets_before_the_banner(guard):
    with TcpServer(reset) as server:
        guard.try_("tcp", address=server.address, expect_banner="220 ").expect("connect-reset", exit=124)


# ---- TLS ----


@pytest.mark.near_miss(
    "tls-unknown-ca",
    "tls-wrong-name",
    "tls-expired",
    "tls-handshake",
    "tls-protocol",
    "tls-self-signed",
    "tls-not-yet-valid",
    "tls-ca-unreadable",
    "tls-key-mismatch",
)
def test_tls(guard, authority):
    with tls_server(authority.issue()) as server:
        try_tls(guard, server, authority).passed()
        guard.try_("tcp", address=f"localhost:{server.port}", tls=True, ca_file=authority.ca_file).passed()


def test_tls_server_name_outside_of_ascii(guard):
    """curl took it for a broken URL, OpenSSL for a name that no certificate has."""
    guard.try_("tcp", address="127.0.0.1:1", tls=True, server_name="bücher.test").problem("server_name", "xn--", exit=64)
    guard.try_("http", url="https://127.0.0.1:1", server_name="bücher.test").problem("server_name", "xn--", exit=64)


@pytest.mark.near_miss("tls-wrong-name")
def test_tls_server_name(guard, authority):
    with tls_server(authority.issue("kafka.internal", ["kafka.internal"])) as server:
        try_tls(guard, server, authority, server_name="kafka.internal").passed()


CERTIFICATES = {
    "tls-expired": lambda a: a.expired(),
    "tls-not-yet-valid": lambda a: a.not_yet_valid(),
    "tls-wrong-name": lambda a: a.wrong_name(),
    "tls-self-signed": lambda a: a.self_signed(),
    "tls-certificate": lambda a: a.other_purpose(),
}


@pytest.mark.parametrize("code", [pytest.param(c, marks=pytest.mark.produces(c)) for c in CERTIFICATES])
def test_tls_certificates(guard, authority, code):
    with tls_server(CERTIFICATES[code](authority)) as server:
        try_tls(guard, server, authority).expect(
            code, exit=124 if code == "tls-not-yet-valid" else 69, phase="tls", cause="certificate of", subject=server.address
        )


@pytest.mark.produces("tls-unknown-ca")
@pytest.mark.near_miss("tls-self-signed")
def test_tls_other_ca(guard, authority, tmp_path):
    with tls_server(Authority(tmp_path, "other CA").issue()) as server:
        try_tls(guard, server, authority).expect("tls-unknown-ca", exit=69, cause="other CA")


@pytest.mark.produces("tls-client-cert-required")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_tls_client_certificate_wanted(guard, authority, version):
    with tls_server(
        authority.issue(), client_ca=authority.ca_file, require_client=True, max_version=version, min_version=version
    ) as server:
        try_tls(guard, server, authority).expect("tls-client-cert-required", exit=69)


@pytest.mark.produces("tls-client-cert-required")
def test_tls_client_certificate_wanted_by_a_slow_server(guard, authority):
    """With TLS 1.3 the client is done long before it: the verdict is waited for as long as the handshake was slow."""
    context = server_context(
        authority.issue(), client_ca=authority.ca_file, require_client=True, min_version=ssl.TLSVersion.TLSv1_3
    )

    def handler(sock):
        read, write = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(read, write, server_side=True)
        while data := sock.recv(65536):
            time.sleep(1.2)
            read.write(data)
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                sock.sendall(write.read())
            except ssl.SSLError:
                sock.sendall(write.read())
                return

    with TcpServer(handler) as server:
        try_tls(guard, server, authority).expect("tls-client-cert-required", exit=69)


@pytest.mark.near_miss("tls-client-cert-required", "tls-client-cert-refused", "tls-key-mismatch")
def test_tls_client_certificate_given(guard, authority):
    mine = authority.issue("client", client=True)
    with tls_server(authority.issue(), client_ca=authority.ca_file, require_client=True) as server:
        try_tls(guard, server, authority, mine).passed()


@pytest.mark.near_miss("tls-client-cert-required")
def test_tls_client_certificate_asked_for_but_not_needed(guard, authority):
    with tls_server(authority.issue(), client_ca=authority.ca_file, require_client=False) as server:
        try_tls(guard, server, authority).passed()


@pytest.mark.produces("tls-client-cert-refused")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_tls_client_certificate_of_another_ca(guard, authority, tmp_path, version):
    mine = Authority(tmp_path, "other CA").issue("client", client=True)
    with tls_server(
        authority.issue(), client_ca=authority.ca_file, require_client=True, max_version=version, min_version=version
    ) as server:
        try_tls(guard, server, authority, mine).expect(
            "tls-client-cert-refused", exit=69, cause="sent is the certificate of CN = client, names"
        )


@pytest.mark.produces("tls-client-cert-refused")
def test_tls_client_certificate_that_has_expired(guard, authority):
    mine = authority.expired(client=True)
    with tls_server(authority.issue(), client_ca=authority.ca_file, require_client=True) as server:
        try_tls(guard, server, authority, mine).expect("tls-client-cert-refused", exit=69, hint="it has expired")


@pytest.mark.produces("tls-peer-is-plaintext")
@pytest.mark.near_miss("tls-protocol", "tls-handshake")
def test_tls_to_a_plain_port(guard):
    with TcpServer(banner(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        try_tls(guard, server).expect("tls-peer-is-plaintext", exit=69)


@pytest.mark.produces("tls-handshake")
@pytest.mark.near_miss("tls-peer-is-plaintext", "tls-certificate")
def test_tls_closed_in_the_handshake(guard):
    def handler(sock):
        sock.recv(4096)

    with TcpServer(handler) as server:
        try_tls(guard, server).expect("tls-handshake", exit=124, retryable=True)


@pytest.mark.produces("answer-timeout")
@pytest.mark.near_miss("tls-handshake")
def test_tls_silent(guard):
    with TcpServer(silent) as server:
        try_tls(guard, server, attempt_timeout=guard.span(2)).expect("answer-timeout", cause="TLS handshake")


@pytest.mark.produces("tls-protocol")
def test_tls_version_too_old(guard):
    def handler(sock):
        sock.recv(4096)
        sock.sendall(b"\x15\x03\x01\x00\x02\x02\x46")  # alert protocol_version, RFC 8446 section 6.2
        sock.recv(1)

    with TcpServer(handler) as server:
        try_tls(guard, server).expect("tls-protocol", exit=69)


@pytest.mark.produces("tls-ca-unreadable")
def test_tls_files(guard, authority):
    broken = guard.write("broken.pem", "no certificate")
    with tls_server(authority.issue()) as server:
        try_tls(guard, server, ca_file="/nonexistent/ca.pem").expect(
            "tls-ca-unreadable", exit=69, phase="config", subject="/nonexistent/ca.pem", cause="No such file"
        )
        try_tls(guard, server, ca_file=broken).expect("tls-ca-unreadable", exit=69)
        try_tls(guard, server, authority, cert_file=broken).expect("tls-ca-unreadable")


@pytest.mark.produces("tls-key-password", "tls-file-format")
@pytest.mark.near_miss("tls-ca-unreadable")
def test_tls_files_that_are_there(guard, authority):
    """The file is not at fault for its path: an encrypted key, a keystore of Java, a file that was written empty."""
    mine = authority.issue(client=True)
    with open(mine.key_file, "rb") as file:
        key = load_pem_private_key(file.read(), None)
    secret = BestAvailableEncryption(b"marker")
    locked = guard.write("locked.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret).decode())
    with tls_server(authority.issue()) as server:
        try_tls(guard, server, authority, cert_file=mine.cert_file, key_file=locked).expect(
            "tls-key-password", exit=69, phase="config", subject=str(locked), cause="encrypted", hint="openssl pkey"
        )
        for text, name in (("", "empty"), ("<html>", "HTML")):
            path = guard.write("ca.pem", text)
            try_tls(guard, server, ca_file=path).expect("tls-file-format", exit=69, subject=str(path), cause=name)
        exchanged = try_tls(guard, server, authority, cert_file=mine.key_file, key_file=mine.cert_file)
        exchanged.expect("tls-file-format", exit=69, cause="holds no certificate; its first PEM block is", hint="exchanged")
        no_key = try_tls(guard, server, authority, cert_file=mine.cert_file, key_file=mine.cert_file)
        no_key.expect("tls-file-format", exit=69, cause="holds no private key; its first PEM block is CERTIFICATE")


@pytest.mark.produces("tls-key-mismatch")
def test_tls_key_of_another_certificate(guard, authority):
    mine, other = authority.issue("client", client=True), authority.issue("other", client=True)
    with tls_server(authority.issue()) as server:
        try_tls(guard, server, authority, mine, key_file=other.key_file).expect("tls-key-mismatch", exit=69)


def test_tls_keys_without_tls(guard):
    guard.try_("tcp", address="127.0.0.1:1", ca_file="/x.pem").problem("ca_file", "tls = true", exit=64)


@pytest.mark.produces("tls-required")
@pytest.mark.near_miss("connect-reset", "connect-closed")
@pytest.mark.parametrize("end", [reset, close_at_once], ids=["reset", "close"])
def test_a_greeting_from_a_tls_port(guard, authority, end):
    """It ends the first connection, on which nobody began a handshake, and does one on the second."""
    context, first = server_context(authority.issue()), []

    def handler(sock):
        if not first:
            first.append(True)
            time.sleep(1.5)  # not before the connection is seen to be there
            return end(sock)
        with context.wrap_socket(sock, server_side=True) as inner:
            silent(inner)
        return None

    with TcpServer(handler) as server:
        guard.try_("tcp", address=server.address, expect_banner="220 ").expect(
            "tls-required", exit=69, phase="tls", cause="answers a TLS handshake"
        )
