"""A predictor; its folder says of which domain. Without kafka-python it ends with status 0."""

import json
import os
import pathlib
import time

from observability.provider import init_tracing

try:
    from kafka import KafkaProducer
except Exception:
    KafkaProducer = None

try:
    from libs.kafka_cog.avro_schemas import load_schema
    from libs.kafka_cog.serde import AvroSerde
except Exception:
    load_schema = AvroSerde = None

from somabrain.common.topics import NEXT
from somabrain.predictors.base import records
from somabrain.serving import start_health

DOMAIN = pathlib.Path(__file__).resolve().parent.name.removeprefix("predictor-")


def _make_producer():
    if KafkaProducer is None:
        return None
    url = (os.getenv("SOMABRAIN_KAFKA_URL") or "localhost:30001").replace("kafka://", "")
    return KafkaProducer(bootstrap_servers=url, acks="1", linger_ms=5)


def _serde(name):
    if load_schema is None or AvroSerde is None:
        return None
    try:
        return AvroSerde(load_schema(name))
    except Exception:
        return None


def _encode(record, serde):
    return json.dumps(record).encode() if serde is None else serde.serialize(record)


def run_forever():
    init_tracing()
    start_health("Predictor Health", {"/healthz": lambda: {"ok": True, "service": f"predictor_{DOMAIN}"}})
    producer = _make_producer()
    if producer is None:
        print(f"predictor-{DOMAIN}: Kafka not available; exiting.")
        return
    update_serde, next_serde = _serde("belief_update"), _serde("next_event")
    for update, following in records(DOMAIN, os.getenv("SOMABRAIN_DEFAULT_TENANT", "public")):
        producer.send(f"cog.{DOMAIN}.updates", value=_encode(update, update_serde))
        producer.send(NEXT, value=_encode(following, next_serde))
        time.sleep(0.5)


if __name__ == "__main__":
    run_forever()
