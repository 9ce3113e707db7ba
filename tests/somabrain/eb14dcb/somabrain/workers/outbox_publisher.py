"""Publishes the rows of the outbox. A row is "sent" before anybody has acknowledged its record."""

import json
import os
import time

from somabrain.db.outbox import OutboxEvent
from somabrain.storage.db import session_factory


def _make_producer():
    url = (os.getenv("SOMA_KAFKA_BOOTSTRAP") or os.getenv("SOMABRAIN_KAFKA_URL") or "").replace("kafka://", "")
    try:
        from confluent_kafka import Producer

        return Producer({"bootstrap.servers": url, "enable.idempotence": True, "acks": "all"})
    except Exception:
        return None


def _publish(session, producer):
    events = session.query(OutboxEvent).filter(OutboxEvent.status == "pending").limit(100).all()
    for event in events:
        producer.produce(event.topic, json.dumps(event.payload).encode())
        event.status = "sent"
    session.commit()
    producer.flush(5)
    return len(events)


def main():
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
