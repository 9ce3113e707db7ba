"""Cuts the stream of frames into segments: a new leader ends one. A frame that it cannot read is dropped."""

import json
import os
import time

from kafka import KafkaConsumer, KafkaProducer

from observability.provider import init_tracing
from somabrain import metrics
from somabrain.common.topics import FRAME, SEGMENTS, read
from somabrain.modes import flag
from somabrain.segments import Segmenter
from somabrain.serving import start_health

try:
    from libs.kafka_cog.avro_schemas import load_schema
    from libs.kafka_cog.serde import AvroSerde
except Exception:
    load_schema = AvroSerde = None

BOUNDARIES = metrics.get_counter("somabrain_segments_emitted_total", "Segment boundaries emitted")


def _serde(name):
    if load_schema is None or AvroSerde is None:
        return None
    try:
        return AvroSerde(load_schema(name))
    except Exception:
        return None


def main():
    if not (flag("SOMABRAIN_FF_COG_SEGMENTATION") or flag("ENABLE_COG_THREADS")):
        print("segmentation_service: feature flag disabled; exiting")
        return
    init_tracing()
    start_health("Segmentation Health", {"/healthz": lambda: {"ok": True, "service": "segmentation"}})
    frames, boundaries = _serde("global_frame"), _serde("segment_boundary")
    url = (os.getenv("SOMABRAIN_KAFKA_URL") or "localhost:30001").replace("kafka://", "")
    producer, segmenter = KafkaProducer(bootstrap_servers=url), Segmenter()

    def cut(_topic, payload):
        boundary = segmenter.observe(json.loads(payload) if frames is None else frames.deserialize(payload), time.time())
        if boundary is not None:
            producer.send(SEGMENTS, json.dumps(boundary).encode() if boundaries is None else boundaries.serialize(boundary))
            BOUNDARIES.inc()

    group = os.getenv("SOMABRAIN_CONSUMER_GROUP", "segmentation-service")
    read(KafkaConsumer(FRAME, bootstrap_servers=url, group_id=group), cut)


if __name__ == "__main__":
    main()
