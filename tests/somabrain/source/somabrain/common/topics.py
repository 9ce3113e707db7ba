"""The topics, and the loops in which a worker reads them with either client."""

STATE, AGENT, ACTION = UPDATES = ("cog.state.updates", "cog.agent.updates", "cog.action.updates")
CONFIG, FRAME, SEGMENTS = "cog.config.updates", "cog.global.frame", "cog.segments"
NEXT, REWARD, TEACH = "cog.next.events", "cog.reward.events", "cog.teach.feedback"


def consume(consumer, topics, handle, idle=lambda: None):
    """handle(topic, bytes), for ever. What it raises is lost, as the record is."""
    consumer.subscribe(list(topics))
    while True:
        message = consumer.poll(0.5)
        if message is None:
            idle()
        elif not message.error():
            try:
                handle(message.topic(), message.value())
            except Exception:
                pass


def read(consumer, handle):
    """The same with kafka-python, whose consumer has its topics already."""
    while True:
        for message in consumer:
            try:
                handle(message.topic, message.value)
            except Exception:
                pass
