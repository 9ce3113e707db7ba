"""kafka: TLS and logins, each way to get them wrong with its own code."""

import base64
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from kafka_help import ORDERS, SECRET, linked_before, login, tls, try_kafka

from fakes.certs import Authority, server_context
from fakes.http import HttpServer, Reply
from fakes.kafka import FakeKafka
from fakes.tcp import TcpServer, close_at_once, refused_port

# ---- TLS -------------------------------------------------------------------------------------------------------------


@pytest.mark.near_miss("tls-unknown-ca", "tls-wrong-name", "tls-expired")
def test_tls_pass(guard, tmp_path):
    ca = Authority(tmp_path)
    with FakeKafka(brokers=2, topics={"orders": (2, 1)}, tls=server_context(ca.issue())) as kafka:
        check = try_kafka(guard, kafka.bootstrap, topics=ORDERS, properties=tls(ca)).passed()
        assert "tls" in check["reached"]


@pytest.mark.parametrize(
    "code, how",
    [
        pytest.param("tls-expired", "expired", marks=pytest.mark.produces("tls-expired")),
        pytest.param("tls-not-yet-valid", "not_yet_valid", marks=pytest.mark.produces("tls-not-yet-valid")),
        pytest.param("tls-wrong-name", "wrong_name", marks=pytest.mark.produces("tls-wrong-name")),
        pytest.param("tls-self-signed", "self_signed", marks=pytest.mark.produces("tls-self-signed")),
        pytest.param("tls-certificate", "other_purpose", marks=pytest.mark.produces("tls-certificate")),
    ],
)
def test_tls_certificate(guard, tmp_path, code, how):
    ca = Authority(tmp_path)
    with FakeKafka(tls=server_context(getattr(ca, how)())) as kafka:
        exit = 124 if code == "tls-not-yet-valid" else 69
        try_kafka(guard, kafka.bootstrap, properties=tls(ca)).expect(code, exit=exit, phase="tls", subject=kafka.bootstrap)


@pytest.mark.produces("tls-unknown-ca")
def test_tls_unknown_ca(guard, tmp_path):
    ca, other = Authority(tmp_path / "a"), Authority(tmp_path / "b", name="other CA")
    with FakeKafka(tls=server_context(ca.issue())) as kafka:
        try_kafka(guard, kafka.bootstrap, properties=tls(other)).expect("tls-unknown-ca", exit=69)


@pytest.mark.near_miss("tls-wrong-name", "tls-unknown-ca")
def test_tls_verification_switched_off_by_the_service(guard, tmp_path):
    ca = Authority(tmp_path)
    with FakeKafka(tls=server_context(ca.wrong_name())) as kafka:
        try_kafka(
            guard, kafka.bootstrap, properties=["security.protocol=SSL", "enable.ssl.certificate.verification=false"]
        ).passed()


@pytest.mark.produces("tls-client-cert-required")
def test_tls_client_certificate_missing(guard, tmp_path):
    ca = Authority(tmp_path)
    context = server_context(ca.issue(), client_ca=ca.ca_file, require_client=True)
    with FakeKafka(tls=context) as kafka:
        try_kafka(guard, kafka.bootstrap, properties=tls(ca)).expect("tls-client-cert-required", exit=69)


@pytest.mark.near_miss("tls-client-cert-required", "tls-client-cert-refused")
def test_tls_client_certificate(guard, tmp_path):
    ca = Authority(tmp_path)
    mine = ca.issue(cn="orders", client=True)
    context = server_context(ca.issue(), client_ca=ca.ca_file, require_client=True)
    with FakeKafka(tls=context) as kafka:
        try_kafka(
            guard,
            kafka.bootstrap,
            properties=tls(ca, f"ssl.certificate.location={mine.cert_file}", f"ssl.key.location={mine.key_file}"),
        ).passed()


@pytest.mark.produces("tls-client-cert-refused")
def test_tls_client_certificate_that_has_expired(guard, tmp_path):
    ca = Authority(tmp_path)
    mine = ca.expired(cn="orders", client=True)
    properties = tls(ca, f"ssl.certificate.location={mine.cert_file}", f"ssl.key.location={mine.key_file}")
    with FakeKafka(tls=server_context(ca.issue(), client_ca=ca.ca_file, require_client=True)) as kafka:
        try_kafka(guard, kafka.bootstrap, properties=properties).expect(
            "tls-client-cert-refused", exit=69, cause="sent is the certificate of CN = orders", hint="it has expired"
        )


@pytest.mark.produces("tls-client-cert-required")
@pytest.mark.near_miss("tls-client-cert-refused")
def test_tls_client_certificate_without_its_key(guard, tmp_path):
    """Nothing is wrong with the certificate: it is not sent."""
    ca = Authority(tmp_path)
    mine = ca.issue(cn="orders", client=True)
    context = server_context(ca.issue(), client_ca=ca.ca_file, require_client=True)
    properties = tls(ca, f"ssl.certificate.location={mine.cert_file}")
    with FakeKafka(tls=context) as kafka:
        try_kafka(guard, kafka.bootstrap, properties=properties).expect(
            "tls-client-cert-required", exit=69, hint="ssl.key.location"
        )
    with FakeKafka(tls=server_context(ca.issue())) as kafka:
        try_kafka(guard, kafka.bootstrap, properties=properties).passed()


@pytest.mark.near_miss("tls-key-mismatch")
def test_tls_key_without_its_certificate(guard, tmp_path):
    ca = Authority(tmp_path)
    key = ca.issue(client=True).key_file
    try_kafka(guard, "127.0.0.1:1", properties=tls(ca, f"ssl.key.location={key}")).expect(
        "kafka-property", exit=69, hint="ssl.certificate.location"
    )


@pytest.mark.produces("tls-key-mismatch")
def test_tls_key_of_another_certificate(guard, tmp_path):
    ca = Authority(tmp_path)
    mixed = ca.issue(client=True).with_key_of(ca.issue(client=True))
    try_kafka(
        guard,
        f"127.0.0.1:{refused_port()}",
        properties=tls(ca, f"ssl.certificate.location={mixed.cert_file}", f"ssl.key.location={mixed.key_file}"),
    ).expect("tls-key-mismatch", exit=69, phase="config")


@pytest.mark.produces("tls-ca-unreadable")
@pytest.mark.near_miss("connect-refused")
def test_tls_ca_missing_is_seen_before_the_network(guard):
    try_kafka(
        guard, f"127.0.0.1:{refused_port()}", properties=["security.protocol=SSL", "ssl.ca.location=/no/such/ca.pem"]
    ).expect("tls-ca-unreadable", exit=69, phase="config")


# ---- keystores and locked keys -----------------------------------------------------------------------------------------

STORE_PASSWORD = "marker-store-4415"
# Made by `openssl pkcs12 -export -legacy -certpbe PBE-SHA1-RC2-40` with the password lab-store-1.
RC2_STORE = base64.b64decode("""
MIIDcgIBAzCCAzgGCSqGSIb3DQEHAaCCAykEggMlMIIDITCCAhcGCSqGSIb3DQEHBqCCAggwggIEAgEAMIIB/QYJKoZIhvcNAQcB
MBwGCiqGSIb3DQEMAQYwDgQIZZ7eCoFk1ogCAggAgIIB0KiE6trLwNRkCgljTEbtY289GJgkJeWPae9xhtMrF24Svpus4QMraVum
fmeDaY0rgSBXGF4XnHEa2TQZS6ziW2AJBiOsQ5zvCuHuv/LppA2I7rnTBE/tGBSFdl3WrE4oJSvS24x6k6ilc/aeKHCWgXIyUa1L
Gyayr5YHcj89P+zDmgxAgaEo7fb9jVlo7ODgryJ0AmRupIWhQHJStNRVrs4Ol1Dng6oEoqSOKQwsc0Gph8jFMvXCWFNP9f8hG8k7
IyMASkFsbE9TQZlQUI7Mpz0Y3261J/KIZ0pbpOYWtHABYpNJ35Kasfozdj+NDgaay7ABhXMWm3Aa3W39B/tmAMgoMm+xZG5Ny1sn
9b8RfA22SccWT7OYAxiZ1e6X5rphq+rOOj9fOeCTX9lsXZ129hkWG9eiju3sF1sCxBgZBFbu8JlF6oQBV0zRSC4wqtCT5EOY3IW7
J2xkqY/zQZr+gvkEa+VJ5LqhOJfqtxunE8eQFJBoX12akx38Namy1+K2SUiNwuZ3QOb+D2eMmq19HThXx6x2E9qPYTAyPRaCyZd9
EyfCmwBeqqi7oYqIpZGUA0SSYNKlx65cEdeTECvz9jgZknXr/RhrYcE1pNs8DAPFMIIBAgYJKoZIhvcNAQcBoIH0BIHxMIHuMIHr
BgsqhkiG9w0BDAoBAqCBtDCBsTAcBgoqhkiG9w0BDAEDMA4ECEiLd2LDKMK+AgIIAASBkPdFwA7qksxqEogMiCkTzfR/sd2dGRp7
cFFoJbgMc0fJviz+Lt+i+g1fAH5OVOXRHnXJKArS0baW7RyR5EUCUMPIaDDtFdNPTMn/Ga3EPEODucPC9A0RZ1ixEBYCXXTz2c04
iwfDXblTWpUPQzp4D0Ibrtc/jfHMHBxYw+4Re6+JjO0HlSY6iJLDrBM8fkeaODElMCMGCSqGSIb3DQEJFTEWBBQyhrLHKynL2NGU
gSwO54LHdiX4zjAxMCEwCQYFKw4DAhoFAAQUipSEH6ewQl/iLvHnHK93+2t8GvoECOB+IZYg7X9gAgIIAA==
""")
# A key of OpenSSL's old form, with a cipher that version 3 keeps in its legacy provider.
DES_KEY = """-----BEGIN RSA PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: DES-CBC,1122334455667788

MIIBOgIBAAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8Qu
-----END RSA PRIVATE KEY-----
"""


class KeyFiles:
    """One key with its certificate, in the forms that clients are given."""

    def __init__(self, folder):
        self.folder = folder
        self.cert = Authority(folder).issue(client=True)
        with open(self.cert.key_file, "rb") as key, open(self.cert.cert_file, "rb") as cert:
            self.key = load_pem_private_key(key.read(), None)
            self.x509 = x509.load_pem_x509_certificate(cert.read())

    def write(self, name, data):
        path = self.folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return str(path)

    def locked(self):
        secret = BestAvailableEncryption(STORE_PASSWORD.encode())
        return self.write("locked.pem", self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))

    def store(self):
        secret = BestAvailableEncryption(STORE_PASSWORD.encode())
        return self.write("store.p12", pkcs12.serialize_key_and_certificates(b"a", self.key, self.x509, None, secret))

    def der(self):
        return self.write("cert.der", self.x509.public_bytes(Encoding.DER))


def try_files(guard, *properties, password=STORE_PASSWORD):
    env = {"KAFKA_PASSWORD": SECRET, "STORE_PASSWORD": password}
    return try_kafka(guard, f"127.0.0.1:{refused_port()}", properties=["security.protocol=SSL", *properties], _env=env)


def store_of(path):
    return [f"ssl.keystore.location={path}", "ssl.keystore.password=env:STORE_PASSWORD"]


@pytest.mark.produces("tls-file-format")
@pytest.mark.near_miss("tls-ca-unreadable", "tls-key-password")
@pytest.mark.parametrize(
    "bytes_, name",
    [
        (b"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1", "JKS"),
        (b"\xce\xce\xce\xce\0\0\0\2\0\0\0\1", "JCEKS"),
        (b"\0\0\0\2\0\0\0\x14" + 20 * b"x", "BKS"),
        (b"\x30\x82\1\0\x30\x81\xf0\x30\x55\x06\x09\x2a\x86\x48" + 60 * b"x", "BCFKS"),
    ],
)
@pytest.mark.parametrize("as_", ["keystore", "ca"])
def test_a_keystore_that_only_java_reads(guard, tmp_path, bytes_, name, as_):
    path = KeyFiles(tmp_path).write("client.store", bytes_)
    properties = store_of(path) if as_ == "keystore" else [f"ssl.ca.location={path}"]
    try_files(guard, *properties).expect(
        "tls-file-format", exit=69, phase="config", subject=path, cause=f"({name})", hint="keytool"
    )


@pytest.mark.produces("tls-file-format")
def test_files_of_another_format(guard, tmp_path):
    files = KeyFiles(tmp_path)
    cases = [
        (store_of(files.cert.cert_file), "PEM file", "ssl.certificate.location and ssl.key.location"),
        (store_of(files.write("old.p12", RC2_STORE)), "RC2-40-CBC", "openssl pkcs12 -legacy"),
        (
            [f"ssl.key.location={files.write('old.key', DES_KEY)}", "ssl.key.password=env:STORE_PASSWORD"],
            "cipher that OpenSSL 3",
            "provider legacy",
        ),
        ([f"ssl.ca.location={files.store()}"], "PKCS#12", "openssl pkcs12 -in FILE -nokeys"),
        ([f"ssl.ca.location={files.write('empty.pem', '')}"], "is empty", "begins with -----BEGIN"),
        ([f"ssl.ca.location={files.write('page.pem', '<html>not found</html>')}"], "HTML", "begins with -----BEGIN"),
        ([f"ssl.certificate.location={files.der()}"], "DER", "openssl x509 -inform DER"),
        (
            [f"ssl.certificate.location={files.write('twice.pem', base64.b64encode(files.x509.public_bytes(Encoding.PEM)))}"],
            "base64",
            "encoded twice",
        ),
    ]
    for properties, cause, hint in cases:
        # The password of the old store is the right one: its file says so before it comes to the cipher.
        try_files(guard, *properties, password="lab-store-1").expect("tls-file-format", exit=69, cause=cause, hint=hint)


@pytest.mark.produces("tls-file-format")
@pytest.mark.near_miss("tls-key-password")
def test_texts_of_another_format(guard, tmp_path):
    """PEM in a property: what platforms hand out in a variable."""
    files = KeyFiles(tmp_path)
    with open(files.cert.cert_file) as cert, open(files.cert.key_file) as key:
        cert, key = cert.read(), key.read()
    one_line = " ".join(cert.split("\n"))
    cases = [
        ("ssl.certificate.pem", one_line, "PEM text on one line", "keep its line ends"),
        ("ssl.certificate.pem", cert.replace("\n", "\\n"), r"with \n written out", "keep its line ends"),
        ("ssl.ca.pem", one_line, "PEM text on one line", "keep its line ends"),
        ("ssl.key.pem", key.replace("\n", "\\n"), r"with \n written out", "keep its line ends"),
        ("ssl.ca.pem", files.cert.cert_file, "neither PEM nor a keystore", "likely a path"),
        ("ssl.key.pem", base64.b64encode(key.encode()).decode(), "base64 text without a PEM header", "encoded twice"),
        ("ssl.certificate.pem", "<html>", "a page of HTML", "give the PEM text itself"),
    ]
    for name, value, cause, hint in cases:
        result = try_files(guard, f"{name}=env:STORE_PASSWORD", password=value)
        result.expect("tls-file-format", exit=69, phase="config", subject=name, cause=cause, hint=hint)
        assert key.split("\n")[1] not in result.err + str(result.report)


@pytest.mark.produces("tls-key-password")
def test_a_key_as_text_that_does_not_open(guard, tmp_path):
    files = KeyFiles(tmp_path)
    with open(files.locked()) as key:
        key = key.read()
    result = try_files(guard, "ssl.key.pem=env:STORE_PASSWORD", password=key)
    result.expect("tls-key-password", exit=69, subject="ssl.key.pem", hint="give ssl.key.password")


@pytest.mark.near_miss("tls-file-format", "tls-key-password")
def test_texts_that_are_right(guard, tmp_path):
    files = KeyFiles(tmp_path)
    with open(files.cert.cert_file) as cert:
        try_files(guard, "ssl.ca.pem=env:STORE_PASSWORD", password=cert.read()).expect("connect-refused", exit=124)


@pytest.mark.produces("tls-key-password")
@pytest.mark.near_miss("tls-ca-unreadable", "tls-file-format")
def test_a_key_that_does_not_open(guard, tmp_path):
    files = KeyFiles(tmp_path)
    key = [f"ssl.certificate.location={files.cert.cert_file}", f"ssl.key.location={files.locked()}"]
    cases = [
        (key, "no password for it is given", "give ssl.key.password"),
        ([*key, "ssl.key.password=env:STORE_PASSWORD"], "password that ssl.key.password gives", "correct ssl.key.password"),
        (store_of(files.store()), "password that ssl.keystore.password gives", "correct ssl.keystore.password"),
        ([f"ssl.keystore.location={files.store()}"], "no password for it is given", "give ssl.keystore.password"),
    ]
    for properties, cause, hint in cases:
        result = try_files(guard, *properties, password="marker-wrong-2210")
        result.expect("tls-key-password", exit=69, phase="config", cause=cause, hint=hint)
        assert "marker" not in result.err + str(result.report)


@pytest.mark.near_miss("tls-key-password", "tls-file-format")
def test_keys_that_open(guard, tmp_path):
    files = KeyFiles(tmp_path)
    key = [f"ssl.certificate.location={files.cert.cert_file}", f"ssl.key.location={files.locked()}"]
    try_files(guard, *key, "ssl.key.password=env:STORE_PASSWORD").expect("connect-refused", exit=124)
    try_files(guard, *store_of(files.store())).expect("connect-refused", exit=124)


# ---- how platforms and Java write it -------------------------------------------------------------------------------------


@pytest.mark.near_miss("kafka-property")
@pytest.mark.parametrize("name", ["SSL", "ssl", "kafka+ssl", "kafka", "EXTERNAL", "TLS-9093"])
def test_the_name_of_a_listener_in_front_of_the_address(guard, tmp_path, name):
    ca = Authority(tmp_path)
    with FakeKafka(tls=server_context(ca.issue()), topics={"orders": (1, 1)}) as kafka:
        try_kafka(guard, f"{name}://{kafka.bootstrap}/", topics=ORDERS, properties=tls(ca)).passed()


@pytest.mark.produces("kafka-property")
@pytest.mark.parametrize("protocol", [None, "SSL", "SASL_PLAINTEXT"])
def test_the_listener_is_of_another_protocol(guard, protocol):
    properties = [f"security.protocol={protocol}"] if protocol else ["client.id=x"]
    properties += login() if protocol == "SASL_PLAINTEXT" else []
    servers = ["127.0.0.1:1", "SASL_SSL://pkc-1.example:9092"]
    try_kafka(guard, servers, properties=properties).expect(
        "kafka-property",
        exit=69,
        subject="security.protocol",
        cause=f"SASL_SSL, and security.protocol is {protocol or 'PLAINTEXT by default'}",
        hint="set security.protocol=SASL_SSL",
    )


IAM = "software.amazon.msk.auth.iam.IAMLoginModule required;"


@pytest.mark.produces("kafka-property")
@pytest.mark.parametrize(
    "line, hint",
    [
        ("plain.PlainLoginModule required username='a' password='marker';", "use sasl.username and sasl.password"),
        ('scram.ScramLoginModule required username="a" password="marker";', "use sasl.username and sasl.password"),
        ('oauthbearer.OAuthBearerLoginModule required clientSecret="marker";', "sasl.oauthbearer.client.id"),
        ("com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true;", "sasl.kerberos.keytab"),
        (IAM, "librdkafka has no AWS_MSK_IAM"),
        ('com.example.LdapLogin required bind="marker PlainLoginModule";', "without a Java login module"),
        ('plain.PlainLoginModule required \\\n  username="a" \\\n  password="marker";', "use sasl.username and"),
    ],
)
def test_the_hint_for_a_jaas_line_is_that_of_its_module(guard, line, hint):
    path = guard.write("client.properties", f"security.protocol=SASL_SSL\nsasl.jaas.config={line}\n")
    result = try_kafka(guard, "127.0.0.1:1", properties_file=path)
    result.expect("kafka-property", exit=69, subject="sasl.jaas.config", cause="sasl.jaas.config (line 2)", hint=hint)
    assert "marker" not in result.err + str(result.report)


@pytest.mark.produces("kafka-property")
def test_a_mechanism_that_librdkafka_does_not_have(guard):
    try_kafka(guard, "127.0.0.1:1", properties=["security.protocol=SASL_SSL", "sasl.mechanism=AWS_MSK_IAM"]).expect(
        "kafka-property",
        exit=69,
        subject="sasl.mechanism",
        cause="AWS_MSK_IAM",
        hint="OAUTHBEARER with a token, SCRAM, or mTLS",
    )
    path = guard.write(
        "msk.properties",
        f"security.protocol=SASL_SSL\nsasl.mechanism=AWS_MSK_IAM\nsasl.jaas.config={IAM}\n"
        "sasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler\nacks=some\n",
    )
    check = try_kafka(guard, "127.0.0.1:1", properties_file=path).expect("kafka-property", exit=69, hint="no AWS_MSK_IAM")
    for one in ("sasl.jaas.config (line 3)", "handler.class (line 4)", "sasl.mechanism too", "acks too"):
        assert one in check["cause"]


@pytest.mark.near_miss("kafka-property")
def test_a_mechanism_that_is_not_used(guard, kafka):
    try_kafka(guard, kafka.bootstrap, topics=ORDERS, properties=["sasl.mechanism=AWS_MSK_IAM"]).passed()


def test_a_jaas_line_leaves_the_diagnosis_readable(guard):
    """Only its options are secret: its words stand in the names of properties."""
    line = (
        'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="app" clientSecret="marker-1";'
    )
    path = guard.write("a.properties", f"security.protocol=SASL_TLS\nsasl.jaas.config={line}\n")
    text = "security.protocol=SASL_TLS\n"
    for keys in (
        {"properties_file": path},
        {"properties_file": guard.write("b.properties", text), "properties": ["sasl.jaas.config=env:JAAS"]},
    ):
        result = try_kafka(guard, "127.0.0.1:1", _env={"JAAS": line}, **keys)
        check = result.expect("kafka-property", exit=69, hint="sasl.oauthbearer.method=oidc")
        assert "sasl.jaas.config" in check["cause"]
        assert 'security.protocol too: kafka-property (Invalid value "SASL_TLS"' in check["cause"]
        assert "***" not in result.err
        assert "marker-1" not in result.err + str(result.report)


@pytest.mark.produces("tls-required")
@pytest.mark.near_miss("connect-closed", "protocol-mismatch", "answer-timeout")
def test_plain_client_on_a_tls_listener(guard, tmp_path):
    with FakeKafka(tls=server_context(Authority(tmp_path).issue())) as kafka:
        try_kafka(guard, kafka.bootstrap).expect("tls-required", exit=69, phase="tls", subject=kafka.bootstrap)


@pytest.mark.produces("tls-peer-is-plaintext")
def test_tls_client_on_a_plain_listener(guard, kafka, tmp_path):
    try_kafka(guard, kafka.bootstrap, properties=tls(Authority(tmp_path))).expect(
        "tls-peer-is-plaintext", exit=69, phase="tls", cause="speaks Kafka without TLS"
    )


@pytest.mark.near_miss("tls-peer-is-plaintext", "connect-closed")
@pytest.mark.produces("tls-handshake")
def test_tls_client_and_a_closing_peer(guard, tmp_path):
    with TcpServer(close_at_once) as peer:
        try_kafka(guard, peer.address, properties=tls(Authority(tmp_path))).expect("tls-handshake", exit=124)


# ---- login -----------------------------------------------------------------------------------------------------------


@pytest.mark.near_miss("auth-failed", "auth-mechanism", "auth-required")
def test_login(guard):
    with FakeKafka(brokers=2, topics={"orders": (2, 1)}, mechanisms=["PLAIN"], users={"alice": SECRET}) as kafka:
        check = try_kafka(guard, kafka.bootstrap, topics=ORDERS, properties=login()).passed()
        assert "auth" in check["reached"]


@pytest.mark.near_miss("auth-failed", "tls-peer-is-plaintext")
def test_login_over_tls(guard, tmp_path):
    ca = Authority(tmp_path)
    with FakeKafka(
        topics={"orders": (1, 1)}, mechanisms=["PLAIN"], users={"alice": SECRET}, tls=server_context(ca.issue())
    ) as kafka:
        try_kafka(
            guard, kafka.bootstrap, topics=ORDERS, properties=[*login(protocol="SASL_SSL"), f"ssl.ca.location={ca.ca_file}"]
        ).passed()


@pytest.mark.produces("auth-failed")
@pytest.mark.near_miss("answer-timeout", "kafka-library-old", "guard-deadline")
def test_wrong_password(guard):
    with FakeKafka(mechanisms=["PLAIN"], users={"alice": "another"}) as kafka:
        result = try_kafka(guard, kafka.bootstrap, properties=login())
        result.expect("auth-failed", exit=69, phase="auth", cause="Invalid username or password", subject=kafka.bootstrap)
        assert SECRET not in result.err + str(result.report)


def test_the_broker_may_quote_the_password(guard):
    with FakeKafka(mechanisms=["PLAIN"], users={"alice": "another"}) as kafka:
        kafka.auth_text = f"no such password: {SECRET}"
        result = try_kafka(guard, kafka.bootstrap, properties=login())
        result.expect("auth-failed", cause="no such password")
        assert SECRET not in result.err + str(result.report)


OAUTH = ["security.protocol=SASL_PLAINTEXT", "sasl.mechanism=OAUTHBEARER"]


@pytest.mark.near_miss("answer-timeout", "connect-closed", "connect-timeout", "kafka-no-brokers")
@pytest.mark.parametrize(
    "offered, properties, code, expected",
    [
        pytest.param(offered, properties, code, expected, marks=pytest.mark.produces(code))
        for offered, properties, code, expected in (
            (["SCRAM-SHA-512"], login(), "auth-mechanism", {"phase": "auth", "cause": "SCRAM-SHA-512"}),
            ([], login(), "auth-mechanism", {"hint": "wants no login"}),
            (["PLAIN", "SCRAM-SHA-512"], ["client.id=x"], "auth-required", {"phase": "auth", "cause": "PLAIN, SCRAM-SHA-512"}),
            (["PLAIN"], login(protocol="SASL_SSL"), "tls-peer-is-plaintext", {"cause": "with login by PLAIN"}),
            # However the service logs, the reason is found.
            (["PLAIN"], [*login(), "log.queue=true", "log_level=0"], "auth-failed", {"cause": "Invalid username or password"}),
            (["OAUTHBEARER"], OAUTH, "kafka-property", {"cause": "token callback cannot be used"}),
            (
                ["OAUTHBEARER"],
                [*OAUTH, "enable.sasl.oauthbearer.unsecure.jwt=false"],
                "kafka-property",
                {"subject": "sasl.mechanism"},
            ),
        )
    ],
)
def test_login_that_does_not_fit_the_listener(guard, offered, properties, code, expected):
    with FakeKafka(mechanisms=offered, users={"alice": "another"}) as kafka:
        try_kafka(guard, kafka.bootstrap, properties=properties).expect(code, exit=69, **expected)


@pytest.mark.produces("auth-required")
@pytest.mark.near_miss("connect-closed")
@pytest.mark.parametrize("how", ["file", "folder", "text", "unverified"])
def test_no_login_where_one_is_wanted_over_tls(guard, tmp_path, how):
    """However the service trusts the listener: what it wants is asked of it all the same."""
    ca = Authority(tmp_path)
    trust = {
        "file": f"ssl.ca.location={ca.ca_file}",
        "folder": f"ssl.ca.location={tmp_path}",
        "text": f"ssl.ca.pem=file:{ca.ca_file}",
        "unverified": "enable.ssl.certificate.verification=false",
    }
    if how == "folder":
        subprocess.run(["openssl", "rehash", tmp_path], check=True, capture_output=True)
    with FakeKafka(mechanisms=["PLAIN"], tls=server_context(ca.issue())) as kafka:
        try_kafka(guard, kafka.bootstrap, properties=["security.protocol=SSL", trust[how]]).expect(
            "auth-required", exit=69, phase="auth", cause="it offers PLAIN"
        )


@pytest.mark.produces("kafka-property")
@pytest.mark.near_miss("kafka-feature-missing")
def test_the_mechanism_is_not_given(guard):
    """It is GSSAPI then, and librdkafka speaks of Kerberos."""
    properties = [line for line in login() if not line.startswith("sasl.mechanism")]
    try_kafka(guard, "127.0.0.1:1", properties=properties).expect(
        "kafka-property", exit=69, subject="sasl.mechanism", cause="is not given", hint="PLAIN"
    )


# ---- tokens ------------------------------------------------------------------------------------------------------------


@pytest.mark.near_miss("connect-timeout")
@pytest.mark.parametrize(
    "answer, code, exit, words",
    [
        (Reply(401, {"error": "invalid_client"}), "auth-failed", 69, {"cause": "invalid_client", "hint": "client.secret"}),
        (Reply(404, "<html>no such realm</html>"), "http-status", 124, {"cause": "(404)", "hint": "token.endpoint.url"}),
        (Reply(503, "no healthy upstream"), "answer-timeout", 124, {"cause": "no token yet", "hint": "token.endpoint.url"}),
        (Reply(200, {"expires_in": 60}), "auth-failed", 69, {"hint": "token.endpoint.url"}),
        (Reply(200, {"access_token": "opaque"}), "auth-failed", 69, {"hint": "JWT"}),
        (None, "connect-refused", 124, {"cause": "token"}),
        ("http://idp.invalid/token", "dns-no-such-name", 124, {"cause": "token"}),
    ],
)
def test_there_is_no_token(guard, kafka, answer, code, exit, words):
    """The broker is not concerned, nor is a password."""
    with HttpServer({"*": answer if isinstance(answer, Reply) else Reply(500)}) as provider:
        url = answer if isinstance(answer, str) else f"{provider.url}/token"
        if answer is None:
            url = f"http://127.0.0.1:{refused_port()}/token"
        oidc = [
            *OAUTH,
            "sasl.oauthbearer.method=oidc",
            "sasl.oauthbearer.client.id=orders",
            "sasl.oauthbearer.client.secret=env:KAFKA_PASSWORD",
            f"sasl.oauthbearer.token.endpoint.url={url}",
        ]
        result = try_kafka(guard, kafka.bootstrap, properties=oidc, attempt_timeout=guard.span(2))
    if result.check()["code"] == "kafka-feature-missing":
        assert linked_before(guard, 2, 6, 1)  # Debian 12's is built without it
    else:
        result.expect(code, exit=exit, subject="sasl.oauthbearer", **words)


@pytest.mark.produces("secret-unreadable")
def test_password_cannot_be_had(guard):
    with FakeKafka(mechanisms=["PLAIN"]) as kafka:
        properties = login()[:-1] + ["sasl.password=file:/no/such/file"]
        try_kafka(guard, kafka.bootstrap, properties=properties).expect("secret-unreadable", phase="config")


def test_scram_against_a_strict_broker(guard):
    """Before 2.6.1 librdkafka sends a wrong nonce: current brokers refuse it in the words of a wrong password."""
    with FakeKafka(mechanisms=["SCRAM-SHA-256"], users={"alice": SECRET}) as kafka:
        result = try_kafka(guard, kafka.bootstrap, properties=login("SCRAM-SHA-256"))
        if linked_before(guard, 2, 6, 1):
            result.expect("kafka-library-old", exit=69, cause="invalid credentials", hint="2.6.1")
        else:
            result.passed()


@pytest.mark.near_miss("kafka-library-old", "auth-failed")
def test_scram_against_a_lenient_broker(guard):
    with FakeKafka(mechanisms=["SCRAM-SHA-256"], users={"alice": SECRET}, strict_nonce=False) as kafka:
        try_kafka(guard, kafka.bootstrap, properties=login("SCRAM-SHA-256")).passed()
