"""A throw-away certificate authority for the servers' TLS listeners."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Authority:
    """Keys and certificates in `folder`; `ca_file` is what a client trusts."""

    def __init__(self, folder, name="startguard test CA"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self._cert = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.ca_file = self.folder / "ca.pem"
        self.ca_file.write_bytes(_pem(self._cert))

    def issue(self, cn, names=("localhost", "127.0.0.1"), client=False, days=(-1, 30)):
        """(certificate file, key file); Kafka wants both in one, see bundle()."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        cert = (
            _builder(_name(cn), self._name, key.public_key(), days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_alt(n) for n in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return self._save(cn, cert, key)

    def _save(self, cn, cert, key):
        cert_file = self.folder / f"{cn}.pem"
        key_file = self.folder / f"{cn}.key"
        cert_file.write_bytes(_pem(cert))
        key_file.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        key_file.chmod(0o600)
        return cert_file, key_file

    def bundle(self, cn, **options):
        """Key, certificate and authority in one file."""
        cert_file, key_file = self.issue(cn, **options)
        return self._join(cn, key_file, cert_file, self.ca_file)

    def self_signed(self, cn, names=("localhost", "127.0.0.1")):
        """Key and certificate in one file; this authority has nothing to do with it but the folder."""
        key = ec.generate_private_key(ec.SECP256R1())
        cert = (
            _builder(_name(cn), _name(cn), key.public_key())
            .add_extension(x509.SubjectAlternativeName([_alt(n) for n in names]), critical=False)
            .sign(key, hashes.SHA256())
        )
        cert_file, key_file = self._save(cn, cert, key)
        return self._join(cn, key_file, cert_file)

    def _join(self, cn, *files):
        both = self.folder / f"{cn}-bundle.pem"
        both.write_bytes(b"".join(file.read_bytes() for file in files))
        both.chmod(0o600)
        return both


def _builder(subject, issuer, public_key, days=(-1, 30)):
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(signs_certificates):
    """Strict verifiers (Python 3.13's default) want it said."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alt(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM)
