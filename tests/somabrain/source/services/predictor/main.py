"""A predictor; its folder says of which domain."""

import os
import pathlib
import time

from observability.provider import init_tracing

try:
    from kafka import KafkaProducer
except Exception:
    KafkaProducer = None

from somabrain import runtime_config
from somabrain.common.kafka import encode, make_producer
from somabrain.common.topics import NEXT
from somabrain.predictors.base import records
from somabrain.serving import start_health

try:
    from somabrain import metrics
except Exception:
    metrics = None

DOMAIN = pathlib.Path(__file__).resolve().parent.name.removeprefix("predictor-")


def run_forever():
    init_tracing()
    start_health("Predictor Health", {"/healthz": lambda: {"ok": True, "service": f"predictor_{DOMAIN}"}})
    count = metrics.get_counter("somabrain_predictor_emitted_total", "Updates emitted") if metrics else None
    producer = make_producer()
    for update, following in records(DOMAIN, os.getenv("SOMABRAIN_DEFAULT_TENANT", "public")):
        producer.produce(f"cog.{DOMAIN}.updates", encode(update, "belief_update"))
        producer.produce(NEXT, encode(following, "next_event"))
        producer.poll(0)
        if count is not None:
            count.inc()
        time.sleep(runtime_config.get("update_period"))


if __name__ == "__main__":
    run_forever()
