"""Keeps the predictors' recent updates in Redis lists. An error of Redis is swallowed."""

import json
import os

from confluent_kafka import Consumer

from somabrain.common.infra import assert_ready
from somabrain.common.topics import UPDATES, consume
from somabrain.modes import flag

try:
    import redis
except Exception:
    redis = None

try:
    from libs.kafka_cog.avro_schemas import load_schema
    from libs.kafka_cog.serde import AvroSerde
except Exception:
    load_schema = AvroSerde = None


def _serde():
    if load_schema is None or AvroSerde is None:
        return None
    try:
        return AvroSerde(load_schema("belief_update"))
    except Exception:
        return None


def _decode(payload, serde):
    if serde is not None:
        try:
            return serde.deserialize(payload)
        except Exception:
            pass
    try:
        return json.loads(payload)
    except Exception:
        return None


def main():
    if not flag("SOMABRAIN_FF_WM_UPDATES_CACHE"):
        print("wm_updates_cache: feature flag disabled; exiting.")
        return
    assert_ready(redis=True)
    cache, serde = redis.Redis.from_url(os.environ["SOMABRAIN_REDIS_URL"]), _serde()

    def keep(_topic, payload):
        event = _decode(payload, serde)
        key = f"wm:updates:{event['evidence'].get('tenant', 'public')}:{event['domain']}"
        cache.lpush(key, json.dumps(event))
        cache.ltrim(key, 0, 49)
        cache.expire(key, 8)

    url = (os.getenv("SOMABRAIN_KAFKA_URL") or "localhost:30001").replace("kafka://", "")
    group = os.getenv("SOMABRAIN_CONSUMER_GROUP", "wm-updates-cache")
    consume(Consumer({"bootstrap.servers": url, "group.id": group, "auto.offset.reset": "latest"}), UPDATES, keep)


if __name__ == "__main__":
    main()
