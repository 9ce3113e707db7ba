"""Creates the system's topics. Nobody else does, where the brokers do not create what a client asks for."""

import os

from confluent_kafka.admin import AdminClient, NewTopic

TOPICS = [
    "cog.state.updates",
    "cog.agent.updates",
    "cog.action.updates",
    "cog.global.frame",
    "cog.segments",
    "cog.reward.events",
    "cog.config.updates",
    "cog.next.events",
    "cog.teach.feedback",
    "memory.episodic.snapshot",
    "soma.audit",
]

if __name__ == "__main__":
    admin = AdminClient({"bootstrap.servers": os.environ["SOMABRAIN_KAFKA_URL"].replace("kafka://", "")})
    for future in admin.create_topics([NewTopic(name, num_partitions=2, replication_factor=1) for name in TOPICS]).values():
        future.result(30)
