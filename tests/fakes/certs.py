"""A throw-away certificate authority. Elliptic curve keys: one is made in well under a millisecond.

ca = Authority(tmp_path)
with HttpServer(routes, tls=server_context(ca.issue())) as server: ...  ca_file=ca.ca_file
"""

import datetime
import ipaddress
import itertools
import pathlib
import ssl
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_number = itertools.count(1)


@dataclass(frozen=True)
class Cert:
    """Paths of two PEM files, as str. Mix two of them for a key that does not belong to its certificate."""

    cert_file: str
    key_file: str

    def with_key_of(self, other):
        return replace(self, key_file=other.key_file)

    def bundle(self):
        """Both in one file, as Kafka wants them; its path."""
        path = pathlib.Path(self.key_file.replace("key.pem", "bundle.pem"))
        path.write_text(pathlib.Path(self.key_file).read_text() + pathlib.Path(self.cert_file).read_text())
        return path

    def locked(self, password):
        """The same with a key that is encrypted."""
        key = serialization.load_pem_private_key(pathlib.Path(self.key_file).read_bytes(), None)
        kind = serialization.BestAvailableEncryption(password.encode())
        path = pathlib.Path(self.key_file.replace("key.pem", "locked.pem"))
        path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, kind))
        path.chmod(0o600)
        return replace(self, key_file=str(path))

    def with_chain(self, *authorities):
        """The certificates of these authorities behind its own, as a server sends them."""
        path = pathlib.Path(self.cert_file.replace("cert.pem", "chain.pem"))
        path.write_text("".join(pathlib.Path(f).read_text() for f in [self.cert_file, *(a.ca_file for a in authorities)]))
        return replace(self, cert_file=str(path))


def _name(cn):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _days(builder, days):
    now = datetime.datetime.now(datetime.UTC)
    first, last = (now + datetime.timedelta(days=d) for d in days)
    return builder.not_valid_before(first).not_valid_after(last)


def _pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM)


def _builder(subject, issuer, key, days):
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = _days(builder.serial_number(x509.random_serial_number()), days)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _usage(ca):
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


class Authority:
    """.ca_file is the PEM file to trust; .issue() and its variants give a Cert signed by this authority."""

    def __init__(self, folder, name="test CA", parent=None, days=(-40, 40)):
        """parent: the authority above this one, whose certificate is then that of an intermediate CA."""
        self.folder = pathlib.Path(folder)
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        above = parent or self
        builder = _builder(_name(name), _name(above.name), self.key, days)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_usage(ca=True), critical=True)
        cert = self._issued_by(builder, above.key).sign(above.key, hashes.SHA256())
        self.ca_file = self._write("ca.pem", _pem(cert))

    def issue(self, cn="localhost", names=("localhost", "127.0.0.1"), days=(-1, 30), client=False):
        """A certificate for `names` (host names and addresses), valid from days[0] to days[1] counted from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(cn), _name(self.name), key, days)
        builder = _leaf(self._issued_by(builder, self.key), names, client)
        return self._save(builder.sign(self.key, hashes.SHA256()), key)

    def expired(self, **options):
        return self.issue(days=(-30, -1), **options)

    def not_yet_valid(self, **options):
        return self.issue(days=(2, 30), **options)

    def wrong_name(self, **options):
        return self.issue(cn="other.test", names=["other.test"], **options)

    def other_purpose(self, **options):
        return self.issue(client=True, **options)

    def self_signed(self, cn="localhost", names=("localhost", "127.0.0.1"), days=(-1, 30)):
        """Signed by itself: this authority has nothing to do with it but the folder."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _leaf(_builder(_name(cn), _name(cn), key, days), names, client=False)
        return self._save(builder.sign(key, hashes.SHA256()), key)

    @staticmethod
    def _issued_by(builder, key):
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        return builder.add_extension(identifier, critical=False)

    def _save(self, cert, key):
        text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return Cert(self._write("cert.pem", _pem(cert)), self._write("key.pem", text))

    def _write(self, name, data):
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{next(_number)}-{name}"
        path.write_bytes(data)
        path.chmod(0o644)  # throw-away keys; servers under other users read them
        return str(path)


def _leaf(builder, names, client):
    usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(ca=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(n) for n in names]), critical=False)
    return builder


def server_context(cert, client_ca=None, require_client=False, min_version=None, max_version=None):
    """An ssl.SSLContext for the fakes. client_ca: file of the authority whose client certificates are accepted;
    require_client: refuse a client without one. Versions are ssl.TLSVersion values."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert.cert_file, cert.key_file)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    if require_client:
        context.verify_mode = ssl.CERT_REQUIRED
    if min_version:
        context.minimum_version = min_version
    if max_version:
        context.maximum_version = max_version
    return context
