"""A cache of JSON values in Redis."""

import json

import redis


class RedisCache:
    def __init__(self, url, namespace):
        self._redis = redis.Redis.from_url(url)
        self._namespace = namespace

    def put(self, key, value, seconds):
        self._redis.set(f"{self._namespace}:{key}", json.dumps(value), ex=seconds)
