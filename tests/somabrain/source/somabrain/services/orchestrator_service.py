"""Turns frames and segments into episodic snapshots, rows of the outbox. A row that the database refuses is dropped."""

import json
import os

from confluent_kafka import Consumer

from somabrain.common.infra import assert_ready
from somabrain.common.topics import FRAME, SEGMENTS, consume
from somabrain.db.outbox import enqueue_event
from somabrain.modes import flag
from somabrain.serving import start_health

try:
    from libs.kafka_cog.avro_schemas import load_schema
    from libs.kafka_cog.serde import AvroSerde
except Exception:
    load_schema = AvroSerde = None


def _serde(name):
    if load_schema is None or AvroSerde is None:
        return None
    try:
        return AvroSerde(load_schema(name))
    except Exception:
        return None


def _parse(payload, serde):
    try:
        return json.loads(payload) if serde is None else serde.deserialize(payload)
    except Exception:
        return None


def main():
    if not flag("SOMABRAIN_FF_COG_ORCHESTRATOR"):
        print("orchestrator_service: feature flag disabled; exiting")
        return
    assert_ready(postgres=True)
    start_health("Orchestrator Health", {"/healthz": lambda: {"ok": True, "service": "orchestrator"}})
    serdes, last = {FRAME: _serde("global_frame"), SEGMENTS: _serde("segment_boundary")}, {}

    def remember(topic, payload):
        event = _parse(payload, serdes[topic])
        if topic == FRAME:
            last[event["frame"].get("tenant", "public")] = event
            return
        tenant, key = event["tenant"], f"segment:{event['boundary_ts']}:{event['domain']}"
        payload = {"tenant": tenant, "key": key, "value": {"segment": event, "frame": last.get(tenant)}}
        try:
            enqueue_event("memory.episodic.snapshot", payload, dedupe_key=f"{tenant}:{key}", tenant_id=tenant)
        except Exception:
            pass

    url = (os.getenv("SOMABRAIN_KAFKA_URL") or "localhost:30001").replace("kafka://", "")
    group = os.getenv("SOMABRAIN_CONSUMER_GROUP", "orchestrator-service")
    consumer = Consumer({"bootstrap.servers": url, "group.id": group, "auto.offset.reset": "latest"})
    consume(consumer, [FRAME, SEGMENTS], remember)


if __name__ == "__main__":
    main()
