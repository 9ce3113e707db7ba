"""Reads rewards, publishes a learning rate and a temperature for each, as Avro where the image has it and as JSON otherwise."""

import json
import os
import time

from somabrain.common.topics import CONFIG, FRAME, NEXT, REWARD, read
from somabrain.learning import Ema, tau_of
from somabrain.modes import flag
from somabrain.serving import application, in_background, run

try:
    from kafka import KafkaConsumer, KafkaProducer
except Exception:
    KafkaConsumer = KafkaProducer = None

try:
    from libs.kafka_cog.avro_schemas import load_schema
    from libs.kafka_cog.serde import AvroSerde
except Exception:
    load_schema = AvroSerde = None

try:
    from somabrain import metrics
except Exception:
    metrics = None


def _bootstrap():
    return (os.getenv("SOMABRAIN_KAFKA_URL") or "localhost:30001").replace("kafka://", "")


def _serde(name):
    if load_schema is None or AvroSerde is None:
        return None
    try:
        return AvroSerde(load_schema(name))
    except Exception:
        return None


def _encode(record, serde):
    if serde is not None:
        try:
            return serde.serialize(record)
        except Exception:
            pass
    return json.dumps(record).encode()


def _decode(payload, serde):
    if serde is not None:
        try:
            return serde.deserialize(payload)
        except Exception:
            pass
    return json.loads(payload)


class LearnerService:
    def __init__(self):
        self._bootstrap = _bootstrap()
        self._reward = _serde("reward_event")
        self._config = None if flag("LEARNER_FORCE_JSON") else _serde("config_update")
        self._ema = {}
        self._producer = None
        self._gauge = metrics.get_gauge("soma_exploration_ratio", "Exploration ratio") if metrics else None

    def _ensure_producer(self):
        if KafkaProducer is None:
            raise RuntimeError("KafkaProducer unavailable")
        if self._producer is None:
            self._producer = KafkaProducer(bootstrap_servers=self._bootstrap, acks="1", linger_ms=5)

    def _emit(self, tenant, tau):
        record = {"tenant": tenant, "learning_rate": 0.05, "exploration_temp": tau}
        record["ts"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        try:
            self._producer.send(CONFIG, value=_encode(record, self._config)).get(timeout=5)
        except Exception as error:
            print(f"learner_online: emit failed {error}", flush=True)
        if self._gauge is not None:
            self._gauge.set(tau)

    def _handle(self, topic, payload):
        if topic == REWARD:
            event = _decode(payload, self._reward)
            tenant = event.get("tenant") or os.getenv("SOMABRAIN_DEFAULT_TENANT", "public")
            self._emit(tenant, tau_of(self._ema.setdefault(tenant, Ema(0.2)).update(event["total"])))

    def run(self):
        if KafkaConsumer is None:
            raise RuntimeError("KafkaConsumer unavailable")
        self._ensure_producer()
        group = os.getenv("SOMABRAIN_CONSUMER_GROUP", "learner-online")
        read(KafkaConsumer(REWARD, FRAME, NEXT, bootstrap_servers=self._bootstrap, group_id=group), self._handle)


def startup():
    if flag("SOMABRAIN_FF_LEARNER_ONLINE") or flag("ENABLE_COG_THREADS"):
        in_background(LearnerService().run)


def health():
    return {"ok": True, "enabled": os.getenv("SOMABRAIN_FF_LEARNER_ONLINE", "0")}


app = application("Learner Online", startup, health)

if __name__ == "__main__":
    run(app, int(os.getenv("LEARNER_ONLINE_PORT", "8084")))
