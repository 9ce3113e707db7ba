"""The program agrees with every row of the tables in tests/referees, which real parsers of others decided."""

import base64
import contextlib

import pytest
from referees import certificates, common, tls

from fakes.http import HttpServer, Reply


def page_of(row):
    headers = {"content-encoding": row["coding"]} if "coding" in row else {}
    if row["content_type"] is not None:
        headers["content-type"] = row["content_type"]
    body = base64.b64decode(row["base64"]) if "base64" in row else row["body"].encode()
    return Reply(body=body, headers=headers)


def check_of(url, number, row):
    key = f'format = "{row["format"]}"; ' if "format" in row else ""
    return f'row{number}: {{ url = "{url}/{number}"; {key}retry = false; }};'


# Prometheus takes pages from which nothing comes; they are no fault, but there is nothing to judge.
TAKEN = (None, "metrics-empty")


@pytest.mark.produces("metrics-malformed", "metrics-empty")
def test_pages_of_metrics(guard):
    _, rows = common.load("metrics")
    assert len(rows) >= 150 and sum(row["taken"] for row in rows) >= 75
    with HttpServer({f"/{i}": page_of(row) for i, row in enumerate(rows)}) as s:
        checks = " ".join(check_of(s.url, i, row) for i, row in enumerate(rows))
        result = guard.check(f"startguard = 1; parallel = 8; metrics: {{ {checks} }};", "-t", "60s")
    found = {c["id"]: c.get("code") for c in result.report["checks"]}
    wrong = {
        row["name"]: found[f"metrics.row{i}"]
        for i, row in enumerate(rows)
        if row["taken"] != (found[f"metrics.row{i}"] in TAKEN)
    }
    assert wrong == {}


def run_avro(guard, checks):
    result = guard.check(f"startguard = 1; parallel = 8; avro: {{ {' '.join(checks)} }};", "-t", "60s")
    return [c.get("code") for c in sorted(result.report["checks"], key=lambda c: int(c["name"][3:]))]


@pytest.mark.produces("avro-invalid-schema")
@pytest.mark.near_miss("avro-fingerprint")
def test_schemas_of_avro(guard, tmp_path):
    _, rows = common.load("avro")
    assert len(rows) >= 120 and sum(row["java"] for row in rows) >= 60
    checks = []
    for i, row in enumerate(rows):
        (tmp_path / f"{i}.avsc").write_bytes(row["schema"].encode())
        known = f'fingerprint = "{row["fingerprint"]}"; ' if row["java"] else ""
        checks.append(f'row{i}: {{ schema = "{tmp_path}/{i}.avsc"; {known}retry = false; }};')
    found = run_avro(guard, checks)
    wrong = {r["name"]: c for r, c in zip(rows, found, strict=True) if c != (None if r["java"] else "avro-invalid-schema")}
    assert wrong == {}


@pytest.mark.produces("avro-incompatible")
@pytest.mark.near_miss("avro-invalid-schema")
def test_readers_and_writers_of_avro(guard, tmp_path):
    _, rows = common.load("avro_pairs")
    assert len(rows) >= 80
    checks = []
    for i, row in enumerate(rows):
        for side in ("reader", "writer"):
            (tmp_path / f"{side}{i}.avsc").write_text(row[side])
        files = f'schema = "{tmp_path}/reader{i}.avsc"; reads = "{tmp_path}/writer{i}.avsc";'
        checks.append(f"row{i}: {{ {files} retry = false; }};")
    found = run_avro(guard, checks)
    wrong = {r["name"]: c for r, c in zip(rows, found, strict=True) if c != (None if r["java"] else "avro-incompatible")}
    assert wrong == {}


@pytest.fixture
def chains(tmp_path):
    """A server for each row of certificates: {name: (port, file of the trusted CAs)}."""
    with contextlib.ExitStack() as stack:
        servers = {}
        for i, name in enumerate(certificates.ROWS):
            chain, key, ca = certificates.write(name, tmp_path / str(i))
            servers[name] = stack.enter_context(tls.server(chain, key)).port, ca
        yield servers


FINAL = ["tls-expired", "tls-wrong-name", "tls-unknown-ca", "tls-self-signed", "tls-certificate"]


@pytest.mark.produces("tls-not-yet-valid", *FINAL)
@pytest.mark.parametrize("kind, key", [("tcp", "address = "), ("http", "url = https://"), ("redis", "url = rediss://")])
def test_certificates(guard, chains, kind, key):
    _, rows = common.load("tls")
    assert [row["name"] for row in rows] == list(certificates.ROWS) and len(rows) >= 40
    checks = []
    for i, row in enumerate(rows):
        port, ca = chains[row["name"]]
        where, scheme = key.split(" = ")
        tls_key = "tls = true; " if kind == "tcp" else ""
        checks.append(
            f'row{i}: {{ {where} = "{scheme}127.0.0.1:{port}"; {tls_key}ca_file = "{ca}"; server_name = "{row["host"]}"; '
            "retry = false; };"
        )
    result = guard.check(f"startguard = 1; parallel = 8; {kind}: {{ {' '.join(checks)} }};", "-t", "60s")
    found = {c["name"]: c.get("code") for c in result.report["checks"]}
    wrong = {}
    for i, row in enumerate(rows):
        # What comes after a good handshake is not the question: the server closes.
        code = found[f"row{i}"] if (found[f"row{i}"] or "").startswith("tls-") else None
        wanted = certificates.ROWS[row["name"]][2]
        assert (wanted is None) == (row["number"] == 0), row
        if code != wanted:
            wrong[row["name"]] = code
    assert wrong == {}
