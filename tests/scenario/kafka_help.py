"""What the scenarios of the kafka kind share."""

import re

from harness import settings

ORDERS = [{"name": "orders"}]
SECRET = "marker-password-7391"


def login(mechanism="PLAIN", user="alice", protocol="SASL_PLAINTEXT"):
    return [f"security.protocol={protocol}", f"sasl.mechanism={mechanism}", f"sasl.username={user}",
            "sasl.password=env:KAFKA_PASSWORD"]


def run_short(guard, **keys):
    """For peers that never answer: the attempt has a short limit."""
    return guard.check(profile(attempt_timeout=guard.span(0.7), **keys))


def profile(**keys):
    return f"startguard = 1; service = \"orders\"; kafka: {{ try: {{ {settings(**keys)} }}; }};"


def try_kafka(guard, servers, **keys):
    keys.setdefault("_env", {})
    return guard.try_("kafka", bootstrap_servers=servers, **keys)


def tls(ca, *more):
    return ["security.protocol=SSL", f"ssl.ca.location={ca.ca_file}", *more]


def linked_before(guard, major, minor, patch):
    found = re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", guard.cli("version").out)
    return tuple(map(int, found.groups())) < (major, minor, patch)


def lists_rights(guard):
    """Whether the linked library can ask which operations the principal is authorised to."""
    return not linked_before(guard, 2, 3, 0)
