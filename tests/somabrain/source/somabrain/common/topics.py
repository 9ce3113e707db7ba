"""The topics, and the loops in which a worker reads them with either client."""

import threading

STATE, AGENT, ACTION = UPDATES = ("cog.state.updates", "cog.agent.updates", "cog.action.updates")
CONFIG, FRAME, SEGMENTS = "cog.config.updates", "cog.global.frame", "cog.segments"
NEXT, REWARD, TEACH = "cog.next.events", "cog.reward.events", "cog.teach.feedback"


STOP = threading.Event()


def consume(consumer, topics, handle, idle=lambda: None):
    """handle(topic, bytes), until the end of the service. What it raises is lost, as the record is."""
    consumer.subscribe(list(topics))
    try:
        while not STOP.is_set():
            message = consumer.poll(0.5)
            if message is None:
                idle()
            elif not message.error():
                try:
                    handle(message.topic(), message.value())
                except Exception:
                    pass
    finally:
        consumer.close()


def read(consumer, handle):
    """The same with kafka-python, whose consumer has its topics already."""
    try:
        while not STOP.is_set():
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    try:
                        handle(record.topic, record.value)
                    except Exception:
                        pass
    finally:
        consumer.close()
