"""Asks Prometheus for its verdict on each page."""

import base64
import json
import subprocess

from referees import common, pages
from servers import common as servers
from servers import opa

GO_NEEDED = (1, 26, 0)
MODULE = common.HERE / "prometheus"


def version():
    required = next(line for line in (MODULE / "go.mod").read_text().splitlines() if "prometheus/prometheus " in line)
    return required.split()[-1]


def build(folder):
    servers.run_tool(
        [opa.go(GO_NEEDED), "build", "-trimpath", "-ldflags=-s -w", "-o", folder / "referee", "."],
        what="building the scrape loop of Prometheus",
        env={"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"},
        cwd=MODULE,
    )


def ask(rows):
    """Each (name, content type, coding, format, body) with the verdict of Prometheus, as a row of the table."""
    rows = [(*row[:4], row[4].encode() if isinstance(row[4], str) else row[4]) for row in rows]
    program = servers.cached(f"prometheus-referee-{version()}", build) / "referee"
    question = [
        {
            "content_type": content_type,
            "encoding": coding,
            "fallback": pages.FALLBACKS.get(key, ""),
            "body": base64.b64encode(body).decode(),
        }
        for _, content_type, coding, key, body in rows
    ]
    done = subprocess.run([program], input=json.dumps(question).encode(), stdout=subprocess.PIPE, check=True)
    for (name, content_type, coding, key, body), verdict in zip(rows, json.loads(done.stdout), strict=True):
        yield row_of(name, content_type, coding, key, body, verdict["taken"])


def row_of(name, content_type, coding, key, body, taken):
    row = {"name": name, "content_type": content_type, "taken": taken}
    if coding:
        row["coding"] = coding
    if key:
        row["format"] = key
    try:
        row["body"] = body.decode()
    except UnicodeDecodeError:
        row["base64"] = base64.b64encode(body).decode()
    return row


def main(arguments):
    _, minor, patch = version().split(".")
    referee = f"Prometheus 3.{int(minor) - 300}.{patch}: scrape loop, text parsers and TSDB of its Go module {version()}"
    return common.settle("metrics", [referee], list(ask(pages.rows())), "--write" in arguments)
