"""Turns teachers' ratings into rewards. It wants kafka-python although it writes with confluent-kafka where that is there."""

import json
import os
import time

from somabrain.common.topics import REWARD, TEACH, read
from somabrain.modes import flag
from somabrain.serving import application, in_background, run

try:
    from kafka import KafkaConsumer, KafkaProducer
except Exception:
    KafkaConsumer = KafkaProducer = None

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


def _serde(name):
    if load_schema is None or AvroSerde is None:
        return None
    try:
        return AvroSerde(load_schema(name))
    except Exception:
        return None


class TeachFeedbackService:
    def __init__(self):
        self._url = (os.getenv("SOMABRAIN_KAFKA_URL") or "localhost:30001").replace("kafka://", "")
        self._feedback, self._reward = _serde("teach_feedback"), _serde("reward_event")
        name = "somabrain_reward_events_published_total"
        self._count = metrics.get_counter(name, "Reward events published") if metrics else None
        self._confluent = self._producer = None

    def _ensure_clients(self):
        if KafkaProducer is None:
            raise RuntimeError("KafkaProducer unavailable")
        if Producer is not None:
            self._confluent = Producer({"bootstrap.servers": self._url})
        else:
            self._producer = KafkaProducer(bootstrap_servers=self._url, acks="1", linger_ms=5)

    def _handle(self, _topic, payload):
        event = json.loads(payload) if self._feedback is None else self._feedback.deserialize(payload)
        rated = (max(1, min(5, event["rating"])) - 3) / 2
        record = dict.fromkeys(("r_task", "r_latency", "r_safety", "r_cost"), 0.0)
        record |= {"frame_id": event["frame_id"], "r_user": rated, "total": rated}
        record["ts"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        value = json.dumps(record).encode() if self._reward is None else self._reward.serialize(record)
        if self._confluent is not None:
            self._confluent.produce(REWARD, value)
            self._confluent.flush(5)
        else:
            self._producer.send(REWARD, value=value)
        if self._count is not None:
            self._count.inc()

    def run(self):
        self._ensure_clients()
        group = os.getenv("TEACH_PROC_GROUP", "teach-feedback-proc")
        read(KafkaConsumer(TEACH, bootstrap_servers=self._url, group_id=group), self._handle)


def startup():
    if flag("SOMABRAIN_ENABLE_TEACH_FEEDBACK"):
        in_background(TeachFeedbackService().run)


def health():
    return {"ok": True}


app = application("Teach Feedback Processor", startup, health)

if __name__ == "__main__":
    run(app, int(os.getenv("TEACH_FEEDBACK_PROC_PORT", "8086")))
