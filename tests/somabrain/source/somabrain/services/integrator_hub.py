"""Chooses a leader among the predictors and publishes the global frame. Without Avro it stays alive and does nothing."""

import logging
import os

from confluent_kafka import Consumer

import somabrain.metrics as app_metrics
from somabrain.common.infra import assert_ready
from somabrain.common.kafka import make_producer
from somabrain.common.topics import CONFIG, FRAME, UPDATES, consume
from somabrain.integration import Integrator
from somabrain.serving import start_health

try:
    from somabrain.observability import init_tracing
except Exception as error:
    raise RuntimeError(f"observability provider unavailable: {error}") from error

FRAMES = app_metrics.get_counter("somabrain_integrator_frames_total", "GlobalFrame records published")


class IntegratorHub:
    def __init__(self, group_id="integrator-hub-v1"):
        init_tracing()
        self._core = Integrator()
        start_health("IntegratorHub Health", self._core.health_routes())
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
        self._producer = None

    def _handle(self, topic, payload):
        if topic == CONFIG:
            if self._config is None:
                raise RuntimeError("integrator_hub: Avro serde unavailable for config_update")
            self._core.tau = float(self._config.deserialize(payload)["exploration_temp"])
            return
        if self._update is None:
            raise RuntimeError("integrator_hub: Avro serde unavailable for belief_update")
        frame = self._core.frame_of(self._update.deserialize(payload))
        if frame is not None:
            self._producer.produce(FRAME, self._frame.serialize(frame))
            self._producer.poll(0)
            FRAMES.inc()

    def run_forever(self):
        url = os.getenv("SOMABRAIN_KAFKA_URL", "").split("://", 1)[-1]
        self._producer = make_producer()
        consumer = Consumer({"bootstrap.servers": url, "group.id": self._group, "auto.offset.reset": "latest"})
        consume(consumer, [*UPDATES, CONFIG], self._handle)


def main():
    try:
        assert_ready(redis=True, postgres=True)
    except Exception as error:
        logging.error("integrator_hub: infra readiness failure: %s", error)
        raise
    IntegratorHub().run_forever()


if __name__ == "__main__":
    main()
