"""Takes rewards by HTTP and writes them to Kafka. The answer is "ok" whether a broker has taken the record or not."""

import os
import time

from fastapi import HTTPException

from somabrain.common.infra import assert_ready
from somabrain.modes import feature_enabled, mode_name
from somabrain.serving import application, run

try:
    from confluent_kafka import Producer
except Exception:
    Producer = None

try:
    from libs.kafka_cog.avro_schemas import load_schema
    from libs.kafka_cog.serde import AvroSerde
except Exception as error:
    raise RuntimeError(f"reward_producer: Avro libs unavailable: {error}") from error

try:
    from somabrain import metrics
except Exception:
    metrics = None

TOPIC = os.getenv("SOMABRAIN_TOPIC_REWARD_EVENTS", "cog.reward.events")
PARTS = ("r_task", "r_user", "r_latency", "r_safety", "r_cost")
_producer = _serde = None
_count = metrics.get_counter("soma_reward_total", "Reward events posted") if metrics else None


def _bootstrap():
    url = os.getenv("SOMA_KAFKA_BOOTSTRAP") or os.getenv("SOMABRAIN_KAFKA_URL") or "somabrain_kafka:9092"
    return url.replace("kafka://", "")


def _make_producer():
    if Producer is None:
        raise RuntimeError("confluent-kafka (librdkafka) is required for RewardProducer")
    return ("ck", Producer({"bootstrap.servers": _bootstrap(), "message.timeout.ms": 10000, "linger.ms": 5}))


def startup():
    global _producer, _serde
    if feature_enabled("reward_ingest"):
        assert_ready()
        (_, _producer), _serde = _make_producer(), AvroSerde(load_schema("reward_event"))


def health():
    return {"ok": _producer is not None, "enabled": str(int(feature_enabled("reward_ingest"))), "mode": mode_name()}


app = application("Reward Producer", startup, health)


@app.post("/reward/{frame_id}")
def post_reward(frame_id: str, payload: dict):
    if _producer is None:
        raise HTTPException(503, "Kafka unavailable")
    try:
        record = {name: float(payload.get(name, 0.0)) for name in PARTS}
        paid = record["r_task"] + record["r_user"] + record["r_safety"] - record["r_latency"] - record["r_cost"]
        record["total"] = float(payload.get("total", paid))
    except (TypeError, ValueError) as error:
        raise HTTPException(400, f"invalid payload: {error}") from error
    record["components"] = {name: record[name] for name in PARTS}
    record["tenant"] = str(payload.get("tenant") or os.getenv("SOMABRAIN_DEFAULT_TENANT", "public"))
    record |= {"frame_id": frame_id, "ts": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    try:
        _producer.produce(TOPIC, _serde.serialize(record))
        _producer.flush(2)
    except Exception as error:
        raise HTTPException(502, f"produce failed: {error}") from error
    if _count is not None:
        _count.inc()
    return {"status": "ok"}


if __name__ == "__main__":
    run(app, int(os.getenv("REWARD_PRODUCER_PORT", "8083")))
