"""ca_file: what is a trusted CA, and which files are refused. OpenSSL's own loading, as Python's ssl does it, is the referee of each row:
the program does not decode the whole file (checks/net/ca_bundle.h).
"""

import contextlib
import datetime
import ipaddress
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from fakes.certs import Cert, server_context
from fakes.tcp import TcpServer, close_at_once

UTF8, PRINTABLE, T61 = _ASN1Type.UTF8String, _ASN1Type.PrintableString, _ASN1Type.T61String
SIGNATURE_FAILURE = 7  # X509_V_ERR_CERT_SIGNATURE_FAILURE
KINDS = {"tcp": 'address = "127.0.0.1:%d"; tls = true;', "http": 'url = "https://127.0.0.1:%d/"; status = 200;'}


def name(text, kind=UTF8):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, text, _type=kind)])


class Issuer:
    """A name and a key. issuer: who signs it; itself without one. identified: what it signs names its key, too."""

    def __init__(self, subject, issuer=None, key=None, identified=True):
        self.subject, self.key = subject, key or ec.generate_private_key(ec.SECP256R1())
        self.identified = identified
        self.pem = (issuer or self).sign(subject, self.key, ca=True)

    def sign(self, subject, key, ca):
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(self.subject, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        if self.identified:
            own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
            builder = builder.add_extension(own, critical=False)
        if not ca:
            names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


OLD = Issuer(name("Test CA"))
NEW = Issuer(name("Test CA"))  # renewed, with a key of its own
TOP = Issuer(name("Top CA"))
CROSS = Issuer(name("Test CA"), TOP, NEW.key)  # NEW, signed by another one
MIDDLE = Issuer(name("Middle CA"), TOP)
PLAIN = Issuer(name("Test CA"), identified=False)
UMLAUT, LATIN = Issuer(name("Prüfstelle")), Issuer(name("Old CA", T61))
SPELLED = Issuer(name("  test   ca", PRINTABLE), key=NEW.key)
OTHERS = b"".join(Issuer(name(f"Other CA {i}")).pem for i in range(30))


def as_(label, pem):
    return pem.replace(b"CERTIFICATE", label)


def key_of(issuer):
    return issuer.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


# ca_file, who signed the server's certificate, what the server sends behind it, the code.
ROWS = {
    "one": (NEW.pem, NEW, b"", None),
    "among others": (OTHERS + NEW.pem + OTHERS, NEW, b"", None),
    "not among others": (OTHERS, NEW, b"", "tls-unknown-ca"),
    "renewed, the new one second": (OLD.pem + OTHERS + NEW.pem, NEW, b"", None),
    "renewed, the new one first": (NEW.pem + OLD.pem, NEW, b"", None),
    "two keys, nothing says which, the right one first": (PLAIN.pem + OLD.pem, PLAIN, b"", None),
    "two keys, nothing says which, the right one second": (OLD.pem + PLAIN.pem, PLAIN, b"", "tls-certificate"),
    "the old one alone": (OLD.pem + OTHERS, NEW, b"", "tls-unknown-ca"),
    "cross-signed, that one second": (NEW.pem + CROSS.pem, NEW, b"", None),
    "cross-signed, that one first": (CROSS.pem + NEW.pem, NEW, b"", "tls-unknown-ca"),
    "cross-signed, with the other root": (CROSS.pem + TOP.pem, NEW, b"", None),
    "cross-signed, without a root": (CROSS.pem + OTHERS, NEW, b"", "tls-unknown-ca"),
    "an intermediate and its root": (MIDDLE.pem + TOP.pem, MIDDLE, b"", None),
    "an intermediate alone": (MIDDLE.pem, MIDDLE, b"", "tls-unknown-ca"),
    "the server sends the intermediate": (OTHERS + TOP.pem, MIDDLE, MIDDLE.pem, None),
    "another spelling of the name": (SPELLED.pem + OTHERS, NEW, b"", None),
    "both spellings": (OLD.pem + SPELLED.pem, NEW, b"", None),
    "letters beyond ASCII": (OTHERS + UMLAUT.pem, UMLAUT, b"", None),
    "a T61String": (LATIN.pem + OTHERS, LATIN, b"", None),
    "the same twice": (NEW.pem + NEW.pem, NEW, b"", None),
    "CRLF": (NEW.pem.replace(b"\n", b"\r\n"), NEW, b"", None),
    "white space behind the lines": (NEW.pem.replace(b"\n", b" \t\n"), NEW, b"", None),
    "no line end": (OTHERS + NEW.pem.rstrip(b"\n"), NEW, b"", None),
    "text between": (b"# one\n\n" + OTHERS + b"Subject: x\n" + b"y" * 300 + b"\n" + NEW.pem + b"end", NEW, b"", None),
    "a byte order mark": (b"\xef\xbb\xbf" + NEW.pem, NEW, b"", None),
    "TRUSTED CERTIFICATE": (OTHERS + as_(b"TRUSTED CERTIFICATE", NEW.pem), NEW, b"", None),
    "X509 CERTIFICATE": (as_(b"X509 CERTIFICATE", NEW.pem), NEW, b"", None),
    "with a key": (key_of(TOP) + NEW.pem, NEW, b"", None),
    "with an unknown block": (as_(b"SOMETHING", OLD.pem) + NEW.pem, NEW, b"", None),
    "long lines": (NEW.pem.replace(b"\n", b"").replace(b"-----B", b"\n-----B").replace(b"E-----M", b"E-----\nM")
                   .replace(b"-----END", b"\n-----END") + b"\n", NEW, b"", None),
    "a key called CERTIFICATE": (NEW.pem + key_of(TOP).replace(b"PRIVATE KEY", b"CERTIFICATE"), NEW, b"", "tls-ca-unreadable"),
    "the last one cut off": (NEW.pem + OTHERS[:-100], NEW, b"", "tls-ca-unreadable"),
    "a letter that is not base64": (NEW.pem + OLD.pem.replace(b"\nM", b"\n!", 1), NEW, b"", "tls-ca-unreadable"),
    "a line too much": (NEW.pem + OLD.pem.replace(b"\n-----END", b"\nAAA\n-----END"), NEW, b"", "tls-ca-unreadable"),
    "a broken one of many": (NEW.pem + OTHERS.replace(b"\nMI", b"\nMA", 1), NEW, b"", "tls-ca-unreadable"),
    "another end": (NEW.pem.replace(b"END CERTIFICATE", b"END X509 CRL"), NEW, b"", "tls-ca-unreadable"),
    "no block at all": (b"hello\n", NEW, b"", "tls-ca-unreadable"),
    "only a key": (key_of(NEW), NEW, b"", "tls-ca-unreadable"),
}  # fmt: skip


def referee(file, port):
    """What OpenSSL says: None, or whether the file or the peer was refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags &= ~ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(file)
    except ssl.SSLError:
        return "tls-ca-unreadable"
    try:
        with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain, server_hostname="localhost"):
            return None
    except ssl.SSLCertVerificationError as error:
        return "tls-certificate" if error.verify_code == SIGNATURE_FAILURE else "tls-unknown-ca"


@pytest.fixture
def rows(tmp_path):
    """{row: (file, port)}"""
    with contextlib.ExitStack() as stack:
        found = {}
        for i, (row, (ca, issuer, chain, _)) in enumerate(ROWS.items()):
            key = ec.generate_private_key(ec.SECP256R1())
            files = [tmp_path / f"{i}{part}.pem" for part in ("ca", "cert", "key")]
            made = [ca, issuer.sign(name("localhost"), key, ca=False) + chain, key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())]  # fmt: skip
            for file, data in zip(files, made, strict=True):
                file.write_bytes(data)
            server = TcpServer(close_at_once, tls=server_context(Cert(str(files[1]), str(files[2]))))
            found[row] = files[0], stack.enter_context(server).port
        yield found


@pytest.mark.produces("tls-ca-unreadable", "tls-file-format", "tls-unknown-ca", "tls-certificate")
@pytest.mark.parametrize("kind", KINDS)
def test_a_ca_file_is_what_openssl_makes_of_it(guard, rows, kind):
    told = {row: referee(*where) for row, where in rows.items()}
    assert told == {row: code for row, (_, _, _, code) in ROWS.items()}
    checks = [
        f'row{i}: {{ {KINDS[kind] % port} ca_file = "{file}"; retry = false; }};'
        for i, (file, port) in enumerate(rows.values())
    ]
    result = guard.check(f"startguard = 1; parallel = 4; {kind}: {{ {' '.join(checks)} }};", "-t", "60s")
    codes = {c["name"]: c.get("code") or "" for c in result.report["checks"]}
    # The server closes after the handshake, which is all the same here.
    found = {row: codes[f"row{i}"] if codes[f"row{i}"].startswith("tls-") else None for i, row in enumerate(rows)}
    assert found["only a key"] == "tls-file-format"  # OpenSSL has the same words for all files without a certificate
    found["only a key"] = told["only a key"]
    assert found == told
