"""kafka: TLS and logins, each way to get them wrong with its own code."""

import subprocess

import pytest
from kafka_help import ORDERS, SECRET, linked_before, login, tls, try_kafka

from fakes.certs import Authority, server_context
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


@pytest.mark.near_miss("tls-peer-is-plaintext")
@pytest.mark.produces("connect-closed")
def test_tls_client_and_a_closing_peer(guard, tmp_path):
    with TcpServer(close_at_once) as peer:
        try_kafka(guard, peer.address, properties=tls(Authority(tmp_path))).expect("connect-closed", exit=124)


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
