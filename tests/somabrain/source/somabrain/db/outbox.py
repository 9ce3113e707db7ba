"""The outbox: rows that the publisher turns into records."""

import uuid

from sqlalchemy import JSON, Column, DateTime, Integer, String, func

from somabrain.storage.db import Base, session_factory


class OutboxEvent(Base):
    __tablename__ = "outbox_events"

    id = Column(Integer, primary_key=True)
    created_at = Column(DateTime, default=func.now())
    topic = Column(String, nullable=False)
    payload = Column(JSON, nullable=False)
    status = Column(String, default="pending")
    retries = Column(Integer, default=0)
    dedupe_key = Column(String, unique=True, nullable=False)
    tenant_id = Column(String)
    last_error = Column(String)


def enqueue_event(topic, payload, dedupe_key=None, tenant_id=None):
    event = OutboxEvent(topic=topic, payload=payload, dedupe_key=dedupe_key or str(uuid.uuid4()), tenant_id=tenant_id)
    with session_factory()() as session:
        session.add(event)
        session.commit()
