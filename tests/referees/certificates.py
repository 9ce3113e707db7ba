"""The certificates of the table tls.json. They are made anew each time; the table holds what OpenSSL says to each.

ROWS has, by name: how the chain of the server is made, the host that the client wants, and startguard's diagnosis, None for a good one.
"""

import datetime
import ipaddress
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST = "db.example.test"


@dataclass
class Made:
    cert: x509.Certificate
    key: object

    def pem(self):
        return self.cert.public_bytes(serialization.Encoding.PEM)

    def key_pem(self):
        plain = serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


@dataclass
class Chain:
    """What the server sends, leaf first, and what the client trusts."""

    sent: list
    trusted: list = field(default_factory=list)


def name_of(cn):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])


def alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def usage(**given):
    names = "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign"
    flags = dict.fromkeys([*names.split(), "encipher_only", "decipher_only"], False)
    return x509.KeyUsage(**{**flags, **given})


def make(cn, issuer=None, *, ca=False, pathlen=None, names=(), days=(-1, 30), key=None, digest=None, purpose=None, **more):
    """One certificate; issuer None: it signs itself. more: key_usage, constraints, issuer_name, basic=False (no basicConstraints)."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    first, last = (now + datetime.timedelta(days=d) for d in days)
    signer = issuer or Made(None, key)
    subject = name_of(cn)
    builder = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
    builder = builder.issuer_name(more.get("issuer_name") or (issuer.cert.subject if issuer else subject))
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(first).not_valid_after(last)
    if more.get("basic", True):
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=pathlen), critical=True)
    key_usage = more.get("key_usage") or (usage(key_cert_sign=True, crl_sign=True) if ca else None)
    if key_usage:
        builder = builder.add_extension(key_usage, critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([alternative(n) for n in names]), critical=False)
    if purpose:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purpose), critical=False)
    if more.get("constraints"):
        builder = builder.add_extension(more["constraints"], critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    made = Made(builder.sign(signer.key, hashes.SHA256()), key)
    return signed_again(made, signer if issuer else made, digest) if digest else made


def signed_again(made, signer, digest):
    """The same certificate with a signature by an old digest, which only the program openssl still makes."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for file, data in (("cert", made.pem()), ("own", made.key_pem()), ("ca", signer.pem()), ("key", signer.key_pem())):
            (folder / file).write_bytes(data)

        def openssl(*words):
            command = ["openssl", "x509", "-copy_extensions", "copy", *words]
            return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

        (folder / "request").write_bytes(openssl("-x509toreq", "-in", "cert", "-signkey", "own"))
        by = ["-signkey", "key"] if signer is made else ["-CA", "ca", "-CAkey", "key", "-set_serial", "77"]
        signed = openssl("-req", "-in", "request", f"-{digest}", "-days", "30", *by)
    return Made(x509.load_pem_x509_certificate(signed), made.key)


def root(cn="root", **more):
    return make(cn, ca=True, days=more.pop("days", (-40, 400)), **more)


def leaf(**more):
    """A leaf right below the trusted root."""
    ca = root(key=more.pop("root_key", None))
    return Chain([make("leaf", ca, **{"names": [HOST], **more})], [ca])


def below(*, send=True, trust_it=False, leaf_more=None, root_more=None, **more):
    """A leaf below an intermediate."""
    ca = root(**(root_more or {}))
    middle = make("intermediate", ca, **{"ca": True, **more})
    server = make("leaf", middle, **{"names": [HOST], **(leaf_more or {})})
    return Chain([server, middle] if send else [server], [middle] if trust_it else [ca])


def self_signed(trusted=False, **more):
    server = make("leaf", **{"names": [HOST], **more})
    return Chain([server], [server] if trusted else [root("another root")])


def two_below(pathlen):
    ca = root(pathlen=pathlen)
    first = make("first", ca, ca=True)
    second = make("second", first, ca=True)
    return Chain([make("leaf", second, names=[HOST]), second, first], [ca])


def cross_signed(trust_new):
    """One key of a CA with two certificates: its own, and one of an older root."""
    old, new = root("old root"), root("new root")
    crossed = make("new root", old, ca=True, key=new.key)
    return Chain([make("leaf", new, names=[HOST]), crossed], [new if trust_new else old])


def wrong_signature():
    ca, same_name = root(), root()
    return Chain([make("leaf", same_name, names=[HOST])], [ca])


def not_sent_root():
    ca = root("private root")
    return Chain([make("leaf", ca, names=[HOST]), ca], [root("another root")])


def name_constraints(permitted=None, excluded=None):
    trees = {"permitted_subtrees": permitted, "excluded_subtrees": excluded}
    return below(constraints=x509.NameConstraints(**{k: [x509.DNSName(v)] if v else None for k, v in trees.items()}))


SERVER, CLIENT, MAIL = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION)
WEAK = {"digest": "sha1"}
FUTURE, PAST = (2, 30), (-30, -1)
WRONG, CERTIFICATE, UNKNOWN = "tls-wrong-name", "tls-certificate", "tls-unknown-ca"

# name: (the chain, the host, the diagnosis)
ROWS = {
    "good": (leaf, HOST, None),
    "good below an intermediate": (below, HOST, None),
    "good for servers and clients": (lambda: leaf(purpose=[SERVER, CLIENT]), HOST, None),
    "expired": (lambda: leaf(days=PAST), HOST, "tls-expired"),
    "not yet valid": (lambda: leaf(days=FUTURE), HOST, "tls-not-yet-valid"),
    "an intermediate that has expired": (lambda: below(days=PAST), HOST, "tls-expired"),
    "an intermediate that is not yet valid": (lambda: below(days=FUTURE), HOST, "tls-not-yet-valid"),
    "a root that has expired": (lambda: below(root_more={"days": PAST}), HOST, "tls-expired"),
    "another host": (lambda: leaf(names=["other.test"]), HOST, WRONG),
    "another host and expired": (lambda: leaf(names=["other.test"], days=PAST), HOST, WRONG),
    "a host above": (lambda: leaf(names=["example.test"]), HOST, WRONG),
    "a host in capitals": (lambda: leaf(names=["DB.Example.TEST"]), HOST, None),
    "one of two hosts": (lambda: leaf(names=["other.test", HOST]), HOST, None),
    "a wildcard": (lambda: leaf(names=["*.example.test"]), HOST, None),
    "a wildcard two levels above": (lambda: leaf(names=["*.test"]), HOST, WRONG),
    "a wildcard for the host above": (lambda: leaf(names=["*.example.test"]), "example.test", WRONG),
    "a wildcard for a host below": (lambda: leaf(names=["*.example.test"]), "a.db.example.test", WRONG),
    "a part of a label as a wildcard": (lambda: leaf(names=["d*.example.test"]), HOST, None),
    "a wildcard in the middle": (lambda: leaf(names=["db.*.test"]), HOST, WRONG),
    "a wildcard alone": (lambda: leaf(names=["*"]), HOST, WRONG),
    "the common name alone": (lambda: make_cn(HOST), HOST, None),
    "another common name alone": (lambda: make_cn("other.test"), HOST, WRONG),
    "the common name beside another name": (lambda: make_cn(HOST, names=["other.test"]), HOST, WRONG),
    "an address": (lambda: leaf(names=["127.0.0.1"]), "127.0.0.1", None),
    "another address": (lambda: leaf(names=["127.0.0.2"]), "127.0.0.1", WRONG),
    "an address as a DNS name": (lambda: Chain(*dns_address()), "127.0.0.1", WRONG),
    "an address for a host": (lambda: leaf(names=["127.0.0.1"]), HOST, WRONG),
    "an IPv6 address": (lambda: leaf(names=["::1"]), "::1", None),
    "an internationalised host": (lambda: leaf(names=["xn--mnchen-3ya.test"]), "xn--mnchen-3ya.test", None),
    "self-signed": (self_signed, HOST, "tls-self-signed"),
    "self-signed and trusted": (lambda: self_signed(True), HOST, None),
    "an unknown CA": (lambda: Chain(leaf().sent, [root("another root")]), HOST, UNKNOWN),
    "an unknown root that is sent": (not_sent_root, HOST, UNKNOWN),
    "a missing intermediate": (lambda: below(send=False), HOST, UNKNOWN),
    "an intermediate that is trusted, without its root": (lambda: below(send=False, trust_it=True), HOST, UNKNOWN),
    "cross-signed, the new root trusted": (lambda: cross_signed(True), HOST, None),
    "cross-signed, the old root trusted": (lambda: cross_signed(False), HOST, None),
    "a CA of the same name": (wrong_signature, HOST, UNKNOWN),
    "an issuer that is no CA": (lambda: below(ca=False), HOST, CERTIFICATE),
    "an issuer that may not sign": (lambda: below(key_usage=usage(digital_signature=True)), HOST, CERTIFICATE),
    "clients only": (lambda: leaf(purpose=[CLIENT]), HOST, CERTIFICATE),
    "mail only": (lambda: leaf(purpose=[MAIL]), HOST, CERTIFICATE),
    "an intermediate for clients only": (lambda: below(purpose=[CLIENT]), HOST, CERTIFICATE),
    "a key that may not sign a handshake": (lambda: leaf(key_usage=usage(crl_sign=True)), HOST, CERTIFICATE),
    "SHA-1": (lambda: leaf(**WEAK), HOST, CERTIFICATE),
    "SHA-1 of an intermediate": (lambda: below(**WEAK), HOST, CERTIFICATE),
    "SHA-1 of the root": (lambda: below(root_more=WEAK), HOST, None),
    "MD5": (lambda: leaf(root_key=rsa.generate_private_key(65537, 2048), digest="md5"), HOST, CERTIFICATE),
    "RSA of 1024 bits": (lambda: leaf(key=rsa.generate_private_key(65537, 1024)), HOST, CERTIFICATE),
    "RSA of 1024 bits at an intermediate": (lambda: below(key=rsa.generate_private_key(65537, 1024)), HOST, CERTIFICATE),
    "RSA of 2048 bits": (lambda: leaf(key=rsa.generate_private_key(65537, 2048)), HOST, None),
    "names that are permitted": (lambda: name_constraints(permitted="example.test"), HOST, None),
    "names that are not permitted": (lambda: name_constraints(permitted="other.test"), HOST, CERTIFICATE),
    "names that are excluded": (lambda: name_constraints(excluded="example.test"), HOST, CERTIFICATE),
    "a path that is too long": (lambda: two_below(0), HOST, CERTIFICATE),
    "a path that is long enough": (lambda: two_below(2), HOST, None),
}


def make_cn(cn, names=()):
    ca = root()
    return Chain([make(cn, ca, names=names)], [ca])


def dns_address():
    ca = root()
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name_of("leaf")).issuer_name(ca.cert.subject)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=9))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("127.0.0.1")]), critical=False)
    return [Made(builder.sign(ca.key, hashes.SHA256()), key)], [ca]


def write(name, folder):
    """Makes the row's certificates. Returns the paths of chain, key and trusted certificates."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    chain = ROWS[name][0]()
    paths = []
    for file, data in (
        ("chain.pem", b"".join(c.pem() for c in chain.sent)),
        ("key.pem", chain.sent[0].key_pem()),
        ("ca.pem", b"".join(c.pem() for c in chain.trusted)),
    ):
        (folder / file).write_bytes(data)
        paths.append(str(folder / file))
    return paths
