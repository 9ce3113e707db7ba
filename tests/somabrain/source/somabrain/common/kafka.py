"""One producer for all, and Avro or nothing."""

import os

try:
    from confluent_kafka import Producer
except Exception as error:
    raise RuntimeError(f"common.kafka: confluent-kafka required: {error}") from error

try:
    from libs.kafka_cog.avro_schemas import load_schema
    from libs.kafka_cog.serde import AvroSerde
except Exception:
    load_schema = AvroSerde = None


def bootstrap():
    url = os.getenv("SOMA_KAFKA_BOOTSTRAP") or os.getenv("SOMABRAIN_KAFKA_URL") or "localhost:30001"
    return url.replace("kafka://", "")


def make_producer():
    return Producer({"bootstrap.servers": bootstrap(), "linger.ms": 5})


def get_serde(name):
    if load_schema is None or AvroSerde is None:
        return None
    try:
        return AvroSerde(load_schema(name))
    except Exception:
        return None


def encode(record, name):
    serde = get_serde(name)
    if serde is None:
        raise RuntimeError(f"encode: Avro serde unavailable for schema {name}")
    return serde.serialize(record)
