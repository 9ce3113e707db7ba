"""Chooses a leader among the predictors and publishes the global frame, as Avro or as JSON, whatever the image has."""

import json
import os

from kafka import KafkaConsumer, KafkaProducer

import somabrain.metrics as app_metrics
from observability.provider import init_tracing
from somabrain.common.topics import CONFIG, FRAME, UPDATES, read
from somabrain.integration import Integrator
from somabrain.serving import start_health

FRAMES = app_metrics.get_counter("somabrain_integrator_frames_total", "GlobalFrame records published")


def _decode(payload, serde):
    if serde is not None:
        try:
            return serde.deserialize(payload)
        except Exception:
            pass
    return json.loads(payload)


class IntegratorHub:
    def __init__(self, group_id="integrator-hub-v1"):
        init_tracing()
        self._core = Integrator()
        start_health("IntegratorHub Health", self._core.health_routes())
        self._bootstrap = (os.getenv("SOMABRAIN_KAFKA_URL") or os.getenv("KAFKA_BOOTSTRAP_SERVERS") or "").split("://", 1)[-1]
        self._update = self._frame = self._config = None
        try:
            from libs.kafka_cog.avro_schemas import load_schema

            update, frame = load_schema("belief_update"), load_schema("global_frame")
            try:
                config = load_schema("config_update")
            except Exception:
                config = None
            from libs.kafka_cog.serde import AvroSerde

            self._update, self._frame = AvroSerde(update), AvroSerde(frame)
            self._config = None if config is None else AvroSerde(config)
        except Exception:
            self._update = self._frame = self._config = None
        self._group = group_id
        self._consumer = self._producer = None

    def _ensure_clients(self):
        if not self._bootstrap:
            raise RuntimeError("Kafka bootstrap not configured (SOMABRAIN_KAFKA_URL)")
        self._consumer = KafkaConsumer(*UPDATES, CONFIG, bootstrap_servers=self._bootstrap, group_id=self._group)
        self._producer = KafkaProducer(bootstrap_servers=self._bootstrap, acks="1", linger_ms=5)

    def _handle(self, topic, payload):
        if topic == CONFIG:
            self._core.tau = float(_decode(payload, self._config)["exploration_temp"])
            return
        frame = self._core.frame_of(_decode(payload, self._update))
        if frame is not None:
            self._producer.send(
                FRAME, value=json.dumps(frame).encode() if self._frame is None else self._frame.serialize(frame)
            )
            FRAMES.inc()

    def run_forever(self):
        self._ensure_clients()
        read(self._consumer, self._handle)


def main():
    if os.getenv("SOMABRAIN_FF_COG_INTEGRATOR") or os.getenv("ENABLE_COG_THREADS"):
        IntegratorHub().run_forever()


if __name__ == "__main__":
    main()
