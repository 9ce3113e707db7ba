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
