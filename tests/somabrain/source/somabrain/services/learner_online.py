"""Reads rewards and next events, publishes a learning rate and a temperature for each reward."""

import json
import os
import time

import yaml

from somabrain import runtime_config
from somabrain.common.infra import assert_ready
from somabrain.common.topics import consume
from somabrain.learning import Ema, tau_of
from somabrain.modes import feature_enabled, mode_name
from somabrain.serving import application, in_background, run

try:
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.admin import AdminClient, NewTopic
except Exception:
    Consumer = Producer = AdminClient = NewTopic = None

try:
    from libs.kafka_cog.avro_schemas import load_schema
    from libs.kafka_cog.serde import AvroSerde
except Exception:
    load_schema = AvroSerde = None

try:
    from somabrain import metrics
except Exception:
    metrics = None

REWARD = os.getenv("SOMABRAIN_TOPIC_REWARD_EVENTS", "cog.reward.events")
CONFIG = os.getenv("SOMABRAIN_TOPIC_CONFIG_UPDATES", "cog.config.updates")
FRAME = os.getenv("SOMABRAIN_TOPIC_GLOBAL_FRAME", "cog.global.frame")
NEXT = os.getenv("SOMABRAIN_TOPIC_NEXT_EVENTS", "cog.next.events")


def _bootstrap():
    url = os.getenv("SOMA_KAFKA_BOOTSTRAP") or os.getenv("SOMABRAIN_KAFKA_URL") or "somabrain_kafka:9092"
    return url.replace("kafka://", "")


def _serde(name):
    strict = runtime_config.get("learner_strict_avro")
    if load_schema is None or AvroSerde is None:
        if strict:
            raise RuntimeError(f"learner_online: Avro serde unavailable for {name}")
        return None
    try:
        return AvroSerde(load_schema(name))
    except Exception as error:
        if strict:
            raise RuntimeError(f"learner_online: avro serde load failed for {name}: {error}") from error
        return None


def _encode(record, serde):
    return json.dumps(record).encode() if serde is None else serde.serialize(record)


def _decode(payload, serde):
    try:
        return serde.deserialize(payload)
    except Exception:
        return json.loads(payload)


def _tenants():
    path = os.getenv("SOMABRAIN_LEARNING_TENANTS_FILE") or "config/learning.tenants.yaml"
    try:
        with open(path, encoding="utf-8") as file:
            return yaml.safe_load(file) or {}
    except Exception:
        return {}


class LearnerService:
    def __init__(self):
        self._reward, self._config = _serde("reward_event"), _serde("config_update")
        try:
            self._next = _serde("next_event")
        except Exception:
            self._next = None
        self._tenants = _tenants()
        self._ema = {}
        self._producer = None
        self._emitted = time.time()
        self._gauge = metrics.get_gauge("soma_exploration_ratio", "Exploration ratio") if metrics else None

    def _ensure_producer(self):
        if Producer is None:
            raise RuntimeError("confluent-kafka Producer required for learner_online")
        self._producer = Producer({"bootstrap.servers": _bootstrap(), "linger.ms": 5})

    def _ensure_topics(self):
        admin = AdminClient({"bootstrap.servers": _bootstrap()})
        there = admin.list_topics(timeout=5).topics
        for future in admin.create_topics([NewTopic(t, 1, 1) for t in (CONFIG, NEXT) if t not in there] or []).values():
            future.result(10)

    def _emit(self, tenant, tau):
        own = self._tenants.get(tenant, {})
        tau = min(tau * (1 - own.get("tau_decay_rate", 0)), own.get("entropy_cap", 1.0))
        record = {
            "tenant": tenant,
            "learning_rate": 0.05,
            "exploration_temp": tau,
            "ts": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        self._producer.produce(CONFIG, _encode(record, self._config))
        self._producer.flush(15)
        self._emitted = time.time()
        if self._gauge is not None:
            self._gauge.set(tau)

    def _handle(self, topic, payload):
        if topic == REWARD:
            event = _decode(payload, self._reward)
            tenant = event.get("tenant") or os.getenv("SOMABRAIN_DEFAULT_TENANT", "public")
            alpha = runtime_config.get("learner_ema_alpha")
            self._emit(tenant, tau_of(self._ema.setdefault(tenant, Ema(alpha)).update(event["total"])))
        elif topic == NEXT:
            _decode(payload, self._next)

    def _keep_alive(self):
        if time.time() - self._emitted >= runtime_config.get("learner_emit_period_s"):
            self._emit(os.getenv("SOMABRAIN_DEFAULT_TENANT", "public"), runtime_config.get("learner_keepalive_tau"))

    def run(self):
        if Consumer is None:
            raise RuntimeError("confluent-kafka Consumer required for learner_online")
        self._ensure_producer()
        try:
            self._ensure_topics()
        except Exception:
            pass
        group = os.getenv("SOMABRAIN_CONSUMER_GROUP", "learner-online")
        consumer = Consumer({"bootstrap.servers": _bootstrap(), "group.id": group, "auto.offset.reset": "latest"})
        consume(consumer, [REWARD, FRAME, NEXT], self._handle, self._keep_alive)


def startup():
    if feature_enabled("learner"):
        assert_ready()
        in_background(LearnerService().run)


def health():
    return {"ok": True, "enabled": str(int(feature_enabled("learner"))), "mode": mode_name()}


app = application("Learner Online", startup, health)

if __name__ == "__main__":
    run(app, int(os.getenv("LEARNER_ONLINE_PORT", "8084")))
