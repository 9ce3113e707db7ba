"""Keeps the predictors' recent updates in Redis lists. Without a client or a Redis it ends with status 0."""

import json
import os

from somabrain.common.topics import UPDATES, read
from somabrain.modes import flag

try:
    from kafka import KafkaConsumer
except Exception:
    KafkaConsumer = None

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


def main():
    if not flag("SOMABRAIN_FF_WM_UPDATES_CACHE"):
        print("wm_updates_cache: feature flag disabled; exiting.")
        return
    if KafkaConsumer is None:
        print("wm_updates_cache: Kafka client not available; exiting.")
        return
    if redis is None or not os.getenv("SOMABRAIN_REDIS_URL"):
        print("wm_updates_cache: Redis not available; exiting.")
        return
    cache, serde = redis.Redis.from_url(os.environ["SOMABRAIN_REDIS_URL"]), _serde()

    def keep(_topic, payload):
        event = json.loads(payload) if serde is None else serde.deserialize(payload)
        key = f"wm:updates:{event['evidence'].get('tenant', 'public')}:{event['domain']}"
        cache.lpush(key, json.dumps(event))
        cache.ltrim(key, 0, 49)
        cache.expire(key, 8)

    url = (os.getenv("SOMABRAIN_KAFKA_URL") or "localhost:30001").replace("kafka://", "")
    group = os.getenv("SOMABRAIN_CONSUMER_GROUP", "wm-updates-cache")
    read(KafkaConsumer(*UPDATES, bootstrap_servers=url, group_id=group), keep)


if __name__ == "__main__":
    main()
