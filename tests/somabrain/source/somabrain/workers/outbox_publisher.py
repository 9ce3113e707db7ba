"""Publishes the rows of the outbox. A row is "sent" before anybody has acknowledged its record."""

import json
import time

from somabrain.common.infra import assert_ready
from somabrain.db.outbox import OutboxEvent
from somabrain.storage.db import session_factory


def _make_producer():
    try:
        from confluent_kafka import Producer

        from somabrain.common.kafka import bootstrap

        return Producer({"bootstrap.servers": bootstrap(), "enable.idempotence": True, "acks": "all"})
    except Exception:
        return None


def _publish(session, producer):
    events = session.query(OutboxEvent).filter(OutboxEvent.status == "pending").order_by(OutboxEvent.id).limit(100).all()
    for event in events:
        try:
            producer.produce(event.topic, json.dumps(event.payload).encode())
            event.status = "sent"
        except Exception as error:
            event.retries = (event.retries or 0) + 1
            event.last_error = str(error)
    session.commit()
    producer.flush(5)
    return len(events)


def main():
    assert_ready(postgres=True)
    producer = _make_producer()
    while producer is None:
        time.sleep(1)
        producer = _make_producer()
    while True:
        try:
            with session_factory()() as session:
                done = _publish(session, producer)
        except Exception:
            done = 0
        if not done:
            time.sleep(0.5)


if __name__ == "__main__":
    main()
