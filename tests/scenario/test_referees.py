"""The program agrees with every row of the tables in tests/referees, which real parsers of others decided."""

import base64

import pytest
from referees import common

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
