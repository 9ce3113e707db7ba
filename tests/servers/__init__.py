"""Real servers for tests: started, waited for and stopped without containers or root.

Each module holds one server as a context manager:

    with KafkaServer() as kafka, RedisServer() as redis:
        kafka.create_topic("orders")
        ...

Addresses are 127.0.0.1 with free ports, files lie in a temporary folder, programs come from the
system (redis-server, java, mvn, go) or from a cache that is filled once per version.
"""
