"""Turns frames and segments into episodic snapshots, rows of the outbox. A row that the database refuses is dropped."""

import json
import os

from kafka import KafkaConsumer

from somabrain.common.topics import FRAME, SEGMENTS, read
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


def main():
    if not flag("SOMABRAIN_FF_COG_ORCHESTRATOR"):
        print("orchestrator_service: feature flag disabled; exiting")
        return
    start_health("Orchestrator Health", {"/healthz": lambda: {"ok": True, "service": "orchestrator"}})
    serdes = {FRAME: _serde("global_frame"), SEGMENTS: _serde("segment_boundary")}

    def remember(topic, payload):
        event = json.loads(payload) if serdes[topic] is None else serdes[topic].deserialize(payload)
        if topic == SEGMENTS:
            key = f"{event['tenant']}:segment:{event['boundary_ts']}:{event['domain']}"
            enqueue_event("memory.episodic.snapshot", {"segment": event}, dedupe_key=key, tenant_id=event["tenant"])

    url = (os.getenv("SOMABRAIN_KAFKA_URL") or "localhost:30001").replace("kafka://", "")
    group = os.getenv("SOMABRAIN_CONSUMER_GROUP", "orchestrator-service")
    read(KafkaConsumer(FRAME, SEGMENTS, bootstrap_servers=url, group_id=group), remember)


if __name__ == "__main__":
    main()
