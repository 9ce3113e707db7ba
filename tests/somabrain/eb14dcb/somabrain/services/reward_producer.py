"""Takes rewards by HTTP and writes them to Kafka with the client that is there. The answer is "ok" whether a broker has the record or not."""

import json
import os
import time

from fastapi import HTTPException

from somabrain.common.topics import REWARD
from somabrain.modes import flag
from somabrain.serving import application, run

try:
    from kafka import KafkaProducer
except Exception:
    KafkaProducer = None

try:
    from confluent_kafka import Producer
except Exception:
    Producer = None

try:
    from libs.kafka_cog.avro_schemas import load_schema
    from libs.kafka_cog.serde import AvroSerde
except Exception:
    load_schema = AvroSerde = None

try:
    from somabrain import metrics
except Exception:
    metrics = None

PARTS = ("r_task", "r_user", "r_latency", "r_safety", "r_cost")
_kind = _producer = _serde = None
_count = metrics.get_counter("soma_reward_total", "Reward events posted") if metrics else None


def _bootstrap():
    return (os.getenv("SOMABRAIN_KAFKA_URL") or "localhost:30001").replace("kafka://", "")


def _make_serde():
    if flag("REWARD_FORCE_JSON") or load_schema is None or AvroSerde is None:
        return None
    try:
        return AvroSerde(load_schema("reward_event"))
    except Exception:
        return None


def _make_producer():
    if Producer is not None:
        try:
            return ("ck", Producer({"bootstrap.servers": _bootstrap(), "message.timeout.ms": 10000, "linger.ms": 5}))
        except Exception:
            pass
    if KafkaProducer is not None:
        try:
            return ("kp", KafkaProducer(bootstrap_servers=_bootstrap(), acks="1", linger_ms=5))
        except Exception:
            pass
    return None


def startup():
    global _kind, _producer, _serde
    if flag("SOMABRAIN_FF_REWARD_INGEST") or flag("ENABLE_COG_THREADS"):
        _kind, _producer = _make_producer() or (None, None)
        _serde = _make_serde()


def health():
    return {"ok": _producer is not None, "enabled": os.getenv("SOMABRAIN_FF_REWARD_INGEST", "0")}


app = application("Reward Producer", startup, health)


@app.post("/reward/{frame_id}")
def post_reward(frame_id: str, payload: dict):
    if _producer is None:
        raise HTTPException(503, "Kafka unavailable")
    record = {name: float(payload.get(name, 0.0)) for name in PARTS}
    paid = record["r_task"] + record["r_user"] + record["r_safety"] - record["r_latency"] - record["r_cost"]
    record |= {"total": float(payload.get("total", paid)), "frame_id": frame_id}
    record["ts"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    value = json.dumps(record).encode() if _serde is None else _serde.serialize(record)
    if _kind == "ck":
        _producer.produce(REWARD, value)
        _producer.flush(2)
    else:
        _producer.send(REWARD, value=value)
    if _count is not None:
        _count.inc()
    return {"status": "ok"}


if __name__ == "__main__":
    run(app, int(os.getenv("REWARD_PRODUCER_PORT", "8083")))
