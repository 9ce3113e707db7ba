"""Cuts the stream of frames into segments: a new leader ends one."""

import os
import time

try:
    from confluent_kafka import Consumer, Producer
except Exception as error:
    raise RuntimeError(f"segmentation_service: confluent-kafka required: {error}") from error

try:
    from somabrain.libs.kafka_cog.avro_schemas import load_schema
    from somabrain.libs.kafka_cog.serde import AvroSerde
except Exception as error:
    raise RuntimeError(f"segmentation_service: Avro libs unavailable: {error}") from error

from somabrain import metrics
from somabrain.common.infra import assert_ready
from somabrain.common.topics import FRAME, SEGMENTS, consume
from somabrain.observability import init_tracing
from somabrain.segments import Segmenter
from somabrain.serving import start_health

BOUNDARIES = metrics.get_counter("somabrain_segments_emitted_total", "Segment boundaries emitted")


def main():
    init_tracing()
    assert_ready()
    start_health("Segmentation Health", {"/healthz": lambda: {"ok": True, "service": "segmentation"}})
    frames, boundaries = AvroSerde(load_schema("global_frame")), AvroSerde(load_schema("segment_boundary"))
    url = (os.getenv("SOMABRAIN_KAFKA_URL") or "localhost:30001").replace("kafka://", "")
    producer, segmenter = Producer({"bootstrap.servers": url}), Segmenter()

    def cut(_topic, payload):
        boundary = segmenter.observe(frames.deserialize(payload), time.time())
        if boundary is not None:
            producer.produce(SEGMENTS, boundaries.serialize(boundary))
            producer.poll(0)
            BOUNDARIES.inc()

    group = os.getenv("SOMABRAIN_CONSUMER_GROUP", "segmentation-service")
    consume(Consumer({"bootstrap.servers": url, "group.id": group, "auto.offset.reset": "latest"}), [FRAME], cut)


if __name__ == "__main__":
    main()
