"""Traces go to a collector where OpenTelemetry is whole, and nowhere otherwise."""

import os

try:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as OTLPMetricExporter
    from opentelemetry.sdk.trace import TracerProvider
except Exception:
    trace = TracerProvider = None


def init_tracing():
    if trace is not None and os.getenv("SOMABRAIN_OTLP_ENDPOINT"):
        trace.set_tracer_provider(TracerProvider())
