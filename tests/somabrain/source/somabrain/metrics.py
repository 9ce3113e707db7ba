"""The services' metrics, in the registry of prometheus_client."""

import os

try:
    from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, generate_latest
except Exception as error:
    if os.getenv("SOMABRAIN_ALLOW_METRICS_NOOP", "").lower() not in {"1", "true", "yes", "on"}:
        raise ImportError("prometheus_client is required for somabrain.metrics") from error
    Counter = Gauge = None


def _metric(kind, name, text):
    base = name.removesuffix("_total")
    known = REGISTRY._names_to_collectors
    return known[base] if base in known else kind(name, text)


def get_counter(name, text):
    return _metric(Counter, name, text)


def get_gauge(name, text):
    return _metric(Gauge, name, text)


def page():
    from starlette.responses import Response

    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
