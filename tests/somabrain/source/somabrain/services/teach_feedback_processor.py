"""Turns teachers' ratings into rewards. The clients are imported late, by the worker: without them it dies, and /health stays ok."""

import os
import time

from somabrain.common.infra import assert_ready
from somabrain.common.topics import REWARD, TEACH, consume
from somabrain.modes import feature_enabled, mode_name
from somabrain.serving import application, in_background, run

try:
    from somabrain import metrics
except Exception:
    metrics = None


def _serde(name):
    try:
        from libs.kafka_cog.avro_schemas import load_schema
        from libs.kafka_cog.serde import AvroSerde
    except Exception as error:
        raise RuntimeError(f"teach_feedback_processor: Avro libs unavailable: {error}") from error
    return AvroSerde(load_schema(name))


class TeachFeedbackService:
    def __init__(self):
        self._url = (os.getenv("SOMABRAIN_KAFKA_URL") or "localhost:30001").replace("kafka://", "")
        self._feedback, self._reward = _serde("teach_feedback"), _serde("reward_event")
        name = "somabrain_reward_events_published_total"
        self._count = metrics.get_counter(name, "Reward events published") if metrics else None
        self._producer = None

    def _handle(self, _topic, payload):
        event = self._feedback.deserialize(payload)
        rated = (max(1, min(5, event["rating"])) - 3) / 2
        record = dict.fromkeys(("r_task", "r_latency", "r_safety", "r_cost"), 0.0)
        record |= {"frame_id": event["frame_id"], "r_user": rated, "total": rated}
        record["ts"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._producer.produce(REWARD, self._reward.serialize(record))
        if self._producer.flush(5) == 0 and self._count is not None:
            self._count.inc()

    def run(self):
        try:
            from confluent_kafka import Consumer, Producer
        except Exception as error:
            raise RuntimeError(f"teach_feedback_processor: confluent-kafka required: {error}") from error
        self._producer = Producer({"bootstrap.servers": self._url, "message.timeout.ms": 5000})
        group = os.getenv("TEACH_PROC_GROUP", "teach-feedback-proc")
        consumer = Consumer({"bootstrap.servers": self._url, "group.id": group, "auto.offset.reset": "latest"})
        consume(consumer, [TEACH], self._handle)


def startup():
    if feature_enabled("teach_feedback"):
        assert_ready()
        in_background(TeachFeedbackService().run)


def health():
    return {"ok": True, "enabled": str(int(feature_enabled("teach_feedback"))), "mode": mode_name()}


app = application("Teach Feedback Processor", startup, health)

if __name__ == "__main__":
    run(app, int(os.getenv("TEACH_FEEDBACK_PROC_PORT", "8086")))
