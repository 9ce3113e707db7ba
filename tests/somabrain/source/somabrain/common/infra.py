"""Looks once whether the backends are there before a service starts. Why one is not is told to nobody."""

import os


def _without_scheme(url):
    return url.split("://", 1)[-1]


def check_kafka(url):
    try:
        from confluent_kafka import Consumer

        consumer = Consumer({"bootstrap.servers": _without_scheme(url), "group.id": "infra-check"})
        try:
            return bool(consumer.list_topics(timeout=5).brokers)
        finally:
            consumer.close()
    except Exception:
        return False


def check_redis(url):
    try:
        import redis

        return bool(redis.from_url(url, socket_timeout=5).ping())
    except Exception:
        return False


def check_postgres(dsn):
    try:
        import psycopg

        with psycopg.connect(dsn, connect_timeout=5) as connection:
            return connection.execute("select 1").fetchone()[0] == 1
    except Exception:
        return False


def assert_ready(*, kafka=True, redis=False, postgres=False):
    if os.getenv("SOMABRAIN_REQUIRE_INFRA", "1").strip().lower() in {"0", "false", "no", "off"}:
        return
    missing = []
    if kafka and not check_kafka(os.getenv("SOMABRAIN_KAFKA_URL", "")):
        missing.append("Kafka")
    if redis and not check_redis(os.getenv("SOMABRAIN_REDIS_URL", "")):
        missing.append("Redis")
    if postgres and not check_postgres(os.getenv("SOMABRAIN_POSTGRES_DSN", "")):
        missing.append("Postgres")
    if missing:
        raise RuntimeError(f"Infra not ready: {', '.join(missing)}")
